//! One RFC 3161 timestamp: that an authority of the root signed this time over
//! this signature.
//!
//! CMS SignedData (RFC 5652) around TSTInfo. The signer is looked for among the
//! root's authorities only, as the first certificate of a chain; certificates in
//! the token are not asked. The authority's path, window and purpose are checked
//! at the signed time, its root's validity included.

use bulla_crypto::{Hash, PublicKey};
use cms::{
    cert::CertificateChoices,
    content_info::ContentInfo,
    signed_data::{CertificateSet, SignedData, SignerIdentifier, SignerInfo},
};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::{
    TbsCertificate,
    der::{
        Decode, Encode,
        asn1::{OctetStringRef, SetOfVec},
        oid::ObjectIdentifier,
    },
    ext::pkix::SubjectKeyIdentifier,
};
use x509_tsp::{TimeStampResp, TstInfo};

use super::{Failure, chain::algorithms};
use crate::root::{TrustRoot, material::Tsa};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// `id-kp-timeStamping`.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// A token, read.
struct Token {
    info: TstInfo,
    info_der: Vec<u8>,
    signer: SignerInfo,
    certificates: CertificateSet,
}

/// Proves the time of `token`, a `TimeStampResp` or the token in it, DER, over
/// `signature`.
///
/// # Errors
/// [`Failure::Timestamp`] or [`Failure::TimestampAuthorityValidity`].
pub(super) fn check(
    root: &TrustRoot,
    token: &[u8],
    signature: &[u8],
) -> Result<Timestamp, Failure> {
    let fails = |detail: &str| Failure::Timestamp {
        detail: detail.to_owned(),
    };
    let token = Token::read(token).ok_or_else(|| fails("it cannot be read"))?;
    let imprint = &token.info.message_imprint;
    let hash = hash(imprint.hash_algorithm.oid).ok_or_else(|| fails("its hash is not known"))?;
    if hash.digest(signature) != imprint.hashed_message.as_bytes() {
        return Err(fails("it is over another signature"));
    }
    let time = Timestamp::try_from(token.info.gen_time.to_system_time())
        .map_err(|_| fails("its time is out of range"))?;
    let mut failure = fails("it is by no timestamp authority of the root");
    for tsa in &root.material().tsas {
        match token.by(root, tsa, time) {
            Ok(true) => return Ok(time),
            Ok(false) => {}
            Err(other) => failure = other,
        }
    }
    Err(failure)
}

/// Whether a granted `TimeStampResp`, DER, is signed by a certificate that it
/// carries: what a log asks before it logs one. It says nothing about whose
/// certificate that is, nor about the signed time.
pub fn carries_its_signer(reply: &[u8]) -> bool {
    fn check(reply: &[u8]) -> Option<()> {
        TimeStampResp::from_der(reply).ok()?;
        let token = Token::read(reply)?;
        let certificate = token
            .certificates
            .0
            .iter()
            .find_map(|choice| match choice {
                CertificateChoices::Certificate(one) if token.names(&one.tbs_certificate) => {
                    Some(one)
                }
                _ => None,
            })?;
        let info = &certificate.tbs_certificate.subject_public_key_info;
        let key = PublicKey::from_spki_der(&info.to_der().ok()?).ok()?;
        let hash = hash(token.signer.digest_alg.oid)?;
        let attributes = token.attributes(hash)?;
        let signature = token.signer.signature.as_bytes();
        key.verify_with(hash, &attributes, signature).ok()
    }
    check(reply).is_some()
}

impl Token {
    fn read(bytes: &[u8]) -> Option<Self> {
        let content = match TimeStampResp::from_der(bytes) {
            // 0 granted, 1 granted with changes.
            Ok(reply) if matches!(reply.status.status as u8, 0 | 1) => reply.time_stamp_token?,
            Ok(_) => return None,
            Err(_) => ContentInfo::from_der(bytes).ok()?,
        };
        if content.content_type != SIGNED_DATA {
            return None;
        }
        let signed: SignedData = content.content.decode_as().ok()?;
        let [signer] = signed.signer_infos.0.as_slice() else {
            return None;
        };
        if signed.encap_content_info.econtent_type != TST_INFO {
            return None;
        }
        let info_der = signed.encap_content_info.econtent?.value().to_vec();
        Some(Self {
            info: TstInfo::from_der(&info_der).ok()?,
            info_der,
            signer: signer.clone(),
            certificates: signed.certificates.unwrap_or_else(empty),
        })
    }

