//! What a repository may say about policy: `[policy]` of its `bulla.toml`.
//!
//! Each key can only make a rule stricter. A value that would loosen it, a key
//! that does not exist and a key without a rule to act on are errors, never
//! ignored: the tree under judgement does not choose its judge.

use bulla_core::{Code, Decision, Diagnose, Outcome, Reason, RuleResult, Severity};
use jiff::Timestamp;
use std::fmt::Display;

use crate::{
    age::Age,
    code,
    ir::{IsolationLevel, Policy, Requirement, SourceSignature, UnknownSeverity},
    text::clean,
};

/// The keys of `[policy]`, with what they take.
pub const KEYS: &[(&str, &str)] = &[
    ("fail-on", "critical, high, medium or low"),
    ("isolation", "landlock or namespaces"),
    ("max-database-age", "a span of time such as 14d"),
    ("source-signature", "reported or required"),
    ("unknown-severity", "warn or deny"),
];

/// `policy` with the keys of `table` applied.
///
/// # Errors
/// [`TightenError`] at the first key that cannot be applied.
pub fn tighten(policy: &Policy, table: &toml::Table) -> Result<Policy, TightenError> {
    let mut policy = policy.clone();
    for (key, value) in table {
        let known = known(key)?;
        let text = value.as_str().ok_or_else(|| wrong(known, value))?;
        apply(&mut policy, known, text)?;
    }
    Ok(policy)
}

/// `policy` with wishes applied that were read elsewhere: `("fail-on", "high")`.
///
/// # Errors
/// [`TightenError`] at the first wish that cannot be granted.
pub fn tighten_by<'a>(
    policy: &Policy,
    wishes: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Policy, TightenError> {
    let mut policy = policy.clone();
    for (key, text) in wishes {
        apply(&mut policy, known(key)?, text)?;
    }
    Ok(policy)
}

type Key = (&'static str, &'static str);

fn known(key: &str) -> Result<Key, TightenError> {
    let found = KEYS.iter().find(|(known, _)| *known == key).copied();
    found.ok_or_else(|| TightenError::Key { key: clean(key) })
}

fn wrong((key, takes): Key, value: impl Display) -> TightenError {
    TightenError::Value {
        key,
        value: clean(&value.to_string()),
        takes,
    }
}

fn apply(policy: &mut Policy, (key, takes): Key, text: &str) -> Result<(), TightenError> {
    let applied = match key {
        "fail-on" => fail_on(policy, key, text),
        "isolation" => isolation(policy, key, text),
        "max-database-age" => max_database_age(policy, key, text),
        "source-signature" => source_signature(policy, key, text),
        _ => unknown_severity(policy, key, text),
    };
    match applied? {
        None => Err(wrong((key, takes), format!("{text:?}"))),
        Some(false) => Err(TightenError::NoRule { key }),
        Some(true) => Ok(()),
    }
}

/// `None`: not a value of that key. `Some(false)`: no rule to act on.
type Applied = Result<Option<bool>, TightenError>;

fn fail_on(policy: &mut Policy, key: &'static str, text: &str) -> Applied {
    let asked = match text.parse::<Severity>() {
        Ok(Severity::Unknown) | Err(_) if !is_off(text) => return Ok(None),
        Ok(severity) => Some(severity),
        Err(_) => None,
    };
    each(policy, |requirement| {
        let Requirement::Findings(rule) = requirement else {
            return Ok(false);
        };
        match asked {
            Some(asked) if asked <= rule.fail_on => rule.fail_on = asked,
            _ => return Err(loosens(key, text, rule.fail_on)),
        }
        Ok(true)
    })
}

fn isolation(policy: &mut Policy, key: &'static str, text: &str) -> Applied {
    let Some(asked) = IsolationLevel::from_name(text) else {
        return Ok(None);
    };
    each(policy, |requirement| {
        let Requirement::Isolation(rule) = requirement else {
            return Ok(false);
        };
        if asked < rule.minimum {
            return Err(loosens(key, text, rule.minimum.name()));
        }
        rule.minimum = asked;
        Ok(true)
    })
}

