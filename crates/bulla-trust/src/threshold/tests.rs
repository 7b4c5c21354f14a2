use super::*;
use crate::{
    sigstore::{CertificateClaims, Claim, Matcher},
    verified::{KeyProof, Proof, Verified},
};
use bulla_core::{Identity, RootId};
use proptest::prelude::*;

const ISSUER: &str = "https://issuer.example";

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn proof(subject: &str, envelope: &str) -> Proof {
    Proof {
        signer: Identity {
            root: RootId(digest("root")),
            issuer: ISSUER.into(),
            subject: subject.into(),
        },
        envelope: digest(envelope),
        certificate: digest(envelope),
        key: digest(&format!("key of {envelope}")),
        claims: CertificateClaims::default(),
        sct: true,
        log: None,
        times: Vec::new(),
        revocation: Box::default(),
    }
}

fn by(subject: &str, envelope: &str) -> Signature {
    Signature::from(&Verified::new((), proof(subject, envelope)))
}

fn by_key(key: &str, envelope: &str) -> Signature {
    let proof = KeyProof {
        key: digest(key),
        envelope: digest(envelope),
        log: None,
        times: Vec::new(),
        revocation: Box::default(),
    };
    Signature::from(&Verified::new((), proof))
}

fn person(subject: &str) -> Authority {
    Authority::identity(subject, IdentityExpectation::exact(ISSUER, subject))
}

fn anybody_at(domain: &str) -> Authority {
    let subject = Matcher::pattern(&format!("*@{domain}")).unwrap();
    let issuer = Matcher::Exact(ISSUER.into());
    Authority::identity(domain, IdentityExpectation::new(issuer, subject))
}

fn key(name: &str, key: &str) -> Authority {
    Authority::key(name, digest(key))
}

fn two_of(authorities: Vec<Authority>) -> Threshold {
    Threshold::at_least(2, authorities).unwrap()
}

fn all_of(authorities: Vec<Authority>) -> Expression {
    Expression::AllOf(authorities.into_iter().map(Into::into).collect())
}

#[test]
fn cosign_1233_two_of_three_must_have_signed() {
    let threshold = two_of(vec![person("a@x"), person("b@x"), person("c@x")]);
    let (a, b, c) = (by("a@x", "1"), by("b@x", "2"), by("c@x", "3"));
    for pair in [[&a, &b], [&b, &c], [&c, &a]] {
        let tally = threshold.judge(&pair.map(Clone::clone), &[]);
        assert!(tally.is_met(), "{tally:?}");
        assert_eq!((tally.counted.len(), tally.needed), (2, 2));
        assert!(tally.rejection().is_none());
    }
    for one in [a, b, c] {
        let tally = threshold.judge(&[one], &[]);
        assert_eq!(tally.outcome, TallyOutcome::Short);
        assert_eq!(tally.missing.len(), 1);
        assert_eq!(tally.rejection().unwrap().code.0, "TRUST-0700");
    }
    let others = threshold.judge(&[by("d@x", "4"), by("e@x", "5")], &[]);
    assert_eq!((others.counted.len(), others.others.len()), (0, 2));
}

#[test]
fn connaisseur_2150_a_duplicate_signature_counts_once() {
    let threshold = two_of(vec![person("a@x"), person("b@x")]);
    let group = two_of(vec![anybody_at("x")]);
    for signatures in [
        [by("a@x", "1"), by("a@x", "1")],
        [by("a@x", "1"), by("a@x", "2")],
        [by("a@x", "1"), by("A@x", "2")],
    ] {
        for threshold in [&threshold, &group] {
            let tally = threshold.judge(&signatures, &[]);
            assert_eq!(tally.outcome, TallyOutcome::Short, "{tally:?}");
            assert_eq!(tally.counted.len() + tally.missing.len(), 2);
        }
        let repeated = &group.judge(&signatures, &[]).repeated;
        assert_eq!(repeated.first().map(|r| r.signatures), Some(2));
    }
    assert!(group.judge(&[by("a@x", "1"), by("b@x", "2")], &[]).is_met());
}

