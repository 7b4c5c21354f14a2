//! Certificates for tokens of other issuers, and refusals in Fulcio's words.

use axum::{
    body::Body,
    http::{Request, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::Authority;
use bulla_crypto::{Scheme, SigningKey};
use der::{Decode as _, Encode as _};
use serde_json::{Value, json};

use crate::{
    client::{EMAIL, HOST, get, post_json, send, signing_request},
    upstream::{Audit, Upstream, ask, extensions, has_name, key, leaf, open_with, spki_pem, tlv},
};

const TOKEN: &str = "There was an error processing the identity token";
const POSSESSION: &str = "The signature supplied in the request could not be verified";
const PUBLIC_KEY: &str = "The public key supplied in the request could not be parsed";
const INSECURE: &str = "The public key supplied in the request is insecure";
const REQUEST: &str = "The certificate signing request could not be parsed";

/// A file of the shape of Fulcio's own.
pub(crate) const FILE: &str = r#"
define:
  - &forge-type "forge-workflow"
oidc-issuers:
  https://runs.forge.example:
    issuer-url: https://runs.forge.example
    client-id: sigstore
    type: ci-provider
    ci-provider: *forge-type
    contact: security@forge.example
  https://accounts.example.com:
    issuer-url: https://accounts.example.com
    client-id: sigstore
    type: email
  https://names.example.com:
    issuer-url: https://names.example.com
    client-id: sigstore
    type: username
    subject-domain: example.com
meta-issuers:
  https://runs.forge.example/*:
    client-id: sigstore
    type: ci-provider
    ci-provider: *forge-type
ci-issuer-metadata:
  *forge-type:
    default-template-values:
      url: "https://forge.example"
      environment: ""
    extension-templates:
      github-workflow-trigger: "event_name"
      github-workflow-sha: "sha"
      github-workflow-name: "workflow"
      github-workflow-repository: "repository"
      github-workflow-ref: "ref"
      build-signer-uri: "{{ .url }}/{{ .job_workflow_ref }}"
      build-signer-digest: "job_workflow_sha"
      runner-environment: "runner_environment"
      source-repository-uri: "{{ .url }}/{{ .repository }}"
      source-repository-digest: "sha"
      source-repository-ref: "ref"
      source-repository-identifier: "repository_id"
      source-repository-owner-uri: "{{ .url }}/{{ .repository_owner }}"
      source-repository-owner-identifier: "repository_owner_id"
      build-config-uri: "{{ .url }}/{{ .workflow_ref }}"
      build-config-digest: "workflow_sha"
      build-trigger: "event_name"
      run-invocation-uri: "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}"
      source-repository-visibility-at-signing: "repository_visibility"
      deployment-environment: "environment"
      subject: "sub"
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
"#;
pub(crate) const PINNED: [&str; 4] = [
    "https://runs.forge.example",
    "https://runs.forge.example/*",
    "https://accounts.example.com",
    "https://names.example.com",
];
pub(crate) const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";

pub(crate) fn run() -> Value {
    json!({
        "iss": "https://runs.forge.example", "sub": SUBJECT,
        "event_name": "push", "sha": "aa11", "workflow": "Build", "repository": "acme/app",
        "ref": "refs/heads/main", "job_workflow_ref": "acme/app/.github/workflows/b.yml@refs/heads/main",
        "job_workflow_sha": "bb22", "runner_environment": "github-hosted",
        "repository_id": 1_000_000_000u64, "repository_owner": "acme", "repository_owner_id": "77",
        "workflow_ref": "acme/app/.github/workflows/a.yml@refs/heads/main", "workflow_sha": "cc33",
        "run_id": "9", "run_attempt": 2, "repository_visibility": "public",
    })
}

async fn open(dir: &std::path::Path, upstream: &Upstream) -> Authority {
    open_with(dir, FILE, &PINNED, upstream).await.unwrap()
}

#[tokio::test]
async fn a_run_gets_every_extension_of_fulcio() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::rsa();
    let authority = open(dir.path(), &upstream).await;
    let answer = ask(&authority, &upstream.token(&run()), SUBJECT).await;
    let certificate = leaf(&answer);
    let name = "https://forge.example/acme/app/.github/workflows/b.yml@refs/heads/main";
    assert!(has_name(&certificate, name));
    let expected = [
        (1, "https://runs.forge.example"),
        (2, "push"),
        (3, "aa11"),
        (4, "Build"),
        (5, "acme/app"),
        (6, "refs/heads/main"),
        (8, "https://runs.forge.example"),
        (9, name),
        (10, "bb22"),
        (11, "github-hosted"),
        (12, "https://forge.example/acme/app"),
        (13, "aa11"),
        (14, "refs/heads/main"),
        (15, "1000000000"),
        (16, "https://forge.example/acme"),
        (17, "77"),
        (
            18,
            "https://forge.example/acme/app/.github/workflows/a.yml@refs/heads/main",
        ),
        (19, "cc33"),
        (20, "push"),
        (
            21,
            "https://forge.example/acme/app/actions/runs/9/attempts/2",
        ),
        (22, "public"),
        (24, SUBJECT),
    ];
    let expected = expected.map(|(number, text)| (number, text.to_owned()));
    assert_eq!(extensions(&certificate), expected.into());
    // The pattern takes a tenant's own issuer, which the certificate names.
    let mut tenant = run();
    tenant["iss"] = json!("https://runs.forge.example/acme");
    tenant["environment"] = json!("production");
    let certificate = leaf(&ask(&authority, &upstream.token(&tenant), SUBJECT).await);
    assert_eq!(
        extensions(&certificate)[&8],
        "https://runs.forge.example/acme"
    );
    assert_eq!(extensions(&certificate)[&23], "production");
    let tbs = &certificate.parsed().tbs_certificate;
    assert!(tbs.subject.is_empty());
    assert_eq!(tbs.serial_number.as_bytes().len(), 20);
    let validity = certificate.validity();
    assert_eq!(validity.until.duration_since(validity.from).as_secs(), 600);
}

#[tokio::test]
async fn the_configuration_lists_every_issuer() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path(), &Upstream::ed25519()).await;
    let listed = get(&authority, "/api/v2/configuration").await.json();
    let find = |key: &str, url: &str| {
        let issuers = listed["issuers"].as_array().unwrap();
        let found = issuers.iter().find(|issuer| issuer[key] == url).cloned();
        found.unwrap()
    };
    let run = find("wildcardIssuerUrl", "https://runs.forge.example/*");
    assert_eq!(
        (&run["issuerType"], &run["challengeClaim"]),
        (&json!("ci-provider"), &json!("sub"))
    );
    let person = find("issuerUrl", "https://accounts.example.com");
    assert_eq!(
        (&person["audience"], &person["challengeClaim"]),
        (&json!("sigstore"), &json!("email"))
    );
    let name = find("issuerUrl", "https://names.example.com");
    assert_eq!(name["subjectDomain"], "example.com");
    find("issuerUrl", authority.asserted().url());
}

