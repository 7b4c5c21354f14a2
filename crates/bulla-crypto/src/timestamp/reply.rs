//! Replies: TSTInfo inside CMS SignedData inside TimeStampResp.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{
        CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo,
        SignerInfos,
    },
};
use der::{
    Any, Decode, Encode, Sequence, Tag,
    asn1::{GeneralizedTime, Int, OctetString, SetOfVec, UtcTime},
};
use jiff::Timestamp;
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier};
use std::{sync::Arc, time::Duration};
use x509_cert::attr::Attribute;
use x509_tsp::{Accuracy, MessageImprint, TspVersion, TstInfo};

use super::{
    TimestampError, TimestampQuery,
    query::{SHA256, SHA384, SHA512},
};
use crate::{
    key::{Hash, Scheme, Signer},
    random,
    x509::{Certificate, X509Error},
};

const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// The policy under which timestamps are given: the one of Sigstore.
pub const DEFAULT_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");

/// A timestamp authority's key and certificates.
pub struct TimestampSigner {
    key: Arc<dyn Signer>,
    chain: Vec<Certificate>,
    hash: Hash,
    policies: Vec<ObjectIdentifier>,
    accuracy: Option<Accuracy>,
}

#[derive(Sequence)]
struct Reply {
    status: ReplyStatus,
    token: ContentInfo,
}

#[derive(Sequence)]
struct ReplyStatus {
    status: u8,
}

#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
}

/// The hash is SHA-256, the default, and so left out.
#[derive(Sequence)]
struct EssCertIdV2 {
    cert_hash: OctetString,
}

impl std::fmt::Debug for TimestampSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TimestampSigner").field(&self.chain).finish()
    }
}

impl TimestampSigner {
    /// Takes the key and its chain, leaf first, root last.
    ///
    /// # Errors
    /// [`TimestampError::Scheme`] for a key that is not ECDSA,
    /// [`X509Error::Possession`] if the leaf is not of this key.
    pub fn new(
        key: impl Signer + 'static,
        chain: Vec<Certificate>,
    ) -> Result<Self, TimestampError> {
        let hash = match key.scheme() {
            Scheme::EcdsaP256 => Hash::Sha256,
            Scheme::EcdsaP384 => Hash::Sha384,
            Scheme::EcdsaP521 => Hash::Sha512,
            _ => return Err(TimestampError::Scheme),
        };
        let leaf = chain.first().ok_or(X509Error::Possession)?;
        if leaf.spki_der()? != key.public().spki_der() {
            return Err(X509Error::Possession.into());
        }
        Ok(Self {
            key: Arc::new(key),
            chain,
            hash,
            policies: vec![DEFAULT_POLICY],
            accuracy: None,
        })
    }

    /// Gives timestamps under these policies too, if a query asks for one.
    ///
    /// # Errors
    /// [`TimestampError::Malformed`] if one is no dotted object identifier.
    pub fn with_policies<T: AsRef<str>>(
        mut self,
        policies: impl IntoIterator<Item = T>,
    ) -> Result<Self, TimestampError> {
        for policy in policies {
            let policy = ObjectIdentifier::new(policy.as_ref());
            self.policies
                .push(policy.map_err(|_| TimestampError::Malformed)?);
        }
        Ok(self)
    }

    /// Says in each timestamp how exact its time is; 0 says nothing.
    #[must_use]
    pub fn with_accuracy_ms(mut self, milliseconds: u32) -> Self {
        let (seconds, rest) = (milliseconds / 1000, (milliseconds % 1000) as i16);
        self.accuracy = (milliseconds > 0).then(|| Accuracy {
            seconds: (seconds > 0).then_some(u64::from(seconds)),
            millis: (rest > 0).then_some(rest),
            micros: None,
        });
        self
    }

