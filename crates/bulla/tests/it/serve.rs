//! `bulla serve` and what ends some day: the finished binary, real tokens of
//! SoftHSM, and a clock that libfaketime moves.

mod expiry;
mod exports;
mod findings;
mod keys;
mod life;
mod replicas;

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bulla_testkit::World;
use serde_json::Value;

/// How long a start may take on a busy machine; not a promise of ours.
const PATIENCE: Duration = Duration::from_secs(60);
const PASSPHRASE: &str = "correct horse battery staple";

/// A port that was free just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// A server that runs; killed when dropped.
struct Served {
    child: Child,
    ready: Value,
    log: PathBuf,
}

/// A configuration on loopback, and where it lies.
struct Configured {
    path: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Configured {
    /// `key` is the section `[key]`, and whatever follows it.
    fn new(world: &World, key: &str) -> Self {
        let port = free_port();
        let data = world.root().join("serve-data");
        let text = format!(
            "base-url = \"http://127.0.0.1:{port}\"\ndata = {data:?}\n\
             [listen]\npublic = \"127.0.0.1:{port}\"\noperations = \"127.0.0.1:0\"\n{key}\n"
        );
        let path = world.write("serve.toml", text);
        Self { path, data, port }
    }

    fn with_passphrase(world: &World) -> Self {
        let file = private(world, "passphrase", PASSPHRASE);
        Self::new(world, &format!("[key]\npassphrase_file = {file:?}"))
    }
}

/// A file that only its owner reads.
fn private(world: &World, name: &str, content: &str) -> PathBuf {
    let path = world.write(name, content);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    path
}

impl Served {
    fn start(world: &World, configured: &Configured) -> Self {
        let mut command = world.command(world.binary());
        command.args(["serve", "--role", "authority", "--config"]);
        command.arg(&configured.path);
        Self::spawn(world, command)
    }

    /// Starts `command`, which takes `--ready-file`.
    fn spawn(world: &World, mut command: Command) -> Self {
        let (log, file) = (world.root().join("serve.log"), world.root().join("ready"));
        let _ = fs::remove_file(&file);
        let err = File::create(&log).expect("a log file");
        command.arg("--ready-file").arg(&file);
        command.stdout(Stdio::null()).stderr(err);
        let mut child = command.spawn().expect("bulla serve");
        let began = Instant::now();
        let ready = loop {
            if let Ok(text) = fs::read_to_string(&file) {
                break serde_json::from_str(&text).expect("a ready file");
            }
            let ended = child.try_wait().expect("its state");
            if ended.is_some() || began.elapsed() > PATIENCE {
                let _ = child.kill();
                let said = fs::read_to_string(&log).unwrap_or_default();
                panic!("not ready ({ended:?}):\n{said}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { child, ready, log }
    }

    fn address(&self, which: &str) -> SocketAddr {
        let address = self.ready["listening"][which].as_str();
        address.expect("an address").parse().expect("an address")
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its own process, where another one started it.
    fn pid(&self) -> String {
        self.ready["pid"].to_string()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid()]).status();
        assert!(status.expect("kill").success());
    }

    /// Its exit code after a SIGTERM.
    fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().expect("its end").code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("-KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("---- it said\n{}", self.log());
        }
    }
}

/// One request over HTTP: the status, and the body.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    ask_as(address, address, method, path, body)
}

/// The same to `address` by the name `host`.
fn ask_as(
    address: SocketAddr,
    host: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("to write");
    answer(stream)
}

fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("an answer");
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.into())
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, "GET", path, "")
}

/// `/readyz?verbose`, which must be ready.
fn health(address: SocketAddr) -> Value {
    let (status, body) = get(address, "/readyz?verbose");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

/// The last word of a URL's `http://HOST:PORT`.
fn host_of(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}

/// What lies in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