#[tokio::test]
async fn lifetimes_are_settings() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = bulla_authority::AuthorityConfig::loopback(4321);
    config.ca.lifetime_minutes = 60;
    let authority = crate::client::open_as(dir.path(), config.clone())
        .await
        .unwrap();
    let token = crate::client::token(&authority);
    let validity = leaf(&ask(&authority, &token, EMAIL).await).validity();
    assert_eq!(validity.until.duration_since(validity.from).as_secs(), 3600);
    config.ca.lifetime_minutes = 61;
    assert!(crate::client::open_as(dir.path(), config).await.is_err());
}

#[tokio::test]
async fn every_kind_of_key_proves_possession_in_its_own_way() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::ed25519();
    let authority = open(dir.path(), &upstream).await;
    let person =
        json!({"iss": "https://accounts.example.com", "email": EMAIL, "email_verified": true});
    let token = upstream.token(&person);
    for scheme in [
        Scheme::EcdsaP256,
        Scheme::EcdsaP384,
        Scheme::EcdsaP521,
        Scheme::Ed25519,
        Scheme::Rsa2048,
    ] {
        let key = SigningKey::generate(scheme).unwrap();
        let request = signing_request(&key, &token, EMAIL);
        let answer = post_json(&authority, "/api/v2/signingCert", &request).await;
        assert_eq!(
            leaf(&answer).spki_der().unwrap(),
            key.public().spki_der(),
            "{scheme:?}"
        );
    }
    let user = json!({"iss": "https://names.example.com", "sub": "ann"});
    let certificate = leaf(&ask(&authority, &upstream.token(&user), "ann").await);
    assert!(has_name(&certificate, "ann!example.com"));
}

