use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const COMMAND: &str = "bulla trust ceremony plan --role root";

fn root() -> Lifetime {
    Lifetime::by_command(
        "TUF root",
        at("2026-01-01T00:00Z"),
        at("2026-01-31T00:00Z"),
        COMMAND,
    )
}

fn snapshot() -> Lifetime {
    Lifetime::itself(
        "TUF snapshot",
        at("2026-01-01T00:00Z"),
        at("2026-01-31T00:00Z"),
    )
}

#[test]
fn what_a_command_renews_is_announced_from_a_third_of_its_life_on() {
    assert_eq!(root().alarm(at("2026-01-10T23:59:59Z")), None);
    let alarm = root().alarm(at("2026-01-11T00:00Z")).unwrap();
    assert_eq!(alarm.urgency, Urgency::Soon);
    assert_eq!(
        alarm.to_string(),
        format!("TUF root ends on 2026-01-31 00:00 UTC: {COMMAND}")
    );
}

#[test]
fn what_renews_itself_is_due_at_a_third_and_an_alarm_at_half() {
    let due = at("2026-01-11T00:00Z");
    assert!(!snapshot().is_due(at("2026-01-10T23:59:59Z")));
    assert!(snapshot().is_due(due));
    assert_eq!(snapshot().alarm(due), None);
    assert_eq!(snapshot().alarm(at("2026-01-15T23:59:59Z")), None);
    let alarm = snapshot().alarm(at("2026-01-16T00:00Z")).unwrap();
    assert_eq!(alarm.urgency, Urgency::Overdue);
}

#[test]
fn what_has_ended_says_since_when_and_what_mends_it() {
    let end = at("2026-01-31T00:00Z");
    for lifetime in [root(), snapshot()] {
        let before = at("2026-01-30T23:59:59Z");
        assert!(lifetime.require(before).is_ok());
        assert_ne!(lifetime.alarm(before).unwrap().urgency, Urgency::Expired);
        assert_eq!(lifetime.alarm(end).unwrap().urgency, Urgency::Expired);
        let told = lifetime.require(end).unwrap_err();
        for part in [&lifetime.what, "2026-01-31 00:00 UTC", lifetime.command()] {
            assert!(told.to_string().contains(part), "{told}");
        }
    }
    assert_eq!(root().seconds_left(at("2026-02-01T00:00Z")), -86_400);
}

#[test]
fn the_last_second_of_a_certificate_belongs_to_it() {
    use bulla_crypto::{Scheme, SigningKey, x509};
    let validity = x509::Validity::seconds(at("2026-01-01T00:00Z"), 100).unwrap();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let root = x509::Issuer::create_root(key, "test", "root", validity).unwrap();
    let life = of_certificate("root", root.certificate(), Renewal::Itself);
    assert_eq!(life.since, validity.from);
    assert!(!life.is_expired(validity.until));
    assert!(life.is_expired(at("2026-01-01T00:01:41Z")));
}
