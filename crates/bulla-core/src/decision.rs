//! What was decided, by which rule, and why.
//!
//! *Denied*, *no evidence* and *undecided* stay three outcomes, up to the exit
//! code: nothing that could not be checked ever counts as checked.

use serde::Serialize;

use crate::{diagnose::Code, digest::Digest};

/// The outcome of a rule or of a whole policy, best first: of several, the
/// worst one counts, and a denial is worse than an open question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything asked for is proven.
    Allow,
    /// Allowed, with something the person should read.
    Warn,
    /// Nothing there to decide on.
    NoEvidence,
    /// Something needed to decide could not be had.
    Undecided,
    /// Refused.
    Deny,
}

impl Outcome {
    /// The process exit code that stands for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Allow | Self::Warn => 0,
            Self::Deny => 1,
            Self::NoEvidence => 3,
            Self::Undecided => 5,
        }
    }

    /// Whether work may go on.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allow | Self::Warn)
    }
}

/// Why a rule came to its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The stable code.
    pub code: Code,
    /// What was compared with what, both values.
    pub text: String,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Reason {
    /// A reason without a hint.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code: Code(code),
            text: text.into(),
            hint: None,
        }
    }

    /// Adds what mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// The rule's name in the policy.
    pub rule: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why; for an allowance, what proved it.
    pub reasons: Vec<Reason>,
    /// Digests of the envelopes it relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Digest>,
}

/// One evaluation of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The worst outcome of its rules.
    pub outcome: Outcome,
    /// The policy's name.
    pub policy: String,
    /// The policy's digest: which text was applied.
    pub policy_digest: Digest,
    /// Each rule, in the policy's order.
    pub rules: Vec<RuleResult>,
    /// As of when.
    pub time: jiff::Timestamp,
}

impl Decision {
    /// The decision that follows from `rules`. No rule at all is no evidence.
    pub fn from_rules(
        policy: impl Into<String>,
        policy_digest: Digest,
        rules: Vec<RuleResult>,
        time: jiff::Timestamp,
    ) -> Self {
        let outcome = rules
            .iter()
            .map(|rule| rule.outcome)
            .max()
            .unwrap_or(Outcome::NoEvidence);
        Self {
            outcome,
            policy: policy.into(),
            policy_digest,
            rules,
            time,
        }
    }

    /// The rules that stand in the way, worst first.
    pub fn objections(&self) -> Vec<&RuleResult> {
        let mut rules: Vec<_> = self
            .rules
            .iter()
            .filter(|r| !r.outcome.is_allowed())
            .collect();
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.outcome));
        rules
    }
}