fn max_database_age(policy: &mut Policy, key: &'static str, text: &str) -> Applied {
    let Ok(asked) = text.parse::<Age>() else {
        return Ok(None);
    };
    each(policy, |requirement| {
        let Requirement::Coverage(rule) = requirement else {
            return Ok(false);
        };
        match rule.max_database_age {
            Some(max) if asked > max => return Err(loosens(key, text, max)),
            _ => rule.max_database_age = Some(asked),
        }
        Ok(true)
    })
}

fn source_signature(policy: &mut Policy, key: &'static str, text: &str) -> Applied {
    let asked = match text {
        "reported" => SourceSignature::Reported,
        "required" => SourceSignature::Required,
        _ => return Ok(None),
    };
    each(policy, |requirement| {
        let Requirement::Source(rule) = requirement else {
            return Ok(false);
        };
        if asked < rule.signature {
            return Err(loosens(key, text, "required"));
        }
        rule.signature = asked;
        Ok(true)
    })
}

fn unknown_severity(policy: &mut Policy, key: &'static str, text: &str) -> Applied {
    let asked = match text {
        "warn" => UnknownSeverity::Warn,
        "deny" => UnknownSeverity::Deny,
        _ => return Ok(None),
    };
    each(policy, |requirement| {
        let Requirement::Findings(rule) = requirement else {
            return Ok(false);
        };
        if asked < rule.unknown_severity {
            return Err(loosens(key, text, "deny"));
        }
        rule.unknown_severity = asked;
        Ok(true)
    })
}

/// Applies `change` to each requirement; whether one of them took it.
fn each(
    policy: &mut Policy,
    mut change: impl FnMut(&mut Requirement) -> Result<bool, TightenError>,
) -> Applied {
    let mut applied = false;
    for rule in &mut policy.rules {
        applied |= change(&mut rule.requirement)?;
    }
    Ok(Some(applied))
}

fn is_off(text: &str) -> bool {
    ["none", "never", "off", "no"].contains(&text)
}

fn loosens(key: &'static str, asked: &str, policy: impl Display) -> TightenError {
    TightenError::Loosens {
        key,
        asked: clean(asked),
        policy: policy.to_string(),
    }
}

/// Why a repository's wish was not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TightenError {
    /// There is no such key.
    #[error("bulla.toml: [policy] has no key {key:?}; it has {}", known_keys())]
    Key {
        /// The key.
        key: String,
    },
    /// It asks for less than the policy.
    #[error("bulla.toml: {key} = {asked:?} would loosen the policy, which says {policy:?}")]
    Loosens {
        /// The key.
        key: &'static str,
        /// What the repository asks for.
        asked: String,
        /// What the policy says.
        policy: String,
    },
    /// The policy has no rule that the key could make stricter.
    #[error("bulla.toml: the policy has no rule that {key} could make stricter")]
    NoRule {
        /// The key.
        key: &'static str,
    },
    /// A value of another kind.
    #[error("bulla.toml: {key} takes {takes}, not {value}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it was given.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
}

impl TightenError {
    /// The denial that stands for it, where a decision is recorded: what the
    /// repository asked for, held against `policy`, which is left as it was.
    pub fn decision(&self, policy: &Policy, now: Timestamp) -> Decision {
        let mut reason = Reason::new(self.code().0, self.to_string());
        reason.hint = self.hint();
        let rule = RuleResult {
            rule: "policy-only-tightened".into(),
            outcome: Outcome::Deny,
            reasons: vec![reason],
            evidence: Vec::new(),
        };
        Decision::from_rules(policy.name(), policy.digest(), vec![rule], now)
    }
}

impl Diagnose for TightenError {
    fn code(&self) -> Code {
        match self {
            Self::Loosens { .. } => Code(code::LOOSENS),
            Self::Key { .. } => Code("POLICY-0032"),
            Self::Value { .. } => Code("POLICY-0033"),
            Self::NoRule { .. } => Code("POLICY-0034"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Loosens { key, .. } | Self::NoRule { key } => format!(
                "remove {key} from bulla.toml, or have the instance's policy changed (bulla ship --policy FILE)"
            ),
            Self::Key { .. } | Self::Value { .. } => {
                "correct [policy] in bulla.toml, then `bulla ship .`".into()
            }
        })
    }
}

fn known_keys() -> String {
    let keys: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
    keys.join(", ")
}

#[cfg(test)]
mod tests;
