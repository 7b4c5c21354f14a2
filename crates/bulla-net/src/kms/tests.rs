use bulla_crypto::{SigningKey, key::file::write_cosign};

use super::*;

fn none(_: Ask<'_>) -> Option<Zeroizing<Vec<u8>>> {
    None
}

fn refusal(reference: &str, environment: &Environment) -> KmsError {
    let opened = open(reference, Scheme::Ed25519, environment, &mut none);
    opened.err().unwrap()
}

#[test]
fn opens_files_and_variables_with_the_password_that_is_asked_for() {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cosign.key");
    let text = write_cosign(&key, b"secret").unwrap();
    std::fs::write(&path, &text).unwrap();
    let environment = Environment::of([("KEY", text.as_str()), ("EMPTY", "")]);
    let path = path.to_str().unwrap();
    for (reference, ed25519) in [(path, Scheme::Ed25519), ("env://KEY", Scheme::Ed25519ph)] {
        let mut asked = Vec::new();
        let signer = open(reference, ed25519, &environment, &mut |ask| {
            asked.push(format!("{ask:?}"));
            Some(Zeroizing::new(b"secret".to_vec()))
        })
        .unwrap();
        assert_eq!(asked, [format!("KeyFile({reference:?})")]);
        assert_eq!(signer.scheme(), ed25519);
        assert_eq!(signer.public().spki_der(), key.public().spki_der());
        let error = refusal(reference, &environment);
        assert_eq!(error.code(), Code("CRYPTO-0109"), "{error}");
    }
    assert_eq!(
        refusal("env://EMPTY", &environment).code(),
        Code("NET-0314")
    );
    assert_eq!(refusal("none.key", &environment).code(), Code("NET-0311"));
    let error = open_public(path, &environment).unwrap_err();
    assert_eq!(error.code(), Code("CRYPTO-0110"));
}

#[test]
fn what_cosign_would_resolve_and_we_do_not_is_said() {
    let nothing = Environment::default();
    for (reference, code) in [
        ("k8s://namespace/secret", "NET-0313"),
        ("gitlab://project", "NET-0313"),
        ("github://owner/repository", "NET-0313"),
        ("https://example.com/cosign.key", "NET-0312"),
        ("awskms:///key", "NET-0322"),
        ("gcpkms://key", "NET-0322"),
    ] {
        let error = refusal(reference, &nothing);
        assert_eq!(error.code(), Code(code), "{reference}: {error}");
        assert!(error.hint().is_some());
    }
    let url = "https://example.com/cosign.pub";
    let fetch = open_public(url, &nothing).unwrap();
    assert_eq!(fetch, PublicSource::Fetch(Url::parse(url).unwrap()));
}

#[test]
fn an_environment_shows_names_only() {
    let environment = Environment::of([("COSIGN_PASSWORD", "hunter2")]);
    let shown = format!("{environment:?}");
    assert!(shown.contains("COSIGN_PASSWORD") && !shown.contains("hunter2"));
}
