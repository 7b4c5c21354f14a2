//! The Sigstore libraries: sigstore-go, -js, -java, -python, -rust (with the items
//! of its audit, `TOB-SIGSTORE-n`), and the verifier of the timestamp authority.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_crypto::timestamp::TimestampSigner;
use bulla_trust::{
    sigstore::verify_attestation,
    threshold::{Authority, Signature, TallyOutcome, Threshold, distinct},
};
use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::{
    ARTIFACT, BLOB, BLOB_V1, DSSE, assert_rejected, assert_verdict, entry, under, verdict,
};
use crate::{
    suite::{Case, assets},
    world::{ORIGIN, World},
};

fn stamps(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
}

#[track_caller]
fn assert_under(world: &World, root: &Value, bundle: &Value, codes: &[&str]) {
    let (code, text) = under(world, root, bundle);
    assert!(codes.contains(&code), "{code:?} {text}");
}

/// The key of the log was not valid at the time that the timestamp proves.
#[test]
fn cve_2026_54787_key_validity_not_compared_with_timestamps() {
    let Some(assets) = assets() else { return };
    for (bound, value) in [
        ("end", "2025-04-17T00:00:00Z"),
        ("start", "2025-09-01T00:00:00Z"),
    ] {
        let case = Case::read(&assets, BLOB).with_root(|root| {
            root["tlogs"][1]["publicKey"]["validFor"][bound] = json!(value);
        });
        assert_rejected(&case, &["TRUST-0027"]);
    }
}

/// The same for the certificates of the root: an authority that is listed as valid
/// from later on does not vouch for what was before.
#[test]
fn cve_2026_54787_an_authority_that_was_not_yet_trusted() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, BLOB).with_root(|root| {
        for authority in root["certificateAuthorities"].as_array_mut().unwrap() {
            authority["validFor"] = json!({"start": "2030-01-01T00:00:00Z"});
        }
    });
    assert_rejected(&case, &["TRUST-0010", "TRUST-0011"]);
}

/// CVE-2024-45395 (sigstore-go): loops over lists that the bundle's author fills.
#[test]
fn cve_2024_45395_lists_are_bounded_before_they_are_verified() {
    let world = World::new();
    let mut entries = world.blob(ARTIFACT, &world.order());
    let one = entry(&mut entries).clone();
    entries["verificationMaterial"]["tlogEntries"] = json!(vec![one; 33]);
    assert_verdict(&world, &entries, &["TRUST-0009"]);
    let mut times = world.blob(ARTIFACT, &world.order());
    let one = stamps(&mut times)[0].clone();
    *stamps(&mut times) = json!(vec![one; 33]);
    assert_verdict(&world, &times, &["TRUST-0009"]);
    let mut chain = world.blob(ARTIFACT, &world.order());
    let material = chain["verificationMaterial"].as_object_mut().unwrap();
    let leaf = material.remove("certificate").unwrap();
    let certificates = json!({"certificates": vec![leaf; 11]});
    material.insert("x509CertificateChain".into(), certificates);
    assert!(!verdict(&world, &chain).0.is_empty());
}

/// CVE-2026-49834 (sigstore-go), sigstore-js#1702: one log, or one signer, was
/// counted as often as it was there.
#[test]
fn cve_2026_49834_one_authority_counts_once() {
    let world = World::new();
    let digest = Digest::sha256(ARTIFACT);
    let verify = |bundle: &Value| {
        let bytes = bundle.to_string();
        verify_attestation(&world.root(), bytes.as_bytes(), &digest, world.now()).unwrap()
    };
    let once = world.attestation(ARTIFACT, "https://example.com/x", &world.order());
    let again = world.attestation(ARTIFACT, "https://example.com/x", &world.order());
    // The same bytes, the same in other words, another key with another entry.
    let mut respelled = once.clone();
    respelled["verificationMaterial"]["note"] = json!(1);
    let signatures: Vec<Signature> = [&once, &once, &again, &respelled]
        .map(|bundle| Signature::from(&verify(bundle)))
        .into();
    assert_eq!(distinct(&signatures).len(), 1);
    let other = Authority::key("other", Digest::sha256(b"other"));
    let authorities = vec![Authority::identity("dana", world.expected()), other];
    let threshold = Threshold::at_least(2, authorities).unwrap();
    let tally = threshold.judge(&signatures, &[]);
    assert_eq!(
        (tally.outcome, tally.counted.len()),
        (TallyOutcome::Short, 1)
    );
}

/// CVE-2024-53267 (sigstore-java): the signature under the checkpoint was not
/// looked at, so any tree would do.
#[test]
fn cve_2024_53267_a_checkpoint_that_the_log_did_not_sign() {
    let (world, other) = (World::new(), World::new());
    let good = world.blob(ARTIFACT, &world.order());
    let envelope = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";
    let note = good.pointer(envelope).unwrap().as_str().unwrap().to_owned();
    let (text, line) = note.split_once("\n\n").unwrap();
    let (name, signature) = line.trim_end().rsplit_once(' ').unwrap();
    let mut bytes = STANDARD.decode(signature).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = format!("{text}\n\n{name} {}\n", STANDARD.encode(&bytes));
    let theirs = &other.entry_of(b"x")["inclusionProof"]["checkpoint"]["envelope"];
    let theirs = theirs.as_str().unwrap().to_owned();
    let grown = note.replacen("\n2\n", "\n3\n", 1);
    for note in [
        text.to_owned(),
        forged,
        theirs,
        grown,
        format!("{ORIGIN}\n2\n"),
    ] {
        let mut bundle = good.clone();
        *bundle.pointer_mut(envelope).unwrap() = json!(note);
        let codes = [
            "TRUST-0001",
            "TRUST-0008",
            "TRUST-0020",
            "TRUST-0021",
            "TRUST-0022",
        ];
        assert_verdict(&world, &bundle, &codes);
    }
}

