//! What a caller demands of a signature beside being good.
//!
//! The default is what the public-good instance gives: a log entry, an SCT, and
//! a time from somebody trusted. Each relaxation is said by the caller, never
//! read from the evidence, and relaxes absence only: what is there and comes
//! from somebody the root knows must hold. Verifying is offline always.

use serde::Serialize;

use super::witness::WitnessQuorum;

/// Whether a proof must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// It must be there and hold.
    Required,
    /// It may be absent, or come from somebody whom the root does not know.
    NotRequired,
}

/// What must prove the time of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeDemand {
    /// A timestamp authority, whatever a log says.
    Timestamp,
    /// Anybody trusted: a timestamp authority or a log that signs times. A bare
    /// key does not expire, so it needs none.
    Proven,
    /// Nobody. A certificate without any proven time must be valid now.
    NotRequired,
}

/// The proofs that a caller demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    /// An entry in a transparency log.
    pub log: Demand,
    /// The proof that the certificate was logged. Where it is not required, a
    /// certificate need not name an OIDC issuer either: it is then named by the
    /// authority that signed it, as `x509:` and its distinguished name.
    pub sct: Demand,
    /// The time of the signature.
    pub time: TimeDemand,
    /// Witnesses of the log's checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<WitnessQuorum>,
}

impl Requirements {
    /// Everything that the public-good instance gives.
    pub const STRICT: Self = Self {
        log: Demand::Required,
        sct: Demand::Required,
        time: TimeDemand::Proven,
        witnesses: None,
    };

    /// No log entry needed (`--insecure-ignore-tlog`).
    #[must_use]
    pub fn without_log(mut self) -> Self {
        self.log = Demand::NotRequired;
        self
    }

    /// No SCT needed (`--insecure-ignore-sct`).
    #[must_use]
    pub fn without_sct(mut self) -> Self {
        self.sct = Demand::NotRequired;
        self
    }

    /// A signed timestamp needed (`--use-signed-timestamps`).
    #[must_use]
    pub fn timestamped(mut self) -> Self {
        self.time = TimeDemand::Timestamp;
        self
    }

    /// No proven time needed.
    #[must_use]
    pub fn untimed(mut self) -> Self {
        self.time = TimeDemand::NotRequired;
        self
    }

    /// The log's checkpoint must be witnessed.
    #[must_use]
    pub fn witnessed(mut self, quorum: WitnessQuorum) -> Self {
        self.witnesses = Some(quorum);
        self
    }
}

impl Default for Requirements {
    fn default() -> Self {
        Self::STRICT
    }
}