/// The request as sigstore-python makes it, signed by `signer` for `key`.
fn certificate_request(key: &SigningKey, signer: &SigningKey) -> Value {
    use x509_cert::request::{CertReq, CertReqInfo, Version};
    let info = CertReqInfo {
        version: Version::V1,
        subject: Default::default(),
        public_key: x509_cert::spki::SubjectPublicKeyInfoOwned::from_der(key.public().spki_der())
            .unwrap(),
        attributes: Default::default(),
    };
    let signature = signer.sign(&info.to_der().unwrap()).unwrap();
    let request = CertReq {
        info,
        algorithm: signer.scheme().signature_algorithm(),
        signature: der::asn1::BitString::from_bytes(&signature).unwrap(),
    };
    let ending = der::pem::LineEnding::LF;
    let pem = der::pem::encode_string("CERTIFICATE REQUEST", ending, &request.to_der().unwrap());
    json!({"certificateSigningRequest": STANDARD.encode(pem.unwrap())})
}

async fn bearer(
    authority: &Authority,
    path: &str,
    token: &str,
    body: &Value,
) -> crate::client::Answer {
    let request = Request::post(path)
        .header(header::HOST, HOST)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::from(body.to_string()));
    send(authority, request.unwrap()).await
}

#[tokio::test]
async fn every_bad_request_is_refused_in_words_and_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::ed25519();
    let authority = open(dir.path(), &upstream).await;
    let log = authority.ca().ct.log().clone();
    let before = log.size();
    let audit = Audit::start();
    let check = |answer: &crate::client::Answer, words: &str, what: &str| {
        assert_eq!(answer.status, 400, "{what}");
        assert_eq!(
            answer.json(),
            json!({"code": 3, "message": words, "details": []}),
            "{what}"
        );
        assert_eq!(log.size(), before, "{what}: nothing is issued");
        let lines = audit.take();
        assert_eq!(lines.len(), 1, "{what}: {lines:?}");
        assert!(
            lines[0].contains("certificate refused"),
            "{what}: {lines:?}"
        );
        assert!(
            !lines[0].contains("eyJ"),
            "{what}: no token on record: {lines:?}"
        );
    };

    let now = jiff::Timestamp::now().as_second();
    let changed = |name: &str, value: Value| {
        let mut claims = run();
        claims[name] = value;
        upstream.token(&claims)
    };
    let foreign = Upstream::ed25519();
    let huge = changed("padding", json!("x".repeat(70_000)));
    for (what, token) in [
        (
            "unknown issuer",
            changed("iss", json!("https://evil.example")),
        ),
        (
            "issuer with a slash",
            changed("iss", json!("https://runs.forge.example/")),
        ),
        ("wrong audience", changed("aud", json!("other"))),
        ("no audience", changed("aud", json!([]))),
        ("expired", changed("exp", json!(now - 1))),
        ("not valid yet", changed("nbf", json!(now + 120))),
        ("issued in the future", changed("iat", json!(now + 3600))),
        ("another's key", foreign.token(&run())),
        ("huge", huge),
        ("junk", "junk".into()),
        ("empty", String::new()),
        ("three dots", "a.b.c".into()),
    ] {
        check(&ask(&authority, &token, SUBJECT).await, TOKEN, what);
    }
    let mut lacking = run();
    lacking.as_object_mut().unwrap().remove("sha");
    let answer = ask(&authority, &upstream.token(&lacking), SUBJECT).await;
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("\"sha\"")
    );
    let words = answer.json()["message"].as_str().unwrap().to_owned();
    check(&answer, &words, "missing claim");
    let unverified = json!({"iss": "https://accounts.example.com", "email": EMAIL});
    check(
        &ask(&authority, &upstream.token(&unverified), EMAIL).await,
        TOKEN,
        "unverified address",
    );

    let good = upstream.token(&run());
    check(
        &ask(&authority, &good, "another subject").await,
        POSSESSION,
        "wrong challenge",
    );
    let mut other_key = signing_request(&key(), &good, SUBJECT);
    other_key["publicKeyRequest"]["publicKey"]["content"] = json!(key().public().to_pem());
    let answer = post_json(&authority, "/api/v2/signingCert", &other_key).await;
    check(&answer, POSSESSION, "another's key");
    let own = key();
    let answer = bearer(
        &authority,
        "/api/v2/signingCert",
        &good,
        &certificate_request(&key(), &own),
    )
    .await;
    check(&answer, POSSESSION, "a request with a foreign key");
    let junk = json!({"certificateSigningRequest": STANDARD.encode("junk")});
    let answer = bearer(&authority, "/api/v2/signingCert", &good, &junk).await;
    check(&answer, REQUEST, "no request");
    check(
        &post_json(&authority, "/api/v2/signingCert", &json!("x")).await,
        "the request is not a signing request in JSON",
        "no body",
    );

    for (what, pem, words) in weak_keys() {
        let mut request = signing_request(&key(), &good, SUBJECT);
        request["publicKeyRequest"]["publicKey"]["content"] = json!(pem);
        let answer = post_json(&authority, "/api/v2/signingCert", &request).await;
        check(&answer, words, what);
        let legacy = json!({
            "publicKey": {"content": STANDARD.encode(&pem)},
            "signedEmailAddress": STANDARD.encode("x"),
        });
        check(
            &bearer(&authority, "/api/v1/signingCert", &good, &legacy).await,
            words,
            what,
        );
    }
    // And the one that is good leaves its line and its entry.
    leaf(&ask(&authority, &good, SUBJECT).await);
    let lines = audit.take();
    assert!(
        lines.len() == 1 && lines[0].contains("certificate issued"),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("https://forge.example/acme/app/"),
        "{lines:?}"
    );
    assert_eq!(log.size(), before + 1);
}

