use bulla_core::Diagnose as _;

use super::*;

fn address(url: &str) -> Result<Address, String> {
    Address::parse(url).map_err(|error| error.to_string())
}

#[test]
fn reads_hosts_and_sockets() {
    let tcp = address("postgres://bulla@db.example/state").unwrap();
    assert_eq!(
        (&*tcp.user, &*tcp.host, tcp.port),
        ("bulla", "db.example", 5432)
    );
    assert_eq!(tcp.place, "state at db.example:5432");
    assert!(!tcp.is_local());
    let socket = address("postgresql:///db?host=/run/postgresql&user=u%40x&port=6000").unwrap();
    assert_eq!(
        (&*socket.user, &*socket.host, socket.port),
        ("u@x", "/run/postgresql", 6000),
        "{socket:?}"
    );
    assert!(socket.is_local());
    assert!(address("postgres://u@[::1]:6000/db").unwrap().is_local());
    assert!(address("postgres://u@127.0.0.9/db").unwrap().is_local());
    // The name is whatever the resolver says.
    assert!(!address("postgres://u@localhost/db").unwrap().is_local());
}

#[test]
fn refuses_what_would_weaken_it() {
    for (url, why) in [
        ("postgres://u:hunter2@h/db", "password_file"),
        ("postgres://u@h/db?sslmode=disable", "sslmode"),
        ("postgres://u@h/db?options=-c", "no parameters"),
        ("postgres://u@h", "user and database"),
        ("postgres://h/db", "user and database"),
        ("postgres:///db?user=u", "no host"),
        ("postgres://u@h/db?user=x", "no parameters"),
        ("mysql://u@h/db", "scheme"),
        ("db", "not a URL"),
    ] {
        let said = address(url).unwrap_err();
        assert!(said.contains(why), "{url}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn verifies_the_server_unless_it_is_this_machine() {
    let mode = |url: &str| {
        let (_, options) = PostgresConfig::new(url).options().unwrap();
        format!("{:?}", options.get_ssl_mode())
    };
    assert_eq!(mode("postgres://u@db.example/db"), "VerifyFull");
    assert_eq!(mode("postgres://u@localhost/db"), "VerifyFull");
    assert_eq!(mode("postgres://u@127.0.0.1/db"), "Prefer");
}

#[test]
fn a_password_is_read_from_its_file_and_never_shown() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let mut config = PostgresConfig::new("postgres://u@db.example/db");
    config.password_file = Some(file);
    let (place, _) = config.options().unwrap();
    assert!(!format!("{config:?} {place}").contains("hunter2"));
    config.password_file = Some(scratch.path().join("absent"));
    let error = config.options().unwrap_err();
    assert_eq!(error.code().0, "STORE-0101");
}
