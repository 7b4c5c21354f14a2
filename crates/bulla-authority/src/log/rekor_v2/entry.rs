//! The entries of Rekor v2: what is logged of a request whose signatures hold.
//!
//! The leaf is RFC 8785 JSON. Every name and value of it is ASCII that needs no
//! escape, so it is canonical as soon as the names stand in order: they do here,
//! field by field, and nothing has to be sorted for each of thousands a second.

use bulla_core::limits;
use bulla_crypto::{Hash, Scheme};
use serde::{Serialize, Serializer};

use super::error::RequestError;

/// An entry whose signatures have been verified, as its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: &'static str,
    body: Vec<u8>,
}

impl Entry {
    /// `hashedrekord` or `dsse`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// RFC 8785 JSON: the leaf.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The leaf itself.
    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The signature of a digest.
    pub(super) fn hashedrekord(
        hash: Hash,
        digest: &[u8],
        signature: Signature<'_>,
    ) -> Result<Self, RequestError> {
        let data = Digest {
            algorithm: hash.sigstore_name(),
            digest: Base64(digest),
        };
        let spec = Spec::HashedRekord { data, signature };
        Self::new("hashedrekord", spec)
    }

    /// The signatures of an envelope with the payload of this SHA-256.
    pub(super) fn dsse(
        payload: &[u8],
        signatures: Vec<Signature<'_>>,
    ) -> Result<Self, RequestError> {
        let payload_hash = Digest {
            algorithm: Hash::Sha256.sigstore_name(),
            digest: Base64(payload),
        };
        let spec = Spec::Dsse {
            payload_hash,
            signatures,
        };
        Self::new("dsse", spec)
    }

    fn new(kind: &'static str, spec: Spec<'_>) -> Result<Self, RequestError> {
        let body = Body {
            api_version: "0.0.2",
            kind,
            spec,
        };
        let body = serde_json::to_vec(&body).map_err(|_| RequestError::Malformed)?;
        if body.len() > limits::LOG_LEAF_BYTES {
            return Err(RequestError::TooLarge);
        }
        Ok(Self { kind, body })
    }
}

/// What verifies a signature, in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verifier<'a> {
    PublicKey(&'a [u8]),
    Certificate(&'a [u8]),
}

/// A signature and what verifies it.
#[derive(Serialize)]
pub(super) struct Signature<'a> {
    content: Base64<'a>,
    verifier: Shown<'a>,
}

impl<'a> Signature<'a> {
    pub(super) fn new(bytes: &'a [u8], verifier: Verifier<'a>, scheme: Scheme) -> Self {
        let (public_key, certificate) = match verifier {
            Verifier::PublicKey(der) => (Some(der), None),
            Verifier::Certificate(der) => (None, Some(der)),
        };
        let raw = |der| RawBytes {
            raw_bytes: Base64(der),
        };
        Self {
            content: Base64(bytes),
            verifier: Shown {
                key_details: scheme.sigstore_name(),
                public_key: public_key.map(raw),
                certificate: certificate.map(raw),
            },
        }
    }
}

// From here on the order of the fields is that of their names in the JSON.

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    spec: Spec<'a>,
}

#[derive(Serialize)]
enum Spec<'a> {
    #[serde(rename = "dsseV002")]
    Dsse {
        #[serde(rename = "payloadHash")]
        payload_hash: Digest<'a>,
        signatures: Vec<Signature<'a>>,
    },
    #[serde(rename = "hashedRekordV002")]
    HashedRekord {
        data: Digest<'a>,
        signature: Signature<'a>,
    },
}

#[derive(Serialize)]
struct Digest<'a> {
    algorithm: &'static str,
    digest: Base64<'a>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "keyDetails")]
    key_details: &'static str,
    #[serde(rename = "publicKey", skip_serializing_if = "Option::is_none")]
    public_key: Option<RawBytes<'a>>,
    #[serde(rename = "x509Certificate", skip_serializing_if = "Option::is_none")]
    certificate: Option<RawBytes<'a>>,
}

#[derive(Serialize)]
struct RawBytes<'a> {
    #[serde(rename = "rawBytes")]
    raw_bytes: Base64<'a>,
}

/// Bytes, written as standard base64.
pub(super) struct Base64<'a>(pub(super) &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::{display::Base64Display, engine::general_purpose::STANDARD};
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}
