use std::sync::{Arc, Mutex};

use bulla_crypto::{
    Scheme, SigningKey,
    checkpoint::Checkpoint,
    merkle::{Frontier, leaf_hash},
    verifier_key::{Kind, VerifierKey},
};

use bulla_core::SystemClock;
use bulla_store::Store;

use super::{feed::Reading, *};
use crate::search::Format;

const ORIGIN: &str = "log.example";

/// A log that anybody can make lie.
#[derive(Clone)]
struct Lies {
    key: Arc<SigningKey>,
    entries: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Signs this size instead of what there is.
    signs: Arc<Mutex<Option<u64>>>,
    /// What its checkpoints begin with.
    origin: Arc<Mutex<String>>,
}

impl Lies {
    fn new() -> Self {
        Self {
            key: Arc::new(SigningKey::generate(Scheme::Ed25519).unwrap()),
            entries: Arc::default(),
            signs: Arc::default(),
            origin: Arc::new(Mutex::new(ORIGIN.into())),
        }
    }

    fn grow(&self, count: u64) {
        let mut entries = self.entries.lock().unwrap();
        for _ in 0..count {
            let text = format!("{{\"entry\":{}}}", entries.len());
            entries.push(text.into_bytes());
        }
    }

    fn watch(&self) -> LogWatch {
        let key = VerifierKey::new(ORIGIN, Kind::Ed25519, self.key.public().clone()).unwrap();
        LogWatch::new("a log", key, Box::new(self.clone()), Arc::default())
    }
}

impl Feed for Lies {
    fn checkpoint(&self) -> Reading<'_, String> {
        let entries = self.entries.lock().unwrap();
        let all = u64::try_from(entries.len()).unwrap();
        let size = self.signs.lock().unwrap().unwrap_or(all);
        let mut frontier = Frontier::new();
        for entry in entries.iter().take(usize::try_from(size).unwrap()) {
            frontier.append(leaf_hash(entry));
        }
        let checkpoint = Checkpoint {
            origin: self.origin.lock().unwrap().clone(),
            size,
            root: frontier.root(),
        };
        let note = checkpoint.sign(&self.key).unwrap().to_string();
        Box::pin(async move { Ok(note) })
    }

    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Entry>> {
        let first = usize::try_from(number * 256).unwrap();
        let entries = self.entries.lock().unwrap();
        let found = entries[first..first + usize::from(width)].to_vec();
        let read = move |stored: &Vec<u8>| Entry::read(Format::V2, stored).unwrap();
        Box::pin(async move { Ok(found.iter().map(read).collect()) })
    }
}

