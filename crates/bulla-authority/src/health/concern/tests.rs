use super::*;

fn concern(kind: Kind, what: &str) -> Concern {
    Concern::new(kind, what, None, "bulla log findings")
}

#[test]
fn the_names_are_those_of_the_json() {
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

#[test]
fn many_of_a_kind_are_a_number_and_hide_no_other_kind() {
    let mut concerns = Concerns::default();
    for number in 0..50 {
        concerns.add(concern(Kind::MonitorFinding, &number.to_string()));
    }
    concerns.add(concern(Kind::WitnessFailing, "w"));
    assert_eq!((concerns.count(), concerns.left_out()), (51, 30));
    assert_eq!(concerns.count_of(Kind::MonitorFinding), 50);
    assert_eq!(concerns.count_of(Kind::MonitorUnread), 0);
    assert_eq!(concerns.shown().len(), 21);
    assert_eq!(concerns.shown()[20].what, "w");
}

#[test]
fn each_is_news_once() {
    let mut before = Concerns::default();
    before.add(concern(Kind::MonitorFinding, "one"));
    assert_eq!(before.news(&before), Vec::<String>::new());
    let mut now = before.clone();
    now.add(concern(Kind::MonitorUnread, "two"));
    assert_eq!(
        now.news(&before),
        ["the monitor cannot read: two: bulla log findings"]
    );
    assert_eq!(before.news(&now), Vec::<String>::new(), "less is no news");
    for number in 0..SHOWN {
        now.add(concern(Kind::MonitorFinding, &number.to_string()));
    }
    let news = now.news(&before);
    assert_eq!(news.len(), 1 + SHOWN - 1 + 1);
    assert!(news[SHOWN].starts_with("1 more like these"), "{news:?}");
}

#[test]
fn it_says_since_when_and_what_to_do() {
    let since = "2026-01-02T03:04:05Z".parse().unwrap();
    let concern = Concern::new(Kind::WitnessFailing, "w: HTTP 503", Some(since), "curl w");
    assert_eq!(
        concern.to_string(),
        "a witness does not cosign: w: HTTP 503, since 2026-01-02 03:04 UTC: curl w"
    );
}

#[test]
fn what_a_stranger_wrote_stays_on_one_line_and_short() {
    let told = concern(Kind::MonitorFinding, "a\u{1b}[2Jb\nc");
    assert_eq!(told.what, "a\u{fffd}[2Jb\u{fffd}c");
    let told = concern(Kind::MonitorFinding, &"é".repeat(LENGTH + 1));
    assert_eq!(told.what.chars().count(), LENGTH + 1);
    assert!(told.what.ends_with('…'));
}

#[test]
fn a_word_of_a_command_line_stays_one() {
    assert_eq!(
        word("https://log.example/api/v2"),
        "https://log.example/api/v2"
    );
    assert_eq!(word("a b"), "'a b'");
    assert_eq!(word("it's; rm"), r"'it'\''s; rm'");
    assert_eq!(word(""), "''");
}