    /// Its certificates, leaf first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// A DER `TimeStampResp` that grants `query` at `now` (whole seconds).
    ///
    /// # Errors
    /// [`TimestampError::Policy`] if another policy is asked for; else if
    /// encoding or signing fails.
    pub fn reply(&self, query: &TimestampQuery, now: Timestamp) -> Result<Vec<u8>, TimestampError> {
        let policy = query.policy.unwrap_or(DEFAULT_POLICY);
        if !self.policies.contains(&policy) {
            return Err(TimestampError::Policy(policy.to_string()));
        }
        let since_epoch = u64::try_from(now.as_second())
            .map(Duration::from_secs)
            .map_err(|_| X509Error::Time(now))?;
        let info = TstInfo {
            version: TspVersion::V1,
            policy,
            message_imprint: imprint(query)?,
            serial_number: Int::new(&random::serial()?).map_err(TimestampError::Encode)?,
            gen_time: GeneralizedTime::from_unix_duration(since_epoch)
                .map_err(TimestampError::Encode)?,
            accuracy: self.accuracy.clone(),
            ordering: false,
            nonce: query.nonce.clone(),
            tsa: None,
            extensions: None,
        };
        let info = info.to_der().map_err(TimestampError::Encode)?;
        let token = self.sign(&info, query.certificates, since_epoch)?;
        let content = Any::from_der(&token).map_err(TimestampError::Encode)?;
        let reply = Reply {
            status: ReplyStatus { status: 0 },
            token: ContentInfo {
                content_type: ID_SIGNED_DATA,
                content,
            },
        };
        reply.to_der().map_err(TimestampError::Encode)
    }

    fn sign(
        &self,
        info: &[u8],
        certificates: bool,
        since_epoch: Duration,
    ) -> Result<Vec<u8>, TimestampError> {
        let encode = TimestampError::Encode;
        let leaf = self.chain.first().ok_or(X509Error::Possession)?;
        let attributes = self.attributes(info, leaf, since_epoch)?;
        let signature = self.key.sign(&attributes.to_der().map_err(encode)?)?;
        let tbs = &leaf.parsed().tbs_certificate;
        let digest = plain(object_id(self.hash));
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer.clone(),
                serial_number: tbs.serial_number.clone(),
            }),
            digest_alg: digest.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: self.key.scheme().signature_algorithm(),
            signature: OctetString::new(signature).map_err(encode)?,
            unsigned_attrs: None,
        };
        let included = self
            .chain
            .iter()
            .map(|c| CertificateChoices::Certificate(c.parsed().clone()));
        let included = CertificateSet::try_from(included.collect::<Vec<_>>()).map_err(encode)?;
        let signed = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![digest]).map_err(encode)?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: ID_TST_INFO,
                econtent: Some(Any::new(Tag::OctetString, info).map_err(encode)?),
            },
            certificates: certificates.then_some(included),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer]).map_err(encode)?,
        };
        signed.to_der().map_err(encode)
    }

    fn attributes(
        &self,
        info: &[u8],
        leaf: &Certificate,
        since_epoch: Duration,
    ) -> Result<SetOfVec<Attribute>, TimestampError> {
        let encode = TimestampError::Encode;
        let octets = |bytes: Vec<u8>| OctetString::new(bytes).map_err(encode);
        let named = SigningCertificateV2 {
            certs: vec![EssCertIdV2 {
                cert_hash: octets(Hash::Sha256.digest(leaf.der()))?,
            }],
        };
        let mut attributes = vec![
            attribute(CONTENT_TYPE, &ID_TST_INFO)?,
            attribute(MESSAGE_DIGEST, &octets(self.hash.digest(info))?)?,
            attribute(SIGNING_CERTIFICATE_V2, &named)?,
        ];
        if let Ok(time) = UtcTime::from_unix_duration(since_epoch) {
            attributes.push(attribute(SIGNING_TIME, &time)?);
        }
        SetOfVec::try_from(attributes).map_err(encode)
    }
}

fn imprint(query: &TimestampQuery) -> Result<MessageImprint, TimestampError> {
    let mut hash_algorithm = plain(object_id(query.hash));
    if query.null_parameters {
        hash_algorithm.parameters = Some(Any::null());
    }
    Ok(MessageImprint {
        hash_algorithm,
        hashed_message: OctetString::new(query.imprint.as_slice())
            .map_err(TimestampError::Encode)?,
    })
}

fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> Result<Attribute, TimestampError> {
    let der = value.to_der().map_err(TimestampError::Encode)?;
    let value = Any::from_der(&der).map_err(TimestampError::Encode)?;
    let values = SetOfVec::try_from(vec![value]).map_err(TimestampError::Encode)?;
    Ok(Attribute { oid, values })
}

fn plain(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

fn object_id(hash: Hash) -> ObjectIdentifier {
    match hash {
        Hash::Sha256 => SHA256,
        Hash::Sha384 => SHA384,
        Hash::Sha512 => SHA512,
    }
}
