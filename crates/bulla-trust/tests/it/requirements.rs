//! What a caller may do without, and what never: a demand relaxes absence only.

use bulla_core::Digest;
use bulla_crypto::{Hash, Scheme, SigningKey, x509::Certificate};
use bulla_trust::{
    Rejection, Requirements, TrustRoot,
    root::RootParts,
    sigstore::{Verification, WitnessKey, WitnessQuorum},
};
use serde_json::{Value, json};

use crate::lab::{self, By, Lab, later, signed_at};

struct Signed {
    key: SigningKey,
    certificate: Option<Certificate>,
    signature: Vec<u8>,
}

impl Signed {
    fn new(certify: impl FnOnce(&SigningKey) -> Option<Certificate>) -> Self {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        Self {
            certificate: certify(&key),
            signature: key.sign(b"artifact").unwrap(),
            key,
        }
    }

    fn by(&self) -> By<'_> {
        match &self.certificate {
            Some(certificate) => By::Certificate(certificate),
            None => By::Key(self.key.public()),
        }
    }

    fn entry(&self, lab: &Lab) -> Value {
        let digest = Hash::Sha256.digest(b"artifact");
        let body = lab::rekord2(Hash::Sha256, &digest, &self.signature, &self.by());
        lab.entry2(&body)
    }

    fn stamps(&self, lab: &Lab) -> Vec<Vec<u8>> {
        vec![lab.stamp(&self.signature)]
    }

    fn bundle(&self, entries: &[Value], stamps: &[Vec<u8>]) -> String {
        let content = lab::message(Hash::Sha256, b"artifact", &self.signature);
        lab::bundle(content, &self.by(), entries, stamps).to_string()
    }

    fn verify(&self, verification: &Verification<'_>, bundle: &str) -> Result<(), Rejection> {
        let artifact = b"artifact".as_slice();
        match &self.certificate {
            Some(_) => verification
                .signature(bundle.as_bytes(), artifact)
                .map(drop),
            None => verification
                .signature_with_key(bundle.as_bytes(), artifact, self.key.public())
                .map(drop),
        }
    }
}

#[track_caller]
fn refused(outcome: Result<(), Rejection>, code: &str) {
    let rejection = outcome.unwrap_err();
    assert_eq!(rejection.code.0, code, "{rejection}");
}

fn strict() -> Requirements {
    Requirements::default()
}

#[test]
fn a_log_entry() {
    let lab = Lab::new();
    let root = lab.trust();
    for signed in [
        Signed::new(|key| Some(lab.certify(key.public()))),
        Signed::new(|_| None),
    ] {
        let verify = |requirements, bundle: &str| {
            let verification = Verification::new(&root, later()).requiring(requirements);
            signed.verify(&verification, bundle)
        };
        let stamps = signed.stamps(&lab);
        let bare = signed.bundle(&[], &stamps);
        refused(verify(strict(), &bare), "TRUST-0008");
        verify(strict().without_log(), &bare).unwrap();

        let mut foreign = signed.entry(&lab);
        foreign["logId"]["keyId"] = json!(lab::b64([7_u8; 32]));
        let unknown = signed.bundle(&[foreign.clone()], &stamps);
        refused(verify(strict(), &unknown), "TRUST-0020");
        verify(strict().without_log(), &unknown).unwrap();

        // Not demanded is not "anything goes".
        let mut broken = signed.entry(&lab);
        broken["inclusionProof"]["hashes"][0] = json!(lab::b64([7_u8; 32]));
        let broken = signed.bundle(&[broken], &stamps);
        refused(verify(strict().without_log(), &broken), "TRUST-0021");
        let other = lab::rekord2(Hash::Sha256, &[7; 32], &signed.signature, &signed.by());
        foreign["canonicalizedBody"] = json!(lab::b64(other.to_string()));
        let replaced = signed.bundle(&[foreign], &stamps);
        refused(verify(strict().without_log(), &replaced), "TRUST-0024");
    }
}

