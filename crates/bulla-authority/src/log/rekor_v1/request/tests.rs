use std::{fs, path::Path};

use bulla_core::Envelope;
use bulla_crypto::x509;
use proptest::prelude::*;

use super::*;

const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

fn key(scheme: Scheme) -> SigningKey {
    SigningKey::generate(scheme).unwrap()
}

fn parse(request: &Value) -> Result<EntryV1, RequestError> {
    parse_proposed_entry(request.to_string().as_bytes())
}

fn logged(request: &Value) -> Value {
    let entry = parse(request).unwrap();
    let body: Value = serde_json::from_slice(entry.body()).unwrap();
    assert_eq!(canonical(&body).unwrap(), entry.body(), "canonical");
    assert_eq!(body["kind"], request["kind"]);
    assert_eq!(body["apiVersion"], request["apiVersion"]);
    body["spec"].clone()
}

/// An envelope over a statement about `sha256:aa`, in JSON.
fn envelope(signers: &[&SigningKey]) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p",
        "subject": [{"name": "a", "digest": {"sha256": "aa"}}], "predicate": {},
    });
    let mut made = Envelope {
        payload: statement.to_string().into_bytes(),
        payload_type: STATEMENT_TYPE.into(),
        signatures: Vec::new(),
    };
    let message = made.pre_authentication_encoding();
    for signer in signers {
        made.signatures
            .push(bulla_core::envelope::EnvelopeSignature {
                sig: signer.sign(&message).unwrap(),
                keyid: String::new(),
            });
    }
    serde_json::to_value(made).unwrap()
}

fn pem(key: &SigningKey) -> String {
    STANDARD.encode(key.public().to_pem())
}

fn hashedrekord(algorithm: &str, digest: &[u8], signature: &[u8], verifier: &str) -> Value {
    json!({"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
        "data": {"hash": {"algorithm": algorithm, "value": hex::encode(digest)}},
        "signature": {"content": STANDARD.encode(signature), "publicKey": {"content": verifier}},
    }})
}

fn dsse(envelope: &str, verifiers: &[String]) -> Value {
    json!({"kind": "dsse", "apiVersion": "0.0.1", "spec": {
        "proposedContent": {"envelope": envelope, "verifiers": verifiers},
        "envelopeHash": null, "payloadHash": null, "signatures": null,
    }})
}

