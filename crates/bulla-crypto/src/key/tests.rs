use super::*;

/// Every scheme, RSA by its shortest keys: the long ones take seconds to make.
fn quick() -> impl Iterator<Item = Scheme> {
    let slow = [Scheme::Rsa3072, Scheme::Rsa4096];
    Scheme::ALL.into_iter().filter(move |s| !slow.contains(s))
}

#[test]
fn signs_and_verifies_in_every_scheme() {
    for scheme in Scheme::ALL {
        let key = SigningKey::generate(scheme).unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
        let public = public.with_scheme(scheme).unwrap();
        assert_eq!(&public, key.public());
        public.verify(b"message", &signature).unwrap();
        assert!(public.verify(b"massage", &signature).is_err(), "{scheme:?}");
        assert!(public.verify(b"message", &signature[1..]).is_err());
        let again = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
        assert_eq!(again.with_scheme(scheme).unwrap().public(), key.public());
        assert_eq!(
            Scheme::from_sigstore_name(scheme.sigstore_name()),
            Some(scheme)
        );
    }
}

#[test]
fn verifies_digests_in_every_scheme_but_pure_ed25519() {
    for scheme in quick() {
        let key = SigningKey::generate(scheme).unwrap();
        let (public, hash) = (key.public(), scheme.hash());
        let signature = key.sign(b"message").unwrap();
        let check = |message: &[u8]| public.verify_digest(hash, &hash.digest(message), &signature);
        assert_eq!(check(b"message").is_ok(), scheme.signs_digest());
        assert!(check(b"massage").is_err());
        assert!(public.verify_digest(hash, b"short", &signature).is_err());
    }
}

#[test]
fn refuses_a_hash_that_was_not_signed() {
    for scheme in quick().filter(|s| s.signs_digest()) {
        let key = SigningKey::generate(scheme).unwrap();
        let signature = key.sign(b"message").unwrap();
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let good = key.public().verify_with(hash, b"message", &signature);
            assert_eq!(good.is_ok(), hash == scheme.hash(), "{scheme:?} {hash:?}");
            let digest = hash.digest(b"message");
            let good = key.public().verify_digest(hash, &digest, &signature);
            assert_eq!(good.is_ok(), hash == scheme.hash(), "{scheme:?} {hash:?}");
        }
    }
}

#[test]
fn both_kinds_of_ed25519_are_apart() {
    let pure = SigningKey::generate(Scheme::Ed25519).unwrap();
    let again = SigningKey::from_pkcs8_der(pure.to_pkcs8_der()).unwrap();
    let prehashed = again.with_scheme(Scheme::Ed25519ph).unwrap();
    assert_eq!(pure.public().spki_der(), prehashed.public().spki_der());
    let signature = pure.sign(b"message").unwrap();
    assert!(prehashed.public().verify(b"message", &signature).is_err());
    let signature = prehashed.sign(b"message").unwrap();
    assert!(pure.public().verify(b"message", &signature).is_err());
    // Nor may pure Ed25519 over the digest pass for the other.
    let signature = pure.sign(&Hash::Sha512.digest(b"message")).unwrap();
    assert!(prehashed.public().verify(b"message", &signature).is_err());
}

#[test]
fn a_scheme_for_another_kind_of_key_is_refused() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let public = key.public().clone();
    assert!(matches!(
        public.with_scheme(Scheme::EcdsaP384),
        Err(KeyError::Scheme { .. })
    ));
    assert!(key.with_scheme(Scheme::Ed25519ph).is_err());
}

/// RFC 8032 §7.3.
#[test]
fn ed25519ph_as_the_rfc_has_it() {
    let seed = hex::decode("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    let signature = hex::decode(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
         31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    )
    .unwrap();
    let seed: [u8; 32] = seed.unwrap().try_into().unwrap();
    assert_eq!(prehashed::sign(&seed, b"abc").unwrap(), signature);
    let public = hex::decode("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
    let public = PublicKey::from_raw(Scheme::Ed25519ph, &public.unwrap()).unwrap();
    public.verify(b"abc", &signature).unwrap();
}

#[test]
fn refuses_points_off_the_curve() {
    for scheme in [Scheme::EcdsaP256, Scheme::EcdsaP384, Scheme::EcdsaP521] {
        let key = SigningKey::generate(scheme).unwrap();
        let mut spki = key.public().spki_der().to_vec();
        let last = spki.len() - 1;
        spki[last] ^= 1;
        assert!(PublicKey::from_spki_der(&spki).is_err(), "{scheme:?}");
    }
}

#[test]
fn a_key_shows_nothing_of_itself() {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    assert!(!format!("{key:?}").contains(&hex::encode(&key.to_pkcs8_der()[16..])));
    assert!(format!("{key:?}").starts_with("SigningKey(Ed25519, "));
}

#[test]
fn reads_both_versions_of_pkcs8() {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{Ed25519KeyPair, KeyPair as _},
    };
    let random = SystemRandom::new();
    for pkcs8 in [
        Ed25519KeyPair::generate_pkcs8(&random).unwrap(),
        Ed25519KeyPair::generate_pkcs8v1(&random).unwrap(),
    ] {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let key = SigningKey::from_pkcs8_der(pkcs8.as_ref()).unwrap();
        assert_eq!(key.public().raw(), pair.public_key().as_ref());
        // A second version names the public half: another one is refused.
        let mut changed = pkcs8.as_ref().to_vec();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        match SigningKey::from_pkcs8_der(&changed) {
            Err(_) => assert!(pkcs8.as_ref().len() > 48),
            Ok(other) => assert_ne!(other.public(), key.public()),
        }
    }
}
