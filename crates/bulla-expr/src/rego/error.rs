//! Why a Rego policy gives no answer.

use bulla_core::{Code, Diagnose};
use std::{io, time::Duration};

/// What can go wrong with a Rego policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegoError {
    /// The engine panicked.
    #[error("the policy engine failed on this policy and input")]
    Crashed,
    /// Two of its files give one rule a default.
    #[error("{0} has several default rules")]
    Defaults(String),
    /// It cannot be evaluated.
    #[error("{0}")]
    Evaluation(String),
    /// It calls itself.
    #[error("{0} calls itself, which Rego does not allow")]
    Recursion(String),
    /// It is no Rego.
    #[error("{0}")]
    Syntax(String),
    /// There is no thread for it.
    #[error("no thread to evaluate the policy with: {0}")]
    Thread(#[source] io::Error),
    /// It took too long.
    #[error("the policy was not evaluated within {0:?}")]
    Time(Duration),
    /// Brackets within brackets.
    #[error("the policy has more than {0} brackets within each other")]
    TooDeep(usize),
    /// Too much of it.
    #[error("the {what} has {bytes} bytes, {limit} are allowed")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// It calls what is not there.
    #[error("{module}: {function} is neither defined in the policy nor built in")]
    UnknownFunction {
        /// Where.
        module: String,
        /// What.
        function: String,
    },
}

impl Diagnose for RegoError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Crashed => "EXPR-0001",
            Self::Evaluation(_) => "EXPR-0002",
            Self::Recursion(_) => "EXPR-0003",
            Self::Syntax(_) => "EXPR-0004",
            Self::Thread(_) => "EXPR-0005",
            Self::Time(_) => "EXPR-0006",
            Self::TooLong { .. } => "EXPR-0007",
            Self::UnknownFunction { .. } => "EXPR-0008",
            Self::TooDeep(_) => "EXPR-0009",
            Self::Defaults(_) => "EXPR-0010",
        })
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax(_) => {
                "policies are read as Rego version 0; `import rego.v1` at the top makes \
                 them version 1"
            }
            Self::Defaults(_) => "all files are one policy: leave one `default` of that rule",
            Self::TooDeep(_) => "give parts of the expression names of their own",
            Self::Time(_) => "let the rule look at fewer combinations of its input",
            Self::UnknownFunction { .. } => {
                "a policy cannot reach out (http.send, net.*) nor check signatures \
                 (crypto.*, io.jwt.*); decide on what the attestation says"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
