//! Good request bodies of the authority's services: seeds that reach what lies
//! behind the outermost parser. Made from the kept world, so that signatures hold.

use crate::{ARTIFACT, ENVELOPE_PAYLOAD, fact, fact_bytes, kept};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_crypto::{
    PublicKey,
    verifier_key::{Kind, VerifierKey},
};
use serde_json::{Value, json};

/// Named seeds.
pub type Seeds = Vec<(&'static str, Vec<u8>)>;

/// A PKCS #10 request for a key that nobody has.
const REQUEST: &str = "\
-----BEGIN CERTIFICATE REQUEST-----
MIG6MGICAQAwADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBW3lquZdzuVA0Y3
eqTlr45aNQJsdBCPhCzvdWPdXhVC/dgsCuF3bi+K0OrxWn4XRc+v730p8WzFMXbb
15c3n4ygADAKBggqhkjOPQQDAgNIADBFAiA8No5nVSGIk+LXbhwB2Xd3KGs10CAp
6hy+7RItES8PAAIhAMVkk61DSBkRzZy7c66RaMQZdp+Lz3eZ0OdxP5RuVpyf
-----END CERTIFICATE REQUEST-----
";

/// Queries of openssl: SHA-256 with nonce and certReq, SHA-384 with neither.
const QUERIES: [(&str, &str); 2] = [
    (
        "sha256",
        "30440201013031300d0609608648016503040201050004205b3513f580c8397212ff2c8f459c199efc0c90e4354a5f3533adf0a3fff3a530020900ffa246a1d539d0260101ff",
    ),
    (
        "sha384",
        "30460201013041300d0609608648016503040202050004307b2254e707a69dee47535ce40facfaf8a126e9fa59d3352107849e7155b53a8dfc688dfb0b4cea33674b24fdd310a9b7",
    ),
];

/// Rekor v1: every kind and version that is taken.
pub fn log_v1() -> Seeds {
    let envelope = &kept().facts["envelope"];
    let key = STANDARD.encode(envelope_key());
    let twice = |value: &Value| STANDARD.encode(text(value));
    let proposed = |kind: &str, version: &str, spec: Value| {
        json!({"kind": kind, "apiVersion": version, "spec": spec})
            .to_string()
            .into_bytes()
    };
    let signed = json!({
        "payloadType": envelope["payloadType"],
        "payload": twice(&envelope["payload"]),
        "signatures": [{"publicKey": key, "sig": twice(&envelope["signatures"][0]["sig"])}],
    });
    vec![
        (
            "hashedrekord",
            proposed(
                "hashedrekord",
                "0.0.1",
                json!({
                    "data": {"hash": {"algorithm": "sha256", "value": hex::encode(digest())}},
                    "signature": {
                        "content": blob("/messageSignature/signature"),
                        "publicKey": {"content": STANDARD.encode(leaf_pem())},
                    },
                }),
            ),
        ),
        (
            "dsse",
            proposed(
                "dsse",
                "0.0.1",
                json!({"proposedContent": {"envelope": envelope.to_string(), "verifiers": [key]}}),
            ),
        ),
        (
            "intoto-1",
            proposed(
                "intoto",
                "0.0.1",
                json!({"content": {"envelope": envelope.to_string()}, "publicKey": key}),
            ),
        ),
        (
            "intoto-2",
            proposed(
                "intoto",
                "0.0.2",
                json!({"content": {
                    "envelope": signed,
                    "hash": {"algorithm": "sha256", "value": hex::encode(digest())},
                    "payloadHash": {
                        "algorithm": "sha256",
                        "value": hex::encode(Digest::sha256(ENVELOPE_PAYLOAD).bytes()),
                    },
                }}),
            ),
        ),
        (
            "rfc3161",
            proposed("rfc3161", "0.0.1", json!({"tsr": {"content": stamp()}})),
        ),
    ]
}

/// Rekor v2: both kinds.
pub fn log_v2() -> Seeds {
    let certificate = json!({
        "x509Certificate": {"rawBytes": STANDARD.encode(fact_bytes("leaf"))},
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
    });
    let key = json!({
        "publicKey": {"rawBytes": STANDARD.encode(fact_bytes("envelopeKey"))},
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
    });
    let hashedrekord = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(digest()),
        "signature": {
            "content": blob("/messageSignature/signature"),
            "verifier": certificate,
        },
    }});
    let dsse = json!({"dsseRequestV002": {
        "envelope": kept().facts["envelope"], "verifiers": [key],
    }});
    vec![
        ("hashedrekord", hashedrekord.to_string().into_bytes()),
        ("dsse", dsse.to_string().into_bytes()),
    ]
}

