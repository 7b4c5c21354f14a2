//! The keys and certificates of a root in the form that verifying needs.
//!
//! Each is prepared when it is first needed, because one bundle needs few of
//! them; [`Material::check`] prepares all, for roots that come from outside.
//! Certificates of one authority's chain stay together: an authority counts at
//! a time only if every certificate of its chain is valid then (rule R6).

use bulla_core::Digest;
use bulla_crypto::PublicKey;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use sha2::{Digest as _, Sha256};
use sigstore_trust_root::{CertificateAuthority, TimestampAuthority, TrustedRoot};
use sigstore_types::{DerPublicKey, LogId, TimeRange};
use sigstore_verify::crypto::{SigningScheme, VerificationKey};
use std::{collections::HashSet, sync::OnceLock};
use x509_cert::{
    Certificate,
    der::{Decode, Encode},
    ext::pkix::BasicConstraints,
};

use super::RootError;
use crate::sigstore::bundle::Leaf;

/// What is known of one log.
pub(crate) struct Log {
    pub(crate) id: Vec<u8>,
    pub(crate) url: String,
    pub(crate) window: Option<TimeRange>,
    pub(crate) spki: Vec<u8>,
    /// Whether its id is the plain SHA-256 of its key (Rekor v1); otherwise it is
    /// bound to a checkpoint origin.
    pub(crate) plain_id: bool,
    key: OnceLock<Option<VerificationKey>>,
}

/// One authority's chain.
pub(crate) struct Chain {
    pub(crate) window: Option<TimeRange>,
    /// The certificates that may end a path.
    pub(crate) anchors: Vec<Anchor>,
    /// Those that only help to reach one, DER.
    pub(crate) between: Vec<Vec<u8>>,
}

/// A trusted certificate.
pub(crate) struct Anchor {
    pub(crate) anchor: TrustAnchor<'static>,
    /// Its SubjectPublicKeyInfo, DER.
    pub(crate) spki: Vec<u8>,
    /// How many certificates may stand below it, the leaf excluded.
    pub(crate) path_length: Option<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// A timestamp authority.
pub(crate) struct Tsa {
    pub(crate) window: Option<TimeRange>,
    /// The certificate that signs, DER.
    pub(crate) leaf: Vec<u8>,
    /// Those between it and the root, DER.
    pub(crate) between: Vec<Vec<u8>>,
    root: Vec<u8>,
    prepared: OnceLock<Option<PreparedTsa>>,
}

/// Its parts that every timestamp needs.
pub(crate) struct PreparedTsa {
    pub(crate) leaf: Leaf,
    pub(crate) key: PublicKey,
    pub(crate) anchor: Anchor,
}

/// All of it.
pub(crate) struct Material {
    pub(crate) logs: Vec<Log>,
    pub(crate) ctlogs: Vec<Log>,
    pub(crate) tsas: Vec<Tsa>,
    chains: Vec<OnceLock<Option<Chain>>>,
    /// Whether a path may end at a chain's last certificate only. The maker of a
    /// `trusted_root.json` vouches for each certificate in it; a file of
    /// intermediates vouches for none.
    last_only: bool,
}

impl Log {
    fn new(id: &LogId, url: &str, spki: &DerPublicKey, window: Option<TimeRange>) -> Self {
        let (id, spki) = (id.key_id.as_bytes(), spki.as_bytes().to_vec());
        Self {
            id: id.to_vec(),
            url: url.to_owned(),
            window,
            plain_id: Sha256::digest(&spki).as_slice() == id,
            spki,
            key: OnceLock::new(),
        }
    }

    /// Its key, if it is of a kind that is known.
    pub(crate) fn key(&self) -> Option<&VerificationKey> {
        self.key
            .get_or_init(|| {
                let spki = DerPublicKey::new(self.spki.clone());
                VerificationKey::from_spki(&spki).ok().or_else(|| {
                    // Some CT logs are listed with a bare PKCS #1 key.
                    VerificationKey::from_der(&spki, SigningScheme::RsaPkcs1Sha256).ok()
                })
            })
            .as_ref()
    }

    /// Whether it may sign at `time`.
    pub(crate) fn trusted_at(&self, time: Timestamp) -> bool {
        self.window.is_none_or(|window| window.contains(time))
    }

    /// Whether a checkpoint of this origin can be its own.
    pub(crate) fn is_origin(&self, origin: &str) -> bool {
        if self.plain_id {
            return true;
        }
        let Some(key) = self.key() else { return false };
        let id = Sha256::new()
            .chain_update(origin)
            .chain_update([b'\n', 1])
            .chain_update(key.as_bytes())
            .finalize();
        id.as_slice() == self.id
    }
}

impl Material {
    pub(crate) fn of(document: &TrustedRoot, last_only: bool) -> Self {
        let tsas = &document.timestamp_authorities;
        Self {
            logs: document
                .tlogs
                .iter()
                .map(|log| {
                    let key = &log.public_key;
                    Log::new(&log.log_id, &log.base_url, &key.raw_bytes, key.valid_for)
                })
                .collect(),
            ctlogs: document
                .ctlogs
                .iter()
                .map(|log| {
                    let key = &log.public_key;
                    Log::new(&log.log_id, &log.base_url, &key.raw_bytes, key.valid_for)
                })
                .collect(),
            tsas: tsas.iter().filter_map(Tsa::of).collect(),
            chains: document
                .certificate_authorities
                .iter()
                .map(|_| OnceLock::new())
                .collect(),
            last_only,
        }
    }

