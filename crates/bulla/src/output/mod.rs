//! stdout is data, stderr is talk.
//!
//! [`OutputSpec`] is one `-o FORMAT[=FILE]`; [`Outputs`] writes what a command
//! produced to each of them; [`talk`] is everything a person reads meanwhile.

pub mod talk;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    str::FromStr,
};

use crate::failure::{Exit, Failure, OnPath};

/// One `-o FORMAT[=FILE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSpec {
    /// The format's name.
    pub format: String,
    /// The file, or stdout.
    pub file: Option<PathBuf>,
}

impl FromStr for OutputSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file name must follow the =".into()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        if format.is_empty() {
            return Err("a format must be named, for example json".into());
        }
        Ok(Self {
            format: format.to_ascii_lowercase(),
            file,
        })
    }
}

/// Where a command's results go.
#[derive(Clone, Debug)]
pub struct Outputs {
    specs: Vec<OutputSpec>,
}

impl Outputs {
    /// Checks that each asked-for format is one that this command knows; `text`
    /// to stdout if none is asked for.
    ///
    /// # Errors
    /// A usage failure that names the formats.
    pub fn new(asked: &[OutputSpec], known: &[&str]) -> Result<Self, Failure> {
        for spec in asked {
            if !known.contains(&spec.format.as_str()) {
                let what = format!(
                    "-o {}: this command does not write that format",
                    spec.format
                );
                return Err(Failure::new(Exit::Usage, "CLI-0002", what)
                    .hint(format!("use one of: {}", known.join(", "))));
            }
        }
        let mut specs = asked.to_vec();
        if !specs.iter().any(|spec| spec.file.is_none()) && specs.is_empty() {
            specs.push(OutputSpec {
                format: "text".into(),
                file: None,
            });
        }
        Ok(Self { specs })
    }

    /// Whether stdout carries JSON.
    pub fn is_json(&self) -> bool {
        self.specs
            .iter()
            .any(|spec| spec.file.is_none() && spec.format == "json")
    }

    /// Writes each asked-for format, as `render` makes it.
    ///
    /// # Errors
    /// If rendering fails or a file cannot be written.
    pub fn write(
        &self,
        mut render: impl FnMut(&str) -> Result<Vec<u8>, Failure>,
    ) -> Result<(), Failure> {
        for spec in &self.specs {
            let mut bytes = render(&spec.format)?;
            if bytes.last().is_some_and(|last| *last != b'\n') {
                bytes.push(b'\n');
            }
            match &spec.file {
                Some(file) => fs::write(file, &bytes).on_path("write", file)?,
                None => data(&bytes),
            }
        }
        Ok(())
    }
}

/// Writes to stdout. A closed pipe is the reader's choice and no error.
pub fn data(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Pretty JSON bytes of `value`.
///
/// # Errors
/// If it cannot be serialized.
pub fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(value).map_err(|cause| {
        Failure::new(
            Exit::CouldNotRun,
            "CLI-0003",
            format!("the result cannot be written: {cause}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_format_and_file() {
        let spec: OutputSpec = "JSON=out.json".parse().unwrap();
        assert_eq!(
            spec,
            OutputSpec {
                format: "json".into(),
                file: Some("out.json".into())
            }
        );
        assert!("json=".parse::<OutputSpec>().is_err());
        assert!("".parse::<OutputSpec>().is_err());
    }

    #[test]
    fn an_unknown_format_names_the_known_ones() {
        let asked = ["xml".parse().unwrap()];
        let failure = Outputs::new(&asked, &["text", "json"]).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.to_string().contains("text, json"));
    }
}
