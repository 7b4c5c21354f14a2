//! cosign's old layout: the same rules for layers as for bundles.

use bulla_core::Digest;
use bulla_crypto::{Hash, Scheme, SigningKey, x509::Certificate};
use bulla_trust::{
    Rejection, Requirements, TrustRoot,
    cosign::{self, BUNDLE, CERTIFICATE, CHAIN, ConvertError, Layer, SIGNATURE, TIMESTAMP},
    sigstore::Verification,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::lab::{self, By, Lab, later};

pub(crate) type Annotations = BTreeMap<String, String>;

/// A layer that can be edited.
struct Made {
    payload: Vec<u8>,
    annotations: Annotations,
    key: SigningKey,
}

fn image() -> Digest {
    Digest::sha256(b"manifest")
}

fn payload(image: &Digest) -> Vec<u8> {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/app"},
            "image": {"docker-manifest-digest": image.to_string()},
            "type": "cosign container image signature",
        },
        "optional": {"team": "a"},
    })
    .to_string()
    .into_bytes()
}

/// The annotation that holds a log's promise, out of an entry with one.
pub(crate) fn promise(entry: &Value) -> String {
    let id = base64_decode(entry["logId"]["keyId"].as_str().unwrap());
    let number = |name: &str| -> i64 { entry[name].as_str().unwrap().parse().unwrap() };
    json!({
        "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": entry["canonicalizedBody"],
            "integratedTime": number("integratedTime"),
            "logIndex": number("logIndex"),
            "logID": hex::encode(id),
        },
    })
    .to_string()
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).unwrap()
}

pub(crate) fn by_certificate(lab: &Lab, annotations: &mut Annotations, certificate: &Certificate) {
    annotations.insert(CERTIFICATE.into(), certificate.to_pem());
    let chain = [lab.intermediate.certificate(), lab.root.certificate()];
    annotations.insert(CHAIN.into(), bulla_crypto::x509::to_pem_chain(chain));
}

impl Made {
    fn signature(lab: &Lab, certified: bool) -> Self {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let payload = payload(&image());
        let signature = key.sign(&payload).unwrap();
        let certificate = certified.then(|| lab.certify(key.public()));
        let by = certificate
            .as_ref()
            .map_or(By::Key(key.public()), By::Certificate);
        let digest = Hash::Sha256.digest(&payload);
        let body = lab::rekord1(Hash::Sha256, &digest, &signature, &by);
        let entry = lab.entry1("hashedrekord", "0.0.1", &body);
        let mut annotations = BTreeMap::from([
            (SIGNATURE.into(), lab::b64(&signature)),
            (BUNDLE.into(), promise(&entry)),
        ]);
        if let Some(certificate) = &certificate {
            by_certificate(lab, &mut annotations, certificate);
        }
        Self {
            payload,
            annotations,
            key,
        }
    }

    fn attestation(lab: &Lab, kind: &str, version: &str) -> Self {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let certificate = lab.certify(key.public());
        let by = By::Certificate(&certificate);
        let statement = lab::statement(b"manifest");
        let signature = key.sign(&lab::pae(&statement)).unwrap();
        // As cosign writes it: an order of its own, which a parser would not keep.
        let payload = format!(
            r#"{{"payloadType":"{}","payload":"{}","signatures":[{{"keyid":"","sig":"{}"}}]}}"#,
            lab::PAYLOAD_TYPE,
            lab::b64(&statement),
            lab::b64(&signature),
        )
        .into_bytes();
        let body = match (kind, version) {
            ("dsse", _) => lab::dsse1(&statement, &signature, &by),
            ("intoto", "0.0.1") => lab::intoto1(&payload, &statement, &by),
            ("intoto", _) => lab::intoto2(&statement, &signature, &by),
            _ => {
                let signed = Hash::Sha256.digest(&lab::pae(&statement));
                lab::rekord1(Hash::Sha256, &signed, &signature, &by)
            }
        };
        let entry = lab.entry1(kind, version, &body);
        let mut annotations = BTreeMap::from([
            (SIGNATURE.into(), String::new()),
            (BUNDLE.into(), promise(&entry)),
        ]);
        by_certificate(lab, &mut annotations, &certificate);
        Self {
            payload,
            annotations,
            key,
        }
    }

