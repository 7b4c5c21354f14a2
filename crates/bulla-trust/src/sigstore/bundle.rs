//! Reading a Sigstore bundle, versions 0.1 to 0.3: form, limits, one signer.
//!
//! Everything here is unverified. Parsing refuses what no signer writes and
//! what would make later checks ambiguous: more than one signature, more than
//! one name in the certificate, lists without end (rule R4). The digest is of
//! the bytes as they came, because that is what a verdict cites.

mod known;

use bulla_core::{
    Digest, RootId, Statement,
    descriptor::media_type,
    limits::{self, LimitError},
};
use bulla_crypto::PublicKey;
use jiff::Timestamp;
use sigstore_types::{
    Bundle, DerCertificate, DsseEnvelope, MediaType, SignatureContent, TransparencyLogEntry,
    VerificationMaterialContent,
};
use x509_cert::{
    Certificate,
    der::{Decode, Encode, asn1::Utf8StringRef, oid::ObjectIdentifier},
    ext::pkix::{
        AuthorityKeyIdentifier, ExtendedKeyUsage, SubjectAltName, SubjectKeyIdentifier,
        name::GeneralName,
    },
};

use super::{Failure, evidence::Kind, identity::CertificateClaims};
use crate::verified::Rejection;

/// Certificates in the chain of an old bundle.
const CHAIN: usize = 10;
/// Hashes of one inclusion proof: no tree is higher.
const PROOF_HASHES: usize = 64;
/// Signatures under one checkpoint, witnesses included.
const CHECKPOINT_SIGNATURES: usize = 64;

/// What a bundle carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleKind {
    /// A signed statement about the artifact (DSSE).
    Attestation,
    /// A signature over the artifact itself.
    Signature,
}

/// A bundle, parsed and bounded, not verified.
pub struct UnverifiedBundle {
    bundle: Bundle,
    /// Of its log entries, where we know them.
    kinds: Vec<Option<Kind>>,
    digest: Digest,
    leaf: Option<Leaf>,
}

/// What the signing certificate claims.
pub(crate) struct Leaf {
    pub(crate) digest: Digest,
    pub(crate) der: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) certificate: Certificate,
}

/// The OIDC issuer in Fulcio's certificates: DER UTF8String, and before it raw.
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const ISSUER_RAW: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");