    /// Whether it says that this certificate's key signed it.
    fn names(&self, tbs: &TbsCertificate) -> bool {
        match &self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(id) => {
                id.issuer == tbs.issuer && id.serial_number == tbs.serial_number
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => tbs
                .get::<SubjectKeyIdentifier>()
                .is_ok_and(|found| found.is_some_and(|(_, found)| found == *id)),
        }
    }

    /// Whether it names this authority's signer, and then holds.
    fn by(&self, root: &TrustRoot, tsa: &Tsa, time: Timestamp) -> Result<bool, Failure> {
        let fails = |detail: &str| Failure::Timestamp {
            detail: detail.to_owned(),
        };
        let Some(authority) = tsa.prepared() else {
            return Ok(false);
        };
        if !self.names(&authority.leaf.certificate.tbs_certificate) {
            return Ok(false);
        }
        let hash =
            hash(self.signer.digest_alg.oid).ok_or_else(|| fails("its hash is not known"))?;
        let attributes = self
            .attributes(hash)
            .ok_or_else(|| fails("its signed attributes do not fit its content"))?;
        authority
            .key
            .verify_with(hash, &attributes, self.signer.signature.as_bytes())
            .map_err(|_| fails("it is not signed by the authority that it names"))?;
        if !authority.leaf.is_for(TIME_STAMPING) {
            return Err(fails("its signer's certificate is not for timestamps"));
        }
        let anchor = &authority.anchor;
        if time < anchor.not_before || time > anchor.not_after {
            return Err(fails("its authority's root was not valid then"));
        }
        path(root, tsa, &anchor.anchor, time).map_err(|detail| fails(&detail))?;
        match tsa.window {
            Some(window) if !window.contains(time) => {
                Err(Failure::TimestampAuthorityValidity { time })
            }
            _ => Ok(true),
        }
    }

    /// The signed attributes as they are signed, if they name this content.
    fn attributes(&self, hash: Hash) -> Option<Vec<u8>> {
        let attributes = self.signer.signed_attrs.as_ref()?;
        let only = |oid: ObjectIdentifier| {
            let mut all = attributes.iter().filter(|one| one.oid == oid);
            match (all.next(), all.next()) {
                (Some(one), None) if one.values.len() == 1 => one.values.get(0),
                _ => None,
            }
        };
        let kind: ObjectIdentifier = only(CONTENT_TYPE)?.decode_as().ok()?;
        let digest = only(MESSAGE_DIGEST)?;
        let digest: OctetStringRef<'_> = digest.decode_as().ok()?;
        if kind != TST_INFO || digest.as_bytes() != hash.digest(&self.info_der) {
            return None;
        }
        attributes.to_der().ok()
    }
}

/// The way from the authority's signer to its root at that time.
fn path(
    root: &TrustRoot,
    tsa: &Tsa,
    anchor: &TrustAnchor<'static>,
    time: Timestamp,
) -> Result<(), String> {
    let text = |error: webpki::Error| error.to_string();
    let seconds = u64::try_from(time.as_second()).map_err(|error| error.to_string())?;
    let der = CertificateDer::from(tsa.leaf.as_slice());
    let between: Vec<_> = tsa
        .between
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let algorithms = algorithms(root.memo());
    let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = algorithms
        .iter()
        .map(|one| one as &dyn SignatureVerificationAlgorithm)
        .collect();
    EndEntityCert::try_from(&der)
        .map_err(text)?
        .verify_for_usage(
            &algorithms,
            std::slice::from_ref(anchor),
            &between,
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
            KeyUsage::required_if_present(TIME_STAMPING.as_bytes()),
            None,
            None,
        )
        .map(drop)
        .map_err(text)
}

fn empty() -> CertificateSet {
    CertificateSet(SetOfVec::new())
}

fn hash(oid: ObjectIdentifier) -> Option<Hash> {
    match oid {
        SHA256 => Some(Hash::Sha256),
        SHA384 => Some(Hash::Sha384),
        SHA512 => Some(Hash::Sha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Token::read(&bytes);
            prop_assert!(!carries_its_signer(&bytes));
        }
    }
}
