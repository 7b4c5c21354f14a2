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

#[test]
fn what_was_taken_back_is_told_where_a_signature_rests_on_it() {
    let taken_back = |target: Target, reason: &str| Withdrawn {
        target,
        at: at(2_500),
        reason: reason.into(),
    };
    let signer = |subject: &str| Target::Identity {
        issuer: ISSUER.into(),
        subject: subject.into(),
    };
    let all = vec![
        taken_back(signer("dana@example.com"), "it was another Dana"),
        taken_back(signer("eve@example.com"), "a mistake"),
        taken_back(Target::Digest(Digest::sha256(b"artifact")), "rebuilt"),
    ];
    let list = RevocationList::new(8, at(2_500), at(9_000), Vec::new()).unwrap();
    let list = list.withdrawing(all).unwrap();
    let json = serde_json::to_value(&list).unwrap();
    assert_eq!(
        serde_json::from_value::<RevocationList>(json).unwrap(),
        list
    );
    let known = Revocations::Known(list);
    let (signer, artifact) = (dana(), Digest::sha256(b"artifact"));
    let heeded = |now| {
        let rests = Rests {
            signer: Some(&signer),
            key: &Digest::sha256(b"key"),
            cited: &[],
            times: &[],
        };
        known.check(&artifact, &rests, at(now)).unwrap()
    };
    let told = heeded(3_000);
    assert_eq!((told.list, told.not_looked_at), (Some(8), false));
    let reasons: Vec<_> = told.withdrawn.iter().map(|one| &*one.reason).collect();
    assert_eq!(reasons, ["it was another Dana", "rebuilt"]);
    // Before that, nobody could know.
    assert!(heeded(2_000).withdrawn.is_empty());
}

#[test]
fn lists_without_withdrawals_read_as_before_and_what_is_revoked_again_is_none() {
    let revoked = list(Target::Key(Digest::sha256(b"key")));
    let Revocations::Known(list) = revoked else {
        panic!("not a list");
    };
    let json = serde_json::to_value(&list).unwrap();
    assert!(json.get("withdrawn").is_none(), "{json}");
    assert!(serde_json::from_value::<RevocationList>(json).is_ok());
    let one = |target, second| Withdrawn {
        target,
        at: at(second),
        reason: "a mistake".into(),
    };
    let key = Target::Key(Digest::sha256(b"key"));
    let again = list.clone().withdrawing(vec![one(key, 1)]).unwrap();
    assert!(again.withdrawn().is_empty());
    let many = (0..1_100).map(|n| one(Target::Digest(Digest::sha256(&[0])), n));
    let many = list.withdrawing(many.collect()).unwrap();
    assert_eq!(many.withdrawn().len(), 1_000);
    assert_eq!(many.withdrawn()[0].at, at(100));
}

#[test]
fn a_root_in_a_file_says_nothing_of_it() {
    let (signer, artifact) = (dana(), Digest::sha256(b"artifact"));
    let rests = Rests {
        signer: Some(&signer),
        key: &Digest::sha256(b"key"),
        cited: &[],
        times: &[],
    };
    let check = |known: &Revocations| known.check(&artifact, &rests, at(1)).unwrap();
    let heeded = check(&Revocations::NotLookedAt);
    assert!(heeded.not_looked_at && heeded.list.is_none());
    assert_eq!(check(&Revocations::NotPublished), Heeded::default());
}
