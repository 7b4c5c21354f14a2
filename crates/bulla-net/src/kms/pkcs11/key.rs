//! Key objects: finding the one that a URI means, its public half, signing.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use bulla_crypto::{
    KeyError, PublicKey, Scheme, Signer,
    x509::{Certificate, parse_certificate},
};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, CertificateType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef},
};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::{KeyUri, Pkcs11Error, token::OpenToken};

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `DigestInfo` of PKCS #1 up to the 32 bytes of a SHA-256.
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];
/// Objects of one token that are looked at.
const MAX_OBJECTS: usize = 1000;

/// A private key on a token. It stays there; the session ends with this value.
pub struct TokenKey {
    token: Mutex<OpenToken>,
    handle: ObjectHandle,
    public: PublicKey,
    certificate: Option<Certificate>,
}

impl TokenKey {
    pub(super) fn find(token: OpenToken, uri: &KeyUri) -> Result<Self, Pkcs11Error> {
        let session = &token.session;
        let found = objects(session, ObjectClass::PRIVATE_KEY, uri)?;
        let handle = one(found, "key")?;
        let handle = handle.ok_or_else(|| Pkcs11Error::NoKey(token.token.label.clone()))?;
        // What belongs to a key has its id, whatever the URI named it by.
        let uri = match bytes(session, handle, AttributeType::Id)? {
            Some(id) if !id.is_empty() => KeyUri {
                id: Some(id),
                object: None,
                ..uri.clone()
            },
            _ => uri.clone(),
        };
        let public = public(&token, &uri)?;
        if !(public.scheme().is_rsa() || coordinate_bytes(public.scheme()).is_some()) {
            return Err(Pkcs11Error::Kind(public.scheme().sigstore_name()));
        }
        let certificate = find_certificate(session, &uri)?;
        Ok(Self {
            token: Mutex::new(token),
            handle,
            public,
            certificate,
        })
    }

    /// The certificate beside the key, if there is one.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    fn sign_here(&self, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let scheme = self.public.scheme();
        let digest = scheme.hash().digest(message);
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let sign = |mechanism, data: &[u8]| token.session.sign(&mechanism, self.handle, data);
        let signature = match coordinate_bytes(scheme) {
            Some(size) => {
                let raw = sign(Mechanism::Ecdsa, &digest)?;
                der_signature(&raw, size).ok_or(Pkcs11Error::Signature)?
            }
            None => sign(Mechanism::RsaPkcs, &[&SHA256_INFO[..], &digest].concat())?,
        };
        let checked = self.public.verify(message, &signature);
        checked.map_err(|_| Pkcs11Error::Signature)?;
        Ok(signature)
    }
}

impl Signer for TokenKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signed = self.sign_here(message);
        signed.map_err(|error| KeyError::Elsewhere(Box::new(error)))
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({:?})", self.public)
    }
}

/// The public key that a URI names: its own object, else its certificate's.
pub(super) fn public(token: &OpenToken, uri: &KeyUri) -> Result<PublicKey, Pkcs11Error> {
    let session = &token.session;
    if let Some(handle) = one(objects(session, ObjectClass::PUBLIC_KEY, uri)?, "key")? {
        return read_public(session, handle);
    }
    let certificate = find_certificate(session, uri)?;
    let certificate = certificate.ok_or_else(|| Pkcs11Error::NoKey(token.token.label.clone()))?;
    Ok(PublicKey::from_spki_der(&certificate.spki_der()?)?)
}

/// The certificate that a URI names, in DER.
pub(super) fn certificate(token: &OpenToken, uri: &KeyUri) -> Result<Option<Vec<u8>>, Pkcs11Error> {
    let found = find_certificate(&token.session, uri)?;
    Ok(found.map(|certificate| certificate.der().to_vec()))
}

/// Every private key, as the URI that opens it.
pub(super) fn list(token: &OpenToken, module: &Path) -> Result<Vec<KeyUri>, Pkcs11Error> {
    let session = &token.session;
    let mut keys = Vec::new();
    for handle in objects(session, ObjectClass::PRIVATE_KEY, &KeyUri::default())? {
        let label = bytes(session, handle, AttributeType::Label)?;
        let label = label.and_then(|label| String::from_utf8(label).ok());
        keys.push(KeyUri {
            token: Some(token.token.label.clone()),
            slot_id: Some(token.token.slot_id),
            object: label.filter(|label| !label.is_empty()),
            id: bytes(session, handle, AttributeType::Id)?.filter(|id| !id.is_empty()),
            module_path: Some(module.to_path_buf()),
            ..KeyUri::default()
        });
    }
    Ok(keys)
}

