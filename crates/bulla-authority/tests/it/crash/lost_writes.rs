//! What was not synced is lost: the kernel's calls of a run are recorded with
//! `strace`, and the files are put together as a crash of the machine could have
//! left them.
//!
//! The model: a write is safe once an `fsync` of its file that began after it has
//! returned. Any other may be there, be missing or be torn at a sector. It says
//! nothing about directory entries: the files are there from the start. That it
//! can find a loss is shown by ignoring the syncs: then it must find one.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use bulla_crypto::merkle::{NodeHash, verify_consistency, verify_inclusion};
use bulla_store::sqlx;

use super::{add, command, open_log, tell};
use crate::skip;

const SECTOR: usize = 512;
const CRASHES: usize = 120;
const CALLS: &str = "trace=pwrite64,write,ftruncate,fsync,fdatasync";
const FILES: [&str; 2] = ["state.sqlite", "state.sqlite-wal"];

/// The child that makes the log.
pub(super) async fn begin(directory: &Path) {
    let log = open_log(directory).await;
    add(&log, "the first").await.unwrap();
}

/// The child: appends from several tasks and says what was acknowledged.
pub(super) async fn append(directory: &Path) {
    let log = open_log(directory).await;
    let from = log.size();
    let tasks: Vec<_> = (0..4u64)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                for n in 0..60u64 {
                    let number = from + task * 1000 + n;
                    let added = add(&log, &entry(number)).await.unwrap();
                    let root = hex::encode(added.root);
                    let (index, size) = (added.index, added.size);
                    tell(&format!("ack {number} {index} {size} {root}"));
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
            })
        })
        .collect();
    // The write-ahead log begins anew in between.
    let url = format!("sqlite:{}", directory.join(FILES[0]).display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let restart = sqlx::raw_sql("PRAGMA wal_checkpoint(RESTART)");
        restart.execute(&pool).await.unwrap();
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn entry(number: u64) -> String {
    format!(
        "entry {number} {}",
        "x".repeat(usize::try_from(number % 700).unwrap())
    )
}

/// What a call does to a file of the store, or to whoever reads the answers.
enum Call {
    Write {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: usize,
        length: usize,
    },
    Sync {
        file: usize,
    },
    Answer(Ack),
}

#[derive(Clone)]
struct Ack {
    number: u64,
    index: u64,
    size: u64,
    root: NodeHash,
}

/// The trace: when which call began and when it was done.
enum Event {
    Began(usize),
    Done(usize),
}

struct Trace {
    calls: Vec<Call>,
    events: Vec<Event>,
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split("\\x").collect();
    hex::decode(digits).ok()
}

/// `CALL(FD<PATH>, "BYTES", NUMBER…` as strace writes it with `-y -xx`.
fn call(text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (_, rest) = rest.split_once('<')?;
    let (path, rest) = rest.split_once('>')?;
    // In place of a path `<detached ...>` may stand: who was in a call when the
    // process ended.
    let path = String::from_utf8(unhex(path)?).ok()?;
    let file = FILES
        .iter()
        .position(|file| path.ends_with(&format!("/{file}")));
    let numbers = |text: &str| -> Vec<usize> {
        let end = text.find(')').unwrap_or(text.len());
        let parts = text[..end].split(',');
        parts.filter_map(|part| part.trim().parse().ok()).collect()
    };
    let written = || rest.split_once(", \"")?.1.split_once('"');
    match (name, file) {
        ("pwrite64", Some(file)) => {
            let (bytes, after) = written()?;
            let at = *numbers(after.split("<unfinished").next()?).get(1)?;
            let bytes = unhex(bytes).expect("bytes in hex");
            Some(Call::Write { file, at, bytes })
        }
        ("ftruncate", Some(file)) => {
            let length = *numbers(rest.split("<unfinished").next()?).first()?;
            Some(Call::Truncate { file, length })
        }
        ("fsync" | "fdatasync", Some(file)) => Some(Call::Sync { file }),
        ("write", None) => {
            let line = String::from_utf8(unhex(written()?.0)?).ok()?;
            let mut words = line.trim().strip_prefix("ack ")?.split(' ');
            let mut number = || words.next()?.parse().ok();
            let (number, index, size) = (number()?, number()?, number()?);
            let root = hex::decode(words.next()?).ok()?.try_into().ok()?;
            Some(Call::Answer(Ack {
                number,
                index,
                size,
                root,
            }))
        }
        _ => None,
    }
}

impl Trace {
    fn parse(text: &str) -> Self {
        let (mut calls, mut events) = (Vec::new(), Vec::new());
        let mut open: HashMap<&str, usize> = HashMap::new();
        for line in text.lines() {
            let (process, text) = line.split_once(' ').unwrap();
            let text = text.trim_start();
            if text.starts_with("<...") {
                events.extend(open.remove(process).map(Event::Done));
            } else if let Some(call) = call(text) {
                assert!(!text.contains("\"..."), "strace cut a string short");
                let number = calls.len();
                calls.push(call);
                events.push(Event::Began(number));
                match text.ends_with("<unfinished ...>") {
                    true => drop(open.insert(process, number)),
                    false => events.push(Event::Done(number)),
                }
            }
        }
        Self { calls, events }
    }

    /// What was acknowledged when the machine stops after `events`, and the files it
    /// may leave. Without `honest`, syncs do nothing.
    fn crash(&self, base: &[Vec<u8>], events: usize, honest: bool) -> (Vec<Ack>, Vec<Vec<u8>>) {
        let mut safe = base.to_vec();
        // Per file: calls that are not safe, and whether they are done.
        let mut waiting: Vec<Vec<(usize, bool)>> = vec![Vec::new(); base.len()];
        let mut covered: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut acks = Vec::new();
        for event in &self.events[..events] {
            match event {
                Event::Began(number) => match &self.calls[*number] {
                    Call::Write { file, .. } | Call::Truncate { file, .. } => {
                        waiting[*file].push((*number, false));
                    }
                    Call::Sync { file } => {
                        let done = waiting[*file].iter().filter(|(_, done)| *done);
                        covered.insert(*number, done.map(|(call, _)| *call).collect());
                    }
                    Call::Answer(ack) => acks.push(ack.clone()),
                },
                Event::Done(number) => match &self.calls[*number] {
                    Call::Write { file, .. } | Call::Truncate { file, .. } => {
                        let mut calls = waiting[*file].iter_mut();
                        calls.find(|(call, _)| call == number).unwrap().1 = true;
                    }
                    Call::Sync { file } if honest => {
                        let covered = &covered[number];
                        waiting[*file].retain(|(call, _)| {
                            let synced = covered.contains(call);
                            if synced {
                                self.apply(*call, &mut safe[*file], usize::MAX);
                            }
                            !synced
                        });
                    }
                    Call::Sync { .. } | Call::Answer(_) => {}
                },
            }
        }
        for (file, waiting) in waiting.iter().enumerate() {
            let mood = random();
            for (call, _) in waiting {
                let kept = match (mood % 4, random() % 4) {
                    // All lost, all kept, or each as it comes.
                    (0, _) | (2 | 3, 0) => 0,
                    (2 | 3, 1) => random() % 9 * SECTOR,
                    _ => usize::MAX,
                };
                self.apply(*call, &mut safe[file], kept);
            }
        }
        (acks, safe)
    }

    /// Does the first `kept` bytes of a call.
    fn apply(&self, call: usize, image: &mut Vec<u8>, kept: usize) {
        match &self.calls[call] {
            Call::Write { at, bytes, .. } => {
                let bytes = &bytes[..bytes.len().min(kept)];
                if !bytes.is_empty() {
                    image.resize(image.len().max(at + bytes.len()), 0);
                    image[*at..at + bytes.len()].copy_from_slice(bytes);
                }
            }
            Call::Truncate { length, .. } if kept > 0 => image.resize(*length, 0),
            _ => {}
        }
    }
}

fn random() -> usize {
    usize::from_be_bytes(bulla_crypto::random::bytes().unwrap())
}

fn read(directory: &Path) -> Vec<Vec<u8>> {
    let read = |file| fs::read(directory.join(file)).unwrap_or_default();
    FILES.into_iter().map(read).collect()
}

/// Whether everything acknowledged is in the log that the files hold; `None`: they
/// cannot be opened.
async fn holds(acks: &[Ack], files: &[Vec<u8>]) -> Option<bool> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in FILES.iter().zip(files) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let path = dir.path().to_owned();
    let log = tokio::spawn(async move { open_log(&path).await })
        .await
        .ok()?;
    for ack in acks {
        let Ok(Some(found)) = log.prove(ack.index).await else {
            return Some(false);
        };
        if found.stored != entry(ack.number).as_bytes() || found.size < ack.size {
            return Some(false);
        }
        let leaf = bulla_crypto::merkle::leaf_hash(&found.stored);
        verify_inclusion(&leaf, ack.index, found.size, &found.proof, &found.root).unwrap();
        let proof = log.consistency(ack.size, found.size).await.unwrap();
        verify_consistency(ack.size, found.size, &proof, &ack.root, &found.root).unwrap();
    }
    // And it goes on.
    let added = add(&log, "after the crash").await.unwrap();
    Some(added.index + 1 == added.size)
}