/// `signingCert` of Fulcio: a key with a proof, a PKCS #10 request, and API v1.
pub fn signing() -> Seeds {
    let proof = text(&kept().facts["envelope"]["signatures"][0]["sig"]);
    let challenge = json!({
        "credentials": {"oidcIdentityToken": "a.b.c"},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": envelope_key()},
            "proofOfPossession": proof,
        },
    });
    let request = json!({"certificateSigningRequest": STANDARD.encode(REQUEST)});
    let legacy = json!({
        "publicKey": {"content": STANDARD.encode(envelope_key()), "algorithm": "ecdsa"},
        "signedEmailAddress": proof,
        "certificateSigningRequest": null,
    });
    vec![
        ("key", challenge.to_string().into_bytes()),
        ("request", request.to_string().into_bytes()),
        ("v1", legacy.to_string().into_bytes()),
    ]
}

/// `timestamp` in DER and JSON.
///
/// # Panics
/// Never: the constants are hex.
pub fn timestamps() -> Seeds {
    let mut seeds: Seeds = QUERIES
        .iter()
        .map(|(name, query)| (*name, hex::decode(query).expect("hex")))
        .collect();
    let json = json!({
        "artifactHash": STANDARD.encode(digest()), "hashAlgorithm": "sha256",
        "nonce": 7, "certificates": true,
    });
    seeds.push(("json", json.to_string().into_bytes()));
    seeds
}

/// A PKCS #10 request.
pub fn certificate_request() -> Seeds {
    vec![("ec", REQUEST.as_bytes().to_vec())]
}

/// Forms of OAuth: a login, a code, a device, an exchange of tokens.
pub fn forms() -> Seeds {
    let login = "response_type=code&client_id=sigstore&scope=openid+email&state=s&nonce=n\
        &redirect_uri=http%3A%2F%2Flocalhost%3A4711%2Fauth%2Fcallback\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let code = "grant_type=authorization_code&code=c&code_verifier=v&client_id=sigstore\
        &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F";
    let device = "client_id=sigstore&scope=openid&device_code=d\
        &grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
        &subject_token=a.b.c&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt";
    [
        ("login", login),
        ("code", code),
        ("device", device),
        ("exchange", exchange),
    ]
    .map(|(name, form)| (name, form.as_bytes().to_vec()))
    .to_vec()
}

/// Issuer files as Fulcio's, in YAML and JSON.
pub fn issuer_files() -> Seeds {
    let yaml = "\
oidc-issuers:
  https://accounts.example:
    issuer-url: https://accounts.example
    client-id: sigstore
    type: email
  https://ci.example:
    issuer-url: https://ci.example
    client-id: sigstore
    type: ci-provider
    ci-provider: ci
meta-issuers:
  https://oidc.eks.*.amazonaws.com/id/*:
    client-id: sigstore
    type: kubernetes
ci-issuer-metadata:
  ci:
    default-template-values:
      url: https://ci.example
    extension-templates:
      build-config-uri: '{{ .url }}/{{ .job }}'
    subject-alternative-name-template: '{{ .url }}/{{ .job }}'
";
    let json = json!({"oidc-issuers": {"https://id.example": {
        "issuer-url": "https://id.example", "client-id": "sigstore",
        "type": "uri", "subject-domain": "https://example.com",
    }}});
    vec![
        ("yaml", yaml.as_bytes().to_vec()),
        ("json", json.to_string().into_bytes()),
    ]
}

/// Verifier keys: of logs, of a witness, of a certificate log.
pub fn verifier_keys() -> Seeds {
    let key = |name: &str| PublicKey::from_spki_der(&fact_bytes(name)).expect("kept key");
    let text = |kind, fact: &str| {
        let key = VerifierKey::new("log.world.example", kind, key(fact)).expect("a key of it");
        key.to_string().into_bytes()
    };
    vec![
        ("log", text(Kind::Ed25519, "logKey")),
        ("witness", text(Kind::Cosignature, "logKey")),
        ("old", text(Kind::Ecdsa, "ctKey")),
        ("ct", text(Kind::Rfc6962, "ctKey")),
    ]
}

