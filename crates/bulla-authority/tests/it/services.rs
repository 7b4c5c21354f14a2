//! Each service's answers and refusals.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::{Authority, oidc::Service};
use bulla_crypto::{
    Hash, Scheme, SigningKey,
    checkpoint::parse_checkpoint,
    merkle::{Frontier, leaf_hash},
    note::{self, parse_note},
    sct::{PrecertEntry, parse_sct_list},
    x509::{parse_certificate, parse_pem_chain},
};
use der::{Decode as _, Encode as _};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::client::{
    EMAIL, HOST, attest_blob, certify, get, open, post, post_json, published, send, sign_blob,
    signing_request, token,
};

const TOKEN: &str = "There was an error processing the identity token";
const POSSESSION: &str = "The signature supplied in the request could not be verified";

fn key() -> SigningKey {
    SigningKey::generate(Scheme::EcdsaP256).unwrap()
}

async fn refusal(authority: &Authority, request: &Value) -> String {
    let answer = post_json(authority, "/api/v2/signingCert", request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["code"], &body["details"]), (&json!(3), &json!([])));
    body["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_ca_refuses_in_the_words_of_fulcio() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = open(elsewhere.path()).await;
    let key = key();
    let good = token(&authority);
    let mint = |audience: &str, at| {
        authority
            .asserted()
            .mint_person(EMAIL, audience, at)
            .unwrap()
    };
    let now = Timestamp::now();
    for bad in [
        String::new(),
        "no token".into(),
        token(&elsewhere),
        mint("other", now),
        mint("sigstore", now - 601.seconds()),
        mint("sigstore", now + 120.seconds()),
        format!("{good}x"),
    ] {
        assert_eq!(
            refusal(&authority, &signing_request(&key, &bad, EMAIL)).await,
            TOKEN
        );
    }
    let other_name = signing_request(&key, &good, "mallory@example.com");
    assert_eq!(refusal(&authority, &other_name).await, POSSESSION);
    let mut other_key = signing_request(&key, &good, EMAIL);
    other_key["publicKeyRequest"]["publicKey"]["content"] = json!(
        SigningKey::generate(Scheme::EcdsaP256)
            .unwrap()
            .public()
            .to_pem()
    );
    assert_eq!(refusal(&authority, &other_key).await, POSSESSION);
}

#[tokio::test]
async fn a_bearer_token_and_a_certificate_request_do_as_well() {
    use x509_cert::request::{CertReq, CertReqInfo, Version};
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = key();
    let info = CertReqInfo {
        version: Version::V1,
        subject: Default::default(),
        public_key: x509_cert::spki::SubjectPublicKeyInfoOwned::from_der(key.public().spki_der())
            .unwrap(),
        attributes: Default::default(),
    };
    let signature = key.sign(&info.to_der().unwrap()).unwrap();
    let request = CertReq {
        info,
        algorithm: key.scheme().signature_algorithm(),
        signature: der::asn1::BitString::from_bytes(&signature).unwrap(),
    };
    let pem = der::pem::encode_string(
        "CERTIFICATE REQUEST",
        der::pem::LineEnding::LF,
        &request.to_der().unwrap(),
    );
    let body = json!({"certificateSigningRequest": STANDARD.encode(pem.unwrap())});
    let request = Request::post("/api/v2/signingCert")
        .header(header::HOST, HOST)
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", token(&authority)),
        )
        .header(header::ACCEPT, "application/pem-certificate-chain")
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = send(&authority, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn the_first_api_answers_in_pem() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = key();
    let send_as = async |challenge: &str| {
        let body = json!({
            "publicKey": {"algorithm": "ecdsa", "content": STANDARD.encode(key.public().to_pem())},
            "signedEmailAddress": STANDARD.encode(key.sign(challenge.as_bytes()).unwrap()),
            "certificateSigningRequest": null,
        });
        let request = Request::post("/api/v1/signingCert")
            .header(header::HOST, HOST)
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", token(&authority)),
            )
            .body(Body::from(body.to_string()));
        send(&authority, request.unwrap()).await
    };
    let good = send_as(EMAIL).await;
    assert_eq!(good.status, StatusCode::CREATED, "{}", good.text());
    assert_eq!(parse_pem_chain(&good.body).unwrap().len(), 3);
    assert_eq!(
        send_as("mallory@example.com").await.json()["message"],
        POSSESSION
    );
}

