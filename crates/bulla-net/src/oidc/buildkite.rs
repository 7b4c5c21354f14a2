//! Buildkite: the agent's own program asks for the job's token.
//!
//! `buildkite-agent oidc request-token --audience NAME`, which prints it. The
//! program must be installed (in an absolute folder of `PATH`), and may neither
//! print without end nor take for ever.

use bulla_core::limits;
use std::{
    io::{self, Read as _},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{OidcError, Token};
use crate::environment::Environment;

const PROGRAM: &str = "buildkite-agent";
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn is_there(environment: &Environment) -> bool {
    environment.get("BUILDKITE_AGENT_ACCESS_TOKEN").is_some()
}

pub(super) async fn token(
    environment: &Environment,
    audience: &str,
    patience: Option<Duration>,
) -> Result<Token, OidcError> {
    let failed = |detail: String| OidcError::Program {
        program: PROGRAM,
        detail,
    };
    let program = environment
        .program(PROGRAM)
        .ok_or_else(|| OidcError::Missing {
            provider: PROGRAM,
            missing: format!("the program {PROGRAM}"),
        })?;
    let mut child = Command::new(program)
        .args(["oidc", "request-token", "--audience", audience])
        .env_clear()
        .envs(environment.for_programs())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It explains itself there, and must not explain the token.
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .map_err(|error| failed(error.to_string()))?;
    let output = child.0.stdout.take();
    let patience = patience.unwrap_or(PATIENCE);
    let reading = timeout(patience, spawn_blocking(move || read(output)));
    let printed = reading
        .await
        .map_err(|_| OidcError::Timeout { who: PROGRAM })?
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    if printed.len() as u64 > limits::TOKEN_BYTES {
        return Err(failed("it prints more than a token".into()));
    }
    let status = timeout(patience, end(&mut child.0))
        .await
        .map_err(|_| OidcError::Timeout { who: PROGRAM })?
        .map_err(|error| failed(error.to_string()))?;
    if status.success() {
        Ok(Token::new(String::from_utf8_lossy(&printed)))
    } else {
        Err(failed(status.to_string()))
    }
}

/// A program that ends with whoever waits for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Its output has ended, so the program is about to.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn read(output: Option<ChildStdout>) -> io::Result<Vec<u8>> {
    let mut printed = Vec::new();
    if let Some(output) = output {
        output
            .take(limits::TOKEN_BYTES + 1)
            .read_to_end(&mut printed)?;
    }
    Ok(printed)
}