fn intoto_v002(envelope: &Value, verifiers: &[String]) -> Value {
    let twice = |value: &Value| STANDARD.encode(value.as_str().unwrap());
    let signatures: Vec<Value> = envelope["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .zip(verifiers)
        .map(
            |(signature, verifier)| json!({"sig": twice(&signature["sig"]), "publicKey": verifier}),
        )
        .collect();
    json!({"kind": "intoto", "apiVersion": "0.0.2", "spec": {"content": {
        "envelope": {
            "payloadType": envelope["payloadType"],
            "payload": twice(&envelope["payload"]),
            "signatures": signatures,
        },
        "hash": sha256(envelope.to_string().as_bytes()),
    }}})
}

#[test]
fn every_key_signs_a_hashedrekord_with_its_hash() {
    for (scheme, hash, name) in [
        (Scheme::EcdsaP256, Hash::Sha256, "sha256"),
        (Scheme::EcdsaP384, Hash::Sha384, "sha384"),
        (Scheme::EcdsaP521, Hash::Sha512, "sha512"),
        (Scheme::Rsa2048, Hash::Sha256, "sha256"),
        (Scheme::Ed25519ph, Hash::Sha512, "sha512"),
    ] {
        let key = key(scheme);
        let (digest, signature) = (hash.digest(b"blob"), key.sign(b"blob").unwrap());
        let request = hashedrekord(name, &digest, &signature, &pem(&key));
        assert_eq!(logged(&request), request["spec"], "{scheme:?}");
        let other = hashedrekord(name, &hash.digest(b"bleb"), &signature, &pem(&key));
        assert!(
            matches!(parse(&other), Err(RequestError::Signature)),
            "{scheme:?}"
        );
    }
    let pure = key(Scheme::Ed25519);
    let (digest, signature) = (Hash::Sha512.digest(b"blob"), pure.sign(b"blob").unwrap());
    let pure = hashedrekord("sha512", &digest, &signature, &pem(&pure));
    assert!(matches!(parse(&pure), Err(RequestError::Signature)));
}

#[test]
fn one_digest_has_one_spelling() {
    let key = key(Scheme::EcdsaP256);
    let signature = key.sign(b"blob").unwrap();
    let digest = Hash::Sha256.digest(b"blob");
    let lower = hashedrekord("sha256", &digest, &signature, &pem(&key));
    let mut upper = lower.clone();
    upper["spec"]["data"]["hash"]["value"] = json!(hex::encode_upper(&digest));
    assert_eq!(parse(&upper).unwrap(), parse(&lower).unwrap());
}

#[test]
fn envelopes_are_logged_by_their_hashes_in_one_order() {
    let (a, b) = (key(Scheme::EcdsaP256), key(Scheme::EcdsaP384));
    let made = envelope(&[&a, &b]);
    let text = made.to_string();
    let spec = logged(&dsse(&text, &[pem(&a), pem(&b)]));
    assert_eq!(spec["envelopeHash"], sha256(text.as_bytes()));
    let sigs: Vec<&str> = spec["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["signature"].as_str().unwrap())
        .collect();
    assert!(sigs.is_sorted() && sigs.len() == 2);
    let other_order = dsse(&text, &[pem(&b), pem(&a)]);
    assert_eq!(logged(&other_order), spec);
    let entry = parse(&other_order).unwrap();
    assert_eq!(entry.subjects(), ["sha256:aa"]);
    assert!(
        !String::from_utf8_lossy(entry.body()).contains("sha256:aa"),
        "the leaf is Rekor's"
    );
    // One signature that nobody verifies, and nothing is logged.
    let one = dsse(&text, &[pem(&a)]);
    assert!(matches!(parse(&one), Err(RequestError::Signature)));
    let none = dsse(&envelope(&[]).to_string(), &[pem(&a)]);
    assert!(matches!(parse(&none), Err(RequestError::Kind)));
    let mut done = dsse(&text, &[pem(&a), pem(&b)]);
    done["spec"]["payloadHash"] = sha256(b"");
    assert!(matches!(parse(&done), Err(RequestError::Malformed)));
}

#[test]
fn intoto_in_both_versions() {
    let key = key(Scheme::EcdsaP256);
    let made = envelope(&[&key]);
    let text = made.to_string();
    let payload = STANDARD.decode(made["payload"].as_str().unwrap()).unwrap();
    let v001 = json!({"kind": "intoto", "apiVersion": "0.0.1", "spec": {
        "content": {"envelope": text, "hash": sha256(b"what the client says does not count")},
        "publicKey": pem(&key),
    }});
    assert_eq!(
        logged(&v001),
        json!({
            "content": {"hash": sha256(text.as_bytes()), "payloadHash": sha256(&payload)},
            "publicKey": pem(&key),
        })
    );
    let v002 = intoto_v002(&made, &[pem(&key)]);
    let spec = logged(&v002);
    let sent = &v002["spec"]["content"];
    let content = &spec["content"];
    assert_eq!(content["hash"], sent["hash"]);
    assert_eq!(content["payloadHash"], sha256(&payload));
    assert_eq!(
        content["envelope"],
        json!({
            "payloadType": STATEMENT_TYPE, "signatures": sent["envelope"]["signatures"],
        })
    );
    for request in [&v001, &v002] {
        assert_eq!(parse(request).unwrap().subjects(), ["sha256:aa"]);
    }
    let stranger = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let strange = intoto_v002(&made, &[pem(&stranger)]);
    assert!(matches!(parse(&strange), Err(RequestError::Signature)));
    let mut strange = v001;
    strange["spec"]["publicKey"] = json!(pem(&stranger));
    assert!(matches!(parse(&strange), Err(RequestError::Signature)));
    let mut unhashed = v002.clone();
    unhashed["spec"]["content"]["hash"] = json!(null);
    assert!(matches!(parse(&unhashed), Err(RequestError::Malformed)));
    let mut once = v002;
    once["spec"]["content"]["envelope"]["payload"] = made["payload"].clone();
    assert!(parse(&once).is_err());
}

#[test]
fn other_kinds_and_versions_are_refused() {
    for (kind, version) in [
        ("rekord", "0.0.1"),
        ("hashedrekord", "0.0.2"),
        ("dsse", "0.0.2"),
        ("cose", "0.0.1"),
        ("", ""),
    ] {
        let request = json!({"kind": kind, "apiVersion": version, "spec": {}});
        assert!(matches!(parse(&request), Err(RequestError::Kind)), "{kind}");
    }
}

#[test]
fn a_timestamp_without_its_signer_is_refused() {
    for content in ["AAAA", "MAA=", ""] {
        let request = json!({"kind": "rfc3161", "apiVersion": "0.0.1", "spec": {
            "tsr": {"content": content},
        }});
        assert!(parse(&request).is_err());
    }
    let long = json!({"kind": "rfc3161", "apiVersion": "0.0.1", "spec": {
        "tsr": {"content": STANDARD.encode(vec![0; 10 * 1024 + 1])},
    }});
    assert!(matches!(parse(&long), Err(RequestError::TooLarge)));
}

/// What real Rekor logged, derived again from what its client had.
#[test]
fn bodies_are_byte_for_byte_what_rekor_logged() {
    let Some(suite) = bulla_testkit::suites("sigstore-conformance") else {
        return;
    };
    let mut derived = 0;
    for folder in fs::read_dir(suite.join("test/assets/bundle-verify")).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with("_fail") {
            continue;
        }
        derived += usize::from(derive(&folder).is_some());
    }
    assert_eq!(derived, 9, "entries of Rekor v1 in the suite");
}

fn derive(folder: &Path) -> Option<()> {
    let bundle = fs::read(folder.join("bundle.sigstore.json")).ok()?;
    let bundle: Value = serde_json::from_slice(&bundle).ok()?;
    let material = &bundle["verificationMaterial"];
    let body = material["tlogEntries"][0]["canonicalizedBody"].as_str()?;
    let body = STANDARD.decode(body).unwrap();
    let logged: Value = serde_json::from_slice(&body).unwrap();
    let certificate = material["certificate"]["rawBytes"]
        .as_str()
        .or_else(|| material["x509CertificateChain"]["certificates"][0]["rawBytes"].as_str());
    let verifier = match certificate {
        Some(der) => {
            let der = STANDARD.decode(der).unwrap();
            STANDARD.encode(x509::parse_certificate(&der).unwrap().to_pem())
        }
        None => STANDARD.encode(fs::read(folder.join("key.pub")).ok()?),
    };
    let request = match (logged["kind"].as_str()?, logged["apiVersion"].as_str()?) {
        ("hashedrekord", "0.0.1") => {
            let message = &bundle["messageSignature"];
            let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
            let digest = bytes(&message["messageDigest"]["digest"]);
            hashedrekord("sha256", &digest, &bytes(&message["signature"]), &verifier)
        }
        ("dsse", "0.0.1") => {
            let envelope = &bundle["dsseEnvelope"];
            let text = format!(
                r#"{{"payload":{},"payloadType":{},"signatures":[{{"sig":{}}}]}}"#,
                envelope["payload"], envelope["payloadType"], envelope["signatures"][0]["sig"],
            );
            dsse(&text, &[verifier])
        }
        // Made by another log, which keeps the payload and takes PEM without line
        // breaks; everything else is Rekor's.
        ("intoto", "0.0.2") => {
            let logged = &logged["spec"]["content"];
            let spelled = &logged["envelope"]["signatures"][0];
            let mut request = intoto_v002(&bundle["dsseEnvelope"], &[verifier]);
            request["spec"]["content"]["hash"] = logged["hash"].clone();
            let derived: Value = serde_json::from_slice(parse(&request).unwrap().body()).unwrap();
            let derived = &derived["spec"]["content"];
            for field in ["hash", "payloadHash"] {
                assert_eq!(derived[field], logged[field]);
            }
            let signature = &derived["envelope"]["signatures"][0];
            assert_eq!(signature["sig"], spelled["sig"]);
            let body = |value: &Value| {
                let pem = STANDARD.decode(value.as_str().unwrap()).unwrap();
                String::from_utf8(pem).unwrap().replace('\n', "")
            };
            assert_eq!(body(&signature["publicKey"]), body(&spelled["publicKey"]));
            return Some(());
        }
        _ => return None,
    };
    let entry = parse(&request).unwrap();
    assert_eq!(
        String::from_utf8_lossy(entry.body()),
        String::from_utf8_lossy(&body),
        "{}",
        folder.display()
    );
    Some(())
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_proposed_entry(&bytes);
    }

    /// Whatever stands where: refused, never a panic (the class of CVE-2026-23831).
    #[test]
    fn no_value_is_trusted_to_be_there(at in 0_usize..9, value in prop_oneof![
        Just(Value::Null), Just(json!([])), Just(json!({})), Just(json!("")), Just(json!(1)),
    ]) {
        let key = key(Scheme::EcdsaP256);
        let mut request = intoto_v002(&envelope(&[&key]), &[pem(&key)]);
        let pointer = [
            "/kind", "/apiVersion", "/spec", "/spec/content", "/spec/content/envelope",
            "/spec/content/envelope/payload", "/spec/content/envelope/signatures",
            "/spec/content/envelope/signatures/0", "/spec/content/envelope/signatures/0/publicKey",
        ][at];
        *request.pointer_mut(pointer).unwrap() = value;
        prop_assert!(parse(&request).is_err());
    }
}
