use super::*;

#[test]
fn what_cannot_be_read_is_rejected_not_dropped() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let roots: [&TrustRoot; 1] = [TrustRoot::public_good().unwrap()];
    let bundles = ["", "{}", "[[[[["].map(|text| Seal::Bundle(text.into()));
    let evidence = Evidence::collect(&roots, &bundles, &Digest::sha256(b"x"), now);
    assert_eq!(evidence.rejections.len(), 3);
    assert!(evidence.attestations.is_empty() && evidence.gaps.is_empty());
    assert!(evidence.rejections.iter().all(|r| r.claims.is_none()));
}

#[test]
fn without_a_root_nothing_is_accepted() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let none: [&TrustRoot; 0] = [];
    let evidence = Evidence::collect(
        &none,
        &[Seal::Bundle(b"{}".into())],
        &Digest::sha256(b"x"),
        now,
    );
    assert_eq!(evidence.rejections[0].rejection.code.0, code::ROOT);
}

#[test]
fn too_many_bundles_leave_a_gap() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let none: [&TrustRoot; 0] = [];
    let many = vec![Seal::Bundle(b"{}".into()); limits::REFERRERS + 1];
    let evidence = Evidence::collect(&none, &many, &Digest::sha256(b"x"), now);
    assert_eq!(evidence.rejections.len(), limits::REFERRERS);
    assert_eq!(evidence.gaps.len(), 1);
}

#[test]
fn a_layer_of_the_old_layout_that_proves_nothing_is_rejected_as_what_it_claims() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let roots: [&TrustRoot; 1] = [TrustRoot::public_good().unwrap()];
    let layer = |payload: &str| OldLayer {
        payload: payload.into(),
        annotations: std::collections::BTreeMap::from([("key".into(), "value".into())]),
    };
    let seals = [
        Seal::OldSignature(layer("{}")),
        Seal::OldAttestation(layer("{}")),
    ];
    assert_eq!(seals[0].size(), 10);
    let evidence = Evidence::collect(&roots, &seals, &Digest::sha256(b"x"), now);
    assert!(evidence.attestations.is_empty() && evidence.gaps.is_empty());
    let claims: Vec<_> = evidence.rejections.iter().map(|r| &r.claims).collect();
    let signature = "https://sigstore.dev/cosign/sign/v1".to_owned();
    assert_eq!(claims, [&Some(signature), &None]);
    let cited = evidence.rejections.iter().map(|r| &r.rejection.envelope);
    assert!(
        cited.clone().all(Option::is_some),
        "{:?}",
        evidence.rejections
    );
}
