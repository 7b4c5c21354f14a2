//! Whether a log entry is about this signature: same artifact or payload, same
//! signature, same certificate or key.
//!
//! The class of CVE-2022-36056, GHSA-whqx-f9j3-ch6m (rule R2). Bodies are those
//! of Rekor's types hashedrekord, dsse and intoto, each 0.0.1 and 0.0.2. The
//! envelope hash of dsse 0.0.1 is over JSON that nobody keeps, so payload hash,
//! signature and verifier are compared; intoto 0.0.1 holds no signature, so there
//! the envelope must have been kept byte for byte.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Hash, PublicKey};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Failure,
    bundle::Leaf,
    evidence::{Content, Entry, Envelope, Head, Kind},
    key,
    verify::Artifact,
};

/// Who a signature is by.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    Certificate(&'a Leaf),
    Key(&'a PublicKey),
}

/// Checks that `entry` is about `content` signed by `by`.
///
/// # Errors
/// [`Failure::LogEntryReplaced`], [`Failure::LogEntryMalformed`] or
/// [`Failure::ArtifactForm`].
pub(super) fn check(
    entry: &Entry<'_>,
    content: &Content<'_>,
    artifact: &Artifact<'_>,
    by: By<'_>,
) -> Result<(), Failure> {
    match (entry.kind, content) {
        (Kind::HashedRekord1, _) => {
            let body: HashedRekord1 = read(entry)?;
            let logged = Logged::hex(&body.data.hash)?;
            hashed(&logged, content, artifact)?;
            same_signature(&base64(&body.signature.content)?, content)?;
            same_pem(&base64(&body.signature.public_key.content)?, by)
        }
        (Kind::HashedRekord2, _) => {
            let body: HashedRekord2 = read(entry)?;
            let rekord = body.hashed_rekord;
            let logged = Logged::base64(&rekord.data)?;
            hashed(&logged, content, artifact)?;
            same_signature(&base64(&rekord.signature.content)?, content)?;
            same_verifier(&rekord.signature.verifier, by)
        }
        (Kind::Dsse1, Content::Envelope(envelope)) => {
            let body: Dsse1 = read(entry)?;
            hashed_bytes(
                &Logged::hex(&body.payload_hash)?,
                envelope.payload,
                "payload",
            )?;
            let [logged] = body.signatures.as_slice() else {
                return Err(replaced("it has not exactly one signature"));
            };
            same_signature(&base64(&logged.signature)?, content)?;
            same_pem(&base64(&logged.verifier)?, by)
        }
        (Kind::Dsse2, Content::Envelope(envelope)) => {
            let body: Dsse2 = read(entry)?;
            let body = body.dsse;
            hashed_bytes(
                &Logged::base64(&body.payload_hash)?,
                envelope.payload,
                "payload",
            )?;
            let [logged] = body.signatures.as_slice() else {
                return Err(replaced("it has not exactly one signature"));
            };
            same_signature(&base64(&logged.content)?, content)?;
            same_verifier(&logged.verifier, by)
        }
        (Kind::Intoto2, Content::Envelope(envelope)) => {
            intoto2(&read(entry)?, envelope, content, by)
        }
        (Kind::Intoto1, Content::Envelope(envelope)) => intoto1(&read(entry)?, envelope, by),
        (kind, Content::Message { .. }) => Err(replaced(&format!(
            "a {} entry is not about a plain signature",
            kind.names().0
        ))),
    }
}

fn intoto2(
    body: &Intoto2,
    envelope: &Envelope<'_>,
    content: &Content<'_>,
    by: By<'_>,
) -> Result<(), Failure> {
    let logged = &body.content;
    hashed_bytes(
        &Logged::hex(&logged.payload_hash)?,
        envelope.payload,
        "payload",
    )?;
    if logged.envelope.payload_type != envelope.payload_type {
        return Err(replaced("its payload is of another type"));
    }
    let [signature] = logged.envelope.signatures.as_slice() else {
        return Err(replaced("it has not exactly one signature"));
    };
    // Rekor holds the base64 of the base64.
    let inner = base64(&signature.sig)?;
    let inner = STANDARD
        .decode(inner)
        .map_err(|_| malformed("its signature is no base64"))?;
    same_signature(&inner, content)?;
    same_pem(&base64(&signature.public_key)?, by)
}

