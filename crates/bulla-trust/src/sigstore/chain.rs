//! The signer's certificate: its path to the root at every proven time, its
//! purpose, and the proof that it was logged (SCT).
//!
//! RFC 5280 paths by `webpki`, for code signing: the signer's certificate must
//! say so, and none above it may exclude it. Path, purpose and validity
//! are checked anew for each time; good signatures of certificates and SCTs are
//! remembered, see [`Memo`](crate::root::memo::Memo). Certificates of the root
//! may end a path; all of their chain must be valid at that time too (rule R6).

use bulla_crypto::sct::{CtEntry, PrecertEntry};
use jiff::Timestamp;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    TrustAnchor, UnixTime,
};
use sha2::{Digest as _, Sha256};
use sigstore_types::SignatureBytes;
use sigstore_verify::crypto::{SigningScheme, VerificationKey, WEBPKI_VERIFICATION_ALGS};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::der::{Encode, asn1::OctetString, oid::ObjectIdentifier};

use super::{
    Failure,
    bundle::{Leaf, other_root},
    evidence::Evidence,
    sct::{DetachedSct, Sct},
};
use crate::root::{
    TrustRoot,
    material::{Anchor, Chain, Log},
    memo::Memo,
};

/// `id-kp-codeSigning`.
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// The extension that carries SCTs, 1.3.6.1.4.1.11129.2.4.2.
const SCTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// Checks the certificate at each of `times` and gives its issuer's key (DER
/// SubjectPublicKeyInfo).
///
/// # Errors
/// [`Failure::CertificateExpired`], [`Failure::OtherRoot`] or [`Failure::Chain`].
pub(super) fn check(
    root: &TrustRoot,
    evidence: &Evidence<'_>,
    leaf: &Leaf,
    times: &[Timestamp],
) -> Result<Vec<u8>, Failure> {
    let mut issuer = None;
    for time in times {
        if *time < leaf.not_before || *time > leaf.not_after {
            return Err(Failure::CertificateExpired {
                time: *time,
                not_before: leaf.not_before,
                not_after: leaf.not_after,
            });
        }
        issuer = Some(path(root, evidence, leaf, *time)?);
    }
    if !leaf.is_for(CODE_SIGNING) {
        return Err(Failure::Chain {
            root: root.id().clone(),
            detail: "it is not for code signing".into(),
        });
    }
    // No time, no check: that must not pass for a success.
    issuer.ok_or(Failure::NoTrustedTime)
}

fn path(
    root: &TrustRoot,
    evidence: &Evidence<'_>,
    leaf: &Leaf,
    time: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let broken = |detail: String| Failure::Chain {
        root: root.id().clone(),
        detail,
    };
    let chains: Vec<&Chain> = root
        .chains()
        .filter(|chain| chain.trusted_at(time))
        .collect();
    let trusted: Vec<&Anchor> = chains.iter().flat_map(|chain| &chain.anchors).collect();
    if trusted.is_empty() {
        return Err(broken(format!("no authority of it is valid at {time}")));
    }
    let anchors: Vec<TrustAnchor<'_>> = trusted.iter().map(|one| one.anchor.clone()).collect();
    let between = chains.iter().flat_map(|chain| &chain.between);
    let shipped: Vec<CertificateDer<'_>> = evidence
        .intermediates
        .iter()
        .copied()
        .chain(between.map(Vec::as_slice))
        .map(CertificateDer::from)
        .collect();
    let der = CertificateDer::from(leaf.der.as_slice());
    let end = EndEntityCert::try_from(&der).map_err(|error| Failure::CertificateMalformed {
        detail: error.to_string(),
    })?;
    let seconds =
        u64::try_from(time.as_second()).map_err(|_| broken("a time before 1970".into()))?;
    let algorithms = algorithms(root.memo());
    let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = algorithms
        .iter()
        .map(|one| one as &dyn SignatureVerificationAlgorithm)
        .collect();
    let path = end
        .verify_for_usage(
            &algorithms,
            &anchors,
            &shipped,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::required_if_present(CODE_SIGNING.as_bytes()),
            None,
            None,
        )
        .map_err(|error| broken(error.to_string()))?;
    let end_of_path = trusted
        .iter()
        .find(|one| one.anchor == *path.anchor())
        .ok_or_else(|| broken("its path ends nowhere".into()))?;
    let below = path.intermediate_certificates().count();
    if end_of_path
        .path_length
        .is_some_and(|limit| below > usize::from(limit))
    {
        return Err(broken(
            "its path is longer than the authority allows".into(),
        ));
    }
    Ok(match path.intermediate_certificates().next() {
        Some(issuer) => issuer.subject_public_key_info().as_ref().to_vec(),
        None => end_of_path.spki.clone(),
    })
}