#[test]
fn writes_that_were_not_synced_can_all_be_lost() {
    let works = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        return skip(
            "writes_that_were_not_synced_can_all_be_lost",
            "no strace that may trace",
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let trace = dir.path().join("trace");
    // In a process of its own: here the store would still be closing, and so
    // writing, while its files are read.
    let begun = command(&[], "begin", &data).output().unwrap();
    assert!(begun.status.success(), "{begun:?}");
    let base = read(&data);
    let trace_to = trace.display().to_string();
    let strace = [
        "strace", "-f", "-qq", "-y", "-xx", "-s", "200000", "-e", CALLS, "-o", &trace_to,
    ];
    let output = command(&strace, "append", &data).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let trace = Trace::parse(&fs::read_to_string(trace).unwrap());
    let answers = trace
        .calls
        .iter()
        .filter(|call| matches!(call, Call::Answer(_)));
    assert_eq!(answers.count(), 240);
    let written = |wanted| {
        trace
            .calls
            .iter()
            .any(|call| matches!(call, Call::Write { file, .. } if *file == wanted))
    };
    assert!(
        written(0) && written(1),
        "file and write-ahead log were both written"
    );

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crash = |honest| {
        let events = random() % (trace.events.len() + 1);
        let (acks, files) = trace.crash(&base, events, honest);
        let holds = runtime.block_on(holds(&acks, &files));
        (events, acks.len(), holds)
    };
    for _ in 0..CRASHES {
        let (events, acks, holds) = crash(true);
        assert_eq!(
            holds,
            Some(true),
            "after event {events}, with {acks} acknowledged"
        );
    }
    // Without syncs the same model finds losses, so it would have found one.
    let lost = (0..CRASHES).any(|_| crash(false).2 != Some(true));
    assert!(lost, "the model cannot find a loss");
}