/// The leaf, the issuer and the SCT of an issued chain agree with the CT log's key.
#[tokio::test]
async fn a_service_is_named_by_its_uri_and_promised_by_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = key();
    let token = authority
        .service()
        .mint_service(Service::Scanner, Timestamp::now())
        .unwrap();
    let name = authority.service().service_subject(Service::Scanner);
    let request = signing_request(&key, &token, &name);
    let answer = post_json(&authority, "/api/v2/signingCert", &request)
        .await
        .json();
    let chain = &answer["signedCertificateEmbeddedSct"]["chain"]["certificates"];
    let pem: String = chain
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c.as_str().unwrap())
        .collect();
    let [leaf, issuer, root] = &parse_pem_chain(pem.as_bytes()).unwrap()[..] else {
        panic!()
    };
    let bundle = get(&authority, "/api/v2/trustBundle").await.json();
    assert_eq!(bundle["chains"][0]["certificates"][0], issuer.to_pem());
    assert_eq!(bundle["chains"][0]["certificates"][1], root.to_pem());

    let mut tbs = leaf.parsed().tbs_certificate.clone();
    let extensions = tbs.extensions.as_mut().unwrap();
    let value = |oid: &str, list: &[x509_cert::ext::Extension]| {
        let found = list.iter().find(|e| e.extn_id.to_string() == oid).unwrap();
        found.extn_value.as_bytes().to_vec()
    };
    let san = value("2.5.29.17", extensions);
    assert!(san.windows(name.len()).any(|part| part == name.as_bytes()));
    let list =
        der::asn1::OctetString::from_der(&value("1.3.6.1.4.1.11129.2.4.2", extensions)).unwrap();
    let [sct] = &parse_sct_list(list.as_bytes()).unwrap()[..] else {
        panic!("one SCT")
    };
    extensions.retain(|e| e.extn_id.to_string() != "1.3.6.1.4.1.11129.2.4.2");
    let tbs = tbs.to_der().unwrap();
    let issuer_key_hash = Hash::Sha256
        .digest(&issuer.spki_der().unwrap())
        .try_into()
        .unwrap();
    let entry = PrecertEntry {
        issuer_key_hash,
        tbs: &tbs,
    };
    let ct_key = &authority.trusted_root()["ctlogs"][0]["publicKey"]["rawBytes"];
    let ct_key = STANDARD.decode(ct_key.as_str().unwrap()).unwrap();
    let ct_key = bulla_crypto::PublicKey::from_spki_der(&ct_key).unwrap();
    sct.verify(&ct_key, &entry).unwrap();

    // The log keeps the promise: the leaf is at the promised index.
    let leaf = bulla_crypto::sct::merkle_leaf(&entry, sct.timestamp_ms, sct.leaf_index().unwrap());
    let size = sct.leaf_index().unwrap() + 1;
    let signed = published(&authority, "/ct/static/checkpoint", size).await;
    let note = parse_note(&signed).unwrap();
    let checkpoint = parse_checkpoint(note.text.as_bytes()).unwrap();
    checkpoint.verify_rfc6962(&note, &ct_key).unwrap();
    let tile = get(
        &authority,
        &format!("/ct/static/tile/0/000.p/{}", checkpoint.size),
    )
    .await
    .body;
    let place = usize::try_from(sct.leaf_index().unwrap()).unwrap() * 32;
    assert_eq!(tile[place..place + 32], leaf_hash(&leaf.unwrap()));
    let loaded = Frontier::load(checkpoint.size, |_| Some(tile.clone())).unwrap();
    assert_eq!(loaded.root(), checkpoint.root);
}

