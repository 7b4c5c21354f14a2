//! Identities that somebody else keeps fresh in files: SPIRE through its helper,
//! or Kubernetes' pod certificates.
//!
//! They are read again when they change. What cannot be read then is an error
//! in the log and an alarm, and the former identity stays until it ends.

use bulla_crypto::x509::{Certificate, parse_certificate, svid_id};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use zeroize::Zeroizing;

use super::{
    SpiffeId, TransportError,
    identity::{Svid, svid},
};
use crate::health::Renewal;

/// Longest file, in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// Certificates in a file.
const CERTIFICATES: usize = 64;
const MEND: &str =
    "see why SPIRE's helper, or the kubelet, does not renew the files that [transport] names";

/// Section `[transport]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransportSettings {
    /// The trust domain of the identities that this instance gives; chosen at
    /// its creation, and a name of its own if nothing is said.
    pub trust_domain: Option<String>,
    /// A certificate chain that somebody else renews, leaf first (PEM).
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM, PKCS#8 or SEC 1), if not in the same file.
    pub key_file: Option<PathBuf>,
    /// The roots of its trust domain (PEM).
    pub bundle_file: Option<PathBuf>,
}

impl TransportSettings {
    /// The files, where there are any.
    pub(super) fn files(&self) -> Option<Files> {
        let certificate = self.certificate_file.clone()?;
        Some(Files {
            key: self.key_file.clone(),
            bundle: self.bundle_file.clone(),
            certificate,
            last: Mutex::default(),
        })
    }

    /// What is wrong with them, before anything is opened.
    ///
    /// # Errors
    /// [`TransportError::Files`] if the settings contradict each other.
    pub fn check(&self) -> Result<(), TransportError> {
        let refuse = |path: &Path, why| {
            Err(TransportError::Files {
                path: path.into(),
                why,
            })
        };
        match (&self.certificate_file, &self.bundle_file, &self.key_file) {
            (Some(path), None, _) => refuse(path, "needs bundle_file beside it: whom to believe"),
            (None, Some(path), _) | (None, None, Some(path)) => {
                refuse(path, "needs certificate_file beside it")
            }
            _ => match &self.trust_domain {
                Some(name) => SpiffeId::new(name, "").map(drop),
                None => Ok(()),
            },
        }
    }
}

/// Where an identity lies.
pub(super) struct Files {
    certificate: PathBuf,
    key: Option<PathBuf>,
    bundle: Option<PathBuf>,
    /// What was read last: all three, one after the other.
    last: Mutex<Vec<u8>>,
}

/// What lay there.
pub(super) struct Read {
    pub(super) id: SpiffeId,
    pub(super) svid: Svid,
    pub(super) roots: Vec<Certificate>,
}

impl Files {
    /// Reads all of it.
    pub(super) fn read(&self) -> Result<Read, TransportError> {
        let certificate = bytes(&self.certificate)?;
        let key = match &self.key {
            Some(path) => bytes(path)?,
            None => certificate.clone(),
        };
        let bundle = match &self.bundle {
            Some(path) => bytes(path)?,
            None => return Err(self.refuse("has no bundle_file beside it")),
        };
        let chain = CertificateDer::pem_slice_iter(&certificate)
            .take(CERTIFICATES)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| self.refuse("does not hold certificates in PEM"))?;
        let leaf = chain
            .first()
            .ok_or_else(|| self.refuse("holds no certificate"))?;
        let id = SpiffeId::parse(&svid_id(&parse_certificate(leaf)?)?)?;
        let private = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|_| self.refuse("has no private key in PEM beside it"))?;
        let renewal = Renewal::Command(MEND.into());
        let svid = svid(chain, &private, "transport certificate", renewal)?;
        let roots = CertificateDer::pem_slice_iter(&bundle)
            .take(CERTIFICATES)
            .map(|der| match der {
                Ok(der) => Ok(parse_certificate(&der)?),
                Err(_) => Err(self.refuse("has a bundle that is not PEM")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if roots.is_empty() {
            return Err(self.refuse("has an empty bundle"));
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = digest(&[&certificate, &key, &bundle]);
        Ok(Read { id, svid, roots })
    }

    /// Reads all of it if any of it changed.
    pub(super) fn changed(&self) -> Result<Option<Read>, TransportError> {
        let mut parts = vec![bytes(&self.certificate)?];
        parts.push(match &self.key {
            Some(path) => bytes(path)?,
            None => bytes(&self.certificate)?,
        });
        if let Some(path) = &self.bundle {
            parts.push(bytes(path)?);
        }
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
        let same = *self.last.lock().unwrap_or_else(PoisonError::into_inner) == digest(&parts);
        match same {
            true => Ok(None),
            false => self.read().map(Some),
        }
    }

    pub(super) fn refuse(&self, why: &'static str) -> TransportError {
        TransportError::Files {
            path: self.certificate.clone(),
            why,
        }
    }
}

/// What tells two states of the files apart, without holding their key.
fn digest(parts: &[&[u8]]) -> Vec<u8> {
    let digests = parts.iter().map(|part| bulla_core::Digest::sha256(part));
    digests
        .flat_map(|digest| digest.hex().as_bytes().to_vec())
        .collect()
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, TransportError> {
    let failed = |source| TransportError::File {
        path: path.into(),
        source,
    };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > FILE_BYTES {
        let why = "it is larger than 1 MiB";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, why)));
    }
    fs::read(path).map(Zeroizing::new).map_err(failed)
}
