//! The load generator (`bulla-authority`'s example `log_load`) and our server, for
//! the benches that press servers.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::measure::{Running, Scratch};
use crate::{
    Result,
    workspace::{cargo, output, target, walk},
};

/// The generator.
pub(super) struct Load(PathBuf);

/// What the generator measured.
pub(super) struct Pressed {
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) entries: f64,
}

/// What it is to do.
#[derive(Clone, Copy)]
pub(super) struct Press<'a> {
    /// `entry`, `certificate` or `timestamp`.
    pub(super) kind: &'a str,
    pub(super) address: &'a str,
    /// Connections, with one request each.
    pub(super) in_flight: usize,
    pub(super) seconds: f64,
    /// Requests that are signed beforehand, for each second.
    pub(super) prepared: f64,
    /// Requests a second of all connections; as many as are answered, if `None`.
    pub(super) rate: Option<f64>,
    /// For certificates.
    pub(super) token: Option<&'a str>,
}

impl Load {
    /// `BULLA_LOG_LOAD`, or built now.
    pub(super) fn build() -> Result<Self> {
        if let Some(path) = std::env::var_os("BULLA_LOG_LOAD") {
            return Ok(Self(path.into()));
        }
        let mut command = cargo();
        // Beside the binary, so that what they share is compiled once.
        command.args([
            "build",
            "-q",
            "--release",
            "-p",
            "bulla",
            "-p",
            "bulla-authority",
        ]);
        output(command.args(["--example", "log_load"]))?;
        Ok(Self(target().join("release/examples/log_load")))
    }

    pub(super) fn run(&self, args: &[&str]) -> Result<String> {
        output(Command::new(&self.0).args(args))
    }

    /// What it counts in a second.
    pub(super) fn rate(&self, args: &[&str]) -> Result<f64> {
        number(&self.run(args)?, "perSecond")
    }

    /// None of the requests may fail.
    pub(super) fn press(&self, press: &Press) -> Result<Pressed> {
        let address = press.address;
        let mut args = vec!["press".to_owned(), press.kind.into(), address.into()];
        args.push(press.in_flight.to_string());
        args.push(press.seconds.to_string());
        args.push((press.seconds * press.prepared).ceil().to_string());
        args.push(press.rate.unwrap_or(0.0).to_string());
        args.extend(press.token.map(str::to_owned));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let said = self.run(&args)?;
        let of = |name| number(&said, name);
        if of("failed")? > 0.0 {
            return Err(format!("{address} failed requests: {said}").into());
        }
        Ok(Pressed {
            per_second: of("perSecond")?,
            p50: of("p50")?,
            p99: of("p99")?,
            entries: of("entries")?,
        })
    }
}

/// Our server on a data directory.
pub(super) struct Ours {
    pub(super) running: Running,
    pub(super) address: String,
    pub(super) data: PathBuf,
}

impl Ours {
    pub(super) fn start(binary: &Path, scratch: &Scratch, data: &str) -> Result<Self> {
        let data = scratch.0.join(data);
        let ready = scratch.0.join("ready.json");
        let _ = fs::remove_file(&ready);
        let mut command = scratch.command(binary);
        command.arg("up").arg("--data").arg(&data);
        if !data.exists() {
            command.args(["--port", "0"]);
        }
        let running = Running(command.arg("--ready-file").arg(&ready).spawn()?);
        wait_for("bulla up", || ready.exists())?;
        let ready = fs::read_to_string(ready)?;
        let url = ready.split_once("\"log_v2\"").map(|(_, rest)| rest);
        let url = url.and_then(|rest| rest.split('"').nth(1));
        let address = url.and_then(|url| url.strip_prefix("http://"));
        Ok(Self {
            running,
            address: address.ok_or("the ready file names no log")?.to_owned(),
            data,
        })
    }

    pub(super) fn stored(&self) -> f64 {
        stored(&self.data)
    }

    /// Stops it and tells the bytes that it stores.
    pub(super) fn stop(mut self) -> Result<f64> {
        self.running.stop()?;
        Ok(self.stored())
    }
}

pub(super) fn free_port() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port().to_string())
}

pub(super) fn wait_for(what: &str, mut ready: impl FnMut() -> bool) -> Result {
    let started = Instant::now();
    while !ready() {
        if started.elapsed() > Duration::from_secs(60) {
            return Err(format!("{what} is not ready after a minute").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The bytes of all files below a folder.
pub(super) fn stored(folder: &Path) -> f64 {
    let mut files = Vec::new();
    let _ = walk(folder, &mut files);
    let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
    sizes.map(|metadata| metadata.len() as f64).sum()
}

fn number(said: &str, name: &str) -> Result<f64> {
    let found = said.split_once(&format!("\"{name}\":"));
    let text = found.and_then(|(_, rest)| rest.split([',', '}']).next());
    text.and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| format!("no {name} in {said:?}").into())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn what_the_generator_says_is_read() {
        let said = r#"{"perSecond":12.5,"p50":1.000,"failed":0}"#;
        assert!(matches!(number(said, "perSecond"), Ok(12.5)));
        assert!(matches!(number(said, "failed"), Ok(0.0)));
        assert!(number(said, "p99").is_err());
    }
}
