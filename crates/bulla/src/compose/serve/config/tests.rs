use super::*;

/// A configuration that is right, with more behind it.
fn load(more: &str, variables: &[(&str, &str)]) -> Result<(ServeConfig, toml::Table), Failure> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.toml");
    let usual = "base-url = \"http://127.0.0.1:1\"\ndata = \"data\"\n";
    fs::write(&path, format!("{usual}{more}")).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    ServeConfig::load(&path, variables)
}

const KEY: &str = "[key]\npassphrase_file = \"passphrase\"\n";

#[track_caller]
fn refused(more: &str, code: &str, part: &str) {
    let failure = load(more, &[]).err().unwrap();
    assert!(failure.is(code), "{failure}");
    assert!(failure.to_string().contains(part), "{failure}");
}

#[test]
fn the_shortest_file_is_one_that_names_who_keeps_the_key() {
    let (config, _) = load(KEY, &[]).unwrap();
    assert_eq!(config.organization, "bulla");
    assert_eq!(config.listen, ListenSettings::default());
    refused("", "CLI-0511", "nobody keeps the instance key");
    let both = format!("{KEY}signer = \"pkcs11:token=a;object=b\"\n");
    refused(&both, "CLI-0510", "passphrase_file and signer");
}

#[test]
fn unknown_keys_are_errors_with_their_place() {
    refused(&format!("{KEY}passphrase = \"x\"\n"), "CLI-0512", "line 5");
    refused(&format!("nothing = 1\n{KEY}"), "CLI-0512", "nothing");
    refused(
        &format!("{KEY}[listen]\npublik = \"127.0.0.1:1\"\n"),
        "CLI-0512",
        "publik",
    );
    refused("[key", "CLI-0512", "line 3");
}

#[test]
fn nothing_is_served_in_the_clear_by_mistake() {
    let with = |url: &str, listen: &str| {
        let listen = format!("{KEY}[listen]\n{listen}\n");
        load(&listen, &[("BULLA_SERVE_BASE_URL", url)])
    };
    let fails = |url: &str, listen: &str| {
        let failure = with(url, listen).err();
        assert!(
            failure.is_some_and(|failure| failure.is("CLI-0510")),
            "{url} {listen}"
        );
    };
    fails("http://sigstore.example.com", "");
    fails("http://sigstore.example.com", "behind_proxy = true");
    fails("https://sigstore.example.com", "");
    fails(
        "https://sigstore.example.com",
        "certificate_file = \"c.pem\"",
    );
    fails(
        "http://127.0.0.1:1",
        "certificate_file = \"c.pem\"\nkey_file = \"k.pem\"",
    );
    fails("http://127.0.0.1:1", "public = \"0.0.0.0:80\"");
    fails("nonsense", "");
    assert!(with("https://sigstore.example.com", "behind_proxy = true").is_ok());
    let tls = "certificate_file = \"c.pem\"\nkey_file = \"k.pem\"\npublic = \"0.0.0.0:443\"";
    assert!(with("https://sigstore.example.com", tls).is_ok());
}

#[test]
fn variables_take_the_place_of_keys() {
    let (config, table) = load(
        &format!("{KEY}[listen]\npublic = \"127.0.0.1:1\"\n"),
        &[
            ("BULLA_SERVE_LISTEN__PUBLIC", "127.0.0.1:2"),
            ("BULLA_SERVE_LISTEN__BEHIND_PROXY", "true"),
            ("BULLA_SERVE_ORGANIZATION", "Example"),
            (
                "BULLA_SERVE_KEY__SLOTS__CA-INTERMEDIATE",
                "pkcs11:token=t;object=o?pin-value=1234&x=y",
            ),
            ("OTHER", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen.public.port(), 2);
    assert!(config.listen.behind_proxy);
    assert_eq!(config.organization, "Example");
    assert!(config.key.slots.contains_key("ca-intermediate"));
    let shown = environment::shown(&table);
    assert!(
        shown.contains("127.0.0.1:2") && !shown.contains("1234"),
        "{shown}"
    );

    for (name, value) in [
        ("BULLA_SERVE_NOTHING", "x"),
        ("BULLA_SERVE_LISTEN__PUBLIK", "x"),
        ("BULLA_SERVE_LISTEN", "x"),
        ("BULLA_SERVE_DATA__X", "x"),
        ("BULLA_SERVE_A__B__C__D__E", "x"),
        ("BULLA_SERVE_", "x"),
    ] {
        assert!(load(KEY, &[(name, value)]).is_err(), "{name}");
    }
}

#[test]
fn shared_storage_is_whole_or_not_there() {
    let sql = "[postgres]\nurl = \"postgres://bulla@localhost/bulla\"\n";
    refused(&format!("{KEY}{sql}"), "CLI-0510", "[objects]");
    refused(
        &format!("{KEY}[objects]\ndirectory = \"o\"\n"),
        "CLI-0510",
        "[postgres]",
    );
    let objects = "[objects]\ndirectory = \"o\"\n";
    refused(
        &format!("{KEY}{sql}{objects}"),
        "CLI-0510",
        "cannot reach each other",
    );
    let reach =
        "[replica]\naddress = \"https://127.0.0.1:3\"\n[listen]\ninternal = \"127.0.0.1:3\"\n";
    assert!(load(&format!("{KEY}{sql}{objects}{reach}"), &[]).is_ok());
}