/// A ceremony's plan.
pub fn ceremony() -> Seeds {
    let role = "version = 2\nthreshold = 2\npeople = [\"dana\", \"erin\"]\n\
        expires = \"2036-01-01T00:00:00Z\"\n";
    let plan = format!(
        "version = 1\ntitle = \"first\"\ncreated = \"2026-01-01T00:00:00Z\"\n\
         instance = \"https://bulla.example\"\nexport = \"sha256:{}\"\n\
         [root]\n{role}[targets]\n{role}[authorities]\nca-holder = \"dana\"\n\
         tsa-holder = \"erin\"\nnot-before = \"2026-02-01T00:00:00Z\"\n\
         root-expires = \"2046-01-01T00:00:00Z\"\nexpires = \"2031-01-01T00:00:00Z\"\n\
         [[person]]\nname = \"dana\"\n[[person]]\nname = \"erin\"\n\
         token = \"pkcs11:token=x;object=y\"\n",
        hex::encode(digest())
    );
    let key = json!({
        "version": 1, "name": "dana", "publicKey": envelope_key(),
        "place": "file",
    });
    vec![
        ("plan", plan.into_bytes()),
        ("key", key.to_string().into_bytes()),
    ]
}

/// What a log is asked: Rekor's two bodies, and query strings of our own.
pub fn log_queries() -> Seeds {
    let index = json!({
        "email": "dana@world.example", "hash": format!("sha256:{}", hex::encode(digest())),
        "publicKey": {"format": "x509", "content": STANDARD.encode(envelope_key())},
        "operator": "and",
    });
    let retrieve = json!({
        "entryUUIDs": ["00".repeat(40)], "logIndexes": [0, 7], "entries": null,
    });
    let search = format!(
        "log=ct&name=dana%40world.example&digest=sha256:{}&any=true&limit=5",
        hex::encode(digest())
    );
    vec![
        ("index", index.to_string().into_bytes()),
        ("retrieve", retrieve.to_string().into_bytes()),
        ("search", search.into_bytes()),
    ]
}

/// `add-checkpoint` of a witness: a first one, and one with a proof.
pub fn add_checkpoint() -> Seeds {
    let note = fact("/note");
    let hash = STANDARD.encode([3; 32]);
    vec![
        ("first", format!("old 0\n\n{note}").into_bytes()),
        (
            "proof",
            format!("old 5\n{hash}\n{hash}\n\n{note}").into_bytes(),
        ),
    ]
}

/// `add-pre-chain` of a certificate log.
pub fn chains() -> Seeds {
    let chain = ["leaf", "intermediate"].map(|name| STANDARD.encode(fact_bytes(name)));
    vec![("chain", json!({"chain": chain}).to_string().into_bytes())]
}

/// Lists of revocations: bare, and a bundle that holds another statement.
pub fn revocations() -> Seeds {
    let digest = format!("sha256:{}", hex::encode(digest()));
    let entry = |target: Value| {
        json!({
            "target": target, "from": "2026-01-01T00:00:00Z", "listed": "2026-01-02T00:00:00Z",
            "reason": "laptop stolen",
        })
    };
    let list = json!({
        "version": 1, "number": 7, "issued": "2026-01-02T00:00:00Z",
        "nextUpdate": "2026-01-09T00:00:00Z",
        "entries": [
            entry(json!({"identity": {"issuer": "https://id.example", "subject": "dana"}})),
            entry(json!({"key": digest})),
            entry(json!({"digest": digest})),
        ],
    });
    let bundle = kept().facts["attestation"].to_string();
    vec![
        ("list", list.to_string().into_bytes()),
        ("bundle", bundle.into_bytes()),
    ]
}

/// SHA-256 of what is signed.
fn digest() -> Vec<u8> {
    Digest::sha256(ARTIFACT).bytes()
}

/// A text of the kept bundle.
fn blob(pointer: &str) -> &'static str {
    fact(&format!("/blob{pointer}"))
}

fn stamp() -> &'static str {
    blob("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp")
}

fn envelope_key() -> String {
    let key = PublicKey::from_spki_der(&fact_bytes("envelopeKey"));
    key.expect("kept key").to_pem()
}

fn leaf_pem() -> String {
    let lines: Vec<String> = STANDARD
        .encode(fact_bytes("leaf"))
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
