//! Issuers of others, with pinned keys, and what the certificate authority says
//! about their tokens.

use std::{cell::RefCell, collections::BTreeMap, fs, io::Write, path::Path, sync::Once};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bulla_authority::{Authority, AuthorityConfig, AuthorityError};
use bulla_crypto::{
    Scheme, SigningKey,
    x509::{Certificate, parse_pem_chain},
};
use serde_json::{Value, json};

use crate::client::{Answer, open_as, post_json, signing_request};

/// An issuer's key, which signs with RS256 or EdDSA.
pub(crate) struct Upstream {
    key: SigningKey,
    algorithm: &'static str,
}

impl Upstream {
    pub(crate) fn rsa() -> Self {
        let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
        let algorithm = "RS256";
        Self { key, algorithm }
    }

    pub(crate) fn ed25519() -> Self {
        let key = SigningKey::generate(Scheme::Ed25519).unwrap();
        let algorithm = "EdDSA";
        Self { key, algorithm }
    }

    pub(crate) fn jwks(&self) -> String {
        let raw = self.key.public().raw();
        let mut key = match self.algorithm {
            // RSAPublicKey of 2048 bits ends in the exponent, INTEGER 65537.
            "RS256" => json!({
                "kty": "RSA", "e": "AQAB",
                "n": URL_SAFE_NO_PAD.encode(&raw[raw.len() - 5 - 256..raw.len() - 5]),
            }),
            _ => json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(raw)}),
        };
        key["kid"] = json!("upstream");
        key["use"] = json!("sig");
        json!({"keys": [key]}).to_string()
    }

    /// A token for `sigstore` that holds now, with these claims changed or added.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut all = json!({"aud": "sigstore", "iat": now, "nbf": now, "exp": now + 600});
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let header = json!({"alg": self.algorithm, "kid": "upstream", "typ": "JWT"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&all));
        let signature = self.key.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An instance that knows the issuers of `file`, all with keys of `upstream`.
pub(crate) async fn open_with(
    dir: &Path,
    file: &str,
    pinned: &[&str],
    upstream: &Upstream,
) -> Result<Authority, AuthorityError> {
    open_at(dir, 4321, file, pinned, upstream).await
}

/// The same at a port.
pub(crate) async fn open_at(
    dir: &Path,
    port: u16,
    file: &str,
    pinned: &[&str],
    upstream: &Upstream,
) -> Result<Authority, AuthorityError> {
    let issuers = dir.join("issuers.yaml");
    fs::write(&issuers, file).unwrap();
    let jwks = dir.join("jwks.json");
    fs::write(&jwks, upstream.jwks()).unwrap();
    let mut config = AuthorityConfig::loopback(port);
    config.ca.issuers = Some(issuers);
    for issuer in pinned {
        let options = bulla_authority::ca::issuer::IssuerOptions {
            jwks_file: Some(jwks.clone()),
            ..Default::default()
        };
        config.ca.issuer.insert((*issuer).to_owned(), options);
    }
    open_as(&dir.join("data"), config).await
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(Scheme::EcdsaP256).unwrap()
}

/// Asks for a certificate with a proof over `challenge`.
pub(crate) async fn ask(authority: &Authority, token: &str, challenge: &str) -> Answer {
    let request = signing_request(&key(), token, challenge);
    post_json(authority, "/api/v2/signingCert", &request).await
}

/// The leaf of a granted answer.
pub(crate) fn leaf(answer: &Answer) -> Certificate {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let chain = &answer.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"];
    parse_pem_chain(chain[0].as_str().unwrap().as_bytes())
        .unwrap()
        .remove(0)
}

/// A certificate's extensions of 57264.1 as text, by number.
pub(crate) fn extensions(leaf: &Certificate) -> BTreeMap<u8, String> {
    let list = leaf.parsed().tbs_certificate.extensions.as_ref().unwrap();
    let read = |extension: &x509_cert::ext::Extension| {
        let oid = extension.extn_id.to_string();
        let number: u8 = oid.strip_prefix("1.3.6.1.4.1.57264.1.")?.parse().ok()?;
        let value = extension.extn_value.as_bytes();
        let text = match number {
            1..=6 => String::from_utf8(value.to_vec()).unwrap(),
            _ => <String as der::Decode>::from_der(value).unwrap(),
        };
        Some((number, text))
    };
    list.iter().filter_map(read).collect()
}

/// A certificate's one name, as the bytes of its extension end.
pub(crate) fn has_name(leaf: &Certificate, name: &str) -> bool {
    let list = leaf.parsed().tbs_certificate.extensions.as_ref().unwrap();
    let names = list.iter().find(|e| e.extn_id.to_string() == "2.5.29.17");
    names.is_some_and(|san| san.critical && san.extn_value.as_bytes().ends_with(name.as_bytes()))
}

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Audit lines of this thread, where a test and all that it asks for run. One
/// subscriber for the process: those of single threads race for the callsites.
pub(crate) struct Audit;

impl Audit {
    pub(crate) fn start() -> Self {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            tracing_subscriber::fmt()
                .with_env_filter("audit=info")
                .with_ansi(false)
                .with_writer(|| Self)
                .init();
        });
        LINES.take();
        Self
    }

    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        let text = String::from_utf8(LINES.take()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Audit {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes as DER of that tag.
pub(crate) fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = match body.len() {
        short @ 0..=0x7f => vec![short as u8],
        middle @ 0x80..=0xff => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], length.as_slice(), body].concat()
}

/// A SubjectPublicKeyInfo in PEM, of any algorithm and key.
pub(crate) fn spki_pem(algorithm: &[u8], key: &[u8]) -> String {
    let bits = [&[0], key].concat();
    let body = [tlv(0x30, algorithm), tlv(0x03, &bits)].concat();
    let base64 = STANDARD.encode(tlv(0x30, &body));
    format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n")
}
