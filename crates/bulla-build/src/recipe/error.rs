//! What can be wrong with a recipe.

use bulla_core::{Code, Diagnose, limits::CONFIG_BYTES};

use super::Position;

/// Why a text is not a recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A value that means nothing here.
    #[error("{problem}\n{at}")]
    Invalid {
        /// What is expected.
        problem: String,
        /// Where.
        at: Position,
    },
    /// Not TOML, or a key is missing or of another type.
    #[error("{problem}\n{at}")]
    Syntax {
        /// What is wrong.
        problem: String,
        /// Where.
        at: Position,
    },
    /// Larger than any recipe.
    #[error("{path} is larger than {CONFIG_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}`{}\n{at}", .suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey {
        /// What stands there.
        key: String,
        /// The nearest known key.
        suggestion: Option<String>,
        /// Where.
        at: Position,
    },
    /// Written for another bulla.
    #[error("version {version} of the recipe format is not known\n{at}")]
    Version {
        /// What stands there.
        version: i64,
        /// Where.
        at: Position,
    },
}

impl RecipeError {
    /// Where in the document, if it is about one place.
    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Invalid { at, .. }
            | Self::Syntax { at, .. }
            | Self::UnknownKey { at, .. }
            | Self::Version { at, .. } => Some(at),
            Self::TooLarge { .. } => None,
        }
    }
}

impl Diagnose for RecipeError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Invalid { .. } => "BUILD-0001",
            Self::Syntax { .. } => "BUILD-0002",
            Self::TooLarge { .. } => "BUILD-0003",
            Self::UnknownKey { .. } => "BUILD-0004",
            Self::Version { .. } => "BUILD-0005",
        })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Version { .. } => "write version = 1, or use a newer bulla".into(),
            _ => "`bulla init` writes a commented bulla.toml to compare with".into(),
        })
    }
}
