//! What a person reads when the answer is no: at most four lines, then the fix.
//!
//! One text for the command line, the console and `kubectl`. The caller adds
//! colour and indentation; Kubernetes gets it cut to what it keeps.

use bulla_core::{Decision, Outcome, Reason, RuleResult};

use crate::{
    evidence::Stage,
    text::{clean, one_line, shorten},
};

/// Lines before the fix.
pub const LINES: usize = 4;
/// Characters of one line.
pub const LINE_CHARS: usize = 200;
/// Bytes of a message that Kubernetes keeps in an event.
pub const KUBERNETES_BYTES: usize = 1024;
/// Characters of one admission warning (the API server's recommendation).
pub const WARNING_CHARS: usize = 120;

/// A decision that is not an allowance, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyText {
    /// `DENIED by rule R (policy P@D)`.
    pub headline: String,
    /// What was compared with what; at most three lines.
    pub details: Vec<String>,
    /// Commands that mend it or show more, the first one mends it.
    pub mend: Vec<String>,
    /// The code of the first reason.
    pub code: String,
}

impl DenyText {
    /// The text for `decision` about `image`; `None` if it is allowed.
    pub fn new(decision: &Decision, image: &str, stage: Stage) -> Option<Self> {
        if decision.outcome.is_allowed() {
            return None;
        }
        let objections = decision.objections();
        let rule = objections.first();
        let reasons: Vec<&Reason> = rule.iter().flat_map(|rule| &rule.reasons).collect();
        let mut details: Vec<String> = reasons
            .iter()
            .take(LINES - 2)
            .map(|reason| line(&reason.text))
            .collect();
        if let Some(rest) = others(objections.get(1..).unwrap_or_default()) {
            details.push(rest);
        }
        let explain = format!(
            "bulla explain --stage {} {}   shows every check",
            stage.name(),
            clean(image)
        );
        let mend = reasons
            .iter()
            .find_map(|reason| reason.hint.as_deref())
            .map(line)
            .into_iter()
            .chain([line(&explain)])
            .collect();
        Some(Self {
            headline: line(&headline(decision, rule.copied())),
            details,
            mend,
            code: reasons
                .first()
                .map_or_else(String::new, |reason| reason.code.to_string()),
        })
    }

    /// Names the image, and others that are denied beside it.
    #[must_use]
    pub fn about(mut self, image: &str, others: &[String]) -> Self {
        self.headline = line(&format!("image {}: {}", clean(image), self.headline));
        if !others.is_empty() {
            self.details.truncate(LINES - 2);
            self.details
                .push(line(&format!("denied as well: {}", others.join(", "))));
        }
        self
    }

    /// Headline, details, the fix and the code, one per line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline.clone()];
        lines.extend(self.details.iter().cloned());
        for (index, command) in self.mend.iter().enumerate() {
            let lead = if index == 0 { "mend it: " } else { "         " };
            lines.push(format!("{lead}{command}"));
        }
        if let Some(last) = lines.last_mut()
            && !self.code.is_empty()
        {
            *last = format!("{last}   [{}]", self.code);
        }
        lines
    }

    /// As one message for Kubernetes, at most [`KUBERNETES_BYTES`]. The details
    /// are cut first; the fix and the code stay.
    pub fn for_kubernetes(&self) -> String {
        let mut text = self.clone();
        loop {
            let message = text.lines().join("\n");
            if message.len() <= KUBERNETES_BYTES {
                return message;
            }
            if text.mend.len() > 1 {
                text.mend.pop();
            } else if text.details.pop().is_none() {
                return cut_bytes(&message, KUBERNETES_BYTES);
            }
        }
    }
}

/// One admission warning for each reason that a rule warned with, cut to what
/// the API server recommends.
pub fn warnings(decision: &Decision) -> Vec<String> {
    decision
        .rules
        .iter()
        .filter(|rule| rule.outcome == Outcome::Warn)
        .flat_map(|rule| {
            rule.reasons
                .iter()
                .filter(|reason| reason.code.0 != crate::code::SATISFIED)
                .map(|reason| {
                    let text = format!(
                        "{}: {} [{}]",
                        rule.rule,
                        one_line(&reason.text),
                        reason.code
                    );
                    shorten(&text, WARNING_CHARS)
                })
        })
        .collect()
}

/// `name@3d9f0c`: the policy as it is called in talk.
pub fn policy_name(decision: &Decision) -> String {
    let short: String = decision.policy_digest.hex().chars().take(6).collect();
    format!("{}@{short}", decision.policy)
}

fn headline(decision: &Decision, rule: Option<&RuleResult>) -> String {
    let policy = policy_name(decision);
    let Some(rule) = rule else {
        return format!("DENIED: policy {policy} decided nothing");
    };
    let name = &rule.rule;
    match rule.outcome {
        Outcome::NoEvidence => format!("DENIED by rule {name}: no evidence (policy {policy})"),
        Outcome::Undecided => format!("DENIED by rule {name}: undecided (policy {policy})"),
        _ => format!("DENIED by rule {name} (policy {policy})"),
    }
}

fn others(rules: &[&RuleResult]) -> Option<String> {
    if rules.is_empty() {
        return None;
    }
    let names: Vec<_> = rules.iter().map(|rule| rule.rule.as_str()).collect();
    Some(line(&format!("not satisfied either: {}", names.join(", "))))
}

fn line(text: &str) -> String {
    shorten(&one_line(text), LINE_CHARS)
}

fn cut_bytes(text: &str, limit: usize) -> String {
    let mut cut = String::new();
    for c in text.chars() {
        if cut.len() + c.len_utf8() + '…'.len_utf8() > limit {
            cut.push('…');
            break;
        }
        cut.push(c);
    }
    cut
}

#[cfg(test)]
mod tests;