    fn layer(&self) -> Layer<'_> {
        Layer {
            payload: &self.payload,
            annotations: &self.annotations,
        }
    }
}

#[track_caller]
pub(crate) fn refused<T>(outcome: Result<T, Rejection>, code: &str) {
    match outcome {
        Ok(_) => panic!("accepted, not {code}"),
        Err(rejection) => assert_eq!(rejection.code.0, code, "{rejection}"),
    }
}

#[test]
fn a_signature_with_a_certificate() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    let made = Made::signature(&lab, true);
    let good = verification
        .layer_signature(&made.layer(), &image())
        .unwrap();
    assert_eq!(good.claim().docker_reference, "registry.example/app");
    assert_eq!(good.claim().optional["team"], "a");
    assert_eq!(good.proof().signer.subject, lab::EMAIL);
    assert_eq!(good.proof().signer.issuer, lab::ISSUER);
    assert_eq!(good.proof().envelope, made.layer().digest());
    assert_eq!(good.proof().times, [lab::signed_at()]);
    assert_eq!(good.proof().log.as_ref().unwrap().index, 41);

    let other = Digest::sha256(b"another manifest");
    let elsewhere = verification.layer_signature(&made.layer(), &other);
    let text = elsewhere.as_ref().unwrap_err().to_string();
    let near = format!("found {} in registry.example/app", image());
    assert!(text.ends_with(&near), "{text}");
    refused(elsewhere, "TRUST-0031");
    let mut changed = Made::signature(&lab, true);
    changed.payload = payload(&other);
    refused(
        verification.layer_signature(&changed.layer(), &other),
        "TRUST-0030",
    );
    let mut unlogged = Made::signature(&lab, true);
    unlogged.annotations.remove(BUNDLE);
    refused(
        verification.layer_signature(&unlogged.layer(), &image()),
        "TRUST-0008",
    );
    let mut foreign = Made::signature(&lab, true);
    let nowhere = Lab::new().trust();
    let judged = Verification::new(&nowhere, later());
    refused(
        judged.layer_signature(&foreign.layer(), &image()),
        "TRUST-0010",
    );
    foreign.annotations.insert(SIGNATURE.into(), "?".into());
    refused(
        verification.layer_signature(&foreign.layer(), &image()),
        "TRUST-0001",
    );
}

#[test]
fn a_signature_says_the_same_as_a_statement() {
    let lab = Lab::new();
    let root = lab.trust();
    let made = Made::signature(&lab, true);
    let good = Verification::new(&root, later()).layer_signature(&made.layer(), &image());
    let good = good.unwrap();
    let proof = good.proof().clone();
    let said = good.into_statement();
    assert_eq!(*said.proof(), proof);
    let statement = said.claim();
    assert_eq!(
        statement.predicate_type,
        "https://sigstore.dev/cosign/sign/v1"
    );
    assert!(statement.is_about(&image()));
    assert!(!statement.is_about(&Digest::sha256(b"another manifest")));
    let [subject] = statement.subject.as_slice() else {
        panic!("{statement:?}")
    };
    assert_eq!(subject.name, "registry.example/app");
    assert_eq!(subject.annotations["team"], "a");
}

#[test]
fn a_signature_with_a_key() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    let made = Made::signature(&lab, false);
    let verify = |made: &Made, by: &SigningKey| {
        verification.layer_signature_with_key(&made.layer(), &image(), by.public())
    };
    verify(&made, &made.key).unwrap();
    let other = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    refused(verify(&made, &other), "TRUST-0030");
    refused(
        verification.layer_signature(&made.layer(), &image()),
        "TRUST-0050",
    );
    // A key vouches for itself, whatever certificate lies beside it.
    let certified = Made::signature(&lab, true);
    verify(&certified, &certified.key).unwrap();

    let mut bare = Made::signature(&lab, false);
    bare.annotations.remove(BUNDLE);
    refused(verify(&bare, &bare.key), "TRUST-0008");
    let nothing = TrustRoot::nothing().unwrap();
    let without_log =
        Verification::new(&nothing, later()).requiring(Requirements::default().without_log());
    without_log
        .layer_signature_with_key(&bare.layer(), &image(), bare.key.public())
        .unwrap();
}

