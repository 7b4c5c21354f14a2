use super::*;

#[test]
fn what_cannot_be_read_is_rejected_not_dropped() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let roots: [&TrustRoot; 1] = [TrustRoot::public_good().unwrap()];
    let bundles: [&[u8]; 3] = [b"", b"{}", b"[[[[["];
    let evidence = Evidence::collect(&roots, &bundles, &Digest::sha256(b"x"), now);
    assert_eq!(evidence.rejections.len(), 3);
    assert!(evidence.attestations.is_empty() && evidence.gaps.is_empty());
    assert!(evidence.rejections.iter().all(|r| r.claims.is_none()));
}

#[test]
fn without_a_root_nothing_is_accepted() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let none: [&TrustRoot; 0] = [];
    let evidence = Evidence::collect(&none, &[b"{}"], &Digest::sha256(b"x"), now);
    assert_eq!(evidence.rejections[0].rejection.code.0, code::ROOT);
}

#[test]
fn too_many_bundles_leave_a_gap() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let none: [&TrustRoot; 0] = [];
    let many = vec![b"{}"; limits::REFERRERS + 1];
    let evidence = Evidence::collect(&none, &many, &Digest::sha256(b"x"), now);
    assert_eq!(evidence.rejections.len(), limits::REFERRERS);
    assert_eq!(evidence.gaps.len(), 1);
}
