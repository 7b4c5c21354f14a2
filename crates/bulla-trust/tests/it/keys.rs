//! Every kind of key, in certificates and bare, over messages and envelopes,
//! with the artifact's bytes and with its digest alone.

use bulla_core::Digest;
use bulla_crypto::{Hash, PublicKey, Scheme, SigningKey};
use bulla_trust::sigstore::{Artifact, Verification};
use serde_json::{Value, json};

use crate::lab::{self, By, Lab, later};

/// What signs in each case: the key as its holder uses it, and the hash named.
fn signers() -> Vec<(SigningKey, Hash)> {
    Scheme::ALL
        .into_iter()
        .map(|scheme| (SigningKey::generate(scheme).unwrap(), scheme.hash()))
        .collect()
}

/// As a key file or certificate gives it: no file tells Ed25519 from Ed25519ph.
fn as_published(key: &SigningKey) -> PublicKey {
    PublicKey::from_spki_der(key.public().spki_der()).unwrap()
}

fn digest_in(hash: Hash, artifact: &[u8]) -> Digest {
    match hash {
        Hash::Sha256 => Digest::sha256(artifact),
        Hash::Sha384 => Digest::sha384(artifact),
        Hash::Sha512 => Digest::sha512(artifact),
    }
}

fn message_bundle(lab: &Lab, key: &SigningKey, hash: Hash, by: &By<'_>, artifact: &[u8]) -> Value {
    let signature = key.sign(artifact).unwrap();
    let digest = hash.digest(artifact);
    let entries = [
        lab.entry1(
            "hashedrekord",
            "0.0.1",
            &lab::rekord1(hash, &digest, &signature, by),
        ),
        lab.entry2(&lab::rekord2(hash, &digest, &signature, by)),
    ];
    let content = lab::message(hash, artifact, &signature);
    lab::bundle(content, by, &entries, &[lab.stamp(&signature)])
}

fn envelope_bundle(lab: &Lab, key: &SigningKey, by: &By<'_>, artifact: &[u8]) -> Value {
    bundle_of(lab, key, by, &lab::statement(artifact))
}

fn bundle_of(lab: &Lab, key: &SigningKey, by: &By<'_>, payload: &[u8]) -> Value {
    let signature = key.sign(&lab::pae(payload)).unwrap();
    let digest = Hash::Sha256.digest(&lab::pae(payload));
    let entries = [
        lab.entry1("dsse", "0.0.1", &lab::dsse1(payload, &signature, by)),
        lab.entry2(&lab::rekord2(Hash::Sha256, &digest, &signature, by)),
    ];
    let content = lab::envelope(payload, &signature);
    lab::bundle(content, by, &entries, &[lab.stamp(&signature)])
}

#[test]
fn every_kind_of_key_in_a_certificate() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    for (key, hash) in signers() {
        let scheme = key.scheme();
        let published = as_published(&key);
        let certificate = lab.certify(&published);
        let by = By::Certificate(&certificate);
        let bundle = message_bundle(&lab, &key, hash, &by, b"artifact").to_string();
        let good = verification
            .signature(bundle.as_bytes(), b"artifact".as_slice())
            .unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
        assert_eq!(good.proof().signer.subject, lab::EMAIL);
        assert_eq!(good.proof().times.len(), 2);
        let wrong = verification.signature(bundle.as_bytes(), b"artefact".as_slice());
        assert_eq!(wrong.unwrap_err().code.0, "TRUST-0031", "{scheme:?}");
        let bundle = envelope_bundle(&lab, &key, &by, b"artifact").to_string();
        let subject = Digest::sha256(b"artifact");
        verification
            .attestation(bundle.as_bytes(), &subject)
            .unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
    }
}

#[test]
fn every_kind_of_bare_key() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    for (key, hash) in signers() {
        let scheme = key.scheme();
        let published = as_published(&key);
        let by = By::Key(&published);
        let bundle = message_bundle(&lab, &key, hash, &by, b"artifact").to_string();
        let verify = |artifact: Artifact<'_>, key: &PublicKey| {
            verification.signature_with_key(bundle.as_bytes(), artifact, key)
        };
        let good = verify(Artifact::Bytes(b"artifact"), &published)
            .unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
        assert_eq!(good.proof().key, published.id());
        let other = as_published(&SigningKey::generate(scheme).unwrap());
        let wrong = verify(Artifact::Bytes(b"artifact"), &other).unwrap_err();
        assert_eq!(wrong.code.0, "TRUST-0030", "{scheme:?}");

        let bundle = envelope_bundle(&lab, &key, &by, b"artifact").to_string();
        let subject = Digest::sha256(b"artifact");
        verification
            .attestation_with_key(bundle.as_bytes(), &subject, &published)
            .unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
        let wrong = verification.attestation_with_key(bundle.as_bytes(), &subject, &other);
        assert_eq!(wrong.unwrap_err().code.0, "TRUST-0030", "{scheme:?}");
    }
}

