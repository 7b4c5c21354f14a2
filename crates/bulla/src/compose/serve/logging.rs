//! Where a server's words go: its own on stderr, as text or JSON lines; audit
//! lines — who asked for what, and what became of it — to a file of their own,
//! or the same place. No line holds a token, key or passphrase.

use serde::Deserialize;
use std::{fs, os::unix::fs::OpenOptionsExt as _, path::PathBuf, sync::Mutex};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, fmt, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::failure::{Failure, OnPath};

/// The target of audit lines.
const AUDIT: &str = "audit";

/// Section `[logging]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingSettings {
    /// `text` or `json`.
    pub format: Format,
    /// JSON lines of the audit; on stderr with everything else if nothing is said.
    pub audit_file: Option<PathBuf>,
    /// What is written: `info`, or a filter such as `warn,bulla_authority=debug`.
    pub level: Option<String>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Starts it, once for the process.
///
/// # Errors
/// If the audit file cannot be opened.
pub fn start(settings: &LoggingSettings, verbose: u8) -> Result<(), Failure> {
    let asked = std::env::var("BULLA_LOG")
        .ok()
        .or_else(|| settings.level.clone());
    let usual = if verbose > 0 {
        "debug,h2=info,hyper=info"
    } else {
        "info"
    };
    let level = || EnvFilter::new(asked.as_deref().unwrap_or(usual));
    let apart = settings.audit_file.is_some();
    let own = filter_fn(move |line| !apart || line.target() != AUDIT);
    let (text, json) = match settings.format {
        Format::Text => (Some(fmt::layer().with_writer(std::io::stderr)), None),
        Format::Json => (
            None,
            Some(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            ),
        ),
    };
    let audit = match &settings.audit_file {
        Some(path) => {
            let file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .on_path("write", path)?;
            let layer = fmt::layer().json().flatten_event(true);
            let only = filter_fn(|line| line.target() == AUDIT);
            Some(layer.with_writer(Mutex::new(file)).with_filter(only))
        }
        None => None,
    };
    // A second start in one process keeps the first: only tests do that.
    let _ = tracing_subscriber::registry()
        .with(text.with_filter(level()).with_filter(own.clone()))
        .with(json.with_filter(level()).with_filter(own))
        .with(audit)
        .try_init();
    Ok(())
}
