//! The clock of the finished binary, moved forward: what renews itself did so,
//! what needs a command says which, and what has ended says since when.

use super::*;
use bulla_testkit::{Instance, require};
use jiff::{SignedDuration, Timestamp};

/// A local instance under a moved clock.
fn up(world: &World, faketime: &Path, days: i64) -> Served {
    let mut command = world.command(faketime);
    // Waiting goes by the monotonic clock, which is left alone.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command.args(["-f", &format!("+{days}d")]);
    command.arg(world.binary()).args(["up", "--data"]);
    command.arg(world.data());
    Served::spawn(world, command)
}

fn expires(authority: SocketAddr, name: &str) -> Timestamp {
    let (status, body) = get(authority, &format!("/tuf/{name}"));
    assert_eq!(status, 200, "{name}");
    let metadata: Value = serde_json::from_str(&body).unwrap();
    metadata["signed"]["expires"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days)
}

#[test]
fn months_later_everything_that_can_has_renewed_itself() {
    let Some(faketime) = require("faketime") else {
        return;
    };
    let world = World::new();
    Instance::create(&world);
    for days in [5, 40, 400] {
        let served = up(&world, &faketime, days);
        let authority = host_of(served.ready["ca"].as_str().unwrap());
        let now = in_days(days);
        assert!(expires(authority, "timestamp.json") > now, "+{days} d");
        let health = health(authority);
        let at: Timestamp = health["at"].as_str().unwrap().parse().unwrap();
        assert!(
            (at - in_days(days)).get_hours().abs() < 2,
            "the clock is moved"
        );
        let lifetimes = health["lifetimes"].as_array().unwrap();
        for what in ["webhook certificate", "transport root"] {
            assert!(
                lifetimes.iter().any(|life| life["what"] == what),
                "{health}"
            );
        }
        for life in lifetimes {
            let until: Timestamp = life["until"].as_str().unwrap().parse().unwrap();
            let itself = life["renewal"] == "itself";
            assert!(!itself || until > now, "+{days} d: {life}");
        }
        // The webhook speaks TLS with a certificate that holds today.
        assert_eq!(health["alarms"].as_array().unwrap().len(), 0, "{health}");
        assert_eq!(served.stop(), Some(0));
    }
}

#[test]
fn what_needs_a_command_says_so_before_it_ends_and_after() {
    let Some(faketime) = require("faketime") else {
        return;
    };
    let world = World::new();
    Instance::create(&world);

    // A third of ten years: prepare. The command stands everywhere.
    let served = up(&world, &faketime, 1300);
    let authority = host_of(served.ready["ca"].as_str().unwrap());
    let alarms = health(authority)["alarms"].clone();
    let alarm = alarms
        .as_array()
        .and_then(|all| {
            all.iter()
                .find(|alarm| alarm["what"] == "signing intermediate")
        })
        .unwrap_or_else(|| panic!("{alarms}"));
    assert_eq!(alarm["urgency"], "soon");
    let mend = alarm["mend"].as_str().unwrap();
    assert!(mend.contains("bulla trust ceremony plan"), "{mend}");
    let said = served.log();
    assert!(
        said.contains("signing intermediate ends on") && said.contains(mend),
        "{said}"
    );
    let (_, counters) = get(authority, "/metrics");
    assert!(
        !counters.contains("bulla_alarms{urgency=\"soon\"} 0"),
        "{counters}"
    );
    let mut show = world.command(&faketime);
    show.args(["-f", "+1300d"]).arg(world.binary());
    show.args(["trust", "show", "--data"]).arg(world.data());
    world
        .run(&mut show)
        .success()
        .says("signing intermediate ends on")
        .says(mend);
    let timestamp = r#"{"artifactHash":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=","hashAlgorithm":"sha256"}"#;
    let (status, _) = ask(authority, "POST", "/api/v1/timestamp", timestamp);
    assert!((200..300).contains(&status), "all is still well: {status}");
    assert_eq!(served.stop(), Some(0));

    // Past the end: clients are told what, since when, and what mends it.
    let served = up(&world, &faketime, 3700);
    let authority = host_of(served.ready["ca"].as_str().unwrap());
    for (path, body, what) in [
        ("/api/v1/timestamp", timestamp, "timestamp certificate"),
        ("/api/v2/signingCert", "{}", "signing intermediate"),
    ] {
        let (status, body) = ask(authority, "POST", path, body);
        assert_eq!(status, 503, "{path}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["code"], 14);
        let message = body["message"].as_str().unwrap();
        for part in [what, "expired on", "bulla trust ceremony plan"] {
            assert!(message.contains(part), "{message}");
        }
    }
    // What was recorded can still be read, and the process stays in service.
    assert_eq!(get(authority, "/api/v2/checkpoint").0, 200);
    let alarms = health(authority)["alarms"].clone();
    assert_eq!(alarms[0]["urgency"], "expired", "{alarms}");
    assert_eq!(served.stop(), Some(0));
}
