//! What a signature brings, in one form for every way it is carried.
//!
//! Bundles of all versions and layers of cosign's old layout become this, so
//! that each rule is written once and holds for both. Everything is unverified.

use bulla_core::Digest;
use bulla_crypto::Hash;
use jiff::Timestamp;
use serde::Deserialize;
use sigstore_types::{
    Checkpoint, HashAlgorithm, KindVersion, SignatureContent, TransparencyLogEntry,
};

use super::{
    Failure,
    bundle::{Leaf, UnverifiedBundle},
};

/// The evidence of one signature.
pub(crate) struct Evidence<'a> {
    /// SHA-256 of the bytes it came in: what a verdict cites.
    pub(crate) cited: &'a Digest,
    /// The signer's certificate, unless a bare key signed.
    pub(crate) leaf: Option<&'a Leaf>,
    /// Certificates shipped beside it, DER.
    pub(crate) intermediates: Vec<&'a [u8]>,
    pub(crate) content: Content<'a>,
    pub(crate) entries: Vec<Entry<'a>>,
    /// `TimeStampResp`s or tokens, DER.
    pub(crate) timestamps: Vec<&'a [u8]>,
}

/// What is signed.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// The artifact itself.
    Message {
        signature: &'a [u8],
        /// The digest that the signer names.
        declared: Option<(Hash, &'a [u8])>,
    },
    /// A payload, in an envelope.
    Envelope(Envelope<'a>),
}

#[derive(Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) payload_type: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// The envelope's JSON as its signer wrote it, where it was kept.
    pub(crate) original: Option<&'a [u8]>,
}

/// A log entry.
pub(crate) struct Entry<'a> {
    pub(crate) log_id: &'a [u8],
    pub(crate) index: u64,
    pub(crate) kind: Kind,
    /// The log's time; means nothing without `promise`.
    pub(crate) integrated: Option<Timestamp>,
    /// The log's signed promise (SET).
    pub(crate) promise: Option<&'a [u8]>,
    pub(crate) proof: Option<InclusionProof<'a>>,
    /// What is logged.
    pub(crate) body: &'a [u8],
}

/// How every body begins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    api_version: String,
    kind: String,
}

/// Kind and version of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HashedRekord1,
    HashedRekord2,
    Dsse1,
    Dsse2,
    Intoto1,
    Intoto2,
}

pub(crate) struct InclusionProof<'a> {
    pub(crate) index: u64,
    pub(crate) tree_size: u64,
    pub(crate) root: [u8; 32],
    pub(crate) hashes: Vec<[u8; 32]>,
    pub(crate) checkpoint: Option<&'a Checkpoint>,
}

impl Content<'_> {
    /// The signature, raw.
    pub(crate) fn signature(&self) -> &[u8] {
        match self {
            Self::Message { signature, .. } => signature,
            Self::Envelope(envelope) => envelope.signature,
        }
    }
}

impl Envelope<'_> {
    /// The bytes that are signed (DSSE protocol, version 1).
    pub(crate) fn pre_authentication(&self) -> Vec<u8> {
        let mut out = format!(
            "DSSEv1 {} {} {} ",
            self.payload_type.len(),
            self.payload_type,
            self.payload.len()
        )
        .into_bytes();
        out.extend_from_slice(self.payload);
        out
    }
}

impl Kind {
    /// Kind and version as they stand in the entry's body.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::HashedRekord1 => ("hashedrekord", "0.0.1"),
            Self::HashedRekord2 => ("hashedrekord", "0.0.2"),
            Self::Dsse1 => ("dsse", "0.0.1"),
            Self::Dsse2 => ("dsse", "0.0.2"),
            Self::Intoto1 => ("intoto", "0.0.1"),
            Self::Intoto2 => ("intoto", "0.0.2"),
        }
    }

    /// What an entry in a bundle is called, where we know that.
    pub(crate) fn of(named: KindVersion) -> Option<Self> {
        match named {
            KindVersion::HashedRekordV001 => Some(Self::HashedRekord1),
            KindVersion::HashedRekordV002 => Some(Self::HashedRekord2),
            KindVersion::DsseV001 => Some(Self::Dsse1),
            KindVersion::IntotoV002 => Some(Self::Intoto2),
            _ => None,
        }
    }

    /// Whether a log of API version 2 made it, which signs no times.
    pub(crate) fn is_version_2(self) -> bool {
        matches!(self, Self::HashedRekord2 | Self::Dsse2)
    }
}

