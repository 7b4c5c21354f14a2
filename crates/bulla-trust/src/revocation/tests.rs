use super::*;
use bulla_core::RootId;

const ISSUER: &str = "https://issuer.example";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn dana() -> Identity {
    Identity {
        root: RootId(Digest::sha256(b"root")),
        issuer: ISSUER.into(),
        subject: "dana@example.com".into(),
    }
}

fn list(target: Target) -> Revocations {
    let entry = Revoked {
        target,
        from: at(1_000),
        listed: at(2_000),
        reason: "laptop stolen".into(),
    };
    Revocations::Known(RevocationList::new(7, at(2_000), at(9_000), vec![entry]).unwrap())
}

/// The code with which a signature by Dana, made at `made`, fails at `now`.
fn code(revocations: &Revocations, made: &[i64], now: i64) -> Option<&'static str> {
    use bulla_core::Diagnose as _;
    let times: Vec<Timestamp> = made.iter().copied().map(at).collect();
    let (signer, artifact) = (dana(), Digest::sha256(b"artifact"));
    let rests = Rests {
        signer: Some(&signer),
        key: &Digest::sha256(b"key"),
        cited: &[],
        times: &times,
    };
    revocations
        .check(&artifact, &rests, at(now))
        .err()
        .map(|f| f.code().0)
}

#[test]
fn a_signature_counts_if_it_is_proven_to_be_older() {
    let signer = |subject: &str| Target::Identity {
        issuer: ISSUER.into(),
        subject: subject.into(),
    };
    let revoked = list(signer("dana@example.com"));
    assert_eq!(code(&revoked, &[999], 3_000), None);
    assert_eq!(code(&revoked, &[1_000], 3_000), Some("TRUST-0800"));
    assert_eq!(code(&revoked, &[1_500, 999], 3_000), None);
    assert_eq!(code(&revoked, &[], 3_000), Some("TRUST-0800"));
    assert_eq!(
        code(&list(signer("DANA@example.com")), &[1_500], 3_000),
        None
    );
    let key = list(Target::Key(Digest::sha256(b"key")));
    assert_eq!(code(&key, &[999], 3_000), None);
    assert_eq!(code(&key, &[1_001], 3_000), Some("TRUST-0800"));
}

#[test]
fn a_revoked_digest_does_not_count_however_old_its_signature_is() {
    let revoked = list(Target::Digest(Digest::sha256(b"artifact")));
    assert_eq!(code(&revoked, &[1], 3_000), Some("TRUST-0800"));
    assert_eq!(code(&revoked, &[1], 2_000), Some("TRUST-0800"));
    assert_eq!(
        code(&list(Target::Digest(Digest::sha256(b"other"))), &[1], 3_000),
        None
    );
}

#[test]
fn as_of_an_earlier_time_only_what_was_known_then() {
    let revoked = list(Target::Digest(Digest::sha256(b"artifact")));
    assert_eq!(code(&revoked, &[1], 1_999), None);
}

#[test]
fn a_list_that_is_old_or_absent_is_undecidable_but_never_hides_what_it_says() {
    let revoked = list(Target::Digest(Digest::sha256(b"artifact")));
    assert_eq!(code(&revoked, &[1], 9_001), Some("TRUST-0800"));
    let other = list(Target::Digest(Digest::sha256(b"other")));
    assert_eq!(code(&other, &[1], 9_000), None);
    assert_eq!(code(&other, &[1], 9_001), Some("TRUST-0801"));
    let missing = Revocations::Missing("it was never fetched".into());
    assert_eq!(code(&missing, &[1], 3_000), Some("TRUST-0801"));
    assert_eq!(code(&Revocations::NotPublished, &[1], 3_000), None);
}

#[test]
fn what_no_verifier_would_take_cannot_be_made() {
    let entry = |reason: String| Revoked {
        target: Target::Key(Digest::sha256(b"key")),
        from: at(1),
        listed: at(1),
        reason,
    };
    assert!(RevocationList::new(1, at(5), at(5), Vec::new()).is_err());
    let long = vec![entry("x".repeat(1_001))];
    assert!(RevocationList::new(1, at(5), at(6), long).is_err());
    let many = vec![entry(String::new()); 20_001];
    assert!(RevocationList::new(1, at(5), at(6), many).is_err());
}
