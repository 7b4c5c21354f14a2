//! Errors that help: a stable code, what to do next, where to read more.

use std::fmt;

/// A stable error code such as `TRUST-0012`; `bulla explain CODE` prints its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// An error that can be acted on. Every public error of the workspace implements it.
pub trait Diagnose: std::error::Error {
    /// The stable code.
    fn code(&self) -> Code;

    /// One sentence that names the command or the change that mends it.
    fn hint(&self) -> Option<String> {
        None
    }
}
