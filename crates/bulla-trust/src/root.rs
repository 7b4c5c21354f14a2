//! Trust roots: Sigstore's `trusted_root.json`, and whose it is.
//!
//! A root is kept together with its [`RootId`], which the caller got from the
//! first TUF `root.json`; two roots are never merged. Parsing is strict: media
//! type, counts, unknown fields (a restriction that is not understood must not
//! be ignored) and every key and certificate are checked here, once, so that a
//! damaged root never looks like a bad signature. The root of the public-good
//! instance is embedded and parsed on first use only.

use bulla_core::{
    Code, Diagnose, Digest, RootId,
    limits::{self, LimitError},
};
use jiff::Timestamp;
use serde::Serialize;
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_types::DerCertificate;
use std::sync::OnceLock;

pub mod client_trust_config;
pub mod describe;
pub(crate) mod material;
pub(crate) mod memo;
pub mod parts;
pub mod services;
pub mod signing_config;

use material::{Chain, Material};
use memo::Memo;

use crate::revocation::Revocations;

pub use client_trust_config::ClientTrustConfig;
pub use describe::{Origin, RootDescription};
pub use parts::{LogKey, RootParts};
pub use services::{LogApi, LogChoice, LogService, SigningServices};
pub use signing_config::SigningConfig;

/// The media types of trust roots that are read.
const MEDIA_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
/// Logs, or authorities of one kind, in one root.
const AUTHORITIES: usize = 64;
/// Certificates in one authority's chain.
const CHAIN: usize = 10;
/// Fields of the format that say nothing about trust, or repeat another field.
const KNOWN_AND_UNUSED: [&str; 2] = ["operator", "checkpointKeyId"];
/// SHA-256 of the public-good TUF `root.json` (version 16) under which the
/// embedded trust root was published.
const PUBLIC_GOOD: [u8; 32] = [
    0x27, 0xae, 0xa7, 0xe3, 0x72, 0xaa, 0x78, 0x64, 0x06, 0x51, 0x74, 0xf0, 0x66, 0x17, 0x84, 0xfc,
    0xf8, 0xb0, 0xe2, 0x8b, 0x1d, 0xbf, 0xeb, 0xea, 0xda, 0x31, 0xa0, 0xf1, 0xfb, 0x19, 0x16, 0x7f,
];

/// The keys and certificates that verification starts from, under one name.
pub struct TrustRoot {
    id: RootId,
    digest: Digest,
    document: TrustedRoot,
    origin: Origin,
    material: Material,
    memo: Memo,
    revocations: Revocations,
}

impl TrustRoot {
    /// Parses a `trusted_root.json`. `id` says whose it is: the SHA-256 of the
    /// first TUF `root.json` of that instance.
    ///
    /// # Errors
    /// [`RootError`] if it is too large, of another kind, holds something that
    /// is not understood, or a key or certificate that cannot be used.
    pub fn parse(bytes: &[u8], id: RootId) -> Result<Self, RootError> {
        let limit = limits::TRUST_DOCUMENT_BYTES;
        limits::parse_json::<serde::de::IgnoredAny>(bytes, limit, "trust root")?;
        let mut unknown = None;
        let mut note = |path: serde_ignored::Path<'_>| {
            let path = path.to_string();
            let field = path.rsplit('.').next().unwrap_or_default();
            if !KNOWN_AND_UNUSED.contains(&field) {
                unknown.get_or_insert(path);
            }
        };
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let document: TrustedRoot =
            serde_ignored::deserialize(&mut json, &mut note).map_err(RootError::Json)?;
        json.end().map_err(RootError::Json)?;
        if let Some(field) = unknown {
            return Err(RootError::UnknownField { field });
        }
        if !MEDIA_TYPES.contains(&document.media_type.as_str()) {
            return Err(RootError::MediaType {
                found: document.media_type,
            });
        }
        check_counts(&document)?;
        let digest = Digest::sha256(bytes);
        let root = Self::of(document, id, digest, Origin::Document, false);
        root.material.check(&root.document)?;
        Ok(root)
    }

    fn of(
        document: TrustedRoot,
        id: RootId,
        digest: Digest,
        origin: Origin,
        own_paths: bool,
    ) -> Self {
        Self {
            id,
            digest,
            origin,
            material: Material::of(&document, own_paths),
            document,
            memo: Memo::default(),
            revocations: Revocations::NotPublished,
        }
    }

    /// The embedded root of the public-good instance, read on first use: a bundle
    /// needs few of its keys, so each is prepared when it is needed. That all can
    /// be is checked when this software is tested.
    ///
    /// # Errors
    /// [`RootError`] if the embedded copy cannot be used.
    pub fn public_good() -> Result<&'static Self, RootError> {
        static ROOT: OnceLock<TrustRoot> = OnceLock::new();
        if let Some(root) = ROOT.get() {
            return Ok(root);
        }
        let bytes = SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes();
        let document = serde_json::from_slice(bytes).map_err(RootError::Json)?;
        let digest = Digest::sha256(bytes);
        let id = Self::public_good_id();
        let root = Self::of(document, id, digest, Origin::Embedded, false);
        Ok(ROOT.get_or_init(|| root))
    }

    /// The name of the public-good root, without parsing it.
    pub fn public_good_id() -> RootId {
        RootId(Digest::from_sha256(PUBLIC_GOOD))
    }

    /// Whose root this is.
    pub fn id(&self) -> &RootId {
        &self.id
    }

    /// This root, with what is known of its instance's revocations: every
    /// verification under it heeds them.
    #[must_use]
    pub fn knowing(mut self, revocations: Revocations) -> Self {
        self.revocations = revocations;
        self
    }

    /// What is known of its instance's revocations.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// SHA-256 of the document as it was read.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What the root contains, to be shown.
    pub fn authorities(&self) -> Vec<Authority> {
        let document = &self.document;
        let log = |kind, url: &str, window: Option<sigstore_trust_root::TimeRange>| {
            Authority::new(kind, url, window)
        };
        let certificates = |ca: &sigstore_trust_root::CertificateAuthority| {
            Authority::new(AuthorityKind::Certificates, &ca.uri, ca.valid_for)
        };
        let timestamps = |tsa: &sigstore_trust_root::TimestampAuthority| {
            let url = tsa.uri.as_deref().unwrap_or_default();
            Authority::new(AuthorityKind::Timestamps, url, tsa.valid_for)
        };
        let signatures = document.tlogs.iter().map(|tlog| {
            log(
                AuthorityKind::SignatureLog,
                &tlog.base_url,
                tlog.public_key.valid_for,
            )
        });
        let issuance = document.ctlogs.iter().map(|ctlog| {
            log(
                AuthorityKind::CertificateLog,
                &ctlog.base_url,
                ctlog.public_key.valid_for,
            )
        });
        document
            .certificate_authorities
            .iter()
            .map(certificates)
            .chain(issuance)
            .chain(signatures)
            .chain(document.timestamp_authorities.iter().map(timestamps))
            .collect()
    }

    /// The certificates of its certificate authorities.
    pub(crate) fn authority_certificates(&self) -> impl Iterator<Item = &DerCertificate> {
        let authorities = self.document.certificate_authorities.iter();
        authorities.flat_map(|ca| ca.cert_chain.certificates.iter().map(|one| &one.raw_bytes))
    }

    pub(crate) fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.material.chains(&self.document)
    }

    pub(crate) fn material(&self) -> &Material {
        &self.material
    }

    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustRoot({})", self.id)
    }
}

