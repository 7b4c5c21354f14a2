//! One run of a plugin, within bounds of time and output.
//!
//! The program gets the environment that the user gave, without the secrets
//! that are ours. It inherits standard error, where it may talk. When its time
//! is over it is killed, and nothing waits for what it may have started.

use std::{
    io::{self, Read as _, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::{MAX_ANSWER_BYTES, Plugin, PluginError, protocol::VERSION};

const POLL: Duration = Duration::from_millis(5);

/// Runs the program with these arguments and `message` on standard input;
/// answers what it wrote.
pub(super) fn run(plugin: &Plugin, json: &str, message: &[u8]) -> Result<Vec<u8>, PluginError> {
    let failed = |source| PluginError::Run {
        plugin: plugin.name.clone(),
        source,
    };
    let deadline = Instant::now() + plugin.time_limit;
    let child = Command::new(&plugin.program)
        .args([VERSION, json])
        .env_clear()
        .envs(plugin.environment.for_programs())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut child = Running(child);
    if let Some(mut stdin) = child.0.stdin.take() {
        let message = message.to_vec();
        // It may answer without reading all of it.
        thread::spawn(move || stdin.write_all(&message));
    }
    let output = child.0.stdout.take();
    let output = output.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut bytes);
        // Nobody listens any more when its time is over.
        let _ = sender.send(read.map(|_| bytes));
    });
    let late = || PluginError::Time {
        plugin: plugin.name.clone(),
        limit: plugin.time_limit,
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let bytes = match receiver.recv_timeout(left) {
        Ok(bytes) => bytes.map_err(failed)?,
        Err(RecvTimeoutError::Timeout) => return Err(late()),
        Err(RecvTimeoutError::Disconnected) => return Err(failed(io::ErrorKind::Other.into())),
    };
    if bytes.len() as u64 > MAX_ANSWER_BYTES {
        return Err(PluginError::Size(plugin.name.clone()));
    }
    // A code other than 0 may come with an answer that says why; a signal may not.
    match child.wait(deadline).map_err(failed)? {
        Some(status) if status.code().is_some() => Ok(bytes),
        Some(status) => Err(failed(io::Error::other(status.to_string()))),
        None => Err(late()),
    }
}

/// A child that does not outlive its run.
struct Running(Child);

impl Running {
    fn wait(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has ended, which is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
