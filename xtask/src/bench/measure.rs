//! How each figure is taken.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::Figure;
use crate::{
    Result,
    workspace::{cargo, output, root, target, walk},
};

const STARTS: usize = 40;
const UPS: usize = 5;
const SHIPS: usize = 5;

/// The size of the release binary.
pub(super) fn size(binary: &Path) -> Result<Figure> {
    let bytes = fs::metadata(binary)?.len();
    let mib = bytes as f64 / f64::from(1 << 20);
    Ok(Figure::new("release binary", "MiB", Some(60.0), vec![mib]))
}

/// A command that needs no server.
pub(super) fn version(binary: &Path) -> Result<Figure> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        times.push(millis(Command::new(binary).arg("version"))?);
    }
    Ok(Figure::new("start: bulla version", "ms", Some(5.0), times))
}

/// The second and later starts of the local instance, and its memory.
pub(super) fn up(binary: &Path) -> Result<Vec<Figure>> {
    let scratch = Scratch::new("up")?;
    let (mut first, mut later, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=UPS {
        let ready = scratch.0.join(format!("ready{round}"));
        let started = Instant::now();
        let mut command = scratch.command(binary);
        command.arg("up").arg("--data").arg(scratch.0.join("data"));
        if round == 0 {
            command.args(["--port", "0"]);
        }
        let child = command.arg("--ready-file").arg(&ready).spawn()?;
        let mut child = Running(child);
        while !ready.exists() {
            if let Some(status) = child.0.try_wait()? {
                return Err(format!("bulla up ended with {status}").into());
            }
            if started.elapsed() > Duration::from_secs(60) {
                return Err("bulla up is not ready after a minute".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let time = started.elapsed().as_secs_f64() * 1e3;
        if round == 0 {
            first.push(time);
        } else {
            later.push(time);
            memory.push(resident_mib(child.0.id())?);
        }
        child.stop()?;
    }
    Ok(vec![
        Figure::new("up: ready, first start", "ms", None, first),
        Figure::new("up: ready, later starts", "ms", Some(1000.0), later),
        Figure::new("up: resident", "MiB", Some(100.0), memory),
    ])
}

/// `ship` of the example, each run paired with what its compiler takes alone.
pub(super) fn ship(binary: &Path) -> Result<Vec<Figure>> {
    let scratch = Scratch::new("ship")?;
    let repository = scratch.0.join("repository");
    let hello = repository.join("examples/hello");
    copy(&root().join("examples/hello"), &hello)?;
    for args in [
        &["init", "-q"][..],
        &["add", "-A"],
        &[
            "-c",
            "user.name=Bench",
            "-c",
            "user.email=bench@example.com",
            "commit",
            "-qm",
            "bench",
        ],
    ] {
        output(Command::new("git").current_dir(&repository).args(args))?;
    }
    output(Command::new("git").current_dir(&repository).args([
        "config",
        "user.email",
        "bench@example.com",
    ]))?;
    let (mut compile, mut whole, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=SHIPS {
        let built = scratch.0.join("compiled");
        let _ = fs::remove_dir_all(&built);
        let alone = millis(
            Command::new("cargo")
                .current_dir(&hello)
                .args([
                    "build",
                    "--release",
                    "--locked",
                    "--target",
                    "x86_64-unknown-linux-gnu",
                ])
                .env("RUSTFLAGS", "-C target-feature=+crt-static")
                .env("CARGO_TARGET_DIR", &built)
                .env_remove("RUSTC_WRAPPER"),
        )?;
        let shipped = millis(
            scratch
                .command(binary)
                .current_dir(&repository)
                .args(["ship", "examples/hello", "--data"])
                .arg(scratch.0.join("data")),
        )?;
        // The first round creates the instance and fills the caches.
        if round > 0 {
            compile.push(alone);
            whole.push(shipped);
            beside.push(shipped - alone);
        }
    }
    Ok(vec![
        Figure::new("ship examples/hello", "ms", None, whole),
        Figure::new("  its compiler alone", "ms", None, compile),
        Figure::new("  beside its compiler", "ms", Some(5000.0), beside),
    ])
}

/// `cargo build --release` from nothing, in seconds.
pub(super) fn cold_build() -> Result<Figure> {
    let dir = target().join("bench/cold");
    let _ = fs::remove_dir_all(&dir);
    let time = millis(
        cargo()
            .args(["build", "-q", "--release"])
            .env("CARGO_TARGET_DIR", &dir)
            .env_remove("RUSTC_WRAPPER"),
    )?;
    fs::remove_dir_all(&dir)?;
    Ok(Figure::new(
        "cold release build",
        "s",
        Some(600.0),
        vec![time / 1e3],
    ))
}

/// Milliseconds that a command takes, which must succeed.
fn millis(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output()?;
    let time = started.elapsed().as_secs_f64() * 1e3;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed:\n{stderr}").into());
    }
    Ok(time)
}

/// The resident set of a process.
pub(super) fn resident_mib(pid: u32) -> Result<f64> {
    mib_of(pid, "VmRSS:")
}

/// The largest that it ever was.
pub(super) fn peak_mib(pid: u32) -> Result<f64> {
    mib_of(pid, "VmHWM:")
}

fn mib_of(pid: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or("no such line in /proc")?;
    Ok(kib / 1024.0)
}

fn copy(from: &Path, to: &Path) -> Result {
    let mut files = Vec::new();
    walk(from, &mut files)?;
    for file in files {
        let place = to.join(file.strip_prefix(from)?);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&file, place)?;
    }
    Ok(())
}

/// A folder for one measurement, removed afterwards.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("bulla-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("home"))?;
        Ok(Self(folder))
    }

    /// A quiet command with a home of its own; the compiler stays where it is.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let real = std::env::var_os("HOME")
            .map(PathBuf::from)
            .unwrap_or_default();
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if std::env::var_os(name).is_none() {
                command.env(name, real.join(folder));
            }
        }
        command
            .env("HOME", self.0.join("home"))
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that is stopped when forgotten.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn stop(&mut self) -> Result {
        output(Command::new("kill").args(["-INT", &self.0.id().to_string()]))?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
