//! stdout is data, stderr is talk, as in cosign.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::{failure::Failure, given::Given};

/// Writes a line to stderr. Nobody reading it is no error.
pub fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a question to stderr, without ending the line.
pub fn part(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

/// Warns on stderr.
pub fn warn(text: &str) {
    line(&format!("WARNING: {text}"));
}

/// Writes data to stdout, or to the file of `--output-file`.
///
/// # Errors
/// If that file cannot be written.
pub fn data(given: &Given, bytes: &[u8]) -> Result<(), Failure> {
    let Some(path) = given.text("output-file") else {
        crate::output::data(bytes);
        return Ok(());
    };
    let write = || {
        File::options()
            .create(true)
            .append(true)
            .open(path)?
            .write_all(bytes)
    };
    write().map_err(|error| Failure::on_file("open", path, &error))
}

/// Writes a document to `--out`, readable by its owner, or as data.
///
/// # Errors
/// If it cannot be written.
pub fn document(given: &Given, value: &serde_json::Value) -> Result<(), Failure> {
    let text = value.to_string();
    match given.text("out") {
        Some(path) => private_file(path, text.as_bytes()),
        None => data(given, format!("{text}\n").as_bytes()),
    }
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// If it cannot be written.
pub fn private_file(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let write = || options.open(path)?.write_all(bytes);
    write().map_err(|error| Failure::on_file("open", path, &error))
}

/// Empties the file of `--output-file` before a command runs.
///
/// # Errors
/// If it cannot be made.
pub fn begin(given: &Given) -> Result<(), Failure> {
    let Some(path) = given.text("output-file") else {
        return Ok(());
    };
    File::create(Path::new(path)).map(drop).map_err(|error| {
        let why = Failure::on_file("open", path, &error);
        Failure::new(format!("error creating output file {path}: {}", why.text()))
    })
}
