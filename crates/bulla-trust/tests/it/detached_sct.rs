//! The proof of logging that lies beside a certificate, as cosign's `--sct` names it.

use bulla_crypto::{
    Hash, Scheme, SigningKey,
    sct::{CtEntry, Sct},
};
use bulla_trust::{
    cosign::{BUNDLE, SIGNATURE},
    sigstore::{Verification, sct::DetachedSct},
};
use serde_json::{Value, json};

use crate::{
    lab::{self, By, Lab, later},
    old_layout::{Annotations, by_certificate, promise, refused},
};

/// A log's answer for a certificate that carries no promise, as `--sct` names it.
#[test]
fn a_promise_beside_the_certificate() {
    let lab = Lab::new();
    let root = lab.trust();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let certificate = lab.certify_unlogged(key.public());
    let file = b"artifact".as_slice();
    let signature = key.sign(file).unwrap();
    let digest = Hash::Sha256.digest(file);
    let by = By::Certificate(&certificate);
    let body = lab::rekord1(Hash::Sha256, &digest, &signature, &by);
    let mut annotations = Annotations::from([
        (SIGNATURE.into(), lab::b64(&signature)),
        (
            BUNDLE.into(),
            promise(&lab.entry1("hashedrekord", "0.0.1", &body)),
        ),
    ]);
    by_certificate(&lab, &mut annotations, &certificate);
    let signed_by = |log: &SigningKey, entry: &[u8]| {
        let ms = u64::try_from(lab::signed_at().as_millisecond()).unwrap();
        Sct::sign(log, CtEntry::Certificate(entry), ms, 3).unwrap()
    };
    let answer = |sct: &Sct| {
        let length = u16::try_from(sct.signature.len()).unwrap().to_be_bytes();
        let signature = [&[4, 3], length.as_slice(), &sct.signature].concat();
        json!({
            "sct_version": 0,
            "id": lab::b64(sct.log_id),
            "timestamp": sct.timestamp_ms,
            "extensions": lab::b64(&sct.extensions),
            "signature": lab::b64(signature),
        })
    };
    let verify = |answer: &Value| {
        let sct = DetachedSct::parse(answer.to_string().as_bytes()).unwrap();
        Verification::new(&root, later())
            .with_sct(&sct)
            .detached_signature(&annotations, file)
    };
    let good = answer(&signed_by(&lab.ct, certificate.der()));
    assert!(verify(&good).unwrap().proof().sct);
    let without = Verification::new(&root, later()).detached_signature(&annotations, file);
    refused(without, "TRUST-0015");
    // About another certificate, of another log, at another time, of another key.
    let other = lab.certify_unlogged(key.public());
    refused(
        verify(&answer(&signed_by(&lab.ct, other.der()))),
        "TRUST-0015",
    );
    let stranger = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    refused(
        verify(&answer(&signed_by(&stranger, certificate.der()))),
        "TRUST-0015",
    );
    let mut moved = good.clone();
    moved["timestamp"] = json!(good["timestamp"].as_u64().unwrap() + 1);
    refused(verify(&moved), "TRUST-0015");
    let mut posed = answer(&signed_by(&stranger, certificate.der()));
    posed["id"] = good["id"].clone();
    refused(verify(&posed), "TRUST-0015");
    for (name, value) in [
        ("sct_version", json!(1)),
        ("id", json!("AAAA")),
        ("signature", json!("AAAA")),
        ("signature", json!("?")),
        ("timestamp", Value::Null),
    ] {
        let mut broken = good.clone();
        broken[name] = value;
        assert!(DetachedSct::parse(broken.to_string().as_bytes()).is_err());
    }
}
