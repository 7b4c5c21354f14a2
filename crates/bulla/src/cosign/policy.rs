//! `--policy`: Rego files that every attestation of the wanted type must satisfy.
//!
//! As in cosign, all files are one policy, the rule is `data.signature.allow`, its
//! input is the statement, and only the value `true` allows. What cosign's policy
//! could reach beside that (`http.send`, the environment) ours cannot. CUE has no
//! engine here: a `.cue` file is refused, never passed over.

use bulla_core::Statement;
use bulla_expr::{
    Budget,
    rego::{Answer, Module, Policy},
};
use jiff::Timestamp;

use super::{failure::Failure, given::Given, material, say};

/// The rule that is asked.
const RULE: &str = "data.signature.allow";

/// The policies of a command.
pub struct Policies {
    rego: Option<Policy>,
    /// Their names, as cosign prints them.
    names: String,
}

impl Policies {
    /// Reads the files that are named.
    ///
    /// # Errors
    /// If one is of another kind, cannot be read, or is no policy.
    pub fn read(given: &Given) -> Result<Self, Failure> {
        let paths = given.all("policy");
        for path in &paths {
            match extension(path) {
                Some("rego") => {}
                Some("cue") => {
                    return Err(Failure::coded(
                        "CLI-0541",
                        format!("{path} is not evaluated: there is no CUE engine here"),
                    )
                    .hint(
                        "write it as Rego: `package signature`, then `allow { … }` over `input`, \
                         the statement",
                    ));
                }
                _ => {
                    return Err(Failure::coded(
                        "CLI-0542",
                        "invalid policy format, expected .cue or .rego",
                    ));
                }
            }
        }
        let texts = paths
            .iter()
            .map(|path| text(path))
            .collect::<Result<Vec<_>, _>>()?;
        let modules: Vec<Module<'_>> = paths
            .iter()
            .zip(&texts)
            .map(|(name, text)| Module { name, text })
            .collect();
        let rego = match modules.is_empty() {
            true => None,
            false => Some(
                Policy::parse(&modules, Budget::ONCE)
                    .map_err(|error| Failure::from_error("reading policies", &error))?,
            ),
        };
        Ok(Self {
            rego,
            names: format!("[{}]", paths.join(" ")),
        })
    }

    /// Demands that the policies allow each of the statements.
    ///
    /// # Errors
    /// If they do not, or give no answer.
    pub fn allow<'s>(
        &self,
        statements: impl IntoIterator<Item = &'s Statement>,
    ) -> Result<(), Failure> {
        let Some(policy) = &self.rego else {
            return Ok(());
        };
        let now = Timestamp::now();
        let mut denied = Vec::new();
        for statement in statements {
            say::line(&format!(
                "will be validating against Rego policies: {}",
                self.names
            ));
            denied.extend(denial(policy, statement, now));
        }
        if denied.is_empty() {
            return Ok(());
        }
        tracing::info!(target: "audit", policies = %self.names, errors = denied.len(), "denied by policy");
        let count = denied.len();
        say::line(&format!(
            "There are {count} number of errors occurred during the validation:"
        ));
        for one in denied {
            say::line(&format!("- {one}"));
        }
        Err(Failure::coded(
            "CLI-0543",
            format!("{count} validation errors occurred"),
        ))
    }
}

/// Why the policy does not allow the statement.
fn denial(policy: &Policy, statement: &Statement, now: Timestamp) -> Option<String> {
    let input = match serde_json::to_value(statement) {
        Ok(input) => input,
        Err(error) => return Some(error.to_string()),
    };
    match policy.ask(RULE, &input, now) {
        Ok(answer) if answer.is_true() => None,
        Ok(Answer::Value(value)) => Some(format!("expression value, {value}, is not true")),
        Ok(Answer::Undefined) => Some(format!("result is undefined for query '{RULE}'")),
        Err(error) => Some(error.to_string()),
    }
}

fn extension(path: &str) -> Option<&str> {
    std::path::Path::new(path).extension()?.to_str()
}

fn text(path: &str) -> Result<String, Failure> {
    let bytes = material::small(path, "policy")?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::coded("CLI-0542", format!("{path} is no text of a policy")))
}
