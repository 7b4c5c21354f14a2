//! What a logged entry says of itself: who signed, under which key, over which
//! digests. Read from what the log stores, of every kind of its three trees.
//!
//! For search and monitor alike. It is lenient where a log is: an entry that
//! cannot be described is kept as one without names, never an error that would
//! stop whoever reads the log on.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_crypto::{ct_leaf::parse_tile_leaf, x509};
use bulla_trust::sigstore::{CertificateClaims, Claim};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use x509_cert::ext::pkix::{SubjectAltName, name::GeneralName};

/// Signers of one entry that are looked at.
const MAX_SIGNERS: usize = 8;
/// Names of one certificate that are looked at.
const MAX_NAMES: usize = 16;

/// How a log's stored entries are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Rekor v1 as it is stored here: time, body, subjects.
    V1,
    /// Rekor v2: the body.
    V2,
    /// A certificate transparency log: the leaf of a data tile.
    Ct,
}

/// What an entry says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// `hashedrekord`, `dsse`, `intoto`, `rfc3161`, `certificate`; empty if unknown.
    pub kind: String,
    /// Who signed, or whom a logged certificate names.
    pub signers: Vec<Signer>,
    /// `algorithm:hex` of artifact, payload, envelope, or what a statement is about.
    pub digests: Vec<String>,
    /// Seconds since 1970, where the log says when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
}

/// Who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Signer {
    /// SHA-256 of the key (DER SubjectPublicKeyInfo), in hex.
    pub key: String,
    /// The names of the certificate; none for a bare key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The OIDC issuer that vouched for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

impl Described {
    /// Reads what a log of that format stores.
    pub fn read(format: Format, stored: &[u8]) -> Self {
        let described = match format {
            Format::V1 => Self::read_v1(stored),
            Format::V2 => Self::of_body(stored),
            Format::Ct => Self::read_ct(stored),
        };
        described.unwrap_or_default()
    }

    fn read_v1(stored: &[u8]) -> Option<Self> {
        let parts = StoredV1::parse(stored)?;
        let mut described = Self::of_body(parts.body)?;
        described.time = Some(parts.time);
        described
            .digests
            .extend(parts.subjects().map(str::to_owned));
        Some(described)
    }

    fn read_ct(stored: &[u8]) -> Option<Self> {
        let (leaf, _) = parse_tile_leaf(stored).ok()?;
        Some(Self {
            kind: "certificate".into(),
            signers: Signer::of_certificate(leaf.entry.certificate())
                .into_iter()
                .collect(),
            digests: Vec::new(),
            time: Some(leaf.timestamp_ms / 1000),
        })
    }

    fn of_body(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let kind = body.get("kind")?.as_str()?;
        let version = body.get("apiVersion")?.as_str()?;
        let spec = body.get("spec")?;
        let (signers, digests) = match (kind, version) {
            ("hashedrekord", "0.0.1") => (
                vec![Signer::of_pem(spec.pointer("/signature/publicKey/content"))],
                vec![hex_digest(spec.pointer("/data/hash"))],
            ),
            ("dsse", "0.0.1") => (
                each(spec.get("signatures"), |one| {
                    Signer::of_pem(one.get("verifier"))
                }),
                vec![
                    hex_digest(spec.get("payloadHash")),
                    hex_digest(spec.get("envelopeHash")),
                ],
            ),
            ("intoto", "0.0.1") => (
                vec![Signer::of_pem(spec.get("publicKey"))],
                vec![
                    hex_digest(spec.pointer("/content/payloadHash")),
                    hex_digest(spec.pointer("/content/hash")),
                ],
            ),
            ("intoto", "0.0.2") => (
                each(spec.pointer("/content/envelope/signatures"), |one| {
                    Signer::of_pem(one.get("publicKey"))
                }),
                vec![
                    hex_digest(spec.pointer("/content/payloadHash")),
                    hex_digest(spec.pointer("/content/hash")),
                ],
            ),
            ("rfc3161", "0.0.1") => {
                let reply = bytes(spec.pointer("/tsr/content"));
                let digest = reply.map(|reply| format!("sha256:{}", Digest::sha256(&reply).hex()));
                (Vec::new(), vec![digest])
            }
            ("hashedrekord", "0.0.2") => {
                let spec = spec.get("hashedRekordV002")?;
                (
                    vec![Signer::of_verifier(spec.pointer("/signature/verifier"))],
                    vec![named_digest(spec.get("data"))],
                )
            }
            ("dsse", "0.0.2") => {
                let spec = spec.get("dsseV002")?;
                (
                    each(spec.get("signatures"), |one| {
                        Signer::of_verifier(one.get("verifier"))
                    }),
                    vec![named_digest(spec.get("payloadHash"))],
                )
            }
            _ => (Vec::new(), Vec::new()),
        };
        Some(Self {
            kind: kind.to_owned(),
            signers: signers.into_iter().flatten().collect(),
            digests: digests.into_iter().flatten().collect(),
            time: None,
        })
    }
}