/// All but pure Ed25519 sign a digest, so it is enough.
#[test]
fn the_digest_alone_is_enough_where_the_scheme_signs_one() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    for (key, hash) in signers() {
        let published = as_published(&key);
        let by = By::Key(&published);
        let bundle = message_bundle(&lab, &key, hash, &by, b"artifact").to_string();
        let verify = |digest: &Digest| {
            verification
                .signature_with_key(bundle.as_bytes(), digest, &published)
                .map(drop)
        };
        let good = verify(&digest_in(hash, b"artifact"));
        match key.scheme() {
            Scheme::Ed25519 => assert_ne!(good.unwrap_err().code.0, "TRUST-0031"),
            scheme => {
                good.unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
                let wrong = verify(&digest_in(hash, b"artefact")).unwrap_err();
                assert_eq!(wrong.code.0, "TRUST-0031", "{scheme:?}");
            }
        }
    }
}

/// cosign before version 3 hashes with SHA-256 whatever the curve.
#[test]
fn larger_curves_with_sha256() {
    let lab = Lab::new();
    let root = lab.trust();
    for scheme in [Scheme::EcdsaP384, Scheme::EcdsaP521] {
        let Some(signed) = crate::openssl::sign(scheme, "sha256", b"artifact") else {
            return;
        };
        let by = By::Key(&signed.key);
        let digest = Hash::Sha256.digest(b"artifact");
        let body = lab::rekord1(Hash::Sha256, &digest, &signed.signature, &by);
        let content = lab::message(Hash::Sha256, b"artifact", &signed.signature);
        let entry = lab.entry1("hashedrekord", "0.0.1", &body);
        let bundle = lab::bundle(content, &by, &[entry], &[]).to_string();
        Verification::new(&root, later())
            .signature_with_key(bundle.as_bytes(), b"artifact".as_slice(), &signed.key)
            .unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
    }
}

/// Keys and signatures of another implementation.
#[test]
fn what_openssl_signs() {
    let lab = Lab::new();
    let root = lab.trust();
    for scheme in [
        Scheme::EcdsaP256,
        Scheme::EcdsaP384,
        Scheme::EcdsaP521,
        Scheme::Rsa2048,
        Scheme::Rsa3072,
        Scheme::Rsa4096,
        Scheme::Ed25519,
    ] {
        let hash = scheme.hash();
        let name = match hash {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        };
        let Some(signed) = crate::openssl::sign(scheme, name, b"artifact") else {
            return;
        };
        let by = By::Key(&signed.key);
        let body = lab::rekord2(hash, &hash.digest(b"artifact"), &signed.signature, &by);
        let content = lab::message(hash, b"artifact", &signed.signature);
        let bundle = lab::bundle(content, &by, &[lab.entry2(&body)], &[]).to_string();
        let verify = |artifact: &[u8]| {
            Verification::new(&root, later()).signature_with_key(
                bundle.as_bytes(),
                artifact,
                &signed.key,
            )
        };
        verify(b"artifact").unwrap_or_else(|rejection| panic!("{scheme:?}: {rejection}"));
        assert!(verify(b"artefact").is_err(), "{scheme:?}");
    }
}

/// A statement may name a file by any digest that signs; of its bytes all that it
/// names must be right, of a digest only that one is looked at.
#[test]
fn a_statement_names_a_file_by_any_digest() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let by = By::Key(key.public());
    let (file, other) = (b"artifact".as_slice(), b"artefact".as_slice());
    let hex = |hash: Hash, bytes: &[u8]| hex::encode(hash.digest(bytes));
    let attest = |digests: Value| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "file", "digest": digests}],
            "predicateType": "https://example.com/x",
            "predicate": {},
        });
        bundle_of(&lab, &key, &by, statement.to_string().as_bytes())
    };
    let verify = |bundle: &Value, bytes: &[u8]| {
        verification
            .attestation_with_key(bundle.to_string().as_bytes(), bytes, key.public())
            .map(drop)
            .map_err(|rejection| rejection.code.0)
    };
    for (name, hash) in [
        ("sha256", Hash::Sha256),
        ("sha384", Hash::Sha384),
        ("sha512", Hash::Sha512),
    ] {
        let bundle = attest(json!({name: hex(hash, file), "md5": "whatever"}));
        assert_eq!(verify(&bundle, file), Ok(()), "{name}");
        assert_eq!(verify(&bundle, other), Err("TRUST-0031"), "{name}");
        let digest = digest_in(hash, file);
        verification
            .attestation_with_key(bundle.to_string().as_bytes(), &digest, key.public())
            .unwrap();
    }
    let mixed = attest(json!({
        "sha256": hex(Hash::Sha256, file), "sha512": hex(Hash::Sha512, other),
    }));
    assert_eq!(verify(&mixed, file), Err("TRUST-0031"));
    assert_eq!(
        verify(&attest(json!({"md5": "x"})), file),
        Err("TRUST-0031")
    );
    assert_eq!(verify(&attest(json!({})), file), Err("TRUST-0031"));
}
