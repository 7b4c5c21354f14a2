//! Rules that other verifiers leave out, each on evidence that is good otherwise.

use bulla_core::Digest;
use bulla_trust::sigstore::{Requirements, Verification, verify_attestation};
use serde_json::{Value, json};

use crate::lab::{self, By, Lab, later};
use crate::suite::{Case, assets};
use bulla_crypto::{
    Hash, Scheme, SigningKey,
    x509::{Issuer, Validity},
};

#[track_caller]
fn assert_rejected(case: &Case, code: &str, said: &str) {
    let (found, text) = case.rejection();
    assert_eq!(found, code, "{}: {text}", case.name);
    assert!(text.contains(said), "{}: {text}", case.name);
}

fn proof(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
}

/// The copies beside the signed checkpoint, which some clients read.
#[test]
fn unsigned_copies_of_the_checkpoint_must_agree_with_it() {
    let Some(assets) = assets() else { return };
    for name in [
        "rekor2-dsse-happy-path",
        "rekor2-happy-path",
        "happy-path-v0.3",
    ] {
        let other_root = Case::read(&assets, name)
            .with(|bundle| proof(bundle)["rootHash"] = json!(lab::b64([7_u8; 32])));
        assert_rejected(&other_root, "TRUST-0022", "root hash");
        let other_size = Case::read(&assets, name).with(|bundle| {
            let size: u64 = proof(bundle)["treeSize"].as_str().unwrap().parse().unwrap();
            proof(bundle)["treeSize"] = json!((size + 1).to_string());
        });
        assert_rejected(&other_size, "TRUST-0022", "tree size");
    }
    let other_index = Case::read(&assets, "rekor2-happy-path").with(|bundle| {
        proof(bundle)["logIndex"] = json!("1");
    });
    assert_rejected(&other_index, "TRUST-0021", "index 1");
}

/// A log of version 2 is its key and its origin together.
#[test]
fn a_checkpoint_of_another_origin_by_the_same_key() {
    let lab = Lab::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify(key.public());
    let by = By::Certificate(&certificate);
    let signature = key.sign(b"artifact").unwrap();
    let body = lab::rekord2(
        Hash::Sha256,
        &Hash::Sha256.digest(b"artifact"),
        &signature,
        &by,
    );
    let made = |entry: Value| {
        let content = lab::message(Hash::Sha256, b"artifact", &signature);
        lab::bundle(content, &by, &[entry], &[lab.stamp(&signature)]).to_string()
    };
    let root = lab.trust();
    let verify = |bundle: &str| {
        Verification::new(&root, later()).signature(bundle.as_bytes(), b"artifact".as_slice())
    };
    verify(&made(lab.entry2(&body))).unwrap();
    let mut elsewhere = lab.entry2(&body);
    let note = elsewhere["inclusionProof"]["checkpoint"]["envelope"]
        .as_str()
        .unwrap();
    let note = note.replace("log.example", "other.example");
    elsewhere["inclusionProof"]["checkpoint"]["envelope"] = json!(note);
    let rejection = verify(&made(elsewhere)).unwrap_err();
    assert_eq!(rejection.code.0, "TRUST-0022", "{rejection}");
}

/// The body's own kind decides how it is read, so it must be the one named.
#[test]
fn a_body_of_another_kind_than_its_entry_says() {
    let lab = Lab::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify(key.public());
    let by = By::Certificate(&certificate);
    let payload = lab::statement(b"artifact");
    let signature = key.sign(&lab::pae(&payload)).unwrap();
    let root = lab.trust();
    let verify = |entry: Value| {
        let bundle = lab::bundle(lab::envelope(&payload, &signature), &by, &[entry], &[]);
        let subject = Digest::sha256(b"artifact");
        verify_attestation(&root, bundle.to_string().as_bytes(), &subject, later())
    };
    let body = lab::dsse1(&payload, &signature, &by);
    verify(lab.entry1("dsse", "0.0.1", &body)).unwrap();
    let mut other = body.clone();
    other["kind"] = json!("intoto");
    let rejection = verify(lab.entry1("dsse", "0.0.1", &other)).unwrap_err();
    assert_eq!(rejection.code.0, "TRUST-0026", "{rejection}");
    for (part, value) in [
        ("/spec/payloadHash/value", json!("00".repeat(32))),
        ("/spec/signatures/0/signature", json!("AAAA")),
        (
            "/spec/signatures/0/verifier",
            json!(lab::b64(key.public().to_pem())),
        ),
        ("/spec/signatures", json!([])),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(part).unwrap() = value;
        let rejection = verify(lab.entry1("dsse", "0.0.1", &other)).unwrap_err();
        assert_eq!(rejection.code.0, "TRUST-0024", "{part}: {rejection}");
    }
}