/// TOB-SIGSTORE-3; the same in sigstore-python (CVE-2024-55655): the log's time
/// was believed though nothing signed it.
#[test]
fn tob_sigstore_3_integrated_time_is_signed() {
    let Some(assets) = assets() else { return };
    let later = Case::read(&assets, BLOB_V1).with(|bundle| {
        let time = &mut entry(bundle)["integratedTime"];
        let seconds: i64 = time.as_str().unwrap().parse().unwrap();
        *time = json!((seconds + 1).to_string());
    });
    assert_rejected(&later, &["TRUST-0023"]);
    let unsigned = Case::read(&assets, BLOB_V1).with(|bundle| {
        let entry = entry(bundle).as_object_mut().unwrap();
        entry.remove("inclusionPromise");
    });
    assert_rejected(&unsigned, &["TRUST-0013", "TRUST-0014", "TRUST-0023"]);
}

/// TOB-SIGSTORE-4: of several times only one was compared with the certificate.
#[test]
fn tob_sigstore_4_every_time_counts() {
    let world = World::new();
    let order = world.order();
    let good = world.blob(ARTIFACT, &order);
    let signature = good["messageSignature"]["signature"].as_str().unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let second = |at| json!({"signedTimestamp": STANDARD.encode(world.stamp(&signature, at))});
    let inside = order.at.checked_add(9.minutes()).unwrap();
    let before = order.at.checked_sub(1.hours()).unwrap();
    let after = order.at.checked_add(1.hours()).unwrap();
    for (time, code) in [(inside, ""), (before, "TRUST-0012"), (after, "TRUST-0012")] {
        for place in [0, 1] {
            let mut bundle = good.clone();
            let list = stamps(&mut bundle).as_array_mut().unwrap();
            list.insert(place, second(time));
            assert_verdict(&world, &bundle, &[code]);
        }
    }
}

/// TOB-SIGSTORE-6: which hash belongs to a signature is the key's to say, not the
/// bundle's; and a signature over the hash is not one over the artifact.
#[test]
fn tob_sigstore_6_the_key_says_which_hash() {
    let world = World::new();
    let order = world.order();
    let good = world.blob(ARTIFACT, &order);
    let mut named = good.clone();
    let digest = STANDARD.encode(Digest::sha512(ARTIFACT).bytes());
    named["messageSignature"]["messageDigest"] = json!({"algorithm": "SHA2_512", "digest": digest});
    assert!(!verdict(&world, &named).0.is_empty());
    let mut hashed = world.blob(&Digest::sha256(ARTIFACT).bytes(), &order);
    let digest = &good["messageSignature"]["messageDigest"];
    hashed["messageSignature"]["messageDigest"] = digest.clone();
    assert_verdict(&world, &hashed, &["TRUST-0024", "TRUST-0030"]);
}

/// TOB-SIGSTORE-8: work is bounded before it begins.
#[test]
fn tob_sigstore_8_a_bundle_is_bounded() {
    let world = World::new();
    let mut bundle = world.blob(ARTIFACT, &world.order());
    bundle["padding"] = json!("x".repeat(17 << 20));
    assert_verdict(&world, &bundle, &["TRUST-0002"]);
}

/// TOB-SIGSTORE-9: an envelope without, or with more than one signature.
#[test]
fn tob_sigstore_9_an_envelope_has_one_signature() {
    let Some(assets) = assets() else { return };
    for count in [0, 2] {
        let case = Case::read(&assets, DSSE).with(|bundle| {
            let signatures = bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap();
            *signatures = vec![signatures[0].clone(); count];
        });
        assert_rejected(&case, &["TRUST-0003"]);
    }
}

/// TOB-SIGSTORE-11: a timestamp of an authority that was no longer trusted then,
/// while another one of the root was.
#[test]
fn tob_sigstore_11_no_authority_lends_its_validity() {
    let (world, other) = (World::new(), World::new());
    let bundle = world.blob(ARTIFACT, &world.order());
    let mut root = world.trusted_root();
    let theirs = other.trusted_root()["timestampAuthorities"][0].clone();
    let list = root["timestampAuthorities"].as_array_mut().unwrap();
    list.push(theirs.clone());
    assert_under(&world, &root, &bundle, &[""]);
    let retired = world.start.checked_add(1.hours()).unwrap().to_string();
    root["timestampAuthorities"][0]["validFor"]["end"] = json!(retired);
    let codes = ["TRUST-0013", "TRUST-0017", "TRUST-0018"];
    assert_under(&world, &root, &bundle, &codes);
    root["timestampAuthorities"] = json!([theirs]);
    assert_under(&world, &root, &bundle, &codes);
}

/// GHSA-xm5m-wgh2-rrg3 (CVE-2026-39984, timestamp-authority): the checks were made
/// on another certificate of the message than the one that signed.
#[test]
fn ghsa_xm5m_wgh2_rrg3_another_certificate_in_the_bag() {
    let mut world = World::new();
    let order = world.order();
    let signer = world.holder(&order);
    // A code-signing certificate under the very root of the timestamp authority,
    // with the authority's own certificate put beside it.
    let own = vec![signer.certificate, world.intermediate.certificate().clone()];
    let chain = [own, world.tsa.chain().to_vec()].concat();
    let root = world.trusted_root();
    world.tsa = TimestampSigner::new(signer.key, chain).unwrap();
    let bundle = world.blob(ARTIFACT, &order);
    assert_under(&world, &root, &bundle, &["TRUST-0013", "TRUST-0017"]);
}