fn weak_keys() -> Vec<(&'static str, String, &'static str)> {
    const RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    const EC: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const K256: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 10];
    const ED448: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x71];
    let rsa = |modulus: &[u8], exponent: &[u8]| {
        let numbers = [tlv(2, modulus), tlv(2, exponent)].concat();
        spki_pem(RSA, &tlv(0x30, &numbers))
    };
    let good = SigningKey::generate(Scheme::Rsa2048).unwrap();
    let raw = good.public().raw();
    let modulus = [&[0], &raw[raw.len() - 5 - 256..raw.len() - 5]].concat();
    let short = [&[0], &modulus[1..129]].concat();
    let point = [&[4], [1u8; 64].as_slice()].concat();
    vec![
        ("RSA of 1024 bits", rsa(&short, &[1, 0, 1]), INSECURE),
        ("RSA with exponent 3", rsa(&modulus, &[3]), INSECURE),
        (
            "RSA with an even exponent",
            rsa(&modulus, &[1, 0, 0]),
            INSECURE,
        ),
        (
            "a point off its curve",
            spki_pem(&[EC, P256].concat(), &point),
            INSECURE,
        ),
        (
            "another curve",
            spki_pem(&[EC, K256].concat(), &point),
            INSECURE,
        ),
        ("another algorithm", spki_pem(ED448, &[1; 57]), PUBLIC_KEY),
        ("no key", "no key".into(), PUBLIC_KEY),
    ]
}

#[tokio::test]
async fn a_token_of_a_single_use_issuer_buys_one_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = bulla_authority::AuthorityConfig::loopback(4321);
    let own = format!("http://{HOST}/oidc/asserted");
    config.ca.issuer.entry(own).or_default().single_use = true;
    let authority = crate::client::open_as(dir.path(), config.clone())
        .await
        .unwrap();
    let token = crate::client::token(&authority);
    // What is refused does not use it up.
    let refused = ask(&authority, &token, "mallory@example.com").await;
    assert_eq!(refused.json()["message"], POSSESSION);
    leaf(&ask(&authority, &token, EMAIL).await);
    let before = authority.ca().ct.log().size();
    let audit = Audit::start();
    let replayed = ask(&authority, &token, EMAIL).await;
    assert_eq!(
        (replayed.status.as_u16(), &replayed.json()["message"]),
        (400, &json!(TOKEN))
    );
    assert!(audit.take()[0].contains("AUTH-0425"));
    assert_eq!(authority.ca().ct.log().size(), before);
    // It is remembered beyond a restart, and another token is another.
    drop(authority);
    let authority = crate::client::open_as(dir.path(), config).await.unwrap();
    assert_eq!(ask(&authority, &token, EMAIL).await.status, 400);
    let later = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_secs(1))
        .unwrap();
    let other = authority
        .asserted()
        .mint_person(EMAIL, "sigstore", later)
        .unwrap();
    leaf(&ask(&authority, &other, EMAIL).await);
}
