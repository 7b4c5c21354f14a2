use super::*;
use proptest::prelude::*;

fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic {
        username: username.into(),
        password: password.into(),
    }
}

#[test]
fn finds_the_credential_of_the_longest_name_space() {
    let file = br#"{"auths":{
        "https://registry.example/v1/": {"auth":"dTpw"},
        "registry.example/team": {"username":"t","password":"q"},
        "127.0.0.1:5000": {"auth":"YnVsbGE6czpj"},
        "token.example": {"identitytoken":"r"},
        "empty.example": {}
    },"credHelpers":{"helped.example":"pass"}}"#;
    let all = Credentials::parse(file).unwrap();
    let find = |registry: &str, repository: &str| all.find(registry, repository).unwrap().cloned();
    assert_eq!(find("registry.example", "app"), Some(basic("u", "p")));
    assert_eq!(find("registry.example", "team/app"), Some(basic("t", "q")));
    assert_eq!(find("registry.example", "teams/app"), Some(basic("u", "p")));
    assert_eq!(find("127.0.0.1:5000", "a/b"), Some(basic("bulla", "s:c")));
    assert_eq!(find("127.0.0.1:5001", "a/b"), None);
    assert_eq!(find("empty.example", "a"), None);
    assert_eq!(
        find("token.example", "a"),
        Some(Credential::IdentityToken("r".into()))
    );
    let helped = all.find("helped.example", "a").unwrap_err();
    assert_eq!(helped.code().0, "OCI-0060");
}

#[test]
fn no_secret_is_shown() {
    let all = Credentials::one("r", basic("name", "s3cret"));
    assert!(!format!("{all:?}").contains("s3cret"));
    for file in [
        &br#"{"auths":{"r":{"auth":"s3cret!"}}}"#[..],
        br#"{"auths":{"r":{"password":"s3cret","auth":5}}}"#,
        br#"{"auths":{"r":"s3cret"}}"#,
    ] {
        let error = Credentials::parse(file).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("s3cret"),
            "{error:?}"
        );
    }
}

#[test]
fn the_environment_names_the_file() {
    let scratch = tempfile::tempdir().unwrap();
    let write = |name: &str, registry: &str| {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!(r#"{{"auths":{{"{registry}":{{"auth":"dTpw"}}}}}}"#);
        fs::write(path, text).unwrap();
    };
    write("auth.json", "one");
    write("docker/config.json", "two");
    write("home/.docker/config.json", "three");
    write("run/containers/auth.json", "four");
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let found = |variables: &[(&str, &str)]| -> Vec<String> {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, file)| ((*name).to_owned(), path(file)))
            .collect();
        let all = Credentials::from_environment(|name| variables.get(name).cloned()).unwrap();
        all.entries.into_keys().collect()
    };
    let home = [("HOME", "home"), ("XDG_RUNTIME_DIR", "run")];
    assert_eq!(found(&home), ["four", "three"]);
    assert_eq!(found(&[home[0], ("DOCKER_CONFIG", "docker")]), ["two"]);
    let both = [
        ("DOCKER_CONFIG", "docker"),
        ("REGISTRY_AUTH_FILE", "auth.json"),
    ];
    assert_eq!(found(&both), ["one"]);
    assert!(found(&[("HOME", "nowhere")]).is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Credentials::parse(&bytes);
    }
}

#[test]
fn a_given_credential_stands_for_all_that_was_known_of_its_registry() {
    let file = br#"{"auths":{
        "registry.example/team": {"username":"t","password":"q"},
        "registry.example.org": {"registrytoken":"r","username":"u","password":"p"}
    },"credHelpers":{"registry.example":"pass"}}"#;
    let given = Credential::RegistryToken("s3cret".into());
    let all = Credentials::parse(file).unwrap();
    let all = all.with("registry.example", given.clone());
    let find = |registry: &str, repository: &str| all.find(registry, repository).unwrap().cloned();
    assert_eq!(find("registry.example", "team/app"), Some(given.clone()));
    assert_eq!(find("registry.example", "app"), Some(given));
    let other = find("registry.example.org", "app");
    assert_eq!(other, Some(Credential::RegistryToken("r".into())));
    assert!(!format!("{all:?}").contains("s3cret"));
}
