//! `bulla up`, running for the length of a test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Outcome, World};

/// How long the first start may take on a busy machine; not a promise of ours.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running local instance; stopped when dropped.
#[derive(Debug)]
pub struct Instance {
    child: Child,
    ready: Value,
    data: PathBuf,
    log: PathBuf,
}

impl Instance {
    /// Starts one in the world's usual data directory, so that commands without
    /// `--data` find it.
    pub fn start(world: &World) -> Self {
        Self::start_at(world, &world.data())
    }

    /// Creates the world's instance on free ports and stops it again, so that
    /// tests which run side by side do not all create theirs on the usual ones.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    pub fn create(world: &World) {
        Self::start(world).stop();
    }

    /// Starts one in `data`, with the ports it had, or free ones at first.
    ///
    /// # Panics
    /// With what it said, if it does not become ready.
    pub fn start_at(world: &World, data: &Path) -> Self {
        let log = world.root().join("up.log");
        let ready_file = world.root().join(format!("ready-{}.json", unique()));
        let mut command = world.command(world.binary());
        command.arg("up").arg("--data").arg(data);
        if !data.join("instance.json").exists() {
            command.args(["--port", "0"]);
        }
        command.arg("--ready-file").arg(&ready_file);
        let err = File::create(&log).expect("a log file");
        command
            .stdout(err.try_clone().expect("a second handle"))
            .stderr(err);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("bulla up: {error}"));
        let started = Instant::now();
        let ready = loop {
            if let Ok(text) = fs::read_to_string(&ready_file) {
                break serde_json::from_str(&text)
                    .unwrap_or_else(|error| panic!("{}: {error}: {text}", ready_file.display()));
            }
            let ended = child.try_wait().expect("the state of bulla up");
            if ended.is_some() || started.elapsed() > PATIENCE {
                let _ = child.kill();
                let said = fs::read_to_string(&log).unwrap_or_default();
                panic!("bulla up is not ready ({ended:?}):\n{said}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Self {
            child,
            ready,
            data: data.to_path_buf(),
            log,
        }
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The ready file's content.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// A URL of the ready file: `registry`, `ca`, `log_v2`, `tsa`, `oidc`, `tuf`, `admission` …
    ///
    /// # Panics
    /// If the ready file has no such text.
    #[track_caller]
    pub fn url(&self, name: &str) -> &str {
        match self.ready.get(name).and_then(Value::as_str) {
            Some(url) => url,
            None => panic!("the ready file has no {name}: {}", self.ready),
        }
    }

    /// The registry as it stands in references: host and port.
    pub fn registry(&self) -> &str {
        let url = self.url("registry");
        url.split_once("://").map_or(url, |(_, host)| host)
    }

    /// A file of the ready file: `trusted_root`, `signing_config`, `tls_ca` …
    ///
    /// # Panics
    /// If the ready file has no such text.
    #[track_caller]
    pub fn path(&self, name: &str) -> PathBuf {
        self.url(name).into()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A foreign client of this world that talks to this instance: with its
    /// registry credential and trust files in the environment.
    pub fn client(&self, world: &World, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = world.command(program);
        if let Some(config) = self.ready.get("docker_config").and_then(Value::as_str) {
            let config = Path::new(config);
            let folder = if config.is_dir() {
                Some(config)
            } else {
                config.parent()
            };
            if let Some(folder) = folder {
                command.env("DOCKER_CONFIG", folder);
                command.env("REGISTRY_AUTH_FILE", folder.join("config.json"));
            }
        }
        command
    }

    /// An identity token for `email`, from the instance's socket.
    ///
    /// # Panics
    /// If there is none to be had.
    pub fn token(&self, world: &World, email: &str) -> String {
        let mut command = world.command(world.binary());
        command
            .args(["token", "--email", email, "--data"])
            .arg(&self.data);
        let outcome: Outcome = world.run(&mut command);
        outcome.success();
        outcome.stdout.trim().to_owned()
    }

    /// Stops it as Ctrl-C would, and answers its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.end()
    }

    fn end(&mut self) -> Option<i32> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return status.code();
        }
        let _ = Command::new("kill")
            // Not -INT: a child of a background job ignores that from birth.
            .args(["-TERM", &self.child.id().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            println!("---- bulla up said\n{}", self.log());
        }
    }
}

fn unique() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(all(test, unix))]
pub(crate) mod tests;