#[test]
fn a_time() {
    let lab = Lab::new();
    let root = lab.trust();
    let certified = Signed::new(|key| Some(lab.certify(key.public())));
    let entries = [certified.entry(&lab)];
    let timeless = certified.bundle(&entries, &[]);
    let verify = |requirements: Requirements, now| {
        let verification = Verification::new(&root, now).requiring(requirements);
        certified.verify(&verification, &timeless)
    };
    refused(verify(strict(), later()), "TRUST-0013");
    refused(verify(strict(), signed_at()), "TRUST-0014");
    verify(strict().untimed(), signed_at()).unwrap();
    refused(verify(strict().untimed(), later()), "TRUST-0012");

    let body = lab::rekord1(
        Hash::Sha256,
        &Hash::Sha256.digest(b"artifact"),
        &certified.signature,
        &certified.by(),
    );
    let logged = certified.bundle(&[lab.entry1("hashedrekord", "0.0.1", &body)], &[]);
    let verification = Verification::new(&root, later());
    certified.verify(&verification, &logged).unwrap();
    let stamped = verification.clone().requiring(strict().timestamped());
    refused(certified.verify(&stamped, &logged), "TRUST-0600");
    let both = certified.bundle(&entries, &certified.stamps(&lab));
    certified.verify(&stamped, &both).unwrap();

    let bare = Signed::new(|_| None);
    let timeless = bare.bundle(&[bare.entry(&lab)], &[]);
    bare.verify(&verification, &timeless).unwrap();
    refused(bare.verify(&stamped, &timeless), "TRUST-0600");
}

#[test]
fn a_timestamp_that_does_not_hold_is_never_ignored() {
    let lab = Lab::new();
    let root = lab.trust();
    for signed in [
        Signed::new(|key| Some(lab.certify(key.public()))),
        Signed::new(|_| None),
    ] {
        let other = signed.bundle(&[signed.entry(&lab)], &[lab.stamp(b"another signature")]);
        let verification = Verification::new(&root, later())
            .requiring(strict().without_log().without_sct().untimed());
        refused(signed.verify(&verification, &other), "TRUST-0017");
    }
}

#[test]
fn an_sct() {
    let lab = Lab::new();
    let root = lab.trust();
    let unlogged = Signed::new(|key| Some(lab.certify_unlogged(key.public())));
    let bundle = unlogged.bundle(&[unlogged.entry(&lab)], &unlogged.stamps(&lab));
    let verify = |root: &TrustRoot, requirements, signed: &Signed, bundle: &str| {
        let verification = Verification::new(root, later()).requiring(requirements);
        signed.verify(&verification, bundle)
    };
    refused(verify(&root, strict(), &unlogged, &bundle), "TRUST-0015");
    verify(&root, strict().without_sct(), &unlogged, &bundle).unwrap();

    let logged = Signed::new(|key| Some(lab.certify(key.public())));
    let bundle = logged.bundle(&[logged.entry(&lab)], &logged.stamps(&lab));
    let with_ct = |edit: fn(&mut Value)| {
        let mut document = lab.document();
        edit(&mut document["ctlogs"]);
        lab::root_of(&document)
    };
    let unknown = with_ct(|logs| *logs = json!([]));
    refused(verify(&unknown, strict(), &logged, &bundle), "TRUST-0015");
    verify(&unknown, strict().without_sct(), &logged, &bundle).unwrap();
    // A log that the root knows, and whose key was retired: that is no absence.
    let retired = with_ct(|logs| {
        logs[0]["publicKey"]["validFor"]["end"] = json!("2026-02-01T00:00:00Z");
    });
    refused(
        verify(&retired, strict().without_sct(), &logged, &bundle),
        "TRUST-0015",
    );
}

