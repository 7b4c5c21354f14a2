//! An S3 server of its own for the length of a test: `versitygw` over a folder.
//!
//! Plain HTTP on a free loopback port, one bucket, keys made for the test. Its
//! conditional writes were checked; it can be killed and started again.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::require;

/// How long a start may take on a busy machine; not a promise of ours.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the rest of its arguments until standard input ends, which it does even
/// when the test's process is killed.
const KEEP: &str = r#""$@" & pid=$!
cat >/dev/null
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null"#;

/// A running S3 server; stopped when dropped, or when this process ends.
#[derive(Debug)]
pub struct S3 {
    keeper: Option<Child>,
    folder: TempDir,
    program: PathBuf,
    port: u16,
}

/// An S3 server, or `None` after saying `SKIP` where `versitygw` is not installed.
#[track_caller]
pub fn s3() -> Option<S3> {
    S3::start()
}

impl S3 {
    /// Starts one; `None` after saying `SKIP` where `versitygw` is not installed.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let program = require("versitygw")?;
        let folder = tempfile::Builder::new()
            .prefix("bulla-s3-")
            .tempdir()
            .expect("a temporary folder");
        let bucket = folder.path().join("data").join(Self::BUCKET);
        fs::create_dir_all(bucket).expect("a bucket");
        fs::write(folder.path().join("access"), "test-access-key\n").expect("a file");
        fs::write(folder.path().join("secret"), "test-secret-key\n").expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut started = Self {
            keeper: None,
            folder,
            program,
            port,
        };
        started.restart();
        Some(started)
    }

    /// The bucket's name.
    pub const BUCKET: &str = "bulla-test";

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A file with the access key's id.
    pub fn access_key_file(&self) -> PathBuf {
        self.folder.path().join("access")
    }

    /// A file with the secret key.
    pub fn secret_key_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// The bucket's folder: what the server has on disk.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data").join(Self::BUCKET)
    }

    /// Ends it at once.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut keeper = self.keeper.take().expect("a running server");
        drop(keeper.stdin.take());
        keeper.wait().expect("its end");
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    pub fn restart(&mut self) {
        let log = self.folder.path().join("log");
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log file");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEP, "sh"])
            .arg(&self.program)
            .args(["--port", &format!("127.0.0.1:{}", self.port), "--quiet"])
            .arg("posix")
            .arg(self.folder.path().join("data"))
            .env("ROOT_ACCESS_KEY", "test-access-key")
            .env("ROOT_SECRET_KEY", "test-secret-key")
            .stdin(Stdio::piped())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out)
            .spawn()
            .expect("a shell");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = keeper.try_wait().expect("the state of the server");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "versitygw is not ready ({ended:?}):\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.keeper = Some(keeper);
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its own folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("---- versitygw said\n{}", self.log());
        }
        if self.keeper.is_some() {
            self.kill();
        }
    }
}
