//! Buildkite: the agent's own program asks for the job's token.
//!
//! `buildkite-agent oidc request-token --audience NAME`, which prints it. The
//! program must be installed (in an absolute folder of `PATH`), and may neither
//! print without end nor take for ever.

use bulla_core::limits;
use std::{process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};

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
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let run = async {
        let mut printed = Vec::new();
        if let Some(output) = child.stdout.take() {
            let mut output = output.take(limits::TOKEN_BYTES + 1);
            output.read_to_end(&mut printed).await?;
        }
        if printed.len() as u64 > limits::TOKEN_BYTES {
            return Ok((printed, None));
        }
        Ok::<_, std::io::Error>((printed, Some(child.wait().await?)))
    };
    let (printed, status) = timeout(patience.unwrap_or(PATIENCE), run)
        .await
        .map_err(|_| OidcError::Timeout { who: PROGRAM })?
        .map_err(|error| failed(error.to_string()))?;
    match status {
        Some(status) if status.success() => Ok(Token::new(String::from_utf8_lossy(&printed))),
        Some(status) => Err(failed(status.to_string())),
        None => Err(failed("it prints more than a token".into())),
    }
}