#[tokio::test]
async fn the_log_can_be_read_back_and_starts_with_its_own_entry() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let signer = certify(&authority).await;
    let bundle = sign_blob(&authority, &signer, b"blob").await;
    attest_blob(&authority, &signer, b"blob").await;
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    assert_eq!(entry["logIndex"], "1");

    let note = published(&authority, "/api/v2/checkpoint", 3).await;
    let note = parse_note(&note).unwrap();
    let log = &authority.trusted_root()["tlogs"][1];
    let log_key = STANDARD
        .decode(log["publicKey"]["rawBytes"].as_str().unwrap())
        .unwrap();
    let log_key = bulla_crypto::PublicKey::from_spki_der(&log_key).unwrap();
    note.verify("127.0.0.1", &log_key).unwrap();
    let id = STANDARD.encode(note::key_id("127.0.0.1", &log_key));
    assert_eq!(
        (&log["logId"]["keyId"], &entry["logId"]["keyId"]),
        (&json!(id), &json!(id))
    );
    let checkpoint = parse_checkpoint(note.text.as_bytes()).unwrap();
    assert_eq!(
        (checkpoint.origin.as_str(), checkpoint.size),
        ("127.0.0.1", 3)
    );

    let entries = get(&authority, "/api/v2/tile/entries/000.p/3").await.body;
    let (mut rest, mut frontier, mut bodies) = (&entries[..], Frontier::new(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let (body, after) = after.split_at(u16::from_be_bytes(*length).into());
        frontier.append(leaf_hash(body));
        bodies.push(body.to_vec());
        rest = after;
    }
    assert_eq!(frontier.root(), checkpoint.root);
    assert_eq!(
        STANDARD.encode(&bodies[1]),
        entry["canonicalizedBody"].as_str().unwrap()
    );
    for missing in ["000.p/4", "000", "001.p/1", "000.p/0", "0000", "../000"] {
        let answer = get(&authority, &format!("/api/v2/tile/entries/{missing}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
    }
    for missing in [
        "/api/v2/tile/9/000.p/1",
        "/api/v2/tile/00/000.p/1",
        "/api/v2/tile/data/000.p/1",
    ] {
        assert_eq!(
            get(&authority, missing).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
}

#[tokio::test]
async fn a_duplicate_gets_the_entry_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = key();
    let request = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(Hash::Sha256.digest(b"blob")),
        "signature": {
            "content": STANDARD.encode(key.sign(b"blob").unwrap()),
            "verifier": {"publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())}},
        },
    }});
    let first = post_json(&authority, "/api/v2/log/entries", &request).await;
    let signer = certify(&authority).await;
    sign_blob(&authority, &signer, b"in between").await;
    let again = post_json(&authority, "/api/v2/log/entries", &request).await;
    assert_eq!(
        (first.status, again.status),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    let (first, again) = (first.json(), again.json());
    assert_eq!(first["logIndex"], again["logIndex"]);
    assert_eq!(first["canonicalizedBody"], again["canonicalizedBody"]);
    assert_eq!(again["inclusionProof"]["treeSize"], "3");
    let mut forged = request;
    forged["hashedRekordRequestV002"]["digest"] = json!(STANDARD.encode([0; 32]));
    let refused = post_json(&authority, "/api/v2/log/entries", &forged).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (StatusCode::BAD_REQUEST, &json!(3))
    );
}

#[tokio::test]
async fn the_timestamp_authority_takes_two_forms_and_no_weak_hash() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let path = "/api/v1/timestamp";
    let query = |hash: &str| json!({"artifactHash": STANDARD.encode([0; 32]), "hashAlgorithm": hash, "nonce": 7});
    let good = post_json(&authority, path, &query("sha256")).await;
    assert_eq!(good.status, StatusCode::OK);
    assert_eq!(
        post_json(&authority, path, &query("sha1")).await.status,
        StatusCode::BAD_REQUEST
    );
    let der = post(&authority, path, "application/timestamp-query", b"junk").await;
    assert_eq!(der.status, StatusCode::BAD_REQUEST);
    let other = post(&authority, path, "text/plain", b"junk").await;
    assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = post(&authority, path, "application/json", &[b' '; 5000]).await;
    assert_eq!(large.status, StatusCode::BAD_REQUEST);
    let chain = get(&authority, "/api/v1/timestamp/certchain").await;
    let chain = parse_pem_chain(&chain.body).unwrap();
    let listed = &authority.trusted_root()["timestampAuthorities"][0]["certChain"]["certificates"];
    for (certificate, listed) in chain.iter().zip(listed.as_array().unwrap()) {
        assert_eq!(
            STANDARD.encode(certificate.der()),
            listed["rawBytes"].as_str().unwrap()
        );
    }
    assert_eq!(chain.len(), 2);
}