fn objects(
    session: &Session,
    class: ObjectClass,
    uri: &KeyUri,
) -> Result<Vec<ObjectHandle>, Pkcs11Error> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.id.clone().map(Attribute::Id));
    let label = uri.object.as_ref().map(|label| label.as_bytes().to_vec());
    template.extend(label.map(Attribute::Label));
    let found = session.iter_objects(&template)?.take(MAX_OBJECTS);
    Ok(found.collect::<Result<_, _>>()?)
}

fn one(found: Vec<ObjectHandle>, what: &'static str) -> Result<Option<ObjectHandle>, Pkcs11Error> {
    match found.as_slice() {
        [] => Ok(None),
        [handle] => Ok(Some(*handle)),
        _ => Err(Pkcs11Error::Ambiguous(what)),
    }
}

fn find_certificate(session: &Session, uri: &KeyUri) -> Result<Option<Certificate>, Pkcs11Error> {
    for handle in objects(session, ObjectClass::CERTIFICATE, uri)? {
        let kind = session.get_attributes(handle, &[AttributeType::CertificateType])?;
        if !kind.contains(&Attribute::CertificateType(CertificateType::X_509)) {
            continue;
        }
        if let Some(der) = bytes(session, handle, AttributeType::Value)? {
            return Ok(Some(parse_certificate(&der)?));
        }
    }
    Ok(None)
}

/// An attribute that is bytes, if the object has it.
fn bytes(
    session: &Session,
    handle: ObjectHandle,
    kind: AttributeType,
) -> Result<Option<Vec<u8>>, Pkcs11Error> {
    let mut found = session.get_attributes(handle, &[kind])?;
    Ok(match found.pop() {
        Some(
            Attribute::Id(bytes)
            | Attribute::Label(bytes)
            | Attribute::Value(bytes)
            | Attribute::EcParams(bytes)
            | Attribute::EcPoint(bytes)
            | Attribute::Modulus(bytes)
            | Attribute::PublicExponent(bytes),
        ) => Some(bytes),
        _ => None,
    })
}

fn read_public(session: &Session, handle: ObjectHandle) -> Result<PublicKey, Pkcs11Error> {
    let need = |kind| -> Result<Vec<u8>, Pkcs11Error> {
        Ok(bytes(session, handle, kind)?.ok_or(KeyError::Public)?)
    };
    let kind = session.get_attributes(handle, &[AttributeType::KeyType])?;
    if kind.contains(&Attribute::KeyType(KeyType::RSA)) {
        let modulus = need(AttributeType::Modulus)?;
        let exponent = need(AttributeType::PublicExponent)?;
        return Ok(rsa_key(&modulus, &exponent).ok_or(KeyError::Public)?);
    }
    if kind.contains(&Attribute::KeyType(KeyType::EC)) {
        let curve = need(AttributeType::EcParams)?;
        let point = need(AttributeType::EcPoint)?;
        return Ok(ec_key(&curve, &point).ok_or(KeyError::Public)?);
    }
    Err(Pkcs11Error::Kind("anything but ECDSA and RSA"))
}

fn ec_key(curve: &[u8], point: &[u8]) -> Option<PublicKey> {
    // The point is DER in DER by the specification, but some modules give it
    // bare; both begin alike, so that only the curve tells.
    let inner = OctetStringRef::from_der(point).ok();
    let candidates = inner.map(|octets| octets.as_bytes());
    candidates.into_iter().chain([point]).find_map(|point| {
        let spki = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef {
                oid: EC,
                parameters: Some(AnyRef::from_der(curve).ok()?),
            },
            subject_public_key: BitStringRef::from_bytes(point).ok()?,
        };
        PublicKey::from_spki_der(&spki.to_der().ok()?).ok()
    })
}

#[derive(Sequence)]
struct TwoNumbers<'a> {
    first: UintRef<'a>,
    second: UintRef<'a>,
}

fn two_numbers(first: &[u8], second: &[u8]) -> Option<Vec<u8>> {
    let numbers = TwoNumbers {
        first: UintRef::new(first).ok()?,
        second: UintRef::new(second).ok()?,
    };
    numbers.to_der().ok()
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
    PublicKey::from_pkcs1_der(&two_numbers(modulus, exponent)?).ok()
}

/// The DER form of `r || s`.
fn der_signature(raw: &[u8], size: usize) -> Option<Vec<u8>> {
    let (r, s) = raw
        .split_at_checked(size)
        .filter(|(_, s)| s.len() == size)?;
    two_numbers(r, s)
}

fn coordinate_bytes(scheme: Scheme) -> Option<usize> {
    match scheme {
        Scheme::EcdsaP256 => Some(32),
        Scheme::EcdsaP384 => Some(48),
        Scheme::EcdsaP521 => Some(66),
        _ => None,
    }
}