/// What the v1 tree stores of an entry: its time, the leaf, and beside the leaf
/// what its statement is about.
pub(crate) struct StoredV1<'a> {
    pub(crate) time: u64,
    pub(crate) body: &'a [u8],
    subjects: &'a str,
}

impl<'a> StoredV1<'a> {
    /// The bytes of an entry that was logged at `seconds` since 1970.
    pub(crate) fn encode(seconds: u64, body: &[u8], subjects: &[String]) -> Vec<u8> {
        let mut out = seconds.to_be_bytes().to_vec();
        out.extend_from_slice(body);
        if !subjects.is_empty() {
            // Canonical JSON has no newline outside its strings, nor inside.
            out.push(b'\n');
            out.extend_from_slice(subjects.join("\n").as_bytes());
        }
        out
    }

    pub(crate) fn parse(stored: &'a [u8]) -> Option<Self> {
        let (time, rest) = stored.split_first_chunk()?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (body, subjects) = match end {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
            None => (rest, &[][..]),
        };
        Some(Self {
            time: u64::from_be_bytes(*time),
            body,
            subjects: std::str::from_utf8(subjects).ok()?,
        })
    }

    pub(crate) fn subjects(&self) -> impl Iterator<Item = &'a str> {
        self.subjects.split('\n').filter(|one| !one.is_empty())
    }
}

impl Signer {
    /// Whom a DER certificate names, and by which issuer.
    pub(crate) fn of_certificate(der: &[u8]) -> Option<Self> {
        let certificate = x509::parse_certificate(der).ok()?;
        let parsed = certificate.parsed();
        let claims = CertificateClaims::from_certificate(parsed).unwrap_or_default();
        let names = parsed.tbs_certificate.get::<SubjectAltName>();
        let names = names.ok().flatten().map(|(_, names)| names.0);
        let name = |name: &GeneralName| match name {
            GeneralName::Rfc822Name(email) => Some(email.as_str().to_owned()),
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
            GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
            GeneralName::OtherName(other) => other
                .value
                .decode_as::<der::asn1::Utf8StringRef<'_>>()
                .ok()
                .map(|text| text.as_str().to_owned()),
            _ => None,
        };
        Some(Self {
            key: Digest::sha256(&certificate.spki_der().ok()?)
                .hex()
                .to_owned(),
            names: names
                .iter()
                .flatten()
                .take(MAX_NAMES)
                .filter_map(name)
                .collect(),
            issuer: claims
                .get(Claim::Issuer)
                .or_else(|| claims.get(Claim::IssuerV1))
                .map(str::to_owned),
        })
    }

    fn of_key(spki: &[u8]) -> Self {
        Self {
            key: Digest::sha256(spki).hex().to_owned(),
            ..Self::default()
        }
    }

    /// Base64 of PEM, as Rekor v1 has it.
    fn of_pem(value: Option<&Value>) -> Option<Self> {
        let (_, der) = der::pem::decode_vec(first_block(&bytes(value)?)?).ok()?;
        Self::of_certificate(&der).or_else(|| Some(Self::of_key(&der)))
    }

    /// `{x509Certificate | publicKey: {rawBytes}}`, as Rekor v2 has it.
    fn of_verifier(value: Option<&Value>) -> Option<Self> {
        let value = value?;
        if let Some(der) = bytes(value.pointer("/x509Certificate/rawBytes")) {
            return Self::of_certificate(&der);
        }
        bytes(value.pointer("/publicKey/rawBytes")).map(|der| Self::of_key(&der))
    }
}

/// The first PEM block: a chain may follow it.
fn first_block(pem: &[u8]) -> Option<&[u8]> {
    let end = b"-----END ";
    let start = pem.windows(end.len()).position(|window| window == end)?;
    let rest = pem.get(start + end.len()..)?;
    let close = rest.windows(5).position(|window| window == b"-----")?;
    pem.get(..start + end.len() + close + 5)
}

fn each(list: Option<&Value>, read: impl Fn(&Value) -> Option<Signer>) -> Vec<Option<Signer>> {
    let list = list.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .take(MAX_SIGNERS)
        .map(read)
        .collect()
}

fn bytes(value: Option<&Value>) -> Option<Vec<u8>> {
    STANDARD.decode(value?.as_str()?).ok()
}

fn hex_digest(value: Option<&Value>) -> Option<String> {
    let value = value?;
    let (algorithm, hex) = (value.get("algorithm")?, value.get("value")?);
    Some(format!("{}:{}", algorithm.as_str()?, hex.as_str()?))
}

/// `{algorithm: SHA2_256, digest: base64}`
fn named_digest(value: Option<&Value>) -> Option<String> {
    let value = value?;
    let algorithm = match value.get("algorithm")?.as_str()? {
        "SHA2_256" => "sha256",
        "SHA2_384" => "sha384",
        "SHA2_512" => "sha512",
        _ => return None,
    };
    let digest = hex::encode(bytes(value.get("digest"))?);
    Some(format!("{algorithm}:{digest}"))
}