fn intoto1(body: &Intoto1, envelope: &Envelope<'_>, by: By<'_>) -> Result<(), Failure> {
    let original = envelope.original.ok_or_else(|| Failure::Unsupported {
        detail: "an intoto 0.0.1 entry is about an envelope's bytes, which this form does not keep"
            .into(),
    })?;
    hashed_bytes(&Logged::hex(&body.content.hash)?, original, "envelope")?;
    if let Some(hash) = &body.content.payload_hash {
        hashed_bytes(&Logged::hex(hash)?, envelope.payload, "payload")?;
    }
    same_pem(&base64(&body.public_key)?, by)
}

/// A digest in a body.
struct Logged {
    hash: Hash,
    value: Vec<u8>,
}

impl Logged {
    fn hex(wire: &HexHash) -> Result<Self, Failure> {
        Ok(Self {
            hash: hash_named(&wire.algorithm)?,
            value: hex::decode(&wire.value).map_err(|_| malformed("its digest is no hex"))?,
        })
    }

    fn base64(wire: &Data2) -> Result<Self, Failure> {
        Ok(Self {
            hash: hash_named(&wire.algorithm)?,
            value: base64(&wire.digest)?,
        })
    }
}

/// The digest of the artifact, or of an envelope's signed bytes.
fn hashed(logged: &Logged, content: &Content<'_>, artifact: &Artifact<'_>) -> Result<(), Failure> {
    let (found, what) = match content {
        Content::Message { .. } => (key::digest(artifact, logged.hash)?, "artifact"),
        Content::Envelope(envelope) => {
            let signed = envelope.pre_authentication();
            (logged.hash.digest(&signed), "envelope")
        }
    };
    same(found == logged.value, what)
}

fn hashed_bytes(logged: &Logged, bytes: &[u8], what: &'static str) -> Result<(), Failure> {
    same(logged.hash.digest(bytes) == logged.value, what)
}

fn same_signature(logged: &[u8], content: &Content<'_>) -> Result<(), Failure> {
    same(logged == content.signature(), "signature")
}

/// A certificate or a key in PEM, as version 1 holds it. Of a logged chain the
/// first certificate is the signer's.
fn same_pem(logged: &[u8], by: By<'_>) -> Result<(), Failure> {
    let text = std::str::from_utf8(logged).map_err(|_| malformed("its key is no text"))?;
    let certificate = pem(text, "CERTIFICATE")?;
    match (by, certificate) {
        (By::Certificate(leaf), Some(der)) => same(der == leaf.der, "certificate"),
        // A certificate's own key, logged bare, says nothing about the certificate.
        (By::Certificate(_), None) => Err(replaced("it is by a bare key")),
        (By::Key(key), Some(der)) => {
            let logged = Leaf::read(&der).and_then(|leaf| leaf.public_key());
            let logged = logged.map_err(|_| malformed("its certificate cannot be used"))?;
            same(logged.spki_der() == key.spki_der(), "key")
        }
        (By::Key(key), None) => {
            let logged = pem(text, "PUBLIC KEY")?.ok_or_else(|| malformed("its key is no PEM"))?;
            same(logged == key.spki_der(), "key")
        }
    }
}

/// The first block of that label. Lines may be of any length: some signers write
/// one only, and the comparison is of what they hold.
fn pem(text: &str, label: &str) -> Result<Option<Vec<u8>>, Failure> {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let Some((_, rest)) = text.split_once(&begin) else {
        return Ok(None);
    };
    let (block, _) = rest
        .split_once(&end)
        .ok_or_else(|| malformed("its PEM has no end"))?;
    let lines: String = block.split_ascii_whitespace().collect();
    base64(&lines).map(Some)
}

