//! Crash safety of the embedded store: processes that are killed, writes that
//! were not synced and are lost, disks that are full.
//!
//! Each test starts this very test program once more as the server ([`child`]),
//! so that a kill is the kernel's and takes the whole process.

mod disk;
mod kill;
mod ledger;
mod lost_writes;
mod wire;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use bulla_authority::{
    AuthorityError,
    log::{Leaf, Log, LogConfig, Sequenced},
    store::SqlStore,
};
use bulla_core::SystemClock;
use bulla_crypto::merkle::leaf_hash;
use bulla_store::Store;

/// What the child is to do, and where.
const ROLE: &str = "BULLA_CRASH_CHILD";
const DIRECTORY: &str = "BULLA_CRASH_DIRECTORY";

/// Not a test of its own: what the other tests run in a process that they kill.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let directory = std::env::var(DIRECTORY).unwrap();
    let directory = Path::new(&directory);
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        match role.as_str() {
            "serve" => kill::serve(directory).await,
            "begin" => lost_writes::begin(directory).await,
            "append" => lost_writes::append(directory).await,
            "fill" => disk::fill(directory).await,
            other => panic!("no role {other}"),
        }
    });
}

/// The child in `role`, through `wrapper` if that is not empty.
fn command(wrapper: &[&str], role: &str, directory: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut words = wrapper
        .iter()
        .map(std::ffi::OsString::from)
        .collect::<Vec<_>>();
    words.push(program.into());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args(["--exact", "crash::child", "--nocapture"])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// One line for the parent. What is in the pipe survives the process.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// A log without the rest of an authority.
async fn open_log(directory: &Path) -> Log {
    let store = Store::open(directory).await.unwrap();
    let store = SqlStore::open(store.state().clone()).await.unwrap();
    let config = LogConfig {
        name: "crash",
        origin: "crash.example".into(),
        sign: Box::new(|checkpoint, _| {
            Ok(format!(
                "{}\n— crash.example AAAAAAAAAAA=\n",
                checkpoint.text()
            ))
        }),
        cosigner: None,
    };
    Log::open(config, Arc::new(store), Arc::new(SystemClock))
        .await
        .unwrap()
}

async fn add(log: &Log, entry: &str) -> Result<Sequenced, AuthorityError> {
    let bytes = entry.as_bytes().to_vec();
    log.add(leaf_hash(&bytes), move |_, _| {
        Ok(Leaf {
            merkle: bytes.clone(),
            stored: bytes,
        })
    })
    .await
}