#[test]
fn one_key_under_two_names_is_one_signer() {
    assert_eq!(
        Threshold::at_least(2, vec![key("k1", "k"), key("k2", "k")]).unwrap_err(),
        ThresholdError::Unreachable { needed: 2 }
    );
    let threshold = two_of(vec![key("k1", "k"), key("k2", "k"), key("k3", "other")]);
    let same = [by_key("k", "1"), by_key("k", "2")];
    assert_eq!(threshold.judge(&same, &[]).outcome, TallyOutcome::Short);
    let both = [by_key("k", "1"), by_key("other", "2")];
    assert!(threshold.judge(&both, &[]).is_met());
}

#[test]
fn a_key_with_a_certificate_is_one_signer() {
    let mut certified = proof("a@x", "1");
    certified.key = digest("k");
    let certified = Signature::from(&Verified::new((), certified));
    let threshold = two_of(vec![person("a@x"), key("k", "k"), person("b@x")]);
    let tally = threshold.judge(&[certified.clone(), by_key("k", "2")], &[]);
    assert_eq!(tally.outcome, TallyOutcome::Short);
    assert_eq!(tally.repeated.first().map(|r| r.signers.len()), Some(2));
    assert!(threshold.judge(&[certified, by("b@x", "3")], &[]).is_met());
}

#[test]
fn two_names_with_one_key_are_one_signer() {
    let (mut a, mut b) = (proof("a@x", "1"), proof("b@x", "2"));
    (a.key, b.key) = (digest("shared"), digest("shared"));
    let signatures = [a, b].map(|proof| Signature::from(&Verified::new((), proof)));
    let tally = two_of(vec![person("a@x"), person("b@x")]).judge(&signatures, &[]);
    assert_eq!(tally.outcome, TallyOutcome::Short);
}

#[test]
fn the_same_name_under_another_root_is_not_the_person() {
    let mut other = proof("a@x", "1");
    other.signer.root = RootId(digest("another root"));
    let expected = IdentityExpectation::exact(ISSUER, "a@x").under(RootId(digest("root")));
    let threshold = Threshold::at_least(1, vec![Authority::identity("a", expected)]).unwrap();
    let tally = threshold.judge(&[Signature::from(&Verified::new((), other))], &[]);
    let nearest = tally.missing[0].nearest.as_ref().unwrap();
    assert_eq!(nearest.code.0, "TRUST-0042");
}

#[test]
fn whoever_fits_two_places_takes_the_one_that_helps() {
    let expression = all_of(vec![anybody_at("x"), person("a@x")]);
    let threshold = Threshold::new(&expression).unwrap();
    assert!(
        threshold
            .judge(&[by("a@x", "1"), by("b@x", "2")], &[])
            .is_met()
    );
    assert!(
        threshold
            .judge(&[by("b@x", "2"), by("a@x", "1")], &[])
            .is_met()
    );
    let alone = threshold.judge(&[by("a@x", "1")], &[]);
    assert_eq!(alone.outcome, TallyOutcome::Short);
    let nearest = alone.missing[0].nearest.as_ref().unwrap();
    assert!(nearest.text.contains("counts once"), "{}", nearest.text);
}

#[test]
fn and_within_or() {
    let expression = Expression::AnyOf(vec![
        person("boss@x").into(),
        all_of(vec![person("a@x"), person("b@x")]),
    ]);
    let threshold = Threshold::new(&expression).unwrap();
    assert!(threshold.judge(&[by("boss@x", "1")], &[]).is_met());
    assert!(
        threshold
            .judge(&[by("a@x", "1"), by("b@x", "2")], &[])
            .is_met()
    );
    assert!(!threshold.judge(&[by("a@x", "1")], &[]).is_met());
    let or_within_and = Expression::AllOf(vec![
        Expression::AnyOf(vec![person("a@x").into(), person("b@x").into()]),
        Expression::AnyOf(vec![person("b@x").into(), person("c@x").into()]),
    ]);
    let threshold = Threshold::new(&or_within_and).unwrap();
    assert!(
        threshold
            .judge(&[by("a@x", "1"), by("b@x", "2")], &[])
            .is_met()
    );
    assert!(!threshold.judge(&[by("b@x", "2")], &[]).is_met());
    assert!(
        !threshold
            .judge(&[by("a@x", "1"), by("d@x", "2")], &[])
            .is_met()
    );
}

