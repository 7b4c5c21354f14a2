//! What the monitor of a server found reaches whoever runs it, and goes once they
//! have seen it.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::os::unix::net::UnixStream;

use bulla_crypto::{
    Scheme, SigningKey,
    verifier_key::{Kind, VerifierKey},
};
use serde_json::json;

const DANA: &str = "dana@example.com";

/// A server that expects nobody but the release, and watches a log that is not there.
fn configured(world: &World) -> Configured {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let key = VerifierKey::new("log.example", Kind::Ed25519, key.public().clone()).unwrap();
    let passphrase = private(world, "passphrase", PASSPHRASE);
    Configured::new(
        world,
        &format!(
            "[key]\npassphrase_file = {passphrase:?}\n\
             [monitor]\ninterval_seconds = 1\n\
             watch = [{{ subject = \"*@example.com\" }}]\n\
             allow = [{{ subject = \"release@example.com\" }}]\n\
             logs = [{{ url = \"http://127.0.0.1:1/api/v2\", key = \"{key}\" }}]"
        ),
    )
}

/// Has a certificate issued to Dana.
fn certify(configured: &Configured, served: &Served) {
    let mut socket = UnixStream::connect(configured.data.join("token.sock")).unwrap();
    let request = json!({"op": "token", "email": DANA, "audience": "sigstore"});
    writeln!(socket, "{request}").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let request = json!({
        "credentials": {"oidcIdentityToken": answer["token"]},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
            "proofOfPossession": STANDARD.encode(key.sign(DANA.as_bytes()).unwrap()),
        },
    });
    let public = served.address("public");
    let path = "/api/v2/signingCert";
    let (status, body) = ask(public, "POST", path, &request.to_string());
    assert_eq!(status, 200, "{body}");
}

/// Waits until something is so.
#[track_caller]
fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_was_found_is_told_until_somebody_has_seen_it() {
    let world = World::new();
    let configured = configured(&world);
    let data = configured.data.to_str().unwrap();
    let findings = |more: &[&str]| {
        let args = ["log", "findings", "--data", data];
        world.bulla([&args[..], more].concat())
    };
    findings(&[]).exit(7).says("CLI-0712").says("nobody serves");
    let served = Served::start(&world, &configured);
    let operators = served.address("operations");

    // The other log cannot be read: that nothing was found means little then.
    until("an unread log", || (findings(&[]).code == 5).then_some(()));
    let none = findings(&[]);
    none.exit(5)
        .says("http://127.0.0.1:1/api/v2 could not be read since");
    assert_eq!(none.stdout, "");
    certify(&configured, &served);
    until("a finding", || (findings(&[]).code == 1).then_some(()));
    let found = findings(&[]);
    let line = found.stdout.trim_end();
    assert!(line.starts_with("! 2"), "{line}");
    assert!(line.contains(" UTC ct, entry "), "{line}");
    assert!(line.contains(DANA), "{line}");
    let told = findings(&["-o", "json"]);
    let told = told.exit(1).json();
    assert_eq!((&told["version"], &told["more"]), (&json!(1), &json!(0)));
    assert_eq!(told["findings"][0]["finding"], "unexpected");
    assert_eq!(told["unread"][0]["log"], "http://127.0.0.1:1/api/v2");

    // The operators' listener, the metrics, and aloud: once.
    let (_, brief) = get(operators, "/readyz");
    assert_eq!(brief, r#"{"alarms":0,"concerns":2,"status":"ready"}"#);
    let concerns = health(operators)["concerns"].clone();
    assert_eq!(concerns[0]["mend"], "bulla log findings");
    let mend = concerns[1]["mend"].as_str().unwrap();
    assert!(mend.starts_with("bulla log watch http://127.0.0.1:1/api/v2 --key log.example+"));
    let (_, counters) = get(operators, "/metrics");
    assert!(
        counters.contains("bulla_concerns{kind=\"monitor-finding\"} 1"),
        "{counters}"
    );
    served.signal("-HUP");
    let aloud = |said: &str| said.matches(" ! the monitor found: ct, entry ").count();
    until("it said so", || (aloud(&served.log()) == 1).then_some(()));

    // It is still there after a restart, which tells it at once.
    let restarted = served.stop();
    assert_eq!(restarted, Some(0));
    findings(&[]).exit(7).says("CLI-0712");
    let served = Served::start(&world, &configured);
    let operators = served.address("operations");
    until("it said so again", || {
        (aloud(&served.log()) == 1).then_some(())
    });
    findings(&["--acknowledge"])
        .success()
        .says(DANA)
        .says("1 acknowledged");
    until("the other log was looked at", || {
        (findings(&[]).code == 5).then_some(())
    });
    findings(&["--acknowledge"]).exit(5);
    let concerns = health(operators)["concerns"].clone();
    assert_eq!(concerns.as_array().unwrap().len(), 1, "{concerns}");

    // A log of ours is taken for what it is now; no other is known by that name.
    findings(&["--accept-position", "log.example"])
        .exit(7)
        .says("AUTH-0735")
        .says("but log-v1, log-v2, ct, http://127.0.0.1:1/api/v2");
    findings(&["--accept-position", "ct"])
        .success()
        .says("ct is not compared with its ")
        .says("read again from its first entry");
    let told = findings(&[
        "--accept-position",
        "http://127.0.0.1:1/api/v2",
        "-o",
        "json",
    ]);
    assert_eq!(told.success().json()["size"], 0);
    let audit = served.log();
    assert!(audit.contains("monitor.position.accepted"), "{audit}");

    // What else goes over the socket reaches a server as well.
    world.bulla(["user", "list", "--data", data]).success();
    assert_eq!(served.stop(), Some(0));
}
