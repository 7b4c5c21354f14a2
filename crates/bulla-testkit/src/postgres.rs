//! A PostgreSQL server of its own for the length of a test.
//!
//! A new cluster in a temporary folder, on a Unix socket and a free loopback
//! port, with `fsync` as in production. It can be killed, started again and
//! frozen, as real ones are. PostgreSQL refuses root, so a test that runs as root
//! starts it as the user `postgres` or `nobody`.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{is_root, require};

/// How long a start may take on a busy machine; not a promise of ours.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the end of standard input, which comes even when the test's process
/// is killed; then stops the server of folder `$1` and removes it.
const KEEP: &str = r#"cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
    kill -CONT "$pid" 2>/dev/null; kill -QUIT "$pid" 2>/dev/null
    for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
fi
rm -rf "$1""#;

/// A running server; stopped when dropped, or when this process ends.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Child>,
    keeper: Child,
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// A PostgreSQL server, or `None` after saying `SKIP` where it is not installed.
#[track_caller]
pub fn postgres() -> Option<Postgres> {
    Postgres::start()
}

impl Postgres {
    /// Makes a cluster and starts it; `None` after saying `SKIP` where PostgreSQL
    /// is not installed.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let program = fs::canonicalize(require("postgres")?).expect("the program");
        let bin = program.parent().expect("a folder").to_owned();
        let folder = tempfile::Builder::new()
            .prefix("bulla-postgres-")
            .tempdir()
            .expect("a temporary folder");
        if let Some(user) = other_user() {
            let mut chown = Command::new("chown");
            run(chown.arg(user).arg(folder.path()));
        }
        let mut initdb = as_other(&bin.join("initdb"));
        initdb
            .args(["--no-sync", "--auth=trust", "--username=bulla"])
            .args(["--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path());
        run(&mut initdb);
        let keeper = Command::new("sh")
            .args(["-c", KEEP, "sh"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut started = Self {
            server: None,
            keeper,
            folder,
            bin,
            port,
            databases: AtomicU32::new(0),
        };
        started.restart();
        Some(started)
    }

    /// Makes a new database; its address over TCP.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut createdb = Command::new(self.bin.join("createdb"));
        createdb
            .args(["--username=bulla", "--host"])
            .arg(self.folder.path())
            .args(["--port", &self.port.to_string(), &name]);
        run(&mut createdb);
        format!("postgres://bulla@127.0.0.1:{}/{name}", self.port)
    }

    /// The same database's address over the Unix socket.
    ///
    /// # Panics
    /// If `database` is no address that [`Self::database`] gave.
    pub fn over_socket(&self, database: &str) -> String {
        let (_, name) = database.rsplit_once('/').expect("an address");
        let folder = self.folder.path().display();
        format!(
            "postgres:///{name}?host={folder}&port={}&user=bulla",
            self.port
        )
    }

    /// Runs SQL in a database by `psql`; what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command"])
            .args([statement, database]);
        run(&mut psql)
    }

    /// Runs it with TLS from now on, by these PEM files, and with passwords (SCRAM)
    /// over TCP; the role `bulla` gets this one.
    ///
    /// # Panics
    /// If it cannot be set up.
    pub fn secure(&mut self, certificate: &Path, key: &Path, password: &str) {
        let data = self.folder.path().join("data");
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = data.join(name);
            fs::copy(from, &to).expect("a copy");
            run(Command::new("chmod").arg("600").arg(&to));
            if let Some(user) = other_user() {
                run(Command::new("chown").arg(user).arg(&to));
            }
        }
        let database = format!("postgres://bulla@127.0.0.1:{}/postgres", self.port);
        self.sql(&database, "ALTER SYSTEM SET ssl = on");
        self.sql(
            &database,
            &format!("ALTER ROLE bulla PASSWORD '{password}'"),
        );
        let access = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), access).expect("a file");
        self.kill();
        self.restart();
    }

    /// Stops it as a crash would: no shutdown checkpoint, every connection lost.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("a running server");
        self.signal("QUIT");
        server.wait().expect("the server's end");
    }

    /// Starts it again on the same port, with recovery where it was killed.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    pub fn restart(&mut self) {
        let log = self.folder.path().join("log");
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let mut command = as_other(&self.bin.join("postgres"));
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-c", "max_connections=200", "-c", "shared_buffers=32MB"])
            .args(["-c", "log_checkpoints=off"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out);
        let mut server = command.spawn().expect("postgres");
        let begun = Instant::now();
        loop {
            let mut ready = Command::new(self.bin.join("pg_isready"));
            ready
                .args(["--quiet", "--host=127.0.0.1", "--port"])
                .arg(self.port.to_string());
            let listening = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            if listening && ready.status().is_ok_and(|status| status.success()) {
                break;
            }
            let ended = server.try_wait().expect("the state of the server");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "PostgreSQL is not ready ({ended:?}):\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.server = Some(server);
    }

    /// Freezes every process of it: connections stay, nothing answers.
    pub fn freeze(&self) {
        for pid in self.processes() {
            kill("STOP", pid);
        }
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        for pid in self.processes() {
            kill("CONT", pid);
        }
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn main_process(&self) -> Option<u32> {
        let file = self.folder.path().join("data/postmaster.pid");
        let text = fs::read_to_string(file).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    fn processes(&self) -> Vec<u32> {
        let main = self.main_process().expect("a running server");
        let children = fs::read_dir("/proc").expect("/proc").flatten();
        let children = children.filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            let parent: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
            (parent == main).then_some(pid)
        });
        std::iter::once(main).chain(children).collect()
    }

    fn signal(&self, name: &str) {
        kill(name, self.main_process().expect("a running server"));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("---- PostgreSQL said\n{}", self.log());
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if let Some(mut server) = self.server.take() {
            let _ = server.wait();
        }
    }
}

fn kill(signal: &str, pid: u32) {
    let _ = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status();
}

/// Whom PostgreSQL runs as when the test runs as root.
fn other_user() -> Option<&'static str> {
    if !is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = users.lines().any(|line| line.starts_with("postgres:"));
    Some(if known { "postgres" } else { "nobody" })
}

fn as_other(program: &Path) -> Command {
    match other_user() {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid", user, "--regid"])
                .arg(if user == "nobody" { "nogroup" } else { user })
                .args(["--clear-groups", "--"])
                .arg(program);
            command
        }
    }
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("a program");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
