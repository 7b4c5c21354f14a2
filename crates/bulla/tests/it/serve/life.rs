//! From the first start to an orderly stop, and what is refused before either.

use super::*;

#[test]
fn a_server_without_somebody_who_keeps_its_key_does_not_start() {
    let world = World::new();
    let configured = Configured::new(&world, "");
    let file = configured.path.to_str().unwrap();
    for args in [
        vec!["serve", "--config", file],
        vec!["serve", "--check", file],
    ] {
        let outcome = world.bulla(args);
        outcome
            .exit(7)
            .says("CLI-0511")
            .says("nobody keeps the instance key")
            .says("passphrase_file");
    }
    assert!(!configured.data.exists(), "nothing was made");
}

#[test]
fn other_roles_are_refused_by_name_with_what_to_use_today() {
    let world = World::new();
    let configured = Configured::with_passphrase(&world);
    let file = configured.path.to_str().unwrap();
    for role in ["registry", "admission", "runtime", "console"] {
        let roles = ["serve", "--role", "authority", "--role", role];
        let outcome = world.bulla(roles.into_iter().chain(["--config", file]));
        outcome
            .exit(2)
            .says("CLI-0501")
            .says(&format!("--role {role}"));
    }
    world
        .bulla(["serve", "--role", "oracle", "--config", file])
        .exit(2);
    world.bulla(["serve"]).exit(2);
}

#[test]
fn a_configuration_is_checked_and_shown_without_being_served() {
    let world = World::new();
    let configured = Configured::with_passphrase(&world);
    let file = configured.path.to_str().unwrap();
    world
        .bulla(["serve", "--check", file])
        .success()
        .says("can be served");
    let mut command = world.command(world.binary());
    command.args(["serve", "--config", file, "--print-config"]);
    command.env("BULLA_SERVE_ORGANIZATION", "Somebody else");
    let outcome = world.run(&mut command);
    outcome.success();
    assert!(
        outcome.stdout.contains("organization = \"Somebody else\""),
        "{}",
        outcome.stdout
    );
    assert!(!configured.data.exists(), "nothing was made");
    let wrong = world.write(
        "wrong.toml",
        "base-url = \"http://127.0.0.1:1\"\nbase_uri = 1\n",
    );
    world
        .bulla(["serve", "--check", wrong.to_str().unwrap()])
        .exit(7)
        .says("CLI-0512")
        .says("line 2");
}

#[test]
fn it_serves_counts_and_stops_in_order() {
    let world = World::new();
    let configured = Configured::with_passphrase(&world);
    let served = Served::start(&world, &configured);
    let (public, operators) = (served.address("public"), served.address("operations"));
    assert_eq!(public.port(), configured.port);

    assert_eq!(get(operators, "/healthz").0, 200);
    let (status, brief) = get(operators, "/readyz");
    assert_eq!(
        (status, brief.as_str()),
        (200, r#"{"alarms":0,"concerns":0,"status":"ready"}"#)
    );
    let health = health(operators);
    assert_eq!(health["leader"], true);
    assert_eq!(health["checks"][0]["name"], "storage");
    // Counters and health are not for clients.
    assert_eq!(get(public, "/metrics").0, 404);
    assert_eq!(get(public, "/readyz").0, 404);

    let (status, trust) = get(public, "/.well-known/sigstore/client_trust_config.json");
    assert_eq!(status, 200);
    let trust: Value = serde_json::from_str(&trust).unwrap();
    let media_type = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
    assert_eq!(trust["mediaType"], media_type);
    assert_eq!(get(public, "/tuf/1.root.json").0, 200);

    let timestamp = r#"{"artifactHash":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=","hashAlgorithm":"sha256"}"#;
    let (status, _) = ask(public, "POST", "/api/v1/timestamp", timestamp);
    assert!((200..300).contains(&status), "{status}");
    let (status, _) = ask(public, "POST", "/api/v2/signingCert", "{}");
    assert_eq!(status, 400);
    let (_, counters) = get(operators, "/metrics");
    for line in [
        "bulla_timestamps_total 1",
        "bulla_requests_total{service=\"ca\",outcome=\"refused\"} 1",
        "bulla_requests_total{service=\"tuf\",outcome=\"ok\"} 1",
        "bulla_certificates_total 0",
        "bulla_leader 1",
        "bulla_alarms{urgency=\"expired\"} 0",
    ] {
        assert!(
            counters.lines().any(|found| found == line),
            "{line}\n{counters}"
        );
    }
    // The genesis entry, and the certificate of the revoker once its list is made.
    assert!(counters.contains("bulla_log_entries_total{log=\"ct\"} "));
    assert!(counters.contains("bulla_lifetime_seconds{what=\"signing intermediate\"}"));

    // Who says at once that nothing more will come gets its answer all the same.
    let mut half = TcpStream::connect(public).unwrap();
    let request = format!(
        "POST /api/v1/timestamp HTTP/1.1\r\nHost: {public}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{timestamp}",
        timestamp.len()
    );
    half.write_all(request.as_bytes()).unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    let (status, _) = answer(half);
    assert!((200..300).contains(&status), "{status}");

    // A request that is on its way is answered; the next finds nobody.
    let mut open = TcpStream::connect(public).unwrap();
    let length = timestamp.len();
    let head = format!(
        "POST /api/v1/timestamp HTTP/1.1\r\nHost: {public}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    open.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    open.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    served.signal("-TERM");
    let began = Instant::now();
    while TcpStream::connect(public).is_ok() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    open.write_all(timestamp.as_bytes()).unwrap();
    let (status, _) = answer(open);
    assert!((200..300).contains(&status), "{status}");
    let said = served.log();
    assert_eq!(served.stop(), Some(0), "{said}");
}

#[test]
fn one_process_per_data_directory_and_a_local_instance_is_none() {
    let world = World::new();
    let configured = Configured::with_passphrase(&world);
    let served = Served::start(&world, &configured);
    let file = configured.path.to_str().unwrap();
    world
        .bulla(["serve", "--config", file])
        .exit(7)
        .says("CLI-0520");
    assert_eq!(served.stop(), Some(0));
    // Its keys are wrapped: the local profile cannot take them up.
    let data = configured.data.to_str().unwrap();
    world
        .bulla(["up", "--data", data, "--port", "0"])
        .exit(7)
        .says("CRYPTO-0064");
}

#[test]
fn lines_are_json_and_the_audit_has_a_file_of_its_own() {
    let world = World::new();
    let passphrase = private(&world, "passphrase", PASSPHRASE);
    let audit = world.root().join("audit.jsonl");
    let configured = Configured::new(
        &world,
        &format!(
            "[key]\npassphrase_file = {passphrase:?}\n\
             [logging]\nformat = \"json\"\naudit_file = {audit:?}"
        ),
    );
    let served = Served::start(&world, &configured);
    let (status, _) = ask(
        served.address("public"),
        "POST",
        "/api/v2/signingCert",
        r#"{"credentials":{"oidcIdentityToken":"a.b.c"},"publicKeyRequest":{"publicKey":{"algorithm":"ECDSA","content":"x"},"proofOfPossession":"eA=="}}"#,
    );
    assert_eq!(status, 400);
    served.signal("-HUP");
    assert_eq!(served.stop(), Some(0));
    let lines = fs::read_to_string(&audit).unwrap();
    assert!(!lines.is_empty());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["target"], "audit", "{line}");
    }
    assert!(!lines.contains("a.b.c"), "no token in {lines}");
}
