//! The CNCF's reference registry (`distribution`), running for the length of a test.
//!
//! It listens on a free loopback port over plain http, asks for no credential,
//! keeps its files in a folder of its own and allows deletes. Its version 3 has no
//! referrers API (404), so clients fall back to the tag `sha256-<hex>`: that is
//! what it is for here, beside being a registry that we did not write.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::require;

/// How long the start may take on a busy machine; not a promise of ours.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the rest of its arguments until standard input ends, which it does even
/// when the test's process is killed, or keeps this in a `static`; then removes `$1`.
const KEEP: &str = r#"folder=$1; shift
"$@" & pid=$!
cat >/dev/null
kill "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
rm -rf "$folder""#;

/// A running registry; stopped when dropped, or when this process ends.
#[derive(Debug)]
pub struct Distribution {
    keeper: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Distribution {
    /// Starts one; `None` after saying `SKIP` where it is not installed.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    #[track_caller]
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with more configuration: YAML that follows the address below
    /// `http:`, such as `tls:` indented by two, or a part of its own, such as `auth:`.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    #[track_caller]
    pub fn start_with(more: &str) -> Option<Self> {
        let program = require("distribution")?;
        let folder = tempfile::Builder::new()
            .prefix("bulla-distribution-")
            .tempdir()
            .expect("a temporary folder");
        let (config, log) = (folder.path().join("config.yml"), folder.path().join("log"));
        let storage = folder.path().join("storage");
        fs::write(&config, configuration(&storage) + more).expect("a file");
        let err = File::create(&log).expect("a log file");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEP, "sh"])
            .arg(folder.path())
            .arg(program)
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::piped())
            .stdout(err.try_clone().expect("a second handle"))
            .stderr(err)
            .spawn()
            .expect("a shell");
        let started = Instant::now();
        let address = loop {
            let said = fs::read_to_string(&log).unwrap_or_default();
            if let Some(address) = listening(&said).filter(|at| TcpStream::connect(at).is_ok()) {
                break address;
            }
            let ended = keeper.try_wait().expect("the state of the registry");
            assert!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "distribution is not ready ({ended:?}):\n{said}"
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        Some(Self {
            keeper,
            address,
            folder,
        })
    }

    /// Where it listens, as it stands in references: host and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its own folder; the registry's files are below `storage`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if std::thread::panicking() {
            println!("---- distribution said\n{}", self.log());
        }
    }
}

fn configuration(storage: &Path) -> String {
    format!(
        "version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: {}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:0
",
        storage.display()
    )
}

/// The address in `msg="listening on 127.0.0.1:38211"`.
fn listening(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c))?;
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests;
