use std::{path::Path, process::Command};

use der::{Decode, Encode};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    Hash, Scheme, SigningKey,
    x509::{Issuer, Validity, to_pem_chain},
};

fn signer(now: Timestamp) -> TimestampSigner {
    let validity = Validity::seconds(now, 3600).unwrap();
    let root = SigningKey::generate(Scheme::EcdsaP384).unwrap();
    let root = Issuer::create_root(root, "bulla test", "tsa root", validity).unwrap();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let leaf = root
        .issue_timestamping(key.public(), "tsa", validity)
        .unwrap();
    TimestampSigner::new(key, vec![leaf, root.certificate().clone()]).unwrap()
}

fn openssl(dir: &Path, args: &[&str]) -> bool {
    let output = Command::new("openssl")
        .current_dir(dir)
        .args(args)
        .output()
        .unwrap();
    if !output.status.success() {
        println!(
            "openssl {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    output.status.success()
}

#[test]
fn openssl_accepts_and_refuses_the_tampered_twin() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(
            std::env::var("BULLA_NO_SKIP").is_err(),
            "openssl is missing"
        );
        println!("SKIP openssl_accepts_and_refuses_the_tampered_twin: no openssl");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let now = Timestamp::now();
    let signer = signer(now).with_accuracy_ms(1000);
    let [leaf, root] = signer.chain() else {
        panic!()
    };
    std::fs::write(dir.join("root.pem"), root.to_pem()).unwrap();
    std::fs::write(dir.join("chain.pem"), to_pem_chain([leaf, root])).unwrap();
    std::fs::write(dir.join("data"), "data").unwrap();
    std::fs::write(dir.join("other"), "other").unwrap();
    let hashes = ["-sha256", "-sha384", "-sha512"];
    for (hash, certificates) in hashes
        .iter()
        .flat_map(|hash| [(*hash, true), (*hash, false)])
    {
        let mut args = vec!["ts", "-query", "-data", "data", hash, "-out", "query"];
        args.extend(certificates.then_some("-cert"));
        assert!(openssl(dir, &args));
        let query = parse_timestamp_query(&std::fs::read(dir.join("query")).unwrap()).unwrap();
        assert_eq!(query.certificates, certificates);
        let reply = signer.reply(&query, now).unwrap();
        std::fs::write(dir.join("reply"), &reply).unwrap();
        let verify = [
            "ts",
            "-verify",
            "-in",
            "reply",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "chain.pem",
        ];
        assert!(openssl(
            dir,
            &[&verify[..], &["-queryfile", "query"]].concat()
        ));
        assert!(openssl(dir, &[&verify[..], &["-data", "data"]].concat()));
        assert!(!openssl(dir, &[&verify[..], &["-data", "other"]].concat()));
        let mut changed = reply;
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(dir.join("reply"), &changed).unwrap();
        assert!(!openssl(
            dir,
            &[&verify[..], &["-queryfile", "query"]].concat()
        ));
    }
}

#[test]
fn json_and_der_say_the_same() {
    let query = parse_timestamp_query_json(
        br#"{"artifactHash":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=","hashAlgorithm":"sha256","nonce":255,"certificates":true}"#,
    )
    .unwrap();
    assert_eq!(query.imprint, Hash::Sha256.digest(b"hello"));
    assert!(query.certificates);
    assert_eq!(query.nonce.unwrap().as_bytes(), [0, 255]);
    for bad in [
        r#"{"artifactHash":"LPJN","hashAlgorithm":"sha256"}"#,
        r#"{"artifactHash":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=","hashAlgorithm":"sha1"}"#,
        r#"{"artifactHash":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=","hashAlgorithm":"sha512"}"#,
        "{}",
        "",
        r#"{"artifactHash":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=","hashAlgorithm":"sha256","nonce":-1}"#,
        r#"{"artifactHash":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=","hashAlgorithm":"sha256","nonce":1e3}"#,
        r#"{"artifactHash":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=","hashAlgorithm":"sha256","nonce":"7"}"#,
    ] {
        assert!(parse_timestamp_query_json(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn sha1_and_foreign_policies_are_refused() {
    let sha1 = hex::decode(
        "30290201013021300906052b0e03021a050004140000000000000000000000000000000000000000020101",
    )
    .unwrap();
    assert!(x509_tsp::TimeStampReq::from_der(&sha1).is_ok());
    assert!(matches!(
        parse_timestamp_query(&sha1),
        Err(TimestampError::Weak)
    ));
    let now = Timestamp::now();
    let mut query = TimestampQuery::over(Hash::Sha256, b"x");
    query.policy = Some(spki::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.55555.1"));
    assert!(matches!(
        signer(now).reply(&query, now),
        Err(TimestampError::Policy(_))
    ));
    let known = signer(now).with_policies(["1.3.6.1.4.1.55555.1"]).unwrap();
    let given = info(&known.reply(&query, now).unwrap()).policy;
    assert_eq!(Some(given), query.policy);
    assert!(signer(now).with_policies(["one"]).is_err());
}

/// What a granted reply says.
fn info(reply: &[u8]) -> x509_tsp::TstInfo {
    let reply = x509_tsp::TimeStampResp::from_der(reply).unwrap();
    let token = reply.time_stamp_token.unwrap();
    let signed: cms::signed_data::SignedData = token.content.decode_as().unwrap();
    let content = signed.encap_content_info.econtent.unwrap();
    x509_tsp::TstInfo::from_der(content.value()).unwrap()
}

#[test]
fn serial_numbers_never_repeat_and_the_accuracy_is_said() {
    let now = Timestamp::now();
    let query = TimestampQuery::over(Hash::Sha256, b"x");
    let signer = signer(now).with_accuracy_ms(1500);
    let mut serials = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let info = info(&signer.reply(&query, now).unwrap());
        let serial = info.serial_number.as_bytes().to_vec();
        assert!(serial.len() >= 16, "at least 128 random bits");
        assert!(serials.insert(serial));
        let accuracy = info.accuracy.unwrap();
        assert_eq!((accuracy.seconds, accuracy.millis), (Some(1), Some(500)));
    }
    let bare = info(&signer.with_accuracy_ms(0).reply(&query, now).unwrap());
    assert!(bare.accuracy.is_none());
}

#[test]
fn a_key_without_its_certificate_signs_nothing() {
    let chain = signer(Timestamp::now()).chain().to_vec();
    let other = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    assert!(TimestampSigner::new(other, chain).is_err());
}

proptest! {
    #[test]
    fn nonces_are_shortest_form(number in any::<u128>()) {
        let int = query::unsigned(&number.to_string()).unwrap();
        prop_assert_eq!(int.to_der().unwrap(), number.to_der().unwrap());
    }

    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = parse_timestamp_query(&bytes);
        let _ = parse_timestamp_query_json(&bytes);
    }
}