/// One entry of a trust root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authority {
    /// What it vouches for.
    pub kind: AuthorityKind,
    /// Where it answers, as the root names it.
    pub url: String,
    /// From when it is trusted.
    pub start: Option<Timestamp>,
    /// Until when it is trusted, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

impl Authority {
    fn new(kind: AuthorityKind, url: &str, window: Option<sigstore_trust_root::TimeRange>) -> Self {
        Self {
            kind,
            url: url.to_owned(),
            start: window.map(|window| window.start),
            end: window.and_then(|window| window.end),
        }
    }
}

/// What an authority of a root vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorityKind {
    /// That a certificate was logged.
    CertificateLog,
    /// Who holds a key.
    Certificates,
    /// That a signature was logged.
    SignatureLog,
    /// When a signature existed.
    Timestamps,
}

fn check_counts(document: &TrustedRoot) -> Result<(), RootError> {
    let counts = [
        document.tlogs.len(),
        document.ctlogs.len(),
        document.certificate_authorities.len(),
        document.timestamp_authorities.len(),
    ];
    let chains = document
        .certificate_authorities
        .iter()
        .map(|ca| &ca.cert_chain)
        .chain(
            document
                .timestamp_authorities
                .iter()
                .map(|tsa| &tsa.cert_chain),
        );
    for chain in chains {
        if chain.certificates.len() > CHAIN {
            return Err(RootError::TooMany {
                what: "certificates in one chain",
                limit: CHAIN,
            });
        }
    }
    if counts.iter().any(|count| *count > AUTHORITIES) {
        return Err(RootError::TooMany {
            what: "authorities of one kind",
            limit: AUTHORITIES,
        });
    }
    Ok(())
}

/// Why a trust document cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Not the JSON that was expected.
    #[error("the trust document cannot be read: {0}")]
    Json(#[source] serde_json::Error),
    /// Too large or too deep.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A key or certificate in it cannot be used.
    #[error("the trust root holds something unusable: {0}")]
    Material(String),
    /// Another kind of document, or another version.
    #[error("{found:?} is not the media type of this trust document")]
    MediaType {
        /// The media type it gives.
        found: String,
    },
    /// No usable service.
    #[error("the signing config names no {what} that is valid now and speaks a version we know")]
    NoService {
        /// Which kind.
        what: &'static str,
    },
    /// Fewer services than the config demands.
    #[error(
        "the signing config demands {wanted} of its kind ({what}), and {found} can be used now"
    )]
    TooFewServices {
        /// Which kind.
        what: &'static str,
        /// How many it demands.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// A key or certificate file cannot be used.
    #[error("the {what} cannot be used: {detail}")]
    Part {
        /// Which.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// More than any real document has.
    #[error("the trust document has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A field that is not understood.
    #[error("the trust document has the field {field}, which is not understood")]
    UnknownField {
        /// Its path.
        field: String,
    },
}

impl Diagnose for RootError {
    fn code(&self) -> Code {
        match self {
            Self::Json(_) => Code("TRUST-0201"),
            Self::Limit(_) => Code("TRUST-0202"),
            Self::Material(_) => Code("TRUST-0203"),
            Self::MediaType { .. } => Code("TRUST-0204"),
            Self::NoService { .. } => Code("TRUST-0205"),
            Self::TooMany { .. } => Code("TRUST-0206"),
            Self::UnknownField { .. } => Code("TRUST-0207"),
            Self::TooFewServices { .. } => Code("TRUST-0208"),
            Self::Part { .. } => Code("TRUST-0209"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoService { .. } | Self::TooFewServices { .. } => {
                "get the current signing config of the instance, or name the services by URL".into()
            }
            Self::Part { .. } => {
                "give PEM: certificates with the root last, or a PUBLIC KEY".into()
            }
            Self::UnknownField { .. } => "use a bulla that knows this format".into(),
            _ => "get the document again from its instance, then run `bulla trust show`".into(),
        })
    }
}

#[cfg(test)]
mod tests;
