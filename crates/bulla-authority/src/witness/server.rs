//! The witness: what it cosigns, and what it has cosigned.

use bulla_core::{Clock, Code, Diagnose};
use bulla_crypto::{
    Signer,
    cosignature::cosign,
    merkle::{NodeHash, empty_root, verify_consistency},
    verifier_key::{Kind, VerifierKey},
};
use bulla_store::{Values, state::Change};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::{AddCheckpoint, WitnessError, WitnessedLog};

const SPACE: &str = "witness";
/// Logs and keys of each that are configured.
const MAX_LOGS: usize = 1000;

/// Cosigns the checkpoints of the logs that it knows. Cheap to clone.
#[derive(Clone)]
pub struct WitnessServer {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    key: Arc<dyn Signer>,
    logs: Vec<KnownLog>,
    values: Values,
    clock: Arc<dyn Clock>,
}

struct KnownLog {
    origin: String,
    keys: Vec<VerifierKey>,
}

/// What was cosigned last of a log.
struct Seen {
    size: u64,
    root: NodeHash,
}

/// How that is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSeen {
    size: u64,
    root: String,
}

impl WitnessServer {
    /// A witness called `name` for these logs.
    ///
    /// # Errors
    /// [`WitnessError`] if a key cannot be read, or two logs have one origin.
    pub fn new(
        name: String,
        key: Arc<dyn Signer>,
        logs: &[WitnessedLog],
        values: Values,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WitnessError> {
        let wrong = |why: String| WitnessError::Configuration { why };
        VerifierKey::new(&name, Kind::Cosignature, key.public().clone())?;
        if logs.len() > MAX_LOGS {
            return Err(wrong(format!("more than {MAX_LOGS} logs")));
        }
        let mut known: Vec<KnownLog> = Vec::new();
        for log in logs {
            if known.iter().any(|other| other.origin == log.origin) || log.keys.is_empty() {
                return Err(wrong(format!(
                    "{:?} is there twice, or has no key",
                    log.origin
                )));
            }
            let keys = log.keys.iter().map(|key| VerifierKey::parse(key));
            known.push(KnownLog {
                origin: log.origin.clone(),
                keys: keys.collect::<Result<_, _>>()?,
            });
        }
        Ok(Self {
            shared: Arc::new(Shared {
                name,
                key,
                logs: known,
                values,
                clock,
            }),
        })
    }

    /// Its verifier key, for whoever asks it.
    ///
    /// # Errors
    /// None, once [`Self::new`] succeeded.
    pub fn verifier_key(&self) -> Result<VerifierKey, WitnessError> {
        let (name, key) = (&self.shared.name, self.shared.key.public().clone());
        Ok(VerifierKey::new(name, Kind::Cosignature, key)?)
    }

    /// Cosigns a checkpoint that extends the last one: the signature line.
    ///
    /// # Errors
    /// [`WitnessRefusal`] as the protocol has them.
    pub async fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<String, WitnessRefusal> {
        let shared = &self.shared;
        let AddCheckpoint {
            old,
            proof,
            note,
            checkpoint,
        } = request;
        let log = shared
            .logs
            .iter()
            .find(|log| log.origin == checkpoint.origin);
        let log = log.ok_or(WitnessRefusal::UnknownOrigin)?;
        if !log.keys.iter().any(|key| key.verify(note).is_ok()) {
            return Err(WitnessRefusal::Signature);
        }
        if *old > checkpoint.size {
            return Err(WitnessRefusal::Shrinking);
        }
        let (stored, seen) = self.seen(&log.origin).await?;
        if seen.size != *old {
            return Err(WitnessRefusal::Conflict { size: seen.size });
        }
        if seen.size == checkpoint.size && seen.root != checkpoint.root {
            self.misbehaved(&log.origin, "two trees of one size");
            // A tree without leaves has one root, whatever was cosigned before.
            return Err(match seen.size {
                0 => WitnessRefusal::Proof,
                size => WitnessRefusal::Conflict { size },
            });
        }
        let (new, root) = (checkpoint.size, &checkpoint.root);
        if verify_consistency(seen.size, new, proof, &seen.root, root).is_err() {
            self.misbehaved(&log.origin, "the proof does not hold");
            return Err(WitnessRefusal::Proof);
        }
        self.remember(&log.origin, stored, new, *root).await?;
        let time = u64::try_from(shared.clock.now().as_second()).unwrap_or(0);
        let line = cosign(&note.text, &shared.name, time, &*shared.key);
        let line = line.map_err(|error| WitnessRefusal::Failed(error.into()))?;
        Ok(line.line())
    }

    async fn seen(&self, origin: &str) -> Result<(Option<Vec<u8>>, Seen), WitnessRefusal> {
        let failed = |error: WitnessError| WitnessRefusal::Failed(error);
        let stored = self.shared.values.get(SPACE, origin).await;
        let stored = stored.map_err(|error| failed(error.into()))?;
        let Some(bytes) = &stored else {
            let (size, root) = (0, empty_root());
            return Ok((None, Seen { size, root }));
        };
        let read = serde_json::from_slice::<StoredSeen>(bytes).ok();
        let seen = read.and_then(|seen| {
            let root = hex::decode(seen.root).ok()?.try_into().ok()?;
            let size = seen.size;
            Some(Seen { size, root })
        });
        let seen = seen.ok_or_else(|| {
            failed(WitnessError::Configuration {
                why: format!("what was cosigned of {origin:?} cannot be read"),
            })
        })?;
        Ok((stored, seen))
    }

    /// Keeps what is about to be cosigned, unless somebody cosigned meanwhile.
    async fn remember(
        &self,
        origin: &str,
        expected: Option<Vec<u8>>,
        size: u64,
        root: NodeHash,
    ) -> Result<(), WitnessRefusal> {
        let root = hex::encode(root);
        let value = serde_json::to_vec(&StoredSeen { size, root });
        let value = value.map_err(|_| WitnessRefusal::Malformed)?;
        let swap = Change::Swap {
            key: origin,
            expected: expected.as_deref(),
            value: &value,
        };
        let kept = self.shared.values.apply(SPACE, &[swap]).await;
        match kept.map_err(|error| WitnessRefusal::Failed(error.into()))? {
            true => Ok(()),
            false => Err(WitnessRefusal::Conflict {
                size: self.seen(origin).await?.1.size,
            }),
        }
    }

    fn misbehaved(&self, origin: &str, what: &'static str) {
        tracing::warn!(target: "audit", event = "witness.log.contradicts", origin, what);
    }
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessRefusal {
    /// Another size was cosigned last.
    #[error("{size} leaves were cosigned last")]
    Conflict {
        /// How many.
        size: u64,
    },
    /// The witness failed.
    #[error("the witness failed")]
    Failed(#[source] WitnessError),
    /// Not a request.
    #[error("this is not a checkpoint with an old size and a proof")]
    Malformed,
    /// The new tree does not extend the old one.
    #[error("the consistency proof does not hold")]
    Proof,
    /// The old size is beyond the new one.
    #[error("the old size is greater than the size of the checkpoint")]
    Shrinking,
    /// No trusted key signed it.
    #[error("no key of the log signed the checkpoint")]
    Signature,
    /// The log is not known.
    #[error("no log of that origin is known here")]
    UnknownOrigin,
}

impl Diagnose for WitnessRefusal {
    fn code(&self) -> Code {
        match self {
            Self::Conflict { .. } => Code("AUTH-0720"),
            Self::Failed(error) => error.code(),
            Self::Malformed => Code("AUTH-0721"),
            Self::Proof => Code("AUTH-0722"),
            Self::Shrinking => Code("AUTH-0723"),
            Self::Signature => Code("AUTH-0724"),
            Self::UnknownOrigin => Code("AUTH-0725"),
        }
    }
}
