//! Connecting, migrating and committing over a server that goes away.

use bulla_core::Diagnose as _;
use bulla_store::{
    PostgresConfig, PostgresError, PostgresState, Schema, StateError,
    sqlx::{self},
};
use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use super::shared;

async fn connect(url: &str) -> Result<PostgresState, StateError> {
    PostgresState::connect(&PostgresConfig::new(url)).await
}

async fn code(url: &str) -> &'static str {
    connect(url).await.err().unwrap().code().0
}

#[tokio::test]
async fn names_what_keeps_it_from_connecting() {
    let Some(server) = shared() else { return };
    let database = server.database();
    let socket = connect(&server.over_socket(&database)).await.unwrap();
    socket.ping().await.unwrap();
    // The name of the machine is not the machine: TLS is asked for, and refused by the server.
    let named = database.replace("127.0.0.1", "localhost");
    let error = connect(&named).await.err().unwrap();
    assert_eq!(error.code().0, "STORE-0102", "{error}");
    assert!(error.to_string().contains("TLS"), "{error}");
    assert_eq!(code(&format!("{database}x")).await, "STORE-0103");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let nobody = database.replace(&format!(":{}", server.port()), &format!(":{port}"));
    let error = connect(&nobody).await.err().unwrap();
    assert_eq!(error.code().0, "STORE-0102", "{error}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
}

/// An authority, and a certificate of it for 127.0.0.1, by openssl.
fn certificates(folder: &Path) {
    let openssl = |line: &str| {
        let done = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(done.status.success(), "openssl {line}: {done:?}");
    };
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for authority in ["ca", "other"] {
        openssl(&format!(
            "req -x509 {new} -keyout {authority}.key -out {authority}.pem -subj /CN={authority} -days 2"
        ));
    }
    openssl(&format!(
        "req {new} -keyout db.key -out db.csr -subj /CN=db"
    ));
    openssl("x509 -req -in db.csr -CA ca.pem -CAkey ca.key -days 2 -out db.pem -extfile names");
}

#[tokio::test]
async fn believes_the_servers_certificate_and_shows_a_password() {
    let Some(mut server) = bulla_testkit::postgres() else {
        return;
    };
    if bulla_testkit::require("openssl").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let database = server.database();
    server.secure(&file("db.pem"), &file("db.key"), "hunter2");
    std::fs::write(file("right"), "hunter2\n").unwrap();
    std::fs::write(file("wrong"), "hunter3\n").unwrap();
    let with = |authority: &str, password: &str, url: &str| {
        let mut config = PostgresConfig::new(url);
        config.ca_file = Some(file(authority));
        config.password_file = Some(file(password));
        config
    };
    let state = PostgresState::connect(&with("ca.pem", "right", &database)).await;
    let encrypted: bool =
        sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .fetch_one(state.unwrap().pool())
            .await
            .unwrap();
    assert!(encrypted);
    // Another authority; another name; another password.
    let elsewhere = database.replace("127.0.0.1", "localhost");
    for (authority, password, url, code) in [
        ("other.pem", "right", &database, "STORE-0102"),
        ("ca.pem", "right", &elsewhere, "STORE-0102"),
        ("ca.pem", "wrong", &database, "STORE-0103"),
    ] {
        let error = PostgresState::connect(&with(authority, password, url)).await;
        let error = error.err().unwrap();
        assert_eq!(error.code().0, code, "{error}");
        let said = format!("{error} {error:?} {:?}", error.hint());
        assert!(!said.contains("hunter"), "{said}");
    }
}

#[tokio::test]
async fn several_replicas_migrate_at_once_and_newer_tables_are_refused() {
    const FIRST: &str = "CREATE TABLE leaf (id BIGINT PRIMARY KEY);";
    const SECOND: &str = "ALTER TABLE leaf ADD COLUMN hash BYTEA;";
    let Some(server) = shared() else { return };
    let database = server.database();
    let schema = |steps| Schema {
        component: "test",
        steps,
    };
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let state = connect(&database).await.unwrap();
                state.migrate(&[schema(&[FIRST])]).await.unwrap();
                state.migrate(&[schema(&[FIRST, SECOND])]).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let state = connect(&database).await.unwrap();
    let error = state.migrate(&[schema(&[FIRST])]).await.err().unwrap();
    assert!(
        matches!(
            &error,
            StateError::Postgres(PostgresError::Newer {
                found: 2,
                known: 1,
                ..
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn refuses_a_server_that_forgets() {
    let Some(server) = shared() else { return };
    // Its own server, since the setting is the whole server's.
    let Some(mut forgetful) = bulla_testkit::postgres() else {
        return;
    };
    let database = forgetful.database();
    forgetful.sql(&database, "ALTER SYSTEM SET fsync = off");
    forgetful.kill();
    forgetful.restart();
    assert_eq!(code(&database).await, "STORE-0104");
    connect(&server.database()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_during_a_crash_is_found_out_about() {
    let Some(mut server) = bulla_testkit::postgres() else {
        return;
    };
    let database = server.database();
    let state = connect(&database).await.unwrap();
    let table = "CREATE TABLE probe (n BIGINT PRIMARY KEY)";
    sqlx::query(table).execute(state.pool()).await.unwrap();
    let mut claims = Vec::new();
    for round in 0..6_i64 {
        let writer = state.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut said = Vec::new();
            for n in round * 100_000.. {
                let step = async {
                    let mut transaction = writer.begin().await?;
                    let insert = sqlx::query("INSERT INTO probe VALUES ($1)").bind(n);
                    writer.within(insert.execute(&mut *transaction)).await?;
                    writer.commit(transaction).await
                };
                let done: Result<(), StateError> = step.await;
                said.push((n, done));
                if stopped.load(Relaxed) {
                    break;
                }
            }
            said
        });
        tokio::time::sleep(Duration::from_millis(40 + 13 * round.unsigned_abs())).await;
        server.kill();
        server.restart();
        stop.store(true, Relaxed);
        claims.extend(task.await.unwrap());
    }
    let kept: Vec<i64> = sqlx::query_scalar("SELECT n FROM probe")
        .fetch_all(state.pool())
        .await
        .unwrap();
    let mut committed = 0;
    for (n, done) in claims {
        match done {
            Ok(()) => {
                committed += 1;
                assert!(kept.contains(&n), "{n} was acknowledged and is lost");
            }
            Err(StateError::Postgres(PostgresError::Uncertain { .. })) => {
                panic!("the server came back, so the outcome could be known")
            }
            Err(error) => assert!(!kept.contains(&n), "{n} is there, but {error}"),
        }
    }
    assert!(committed > 0);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let Some(server) = bulla_testkit::postgres() else {
        return;
    };
    let state = connect(&server.database()).await.unwrap();
    server.freeze();
    let error = state.ping().await.err().unwrap();
    server.thaw();
    assert_eq!(error.code().0, "STORE-0102", "{error}");
    state.ping().await.unwrap();
}