/// The second version's dsse 0.0.2, which other parsers of bundles do not know.
#[test]
fn an_envelope_in_a_log_of_version_2() {
    let lab = Lab::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify(key.public());
    let payload = lab::statement(b"artifact");
    let signature = key.sign(&lab::pae(&payload)).unwrap();
    let root = lab.trust();
    let by = By::Certificate(&certificate);
    let verify = |entry: Value, stamps: &[Vec<u8>]| {
        let bundle = lab::bundle(lab::envelope(&payload, &signature), &by, &[entry], stamps);
        let subject = Digest::sha256(b"artifact");
        verify_attestation(&root, bundle.to_string().as_bytes(), &subject, later())
    };
    let stamp = [lab.stamp(&signature)];
    let body = lab::dsse2(&payload, &signature, &by);
    verify(lab.entry2(&body), &stamp).unwrap();
    // No log of this version says when: a timestamp has to.
    verify(lab.entry2(&body), &[]).unwrap_err();
    let bare = json!({"publicKey": {"rawBytes": lab::b64(key.public().spki_der())}});
    let part = |part: &str| format!("/spec/dsseV002/{part}");
    for (part, value) in [
        (part("payloadHash/digest"), json!(lab::b64([0; 32]))),
        (part("signatures/0/content"), json!("AAAA")),
        (part("signatures/0/verifier"), bare),
        (part("signatures"), json!([])),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(&part).unwrap() = value;
        let rejection = verify(lab.entry2(&other), &stamp).unwrap_err();
        assert_eq!(rejection.code.0, "TRUST-0024", "{part}: {rejection}");
    }
    // The entry's own words do not make a body another: neither way round.
    let mut entry = lab.entry2(&body);
    entry["kindVersion"]["version"] = json!("0.0.1");
    assert_eq!(verify(entry, &stamp).unwrap_err().code.0, "TRUST-0026");
    let mut entry = lab.entry2(&lab::dsse1(&payload, &signature, &by));
    entry["kindVersion"]["version"] = json!("0.0.2");
    assert_eq!(verify(entry, &stamp).unwrap_err().code.0, "TRUST-0026");
    let mut entry = lab.entry2(&body);
    entry["kindVersion"]["version"] = json!("0.0.3");
    assert_eq!(verify(entry, &stamp).unwrap_err().code.0, "TRUST-0001");
}

/// Readers disagree about which one counts: no second reading may settle it.
#[test]
fn a_name_that_stands_twice() {
    let lab = Lab::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify(key.public());
    let payload = lab::statement(b"artifact");
    let signature = key.sign(&lab::pae(&payload)).unwrap();
    let (root, by) = (lab.trust(), By::Certificate(&certificate));
    for body in [
        lab::dsse2(&payload, &signature, &by),
        lab::rekord2(
            Hash::Sha256,
            &Hash::Sha256.digest(&lab::pae(&payload)),
            &signature,
            &by,
        ),
    ] {
        let bundle = lab::bundle(
            lab::envelope(&payload, &signature),
            &by,
            &[lab.entry2(&body)],
            &[lab.stamp(&signature)],
        );
        let verify = |text: &str| {
            let subject = Digest::sha256(b"artifact");
            verify_attestation(&root, text.as_bytes(), &subject, later())
        };
        let text = bundle.to_string();
        verify(&text).unwrap();
        for name in ["dsseEnvelope", "payload", "logIndex", "tlogEntries"] {
            let named = format!("\"{name}\":");
            let twice = text.replacen(&named, &format!("{named}null,{named}"), 1);
            assert_ne!(twice, text);
            let rejection = verify(&twice).unwrap_err();
            assert_eq!(rejection.code.0, "TRUST-0001", "{name}: {rejection}");
        }
    }
}

/// Every certificate of the authority's chain must be valid at every time.
#[test]
fn an_authority_counts_only_while_all_of_its_chain_is_valid() {
    let lab = Lab::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify(key.public());
    let by = By::Certificate(&certificate);
    let signature = key.sign(b"artifact").unwrap();
    let body = lab::rekord1(
        Hash::Sha256,
        &Hash::Sha256.digest(b"artifact"),
        &signature,
        &by,
    );
    let content = lab::message(Hash::Sha256, b"artifact", &signature);
    let entry = lab.entry1("hashedrekord", "0.0.1", &body);
    let bundle = lab::bundle(content, &by, &[entry], &[]).to_string();
    let verify = |document: &Value| {
        let root = lab::root_of(document);
        Verification::new(&root, later())
            .requiring(Requirements::STRICT)
            .signature(bundle.as_bytes(), b"artifact".as_slice())
            .map(drop)
    };
    let good = lab.document();
    verify(&good).unwrap();
    // A second root in the chain, long expired.
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let old = Issuer::create_root(key, "Lab", "old", minute("2020-01-01T00:00:00Z")).unwrap();
    let mut expired = good.clone();
    let chain = &mut expired["certificateAuthorities"][0]["certChain"]["certificates"];
    let old = json!({"rawBytes": lab::b64(old.certificate().der())});
    chain.as_array_mut().unwrap().push(old);
    assert_eq!(verify(&expired).unwrap_err().code.0, "TRUST-0011");
}

/// A timestamp authority whose root had expired when the timestamp was made.
#[test]
fn a_timestamp_counts_only_while_its_authority_s_root_is_valid() {
    let lab = Lab::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify(key.public());
    let by = By::Certificate(&certificate);
    let signature = key.sign(b"artifact").unwrap();
    let digest = Hash::Sha256.digest(b"artifact");
    let entry = lab.entry2(&lab::rekord2(Hash::Sha256, &digest, &signature, &by));
    let content = lab::message(Hash::Sha256, b"artifact", &signature);
    let bundle = lab::bundle(content, &by, &[entry], &[lab.stamp(&signature)]).to_string();
    let verify = |document: &Value| {
        let root = lab::root_of(document);
        Verification::new(&root, later())
            .signature(bundle.as_bytes(), b"artifact".as_slice())
            .map(drop)
    };
    let mut document = lab.document();
    verify(&document).unwrap();
    let same_key = lab.root.key().clone();
    let old = Issuer::create_root(same_key, "Lab", "root", minute("2026-01-01T00:00:00Z")).unwrap();
    document["timestampAuthorities"][0]["certChain"]["certificates"][2] =
        json!({"rawBytes": lab::b64(old.certificate().der())});
    let rejection = verify(&document).unwrap_err();
    assert_eq!(rejection.code.0, "TRUST-0017", "{rejection}");
    assert!(rejection.text.contains("root was not valid"), "{rejection}");
}

fn minute(from: &str) -> Validity {
    Validity::seconds(from.parse().unwrap(), 60).unwrap()
}