    /// The chains of the certificate authorities; those that cannot be read are
    /// left out ([`Self::check`] refuses them beforehand).
    pub(crate) fn chains<'a>(
        &'a self,
        document: &'a TrustedRoot,
    ) -> impl Iterator<Item = &'a Chain> {
        let authorities = document.certificate_authorities.iter();
        self.chains
            .iter()
            .zip(authorities)
            .filter_map(|(cell, ca)| {
                cell.get_or_init(|| read_chain(ca, self.last_only).ok())
                    .as_ref()
            })
    }

    pub(crate) fn log(&self, id: &[u8]) -> Option<&Log> {
        self.logs.iter().find(|log| log.id == id)
    }

    /// Prepares everything.
    ///
    /// # Errors
    /// [`RootError::Material`] for what cannot be used.
    pub(crate) fn check(&self, document: &TrustedRoot) -> Result<(), RootError> {
        let unusable = |what: String| Err(RootError::Material(what));
        for (kind, logs) in [("log", &self.logs), ("CT log", &self.ctlogs)] {
            let mut ids = HashSet::new();
            for log in logs {
                check_window(log.window)?;
                if log.id.len() != 32 || !ids.insert(&log.id) {
                    return unusable(format!(
                        "the id of {kind} {} is unusable or not its alone",
                        log.url
                    ));
                }
                if log.key().is_none() {
                    return unusable(format!("the key of {kind} {} is of no known kind", log.url));
                }
            }
        }
        for ca in &document.certificate_authorities {
            check_window(ca.valid_for)?;
            read_chain(ca, self.last_only)?;
        }
        for tsa in &document.timestamp_authorities {
            check_window(tsa.valid_for)?;
            if tsa.cert_chain.certificates.is_empty() {
                return unusable("a timestamp authority has no certificate".into());
            }
            for entry in &tsa.cert_chain.certificates {
                read_anchor(entry.raw_bytes.as_bytes())?;
            }
        }
        Ok(())
    }
}

impl Chain {
    /// Whether it is trusted at `time`, with every certificate that ends a path.
    pub(crate) fn trusted_at(&self, time: Timestamp) -> bool {
        self.window.is_none_or(|window| window.contains(time))
            && self
                .anchors
                .iter()
                .all(|anchor| anchor.not_before <= time && time <= anchor.not_after)
    }
}

impl Tsa {
    fn of(tsa: &TimestampAuthority) -> Option<Self> {
        let entries = tsa.cert_chain.certificates.iter();
        let chain: Vec<Vec<u8>> = entries
            .map(|one| one.raw_bytes.as_bytes().to_vec())
            .collect();
        let (leaf, between, root) = match chain.as_slice() {
            [] => return None,
            [root] => (root, &[][..], root),
            [leaf, between @ .., root] => (leaf, between, root),
        };
        Some(Self {
            window: tsa.valid_for,
            leaf: leaf.clone(),
            between: between.to_vec(),
            root: root.clone(),
            prepared: OnceLock::new(),
        })
    }

    /// Its parts, unless they cannot be used.
    pub(crate) fn prepared(&self) -> Option<&PreparedTsa> {
        self.prepared
            .get_or_init(|| {
                let leaf = Leaf::read(&self.leaf).ok()?;
                Some(PreparedTsa {
                    key: leaf.public_key().ok()?,
                    leaf,
                    anchor: read_anchor(&self.root).ok()?,
                })
            })
            .as_ref()
    }
}

fn check_window(window: Option<TimeRange>) -> Result<(), RootError> {
    match window {
        Some(window) if window.end.is_some_and(|end| end < window.start) => Err(
            RootError::Material("a time of validity ends before it starts".into()),
        ),
        _ => Ok(()),
    }
}

fn read_chain(ca: &CertificateAuthority, last_only: bool) -> Result<Chain, RootError> {
    let certificates = &ca.cert_chain.certificates;
    if certificates.is_empty() {
        return Err(RootError::Material(
            "a certificate authority has no certificate".into(),
        ));
    }
    let first_anchor = if last_only { certificates.len() - 1 } else { 0 };
    let (between, anchors) = certificates.split_at(first_anchor);
    Ok(Chain {
        window: ca.valid_for,
        anchors: anchors
            .iter()
            .map(|entry| read_anchor(entry.raw_bytes.as_bytes()))
            .collect::<Result<_, _>>()?,
        between: between
            .iter()
            .map(|entry| entry.raw_bytes.as_bytes().to_vec())
            .collect(),
    })
}

fn read_anchor(der: &[u8]) -> Result<Anchor, RootError> {
    let unusable = |error: &dyn std::fmt::Display| {
        RootError::Material(format!(
            "certificate {}: {error}",
            Digest::sha256(der).short()
        ))
    };
    let anchor = webpki::anchor_from_trusted_cert(&CertificateDer::from(der))
        .map_err(|error| unusable(&error))?
        .to_owned();
    let certificate = Certificate::from_der(der).map_err(|error| unusable(&error))?;
    let tbs = &certificate.tbs_certificate;
    let time = |time: &x509_cert::time::Time| {
        Timestamp::try_from(time.to_system_time()).map_err(|error| unusable(&error))
    };
    let constraints = tbs
        .get::<BasicConstraints>()
        .map_err(|error| unusable(&error))?;
    Ok(Anchor {
        anchor,
        spki: tbs
            .subject_public_key_info
            .to_der()
            .map_err(|error| unusable(&error))?,
        path_length: constraints.and_then(|(_, constraints)| constraints.path_len_constraint),
        not_before: time(&tbs.validity.not_before)?,
        not_after: time(&tbs.validity.not_after)?,
    })
}