impl UnverifiedBundle {
    /// Parses a bundle.
    ///
    /// # Errors
    /// A [`Failure`] about its form: TRUST-0001 … 0009, 0016, 0043.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let (bundle, kinds) = read(bytes)?;
        check_counts(&bundle)?;
        check_parts(&bundle)?;
        let leaf = bundle
            .signing_certificate()
            .map(|der| Leaf::read(der.as_bytes()))
            .transpose()?;
        Ok(Self {
            digest: Digest::sha256(bytes),
            bundle,
            kinds,
            leaf,
        })
    }

    /// Parses a bundle that is to be judged: what cannot be read is rejected.
    ///
    /// # Errors
    /// As [`Self::parse`], with the digest of the bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        Self::parse(bytes)
            .map_err(|failure| Rejection::because(&failure).of(&Digest::sha256(bytes)))
    }

    /// What it carries.
    pub fn kind(&self) -> BundleKind {
        match self.envelope() {
            Some(_) => BundleKind::Attestation,
            None => BundleKind::Signature,
        }
    }

    /// SHA-256 of its bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether it is signed with a certificate, not a bare key.
    pub fn has_certificate(&self) -> bool {
        self.leaf.is_some()
    }

    /// The statement it carries, unverified: to choose which bundles to verify.
    ///
    /// # Errors
    /// [`Failure::NotAnAttestation`] or [`Failure::NotAStatement`].
    pub fn statement(&self) -> Result<Statement, Failure> {
        let envelope = self.envelope().ok_or(Failure::NotAnAttestation)?;
        if envelope.payload_type != media_type::IN_TOTO {
            return Err(Failure::NotAStatement {
                detail: format!("its type is {:?}", envelope.payload_type),
            });
        }
        Statement::parse(envelope.payload.as_bytes()).map_err(|error| Failure::NotAStatement {
            detail: error.to_string(),
        })
    }

    pub(crate) fn inner(&self) -> &Bundle {
        &self.bundle
    }

    pub(super) fn kinds(&self) -> &[Option<Kind>] {
        &self.kinds
    }

    pub(crate) fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref()
    }

    pub(crate) fn envelope(&self) -> Option<&DsseEnvelope> {
        match &self.bundle.content {
            SignatureContent::DsseEnvelope(envelope) => Some(envelope),
            _ => None,
        }
    }

    /// The certificates a chain in the bundle starts from: its leaf, and what
    /// an old bundle ships beside it.
    pub(crate) fn certificates(&self) -> Vec<&DerCertificate> {
        match &self.bundle.verification_material.content {
            VerificationMaterialContent::Certificate(leaf) => vec![&leaf.raw_bytes],
            VerificationMaterialContent::X509CertificateChain { certificates } => {
                certificates.iter().map(|c| &c.raw_bytes).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Leaf {
    /// Reads a signing certificate, DER.
    ///
    /// # Errors
    /// [`Failure::CertificateMalformed`].
    pub(crate) fn read(der: &[u8]) -> Result<Self, Failure> {
        let malformed = |detail: String| Failure::CertificateMalformed { detail };
        let certificate =
            Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let validity = &certificate.tbs_certificate.validity;
        let time = |time: &x509_cert::time::Time| {
            Timestamp::try_from(time.to_system_time()).map_err(|error| malformed(error.to_string()))
        };
        Ok(Self {
            digest: Digest::sha256(der),
            der: der.to_vec(),
            not_before: time(&validity.not_before)?,
            not_after: time(&validity.not_after)?,
            certificate,
        })
    }

    /// The holder's key.
    ///
    /// # Errors
    /// [`Failure::CertificateMalformed`] if it is of no kind that is known.
    pub(crate) fn public_key(&self) -> Result<PublicKey, Failure> {
        let tbs = &self.certificate.tbs_certificate;
        let spki = tbs.subject_public_key_info.to_der().ok();
        spki.and_then(|spki| PublicKey::from_spki_der(&spki).ok())
            .ok_or_else(|| Failure::CertificateMalformed {
                detail: "its key is of no kind that is known".into(),
            })
    }

    /// Whether it says that its key is for `purpose`.
    pub(crate) fn is_for(&self, purpose: ObjectIdentifier) -> bool {
        match self.certificate.tbs_certificate.get::<ExtendedKeyUsage>() {
            Ok(Some((_, usages))) => usages.0.contains(&purpose),
            _ => false,
        }
    }

    /// Who authenticated the holder, if the certificate says so.
    ///
    /// # Errors
    /// [`Failure::NoIdentity`] if it says so in a form that cannot be read; the
    /// older form is not asked then.
    pub(crate) fn issuer(&self) -> Result<Option<String>, Failure> {
        let extensions = self.certificate.tbs_certificate.extensions.as_deref();
        let value = |oid: ObjectIdentifier| {
            let mut all = extensions.unwrap_or_default().iter();
            all.find(|one| one.extn_id == oid)
                .map(|one| one.extn_value.as_bytes())
        };
        let text = match (value(ISSUER), value(ISSUER_RAW)) {
            (Some(der), _) => Utf8StringRef::from_der(der)
                .ok()
                .map(|text| text.to_string()),
            (None, Some(raw)) => match Utf8StringRef::from_der(raw) {
                Ok(text) => Some(text.to_string()),
                Err(_) => std::str::from_utf8(raw).ok().map(str::to_owned),
            },
            (None, None) => return Ok(None),
        };
        text.map(Some).ok_or_else(|| Failure::NoIdentity {
            detail: "its issuer cannot be read".into(),
        })
    }

    /// Whether the issuer of this certificate, or of one shipped beside it, is
    /// among `known`: by key identifier where both sides give one, by name
    /// otherwise. With the name at the end of the chain, for the message.
    pub(super) fn issuer_is_known<'a>(
        &self,
        shipped: &[&[u8]],
        known: impl Iterator<Item = &'a DerCertificate>,
    ) -> (bool, String) {
        let known: Vec<Certificate> = known
            .filter_map(|der| Certificate::from_der(der.as_bytes()).ok())
            .collect();
        let shipped: Vec<Certificate> = shipped
            .iter()
            .filter_map(|der| Certificate::from_der(der).ok())
            .collect();
        let mut last = String::new();
        // Who issued itself says nothing about whom others trust.
        let issued_by_another =
            |one: &&Certificate| one.tbs_certificate.issuer != one.tbs_certificate.subject;
        let all = std::iter::once(&self.certificate).chain(&shipped);
        for certificate in all.filter(issued_by_another) {
            last = certificate.tbs_certificate.issuer.to_string();
            if known.iter().any(|ca| issued(certificate, ca)) {
                return (true, last);
            }
        }
        (false, last)
    }

    /// What it says beside the name.
    ///
    /// # Errors
    /// [`Failure::CertificateMalformed`].
    pub(super) fn claims(&self) -> Result<CertificateClaims, Failure> {
        CertificateClaims::from_certificate(&self.certificate)
    }

    /// SHA-256 of its key (DER SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// [`Failure::CertificateMalformed`].
    pub(super) fn key(&self) -> Result<Digest, Failure> {
        self.certificate
            .tbs_certificate
            .subject_public_key_info
            .to_der()
            .map(|der| Digest::sha256(&der))
            .map_err(|error| Failure::CertificateMalformed {
                detail: error.to_string(),
            })
    }

    /// The one name of the certificate.
    ///
    /// # Errors
    /// [`Failure::NoIdentity`] unless it names exactly one email address or URI
    /// of the form that its type promises: names are compared as texts later,
    /// and an email must not be able to look like a URI.
    pub(crate) fn subject(&self) -> Result<String, Failure> {
        let no = |detail: String| Failure::NoIdentity { detail };
        let names = match self.certificate.tbs_certificate.get::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0,
            Ok(None) => return Err(no("it names nobody".into())),
            Err(error) => return Err(no(format!("its names cannot be read: {error}"))),
        };
        match names.as_slice() {
            [GeneralName::Rfc822Name(email)] if is_email(email.as_str()) => Ok(email.to_string()),
            [GeneralName::UniformResourceIdentifier(uri)] if is_uri(uri.as_str()) => {
                Ok(uri.to_string())
            }
            [_] => Err(no("its name is neither an email address nor a URI".into())),
            several => Err(no(format!("it has {} names", several.len()))),
        }
    }
}

/// Whether `authority` may have issued `certificate`: a hint, no proof.
fn issued(certificate: &Certificate, authority: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    let wanted = tbs
        .get::<AuthorityKeyIdentifier>()
        .ok()
        .flatten()
        .and_then(|(_, id)| id.key_identifier);
    let id = authority.tbs_certificate.get::<SubjectKeyIdentifier>();
    match (&wanted, id.ok().flatten()) {
        (Some(wanted), Some((_, id))) => *wanted == id.0,
        _ => authority.tbs_certificate.subject == tbs.issuer,
    }
}

/// The failure that a certificate of an unknown authority deserves.
pub(super) fn other_root(issuer: String, root: &RootId) -> Failure {
    Failure::OtherRoot {
        issuer: if issuer.is_empty() {
            "nobody".into()
        } else {
            issuer
        },
        root: root.clone(),
    }
}

fn is_email(text: &str) -> bool {
    let parts = text.split('@').filter(|part| !part.is_empty()).count();
    is_printable(text) && !text.contains(':') && text.matches('@').count() == 1 && parts == 2
}

fn is_uri(text: &str) -> bool {
    let scheme_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    is_printable(text)
        && text.split_once(':').is_some_and(|(scheme, rest)| {
            !scheme.is_empty() && !rest.is_empty() && scheme.bytes().all(scheme_byte)
        })
}

fn is_printable(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn read(bytes: &[u8]) -> Result<(Bundle, Vec<Option<Kind>>), Failure> {
    match limits::parse_json(bytes, limits::BUNDLE_BYTES, "bundle") {
        Ok(bundle) => {
            let kinds = kinds(&bundle);
            Ok((bundle, kinds))
        }
        Err(error @ LimitError::Json { .. }) => {
            known::read(bytes).ok_or_else(|| classify(error, bytes))
        }
        Err(error) => Err(Failure::Limit(error)),
    }
}

fn kinds(bundle: &Bundle) -> Vec<Option<Kind>> {
    let entries = bundle.verification_material.tlog_entries.iter();
    entries.map(|entry| Kind::of(entry.kind_version)).collect()
}

fn check_counts(bundle: &Bundle) -> Result<(), Failure> {
    let material = &bundle.verification_material;
    let within = |what, count: usize, limit| {
        if count <= limit {
            Ok(())
        } else {
            Err(Failure::TooMany { what, count, limit })
        }
    };
    let stamps = &material.timestamp_verification_data.rfc3161_timestamps;
    within("timestamps", stamps.len(), limits::LOG_ENTRIES)?;
    within(
        "log entries",
        material.tlog_entries.len(),
        limits::LOG_ENTRIES,
    )?;
    if let VerificationMaterialContent::X509CertificateChain { certificates } = &material.content {
        within("certificates", certificates.len(), CHAIN)?;
    }
    for entry in &material.tlog_entries {
        let body = entry.canonicalized_body.as_bytes().len();
        within("bytes in a log entry", body, limits::BUNDLE_BYTES as usize)?;
        if let Some(proof) = &entry.inclusion_proof {
            within("hashes in a proof", proof.hashes.len(), PROOF_HASHES)?;
            let signatures = proof.checkpoint.checkpoint().map(|c| c.signatures().len());
            within(
                "signatures under a checkpoint",
                signatures.unwrap_or_default(),
                CHECKPOINT_SIGNATURES,
            )?;
        }
    }
    Ok(())
}

/// Each log entry must prove something: from version 0.2 on with an inclusion
/// proof, before with the log's promise. Version 0.3 ships no chain.
fn check_parts(bundle: &Bundle) -> Result<(), Failure> {
    let promise_is_enough = bundle.media_type == MediaType::Bundle0_1;
    let material = &bundle.verification_material;
    let chain = matches!(
        material.content,
        VerificationMaterialContent::X509CertificateChain { .. }
    );
    if chain && bundle.media_type == MediaType::Bundle0_3 {
        return Err(Failure::Incomplete {
            detail: "version 0.3 has one certificate, not a chain".into(),
        });
    }
    let promised = |entry: &TransparencyLogEntry| entry.inclusion_promise.is_some();
    let entries = &material.tlog_entries;
    if promise_is_enough && !entries.is_empty() && !entries.iter().any(promised) {
        return Err(Failure::Incomplete {
            detail: "version 0.1 needs a log's promise of inclusion".into(),
        });
    }
    for entry in entries {
        if entry.inclusion_proof.is_none() && !(promise_is_enough && promised(entry)) {
            return Err(Failure::Incomplete {
                detail: "a log entry without inclusion proof".into(),
            });
        }
    }
    Ok(())
}

/// Names the cause where the parser's message hides it.
fn classify(error: LimitError, bytes: &[u8]) -> Failure {
    let LimitError::Json { source, .. } = error else {
        return Failure::Limit(error);
    };
    let count = serde_json::from_slice::<serde_json::Value>(bytes)
        .ok()
        .and_then(|json| Some(json.pointer("/dsseEnvelope/signatures")?.as_array()?.len()));
    match count {
        Some(count) if count != 1 => Failure::SignatureCount { count },
        _ => Failure::Malformed {
            detail: source.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
