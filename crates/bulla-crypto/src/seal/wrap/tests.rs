use super::*;
use crate::key::SigningKey;

fn stored(wrapped: &WrappedKey) -> WrappedKey {
    serde_json::from_slice(&serde_json::to_vec(wrapped).unwrap()).unwrap()
}

#[test]
fn a_passphrase_opens_its_own_and_nothing_else() {
    let key = InstanceKey::generate().unwrap();
    let wrapped = stored(&WrappedKey::by_passphrase(&key, b"correct horse battery").unwrap());
    let opened = wrapped
        .open_by_passphrase(b"correct horse battery")
        .unwrap();
    assert_eq!(opened.bytes, key.bytes);
    let wrong = wrapped.open_by_passphrase(b"correct horse batterz");
    assert!(matches!(wrong, Err(SealError::Passphrase)));
    let text = serde_json::to_string(&wrapped).unwrap();
    assert!(!text.contains(key.to_text().trim()));
}

#[test]
fn keys_that_sign_the_same_each_time_open_theirs() {
    let key = InstanceKey::generate().unwrap();
    for scheme in [Scheme::Ed25519, Scheme::Rsa2048] {
        let signer = SigningKey::generate(scheme).unwrap();
        let wrapped = stored(&WrappedKey::by_signer(&key, &signer).unwrap());
        assert_eq!(wrapped.open_by_signer(&signer).unwrap().bytes, key.bytes);
        let other = SigningKey::generate(scheme).unwrap();
        let refused = wrapped.open_by_signer(&other);
        assert!(matches!(refused, Err(SealError::OtherHolder(_))));
        let refused = wrapped.open_by_passphrase(b"correct horse battery");
        assert!(matches!(refused, Err(SealError::OtherHolder(_))));
    }
}

#[test]
fn ecdsa_holds_no_instance() {
    let key = InstanceKey::generate().unwrap();
    let signer = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let refused = WrappedKey::by_signer(&key, &signer);
    assert!(matches!(refused, Err(SealError::Varies(Scheme::EcdsaP256))));
}

#[test]
fn a_stored_file_cannot_ask_for_endless_work() {
    let key = InstanceKey::generate().unwrap();
    let wrapped = WrappedKey::by_passphrase(&key, b"correct horse battery").unwrap();
    for (log_n, r, p) in [(40, 8, 3), (15, 1 << 20, 3), (15, 8, 1 << 20), (0, 8, 3)] {
        let mut greedy = wrapped.clone();
        greedy.by = Holder::Passphrase(Stretch { log_n, r, p });
        let refused = greedy.open_by_passphrase(b"correct horse battery");
        assert!(matches!(refused, Err(SealError::Open)), "{log_n} {r} {p}");
    }
}