/// A promise that is good, for another signature, key or payload.
#[test]
fn cve_2022_36056_and_ghsa_whqx_f9j3_ch6m_a_promise_about_something_else() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    for certified in [true, false] {
        let mut made = Made::signature(&lab, certified);
        let other = Made::signature(&lab, certified);
        made.annotations
            .insert(BUNDLE.into(), other.annotations[BUNDLE].clone());
        let outcome = if certified {
            verification
                .layer_signature(&made.layer(), &image())
                .map(drop)
        } else {
            let key = made.key.public();
            verification
                .layer_signature_with_key(&made.layer(), &image(), key)
                .map(drop)
        };
        refused(outcome, "TRUST-0024");
    }
}

/// What the promise covers cannot be edited.
#[test]
fn cve_2024_29902_the_promise_is_checked() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    for (part, value) in [
        (
            "/Payload/integratedTime",
            json!(lab::signed_at().as_second() + 1),
        ),
        ("/Payload/logIndex", json!(42)),
        ("/SignedEntryTimestamp", json!("AAAA")),
    ] {
        let mut made = Made::signature(&lab, true);
        let mut promise: Value = serde_json::from_str(&made.annotations[BUNDLE]).unwrap();
        *promise.pointer_mut(part).unwrap() = value;
        made.annotations.insert(BUNDLE.into(), promise.to_string());
        refused(
            verification.layer_signature(&made.layer(), &image()),
            "TRUST-0023",
        );
    }
}

#[test]
fn a_timestamp_in_place_of_the_log() {
    let lab = Lab::new();
    let root = lab.trust();
    let mut made = Made::signature(&lab, true);
    made.annotations.remove(BUNDLE);
    let stamp = lab.stamp(&base64_decode(&made.annotations[SIGNATURE]));
    let stamp = json!({"SignedRFC3161Timestamp": lab::b64(stamp)});
    made.annotations.insert(TIMESTAMP.into(), stamp.to_string());
    let relaxed = Requirements::default().without_log().timestamped();
    let verification = Verification::new(&root, later()).requiring(relaxed);
    verification
        .layer_signature(&made.layer(), &image())
        .unwrap();
    let foreign = json!({"SignedRFC3161Timestamp": lab::b64(lab.stamp(b"something else"))});
    made.annotations
        .insert(TIMESTAMP.into(), foreign.to_string());
    refused(
        verification.layer_signature(&made.layer(), &image()),
        "TRUST-0017",
    );
}

#[test]
fn attestations_with_every_kind_of_entry() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    for (kind, version) in [
        ("dsse", "0.0.1"),
        ("intoto", "0.0.1"),
        ("intoto", "0.0.2"),
        ("hashedrekord", "0.0.1"),
    ] {
        let made = Made::attestation(&lab, kind, version);
        let good = verification
            .layer_attestation(&made.layer(), &image())
            .unwrap_or_else(|rejection| panic!("{kind} {version}: {rejection}"));
        assert_eq!(good.claim().predicate_type, "https://example.com/claim/v1");
        let other = Digest::sha256(b"another manifest");
        refused(
            verification.layer_attestation(&made.layer(), &other),
            "TRUST-0031",
        );
        let other = Made::attestation(&lab, kind, version);
        let mut replaced = made;
        replaced
            .annotations
            .insert(BUNDLE.into(), other.annotations[BUNDLE].clone());
        refused(
            verification.layer_attestation(&replaced.layer(), &image()),
            "TRUST-0024",
        );
    }
}