#[tokio::test]
async fn the_ct_log_takes_only_precertificates_of_this_authority() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = open(elsewhere.path()).await;
    let submit = async |certificate: &[u8]| {
        let body = json!({"chain": [STANDARD.encode(certificate)]});
        post_json(&authority, "/ct/v1/add-pre-chain", &body).await
    };
    let precert = |authority: &Authority| {
        let key = bulla_crypto::PublicKey::from_spki_der(key().public().spki_der()).unwrap();
        let subject = bulla_crypto::x509::SubjectName::Email(EMAIL.into());
        let profile = bulla_crypto::x509::CodeSigningProfile {
            subject: &subject,
            extensions: &bulla_crypto::x509::FulcioExtensions::issued_by("http://i"),
            key: &key,
            validity: bulla_crypto::x509::Validity::seconds(Timestamp::now(), 600).unwrap(),
        };
        let current = authority.ca().intermediates.current(Timestamp::now());
        current
            .unwrap()
            .signs
            .precertificate(&profile)
            .unwrap()
            .certificate()
            .der()
            .to_vec()
    };
    let ours = precert(&authority);
    let (first, again) = (submit(&ours).await, submit(&ours).await);
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    // ECDSA signatures differ each time; the promise does not.
    assert_eq!(first.json()["timestamp"], again.json()["timestamp"]);
    assert_eq!(first.json()["extensions"], again.json()["extensions"]);
    let signature = STANDARD
        .decode(first.json()["signature"].as_str().unwrap())
        .unwrap();
    assert_eq!(signature[..3], [4, 3, 0]);
    assert_eq!(
        submit(&precert(&elsewhere)).await.status,
        StatusCode::BAD_REQUEST
    );
    let mut changed = ours.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(submit(&changed).await.status, StatusCode::BAD_REQUEST);
    let signer = certify(&authority).await;
    assert!(parse_certificate(&signer.certificate).is_ok());
    assert_eq!(
        submit(&signer.certificate).await.status,
        StatusCode::BAD_REQUEST,
        "no poison"
    );
    assert_eq!(submit(b"junk").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_hosts_sites_and_sizes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    for path in [
        "/api/v2/trustBundle",
        "/api/v2/checkpoint",
        "/oidc/asserted/keys",
        "/tuf/root.json",
    ] {
        assert_eq!(get(&authority, path).await.status, StatusCode::OK, "{path}");
        let rebound = Request::get(path).header(header::HOST, "evil.example:4321");
        let rebound = send(&authority, rebound.body(Body::empty()).unwrap()).await;
        assert_eq!(rebound.status, StatusCode::FORBIDDEN, "{path}");
        let page = Request::get(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, "https://evil.example");
        let page = send(&authority, page.body(Body::empty()).unwrap()).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
    }
    let large = vec![b' '; (4 << 20) + 1];
    let large = post(
        &authority,
        "/api/v2/log/entries",
        "application/json",
        &large,
    )
    .await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}