fn contradiction(found: &[Finding]) -> &str {
    match found {
        [
            Finding {
                what: What::Contradiction { detail },
                ..
            },
        ] => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_that_only_grows_gives_nothing_to_tell() {
    let log = Lies::new();
    let (watch, mut state) = (log.watch(), WatchState::default());
    for count in [1, 5, 250, 600, 0] {
        log.grow(count);
        assert_eq!(watch.round(&mut state).await.unwrap(), []);
        // What is kept is enough to go on from.
        state = WatchState::parse(&state.to_json()).unwrap();
        assert_eq!(
            state.size(),
            u64::try_from(log.entries.lock().unwrap().len()).unwrap()
        );
    }
}

#[tokio::test]
async fn what_is_taken_back_or_changed_is_told() {
    let log = Lies::new();
    let (watch, mut state) = (log.watch(), WatchState::default());
    log.grow(300);
    assert_eq!(watch.round(&mut state).await.unwrap(), []);
    *log.signs.lock().unwrap() = Some(299);
    let found = watch.round(&mut state).await.unwrap();
    assert!(contradiction(&found).contains("now signs 299"));
    *log.signs.lock().unwrap() = None;
    // Another history of the same length, and of a greater one.
    log.entries.lock().unwrap()[7] = b"{}".into();
    let found = watch.round(&mut state).await.unwrap();
    assert!(contradiction(&found).contains("two trees of 300"));
    log.grow(1);
    let found = watch.round(&mut state).await.unwrap();
    assert!(contradiction(&found).contains("does not extend"));
    assert_eq!(
        state.size(),
        300,
        "compared with what was verified, again and again"
    );
}

#[tokio::test]
async fn a_checkpoint_of_somebody_else_is_none() {
    let log = Lies::new();
    log.grow(3);
    let stranger = VerifierKey::new(ORIGIN, Kind::Ed25519, Lies::new().key.public().clone());
    let stranger = LogWatch::new(
        "a log",
        stranger.unwrap(),
        Box::new(log.clone()),
        Arc::default(),
    );
    let refused = stranger.round(&mut WatchState::default()).await;
    assert!(matches!(refused, Err(MonitorError::Note { .. })));
    let elsewhere = log.watch().of_origin("other.example".into());
    let refused = elsewhere.round(&mut WatchState::default()).await;
    assert!(matches!(refused, Err(MonitorError::Format { .. })));
}

fn signer(name: &str, issuer: &str) -> Signer {
    Signer {
        key: "00".into(),
        names: vec![name.into()],
        issuer: Some(issuer.into()),
    }
}

fn rule(subject: &str, issuer: Option<&str>) -> IdentityRule {
    IdentityRule {
        subject: subject.into(),
        issuer: issuer.map(str::to_owned),
    }
}

#[test]
fn unexpected_is_who_is_in_scope_and_not_on_the_list() {
    let ours = "https://issuer.example";
    let unexpected = |watch: &[IdentityRule], allow: &[IdentityRule], name, issuer| {
        Rules::new(watch, allow)
            .unwrap()
            .is_unexpected(&signer(name, issuer))
    };
    let watch = [rule("*@example.com", None)];
    let allow = [rule("release@example.com", Some(ours))];
    assert!(!unexpected(&watch, &allow, "release@example.com", ours));
    assert!(unexpected(&watch, &allow, "dana@example.com", ours));
    // The same name by another issuer is somebody else.
    assert!(unexpected(
        &watch,
        &allow,
        "release@example.com",
        "https://evil.example"
    ));
    assert!(!unexpected(&watch, &allow, "dana@elsewhere.example", ours));
    // Without a scope everybody is in it; without rules nobody is.
    assert!(unexpected(&[], &allow, "dana@elsewhere.example", ours));
    assert!(!unexpected(&[], &[], "dana@example.com", ours));
    assert!(
        !Rules::new(&watch, &[])
            .unwrap()
            .is_unexpected(&Signer::default())
    );
    assert!(Rules::new(&[rule("**", None)], &[]).is_err());
}

#[test]
fn a_damaged_state_is_refused() {
    for bad in [
        "",
        "{}",
        r#"{"size":1,"edge":[]}"#,
        r#"{"size":1,"edge":["AA=="]}"#,
        r#"{"size":0,"edge":[],"x":1}"#,
    ] {
        assert!(WatchState::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

/// A monitor of that log alone.
async fn monitor(dir: &std::path::Path, log: &Lies) -> Monitor {
    let values = Store::open(dir).await.unwrap().values();
    let settings = MonitorSettings::default();
    let own = |_: &Arc<Rules>| Ok(vec![log.watch()]);
    Monitor::new(&settings, own, values, Arc::new(SystemClock)).unwrap()
}

#[tokio::test]
async fn a_log_that_goes_on_contradicting_itself_pushes_nothing_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = Lies::new();
    let monitor = monitor(dir.path(), &log).await;
    log.grow(3);
    monitor.round().await;
    log.entries.lock().unwrap()[1] = b"{}".into();
    for _ in 0..3 {
        log.grow(1);
        monitor.round().await;
    }
    let report = monitor.report().await.unwrap();
    let found = |report: &Report| -> Vec<Finding> {
        let findings = report.findings.iter();
        findings.map(|found| found.finding.clone()).collect()
    };
    assert!(contradiction(&found(&report)).contains("its tree of 4 entries"));
    // It is no secret that it still does, once the first was acknowledged.
    let through = report.through.unwrap();
    assert_eq!(monitor.acknowledge(&through).await.unwrap(), 1);
    assert_eq!(monitor.acknowledge(&through).await.unwrap(), 0);
    monitor.round().await;
    let report = monitor.report().await.unwrap();
    assert!(contradiction(&found(&report)).contains("its tree of 6 entries"));
    assert!(report.through.unwrap() > through, "no key comes again");
}

#[tokio::test]
async fn a_position_is_accepted_for_a_watched_log_and_then_compared_with_anew() {
    let dir = tempfile::tempdir().unwrap();
    let log = Lies::new();
    let monitor = monitor(dir.path(), &log).await;
    log.grow(300);
    monitor.round().await;
    assert_eq!(monitor.findings().await.unwrap(), []);
    // Its operator restored a backup.
    log.entries.lock().unwrap().truncate(100);
    monitor.round().await;
    assert_eq!(monitor.findings().await.unwrap().len(), 1);

    let unknown = monitor.accept_position("another log").await.unwrap_err();
    assert_eq!(unknown.code().0, "AUTH-0735");
    assert!(unknown.to_string().contains("but a log"), "{unknown}");
    let forgotten = monitor.accept_position("a log").await.unwrap();
    assert_eq!((&*forgotten.log, forgotten.size), ("a log", 300));
    assert_eq!(forgotten.root.len(), 64);
    let through = monitor.report().await.unwrap().through.unwrap();
    monitor.acknowledge(&through).await.unwrap();
    for _ in 0..2 {
        monitor.round().await;
        assert_eq!(monitor.findings().await.unwrap(), []);
        log.grow(3);
    }
    // The new tree is held to from now on.
    log.entries.lock().unwrap()[7] = b"{}".into();
    monitor.round().await;
    assert_eq!(monitor.findings().await.unwrap().len(), 1);
    let forgotten = monitor.accept_position("a log").await.unwrap();
    assert_eq!(forgotten.size, 103);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_since_the_first_time_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let log = Lies::new();
    let monitor = monitor(dir.path(), &log).await;
    log.grow(1);
    *log.origin.lock().unwrap() = "other.example".into();
    monitor.round().await;
    let [first] = &monitor.unread()[..] else {
        panic!("{:?}", monitor.unread());
    };
    assert_eq!(first.log, "a log");
    assert!(first.why.contains("is not its own"), "{}", first.why);
    monitor.round().await;
    assert_eq!(&monitor.unread()[..], std::slice::from_ref(first));
    *log.origin.lock().unwrap() = ORIGIN.into();
    monitor.round().await;
    assert_eq!(monitor.unread(), []);
}

#[tokio::test]
async fn only_as_many_findings_are_shown_as_can_be_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let values = Store::open(dir.path()).await.unwrap().values();
    let monitor = monitor(dir.path(), &Lies::new()).await;
    let finding = |index| Finding {
        log: "a log".into(),
        what: What::Unexpected {
            index,
            kind: "dsse".into(),
            signer: signer("dana@example.com", "https://issuer.example"),
        },
    };
    for index in 0..130 {
        monitor.keep(&finding(index)).await.unwrap();
        monitor.keep(&finding(index)).await.unwrap();
    }
    let report = monitor.report().await.unwrap();
    assert_eq!((report.findings.len(), report.more), (100, 30));
    assert_eq!(report.findings[0].finding, finding(0));
    let through = report.through.unwrap();
    assert_eq!(monitor.acknowledge(&through).await.unwrap(), 100);
    let report = monitor.report().await.unwrap();
    assert_eq!((report.findings.len(), report.more), (30, 0));
    assert_eq!(report.findings[0].finding, finding(100));
    // A great one is shown alone rather than not at all.
    let mut great = finding(200);
    great.log = "x".repeat(2 << 20);
    let found = Found {
        time: report.findings[0].time,
        finding: great,
    };
    let value = serde_json::to_vec(&found).unwrap();
    let put = bulla_store::state::Change::Put {
        key: "0",
        value: &value,
    };
    values.apply("monitor-finding", &[put]).await.unwrap();
    let report = monitor.report().await.unwrap();
    assert_eq!((report.findings.len(), report.more), (1, 30));
}

#[test]
fn the_command_of_a_watched_log_is_whole() {
    let mut log = WatchedLog {
        url: "https://log.example/api/v2".into(),
        key: "log.example+5f0a8d11+AY==".into(),
        certificates: false,
        ca_file: None,
    };
    let plain = "bulla log watch https://log.example/api/v2 --key log.example+5f0a8d11+AY==";
    assert_eq!(log.command(), plain);
    (log.certificates, log.ca_file) = (true, Some("/etc/my ca.pem".into()));
    let more = format!("{plain} --certificates --ca-file '/etc/my ca.pem'");
    assert_eq!(log.command(), more);
}