/// The failure of a certificate whose authority the root does not know, if that
/// is so: it is behind whatever else failed.
pub(super) fn unknown_issuer(root: &TrustRoot, evidence: &Evidence<'_>) -> Option<Failure> {
    let leaf = evidence.leaf?;
    let (known, issuer) =
        leaf.issuer_is_known(&evidence.intermediates, root.authority_certificates());
    (!known).then(|| other_root(issuer, root.id()))
}

/// Checks the proof that the certificate was logged: the one inside, or else that
/// which lies beside it. Gives what is missing if there is none, or one of a log
/// that the root does not know.
///
/// # Errors
/// [`Failure::Sct`] if there is one that does not hold.
pub(super) fn check_sct(
    root: &TrustRoot,
    leaf: &Leaf,
    issuer_spki: &[u8],
    detached: Option<&DetachedSct>,
) -> Result<Option<&'static str>, Failure> {
    let beside = || match detached.and_then(DetachedSct::sct) {
        Some(sct) => check_promise(root, &sct, CtEntry::Certificate(&leaf.der)),
        None => Ok(Some("the certificate has none")),
    };
    let tbs = &leaf.certificate.tbs_certificate;
    let extensions = tbs.extensions.as_deref().unwrap_or_default();
    let Some(list) = extensions.iter().find(|one| one.extn_id == SCTS) else {
        return beside();
    };
    let list = <OctetString as x509_cert::der::Decode>::from_der(list.extn_value.as_bytes())
        .map_err(|_| fails("their list cannot be read"))?;
    let list = super::sct::only(list.as_bytes());
    let Some(sct) = list.map_err(fails)? else {
        return beside();
    };
    let mut logged = tbs.clone();
    logged.extensions = tbs.extensions.as_ref().map(|all| {
        let others = all.iter().filter(|extension| extension.extn_id != SCTS);
        others.cloned().collect()
    });
    let logged = logged
        .to_der()
        .map_err(|_| fails("the certificate cannot be written"))?;
    let entry = PrecertEntry {
        issuer_key_hash: Sha256::digest(issuer_spki).into(),
        tbs: &logged,
    };
    check_promise(root, &sct, CtEntry::Precertificate(entry))
}

fn fails(detail: &str) -> Failure {
    Failure::Sct {
        detail: detail.to_owned(),
    }
}

/// Checks that a log of the root promised to include `entry`.
fn check_promise(
    root: &TrustRoot,
    sct: &Sct<'_>,
    entry: CtEntry<'_>,
) -> Result<Option<&'static str>, Failure> {
    let signed = sct
        .signed_bytes(entry)
        .ok_or_else(|| fails("the certificate is too long"))?;
    let logs = &root.material().ctlogs;
    let Some(log) = logs.iter().find(|log| log.id == sct.log_id) else {
        return Ok(Some("it is by a log that the root does not know"));
    };
    let issued = i64::try_from(sct.timestamp_ms)
        .ok()
        .and_then(|time| Timestamp::from_millisecond(time).ok())
        .ok_or_else(|| fails("its time is out of range"))?;
    if !log.trusted_at(issued) {
        return Err(fails("the log's key was not valid at its time"));
    }
    let scheme = sct
        .scheme
        .ok_or_else(|| fails("its signature is of an unknown scheme"))?;
    let facts = [
        b"sct",
        log.spki.as_slice(),
        scheme.name().as_bytes(),
        &signed,
        sct.signature,
    ];
    root.memo().once(&facts, || {
        key_of(log, scheme)
            .ok_or_else(|| fails("the log's key is of another scheme"))?
            .verify(&signed, &SignatureBytes::from_bytes(sct.signature))
            .map_err(|_| fails("it is not signed by the log that it names"))
    })?;
    Ok(None)
}

fn key_of(log: &Log, scheme: SigningScheme) -> Option<VerificationKey> {
    let spki = sigstore_types::DerPublicKey::new(log.spki.clone());
    VerificationKey::from_der(&spki, scheme).ok()
}

/// A signature algorithm that asks the memo first.
#[derive(Clone, Copy)]
pub(super) struct Remembering<'m> {
    inner: &'static dyn SignatureVerificationAlgorithm,
    memo: &'m Memo,
}

/// Every algorithm that signs certificates.
pub(super) fn algorithms(memo: &Memo) -> Vec<Remembering<'_>> {
    WEBPKI_VERIFICATION_ALGS
        .iter()
        .copied()
        .chain([webpki::aws_lc_rs::ECDSA_P521_SHA512])
        .map(|inner| Remembering { inner, memo })
        .collect()
}

impl std::fmt::Debug for Remembering<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl SignatureVerificationAlgorithm for Remembering<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let (key, scheme) = (
            self.inner.public_key_alg_id(),
            self.inner.signature_alg_id(),
        );
        let facts = [
            b"x509",
            key.as_ref(),
            scheme.as_ref(),
            public_key,
            message,
            signature,
        ];
        self.memo.once(&facts, || {
            self.inner.verify_signature(public_key, message, signature)
        })
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.signature_alg_id()
    }
}