#[test]
fn claims_count_in_a_threshold() {
    let branch = |expected: &str| {
        let matcher = Matcher::Exact(expected.into());
        let identity = IdentityExpectation::exact(ISSUER, "a@x").claim(Claim::WorkflowRef, matcher);
        Threshold::at_least(1, vec![Authority::identity("a", identity)]).unwrap()
    };
    let mut claimed = proof("a@x", "1");
    claimed.claims = [(Claim::SourceRepositoryRef, "refs/heads/main".to_owned())]
        .into_iter()
        .collect();
    let signature = [Signature::from(&Verified::new((), claimed))];
    assert!(branch("refs/heads/main").judge(&signature, &[]).is_met());
    let tally = branch("refs/heads/dev").judge(&signature, &[]);
    assert_eq!(
        tally.missing[0].nearest.as_ref().unwrap().code.0,
        "TRUST-0702"
    );
    assert!(
        !branch("refs/heads/main")
            .judge(&[by("a@x", "1")], &[])
            .is_met()
    );
}

#[test]
fn nothing_is_no_evidence_and_something_refused_is_not() {
    let threshold = two_of(vec![person("a@x"), person("b@x")]);
    let nothing = threshold.judge(&[], &[]);
    assert_eq!(nothing.outcome, TallyOutcome::NoEvidence);
    assert_eq!(nothing.rejection().unwrap().code.0, "TRUST-0701");
    let refused = Rejection {
        code: Code("TRUST-0030"),
        text: "broken".into(),
        hint: None,
        envelope: None,
    };
    let tally = threshold.judge(&[], &[refused]);
    assert_eq!(tally.outcome, TallyOutcome::Short);
    assert!(tally.rejection().unwrap().text.contains("broken"));
}

#[test]
fn what_demands_nothing_or_too_much_is_refused() {
    let a = || Expression::from(person("a@x"));
    for nobody in [
        Expression::AllOf(vec![]),
        Expression::AnyOf(vec![]),
        Expression::AtLeast(0, vec![a()]),
        Expression::AllOf(vec![a(), Expression::AtLeast(0, vec![a()])]),
    ] {
        assert_eq!(Threshold::new(&nobody).unwrap_err(), ThresholdError::Nobody);
    }
    assert!(matches!(
        Threshold::new(&Expression::AtLeast(2, vec![a()])),
        Err(ThresholdError::Unreachable { needed: 2 })
    ));
    let mut deep = a();
    for _ in 0..9 {
        deep = Expression::AnyOf(vec![deep]);
    }
    assert!(matches!(
        Threshold::new(&deep),
        Err(ThresholdError::TooMany { .. })
    ));
    let either = || {
        Expression::AnyOf(vec![
            all_of(vec![person("a@x")]),
            all_of(vec![person("b@x")]),
        ])
    };
    let wide = Expression::AllOf((0..20).map(|_| either()).collect());
    assert!(matches!(
        Threshold::new(&wide),
        Err(ThresholdError::TooMany { .. })
    ));
    let many = Expression::AnyOf((0..129).map(|_| a()).collect());
    assert!(matches!(
        Threshold::new(&many),
        Err(ThresholdError::TooMany { .. })
    ));
}

proptest! {
    /// Met exactly if the number of distinct people among those named reaches it.
    #[test]
    fn it_counts_people(
        signed in proptest::collection::vec((0u8..6, 0u8..40), 0..12),
        needed in 1usize..5,
    ) {
        let names: Vec<String> = (0..4).map(|n| format!("p{n}@x")).collect();
        let authorities = names.iter().map(|name| person(name)).collect();
        prop_assume!(needed <= names.len());
        let threshold = Threshold::at_least(needed, authorities).unwrap();
        // An envelope is by one person: its number is made from both.
        let signatures: Vec<Signature> = signed
            .iter()
            .map(|(who, bundle)| by(&format!("p{who}@x"), &format!("{who}/{bundle}")))
            .collect();
        let people: BTreeSet<u8> = signed.iter().map(|(who, _)| *who).filter(|w| *w < 4).collect();
        let tally = threshold.judge(&signatures, &[]);
        prop_assert_eq!(tally.is_met(), people.len() >= needed);
        prop_assert_eq!(tally.counted.len(), people.len().min(needed));
        prop_assert_eq!(tally.counted.len() + tally.missing.len(), needed);
    }
}