fn same_verifier(logged: &Verifier, by: By<'_>) -> Result<(), Failure> {
    match (by, &logged.x509_certificate, &logged.public_key) {
        (By::Certificate(leaf), Some(certificate), None) => {
            same(base64(&certificate.raw_bytes)? == leaf.der, "certificate")
        }
        (By::Key(key), None, Some(logged)) => {
            same(base64(&logged.raw_bytes)? == key.spki_der(), "key")
        }
        (By::Certificate(_), ..) => Err(replaced("it is by a bare key")),
        (By::Key(_), ..) => Err(replaced("it is by a certificate")),
    }
}

fn same(same: bool, what: &str) -> Result<(), Failure> {
    if same {
        Ok(())
    } else {
        Err(replaced(&format!("its {what} is another")))
    }
}

fn replaced(detail: &str) -> Failure {
    Failure::LogEntryReplaced {
        detail: detail.to_owned(),
    }
}

fn malformed(detail: &str) -> Failure {
    Failure::LogEntryMalformed {
        detail: detail.to_owned(),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, Failure> {
    STANDARD
        .decode(text)
        .map_err(|_| malformed("a part of it is no base64"))
}

fn hash_named(name: &str) -> Result<Hash, Failure> {
    match name {
        "sha256" | "SHA2_256" => Ok(Hash::Sha256),
        "sha384" | "SHA2_384" => Ok(Hash::Sha384),
        "sha512" | "SHA2_512" => Ok(Hash::Sha512),
        other => Err(malformed(&format!("its digest is {other:?}"))),
    }
}

/// The `spec` of a body whose own kind and version are those of the entry.
fn read<T: DeserializeOwned>(entry: &Entry<'_>) -> Result<T, Failure> {
    let unreadable = |error: serde_json::Error| malformed(&error.to_string());
    let head: Head = serde_json::from_slice(entry.body).map_err(unreadable)?;
    if head.kind() != Some(entry.kind) {
        return Err(malformed(&format!(
            "its body is a {}, not what the entry says",
            head.text()
        )));
    }
    let body: Body<T> = serde_json::from_slice(entry.body).map_err(unreadable)?;
    Ok(body.spec)
}

#[derive(Deserialize)]
struct Body<T> {
    spec: T,
}

#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct HashedRekord1 {
    data: HexData,
    signature: PemSignature,
}

#[derive(Deserialize)]
struct HexData {
    hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PemSignature {
    content: String,
    public_key: PemContent,
}

#[derive(Deserialize)]
struct PemContent {
    content: String,
}

#[derive(Deserialize)]
struct HashedRekord2 {
    #[serde(rename = "hashedRekordV002")]
    hashed_rekord: Rekord2,
}

#[derive(Deserialize)]
struct Rekord2 {
    data: Data2,
    signature: Signature2,
}

#[derive(Deserialize)]
struct Dsse2 {
    #[serde(rename = "dsseV002")]
    dsse: Envelope2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope2 {
    payload_hash: Data2,
    signatures: Vec<Signature2>,
}

#[derive(Deserialize)]
struct Data2 {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct Signature2 {
    content: String,
    verifier: Verifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    x509_certificate: Option<Raw>,
    public_key: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse1 {
    payload_hash: HexHash,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

#[derive(Deserialize)]
struct Intoto2 {
    content: Intoto2Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto2Content {
    envelope: Intoto2Envelope,
    payload_hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto2Envelope {
    payload_type: String,
    signatures: Vec<Intoto2Signature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto2Signature {
    sig: String,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto1 {
    content: Intoto1Content,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto1Content {
    hash: HexHash,
    payload_hash: Option<HexHash>,
}