impl Head {
    /// The kind that the body says it is.
    pub(crate) fn kind(&self) -> Option<Kind> {
        [
            Kind::HashedRekord1,
            Kind::HashedRekord2,
            Kind::Dsse1,
            Kind::Dsse2,
            Kind::Intoto1,
            Kind::Intoto2,
        ]
        .into_iter()
        .find(|known| known.names() == (&self.kind, &self.api_version))
    }

    /// Kind and version, to be shown.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.kind, self.api_version)
    }
}

impl<'a> Evidence<'a> {
    /// The same as evidence of a key: what a certificate says is not asked.
    pub(crate) fn by_key(mut self) -> Self {
        self.leaf = None;
        self.intermediates.clear();
        self
    }

    /// The evidence in a bundle.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] for a part that we do not know.
    pub(crate) fn of_bundle(bundle: &'a UnverifiedBundle) -> Result<Self, Failure> {
        let inner = bundle.inner();
        let material = &inner.verification_material;
        let content = match &inner.content {
            SignatureContent::MessageSignature(message) => Content::Message {
                signature: message.signature.as_bytes(),
                declared: match &message.message_digest {
                    Some(digest) => Some((hash(digest.algorithm)?, digest.digest.as_bytes())),
                    None => None,
                },
            },
            SignatureContent::DsseEnvelope(envelope) => Content::Envelope(Envelope {
                payload_type: &envelope.payload_type,
                payload: envelope.payload.as_bytes(),
                signature: envelope.signature.sig.as_bytes(),
                original: None,
            }),
            _ => {
                return Err(Failure::Unsupported {
                    detail: "its content is of a kind that is not known".into(),
                });
            }
        };
        let stamps = &material.timestamp_verification_data.rfc3161_timestamps;
        Ok(Self {
            cited: bundle.digest(),
            leaf: bundle.leaf(),
            intermediates: bundle
                .certificates()
                .into_iter()
                .skip(1)
                .map(|certificate| certificate.as_bytes())
                .collect(),
            content,
            entries: material
                .tlog_entries
                .iter()
                .zip(bundle.kinds())
                .map(|(entry, kind)| Entry::of(entry, *kind))
                .collect::<Result<_, _>>()?,
            timestamps: stamps
                .iter()
                .map(|stamp| stamp.signed_timestamp.as_bytes())
                .collect(),
        })
    }
}

impl<'a> Entry<'a> {
    fn of(entry: &'a TransparencyLogEntry, kind: Option<Kind>) -> Result<Self, Failure> {
        let kind = kind.ok_or_else(|| Failure::Unsupported {
            detail: "a log entry is of a kind that is not known".into(),
        })?;
        let promise = entry.inclusion_promise.as_ref();
        Ok(Self {
            log_id: entry.log_id.key_id.as_bytes(),
            index: entry.log_index.get(),
            kind,
            integrated: entry.integrated_time,
            promise: promise.map(|promise| promise.signed_entry_timestamp.as_bytes()),
            proof: entry.inclusion_proof.as_ref().map(|proof| InclusionProof {
                index: proof.log_index.get(),
                tree_size: proof.tree_size,
                root: *proof.root_hash.as_bytes(),
                hashes: proof.hashes.iter().map(|hash| *hash.as_bytes()).collect(),
                checkpoint: proof.checkpoint.checkpoint(),
            }),
            body: entry.canonicalized_body.as_bytes(),
        })
    }

    /// The log's signed time: only a log of version 1 gives one, and only its
    /// promise covers it.
    pub(crate) fn signed_time(&self) -> Option<Timestamp> {
        self.integrated
            .filter(|_| self.promise.is_some() && !self.kind.is_version_2())
    }
}

fn hash(algorithm: HashAlgorithm) -> Result<Hash, Failure> {
    match algorithm {
        HashAlgorithm::Sha2256 => Ok(Hash::Sha256),
        HashAlgorithm::Sha2384 => Ok(Hash::Sha384),
        HashAlgorithm::Sha2512 => Ok(Hash::Sha512),
        other => Err(Failure::Unsupported {
            detail: format!("the artifact's digest is {other}"),
        }),
    }
}
