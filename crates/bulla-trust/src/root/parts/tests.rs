use super::*;
use bulla_crypto::{
    SigningKey,
    x509::{CaProfile, Issuer, Validity, to_pem_chain},
};
use jiff::Timestamp;

fn validity() -> Validity {
    let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Validity::seconds(from, 86_400 * 365).unwrap()
}

fn root(name: &str) -> Issuer {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    Issuer::create_root(key, "Test", name, validity()).unwrap()
}

fn between(root: &Issuer, name: &str) -> Issuer {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    root.create_intermediate(key, CaProfile::CodeSigning, name, validity())
        .unwrap()
}

fn pem(certificates: &[&Issuer]) -> Vec<u8> {
    to_pem_chain(certificates.iter().map(|one| one.certificate())).into_bytes()
}

#[test]
fn the_same_parts_have_the_same_name() {
    let (a, b) = (root("a"), root("b"));
    let parts = |roots: &[&Issuer]| RootParts {
        ca_roots: Some(pem(roots)),
        ..RootParts::default()
    };
    let one = TrustRoot::assemble(&parts(&[&a, &b])).unwrap();
    let other = TrustRoot::assemble(&parts(&[&b, &a])).unwrap();
    assert_eq!(one.id(), other.id());
    assert_eq!(one.id().0, *one.digest());
    assert_ne!(one.id(), TrustRoot::assemble(&parts(&[&a])).unwrap().id());
    assert_ne!(one.id(), TrustRoot::nothing().unwrap().id());
}

#[test]
fn intermediates_need_roots_and_end_no_path() {
    let root = root("root");
    let between = between(&root, "between");
    let parts = RootParts {
        ca_intermediates: Some(pem(&[&between])),
        ..RootParts::default()
    };
    assert!(matches!(
        TrustRoot::assemble(&parts),
        Err(RootError::Part { .. })
    ));
    let parts = RootParts {
        ca_roots: Some(pem(&[&root])),
        ..parts
    };
    let assembled = TrustRoot::assemble(&parts).unwrap();
    let chains: Vec<_> = assembled.chains().collect();
    assert_eq!(chains.len(), 1);
    assert_eq!(chains[0].anchors.len(), 1);
    assert_eq!(
        chains[0].anchors[0].spki,
        root.certificate().spki_der().unwrap()
    );
    assert_eq!(chains[0].between.len(), 1);
}

#[test]
fn parts_replace_their_kind_and_make_another_root() {
    let good = TrustRoot::public_good().unwrap();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let parts = RootParts {
        ct_keys: vec![key.public().to_pem().into_bytes()],
        ..RootParts::default()
    };
    let mixed = good.with_parts(&parts).unwrap();
    assert_ne!(mixed.id(), good.id());
    assert_eq!(mixed.material().ctlogs.len(), 1);
    assert_eq!(mixed.material().logs.len(), good.material().logs.len());
    assert_eq!(
        *mixed.origin(),
        Origin::Parts {
            base: Some(good.id().clone())
        }
    );
}

#[test]
fn a_log_of_version_2_is_bound_to_its_origin() {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let parts = RootParts {
        logs: vec![LogKey {
            pem: key.public().to_pem().into_bytes(),
            origin: Some("log.example".into()),
        }],
        ..RootParts::default()
    };
    let root = TrustRoot::assemble(&parts).unwrap();
    let log = &root.material().logs[0];
    assert!(log.is_origin("log.example"));
    assert!(!log.is_origin("log.example/"));
    assert_eq!(
        log.id,
        bulla_crypto::note::key_id("log.example", key.public())
    );
}

#[test]
fn files_that_are_something_else_are_refused() {
    for bad in [
        RootParts {
            ca_roots: Some(b"no PEM".to_vec()),
            ..RootParts::default()
        },
        RootParts {
            ca_chains: vec![Vec::new()],
            ..RootParts::default()
        },
        RootParts {
            ct_keys: vec![pem(&[&root("a")])],
            ..RootParts::default()
        },
        RootParts {
            logs: vec![LogKey {
                pem: vec![0xff],
                origin: None,
            }],
            ..RootParts::default()
        },
    ] {
        assert!(
            matches!(TrustRoot::assemble(&bad), Err(RootError::Part { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn a_root_says_where_it_came_from_and_how_old_it_is() {
    let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let good = TrustRoot::public_good().unwrap().describe(now);
    assert_eq!(good.origin, Origin::Embedded);
    assert_eq!(good.age_days, Some(29));
    assert!(good.trusted_now > 0 && good.newest.is_some());
    let own = TrustRoot::nothing().unwrap().describe(now);
    assert_eq!((own.age_days, own.authorities.len()), (None, 0));
}