#[test]
fn bare_keys_without_any_instance() {
    let signed = Signed::new(|_| None);
    let bundle = signed.bundle(&[], &[]);
    let root = TrustRoot::nothing().unwrap();
    let verification = Verification::new(&root, later());
    refused(signed.verify(&verification, &bundle), "TRUST-0008");
    let without_log = verification.requiring(strict().without_log());
    signed.verify(&without_log, &bundle).unwrap();
    let subject = Digest::sha256(b"artifact");
    let by_digest =
        without_log.signature_with_key(bundle.as_bytes(), &subject, signed.key.public());
    assert!(by_digest.unwrap().proof().log.is_none());
}

#[test]
fn witnesses() {
    let lab = Lab::new();
    let root = lab.trust();
    let signed = Signed::new(|key| Some(lab.certify(key.public())));
    let (a, b) = (
        lab::Witness::new("a.example"),
        lab::Witness::new("b.example"),
    );
    let mut entry = signed.entry(&lab);
    let note = &mut entry["inclusionProof"]["checkpoint"]["envelope"];
    *note = json!(a.cosign(note.as_str().unwrap()));
    let bundle = signed.bundle(&[entry], &signed.stamps(&lab));
    let quorum = |threshold| {
        let keys = [&a, &b].map(|one| WitnessKey::parse(&one.verifier_key()).unwrap());
        WitnessQuorum::new(keys.to_vec(), threshold).unwrap()
    };
    let verify = |threshold, bundle: &str| {
        Verification::new(&root, later())
            .requiring(strict().witnessed(quorum(threshold)))
            .signature(bundle.as_bytes(), b"artifact".as_slice())
    };
    let good = verify(1, &bundle).unwrap();
    assert_eq!(good.proof().log.as_ref().unwrap().witnesses, ["a.example"]);
    assert_eq!(verify(2, &bundle).unwrap_err().code.0, "TRUST-0601");
    let unwitnessed = signed.bundle(&[signed.entry(&lab)], &signed.stamps(&lab));
    assert_eq!(verify(1, &unwitnessed).unwrap_err().code.0, "TRUST-0601");
}

/// A root put together from files, and certificates that openssl made: no log,
/// no SCT, no OIDC issuer.
#[test]
fn an_authority_of_ones_own() {
    let Some(own) = crate::openssl::Authority::new() else {
        return;
    };
    let root = |parts: RootParts| TrustRoot::assemble(&parts).unwrap();
    let chained = root(RootParts {
        ca_chains: vec![[own.between.clone(), own.root.clone()].concat()],
        ..RootParts::default()
    });
    let split = root(RootParts {
        ca_roots: Some(own.root.clone()),
        ca_intermediates: Some(own.between.clone()),
        ..RootParts::default()
    });
    let other = crate::openssl::Authority::new().unwrap();
    let mixed = root(RootParts {
        ca_roots: Some(other.root.clone()),
        ca_intermediates: Some(own.between.clone()),
        ..RootParts::default()
    });
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"certificate": {"rawBytes": lab::b64(&own.leaf)}},
        "messageSignature": lab::message(Hash::Sha256, b"artifact", &own.signature).1,
    })
    .to_string();
    let now = jiff::Timestamp::now();
    let verify = |root: &TrustRoot, requirements| {
        Verification::new(root, now)
            .requiring(requirements)
            .signature(bundle.as_bytes(), b"artifact".as_slice())
    };
    let own_rules = || strict().without_log().without_sct().untimed();
    for root in [&chained, &split] {
        let good = verify(root, own_rules()).unwrap();
        assert_eq!(good.proof().signer.subject, "someone@example.com");
        assert_eq!(good.proof().signer.issuer, "x509:CN=between");
        for stricter in [
            strict().without_sct().untimed(),
            strict().without_log().untimed(),
            strict().without_log().without_sct(),
        ] {
            assert!(verify(root, stricter).is_err());
        }
    }
    // Intermediates given as a file vouch for nobody.
    let rejection = verify(&mixed, own_rules()).unwrap_err();
    assert_eq!(rejection.code.0, "TRUST-0011", "{rejection}");
}