#[test]
fn a_layer_as_a_bundle_says_the_same() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    let made = Made::signature(&lab, true);
    let bundle = cosign::to_bundle(&made.layer(), None, None).unwrap();
    let good = verification
        .signature(&bundle, made.payload.as_slice())
        .unwrap();
    assert_eq!(good.proof().signer.subject, lab::EMAIL);
    let text = String::from_utf8(bundle).unwrap();
    assert!(text.contains("version=0.1"), "{text}");

    let made = Made::signature(&lab, false);
    let (layer, key) = (made.layer(), made.key.public());
    assert!(matches!(
        cosign::to_bundle(&layer, None, None),
        Err(ConvertError::Signer)
    ));
    let bundle = cosign::to_bundle(&layer, None, Some(key)).unwrap();
    verification
        .signature_with_key(&bundle, made.payload.as_slice(), key)
        .unwrap();

    let made = Made::attestation(&lab, "dsse", "0.0.1");
    let bundle = cosign::to_bundle(&made.layer(), None, None).unwrap();
    verification.attestation(&bundle, &image()).unwrap();
    let made = Made::attestation(&lab, "intoto", "0.0.1");
    assert!(matches!(
        cosign::to_bundle(&made.layer(), None, None),
        Err(ConvertError::Kind)
    ));
}

#[test]
fn detached_files() {
    let lab = Lab::new();
    let root = lab.trust();
    let verification = Verification::new(&root, later());
    let made = Made::signature(&lab, true);
    // What `sign-blob` signs is the file itself; here it is the payload.
    let certificate = lab::b64(&made.annotations[CERTIFICATE]);
    let local = json!({
        "base64Signature": made.annotations[SIGNATURE],
        "cert": certificate,
        "rekorBundle": serde_json::from_str::<Value>(&made.annotations[BUNDLE]).unwrap(),
    });
    let annotations = cosign::annotations_of_local(local.to_string().as_bytes()).unwrap();
    let verify = |artifact: &[u8]| verification.detached_signature(&annotations, artifact);
    assert_eq!(
        verify(&made.payload).unwrap().claim().digest,
        Digest::sha256(&made.payload)
    );
    refused(verify(b"another file"), "TRUST-0030");
    let digest = Digest::sha256(&made.payload);
    verification
        .detached_signature(&annotations, &digest)
        .unwrap();
}

/// A signature of the public instance, with the promise of its log.
#[test]
fn the_public_log_s_promise() {
    let Some(assets) = crate::suite::assets() else {
        return;
    };
    let case = crate::suite::Case::read(&assets, "happy-path-v0.1");
    let json = case.bundle_json();
    let material = &json["verificationMaterial"];
    let certificates = material["x509CertificateChain"]["certificates"]
        .as_array()
        .unwrap();
    let certificates: Vec<_> = certificates
        .iter()
        .map(|one| base64_decode(one["rawBytes"].as_str().unwrap()))
        .map(|der| bulla_crypto::x509::parse_certificate(&der).unwrap())
        .collect();
    let (leaf, chain) = certificates.split_first().unwrap();
    let signature = json["messageSignature"]["signature"].as_str().unwrap();
    let annotations = Annotations::from([
        (SIGNATURE.into(), signature.into()),
        (CERTIFICATE.into(), leaf.to_pem()),
        (CHAIN.into(), bulla_crypto::x509::to_pem_chain(chain)),
        (BUNDLE.into(), promise(&material["tlogEntries"][0])),
    ]);
    let root = TrustRoot::public_good().unwrap();
    let verification = Verification::new(root, jiff::Timestamp::now());
    let good = verification
        .detached_signature(&annotations, case.artifact.as_slice())
        .unwrap();
    good.require_identity(&case.expectation()).unwrap();
    assert_eq!(good.proof().log.as_ref().unwrap().tree_size, 0);
    let mut later = annotations;
    let mut edited: Value = serde_json::from_str(&later[BUNDLE]).unwrap();
    let time = edited["Payload"]["integratedTime"].as_i64().unwrap();
    edited["Payload"]["integratedTime"] = json!(time + 1);
    later.insert(BUNDLE.into(), edited.to_string());
    refused(
        verification.detached_signature(&later, case.artifact.as_slice()),
        "TRUST-0023",
    );
}
