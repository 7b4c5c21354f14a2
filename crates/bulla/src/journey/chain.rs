//! The chain of one image, from its commit to the decision on it, as data.
//!
//! Made only from verified claims and from the decision that weighed them: what
//! is missing stays in the chain as a link without evidence, with the command
//! that would create it. [`super::chain_text`] and [`super::chain_svg`] draw it.

use bulla_core::{Decision, Digest, Reference, Severity, Statement, statement::predicate_type};
use bulla_trust::{Rejection, Verified};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::output::talk::Mark;

/// A stage of the chain, in the order software passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The commit.
    Source,
    /// The build of that commit.
    Build,
    /// The image that came out.
    Image,
    /// What is in it.
    Inventory,
    /// What is known against it.
    Scan,
    /// Who stands for it.
    Sign,
    /// Where that is written down.
    Log,
    /// Where it lies.
    Registry,
    /// What was decided.
    Admission,
}

impl Stage {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Build => "build",
            Self::Image => "image",
            Self::Inventory => "inventory",
            Self::Scan => "scan",
            Self::Sign => "sign",
            Self::Log => "log",
            Self::Registry => "registry",
            Self::Admission => "admission",
        }
    }
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Which stage.
    pub stage: Stage,
    /// How it stands.
    pub mark: Mark,
    /// What.
    pub what: String,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// When, by a proven time where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Timestamp>,
    /// How it is proven.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub how: Vec<String>,
    /// The digest of the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// Which rules of the policy relied on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<String>,
    /// For a missing link: the command that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// The chain of one image. Frozen, version 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The form of this document.
    pub version: u32,
    /// What was asked about.
    pub reference: Reference,
    /// The digest it stood for when it was asked.
    pub digest: Digest,
    /// As of when it was judged.
    pub as_of: Timestamp,
    /// The links, source first.
    pub links: Vec<Link>,
    /// Bundles that were found and not accepted.
    pub rejections: Vec<Rejection>,
    /// The decision.
    pub decision: Decision,
}

impl Chain {
    /// Lays the chain out.
    pub fn new(
        reference: Reference,
        digest: Digest,
        attestations: &[Verified<Statement>],
        rejections: &[Rejection],
        decision: Decision,
    ) -> Self {
        let all = Claims {
            attestations,
            decision: &decision,
        };
        let links = vec![
            all.source(),
            all.build(),
            Link {
                evidence: Some(digest.clone()),
                ..link(Stage::Image, Mark::Ok, digest.to_string())
            },
            all.inventory(&reference),
            all.scan(&reference),
            all.signature(&reference),
            all.log(),
            link(Stage::Registry, Mark::Ok, reference.to_string()),
            all.admission(),
        ];
        let (as_of, rejections) = (decision.time, rejections.to_vec());
        Self {
            version: 1,
            reference,
            digest,
            as_of,
            links,
            rejections,
            decision,
        }
    }

    /// The link of a stage.
    pub fn link(&self, stage: Stage) -> Option<&Link> {
        self.links.iter().find(|link| link.stage == stage)
    }
}

struct Claims<'a> {
    attestations: &'a [Verified<Statement>],
    decision: &'a Decision,
}

impl Claims<'_> {
    /// The claim of that type the decision relied on, else the first there is.
    fn find(&self, types: &[&str]) -> Option<&Verified<Statement>> {
        let of_type = || {
            self.attestations
                .iter()
                .filter(|a| types.contains(&a.claim().predicate_type.as_str()))
        };
        of_type()
            .find(|a| !self.needed_by(a).is_empty())
            .or_else(|| of_type().next())
    }

    fn needed_by(&self, attestation: &Verified<Statement>) -> Vec<String> {
        let envelope = &attestation.proof().envelope;
        let rules = self
            .decision
            .rules
            .iter()
            .filter(|rule| rule.evidence.contains(envelope));
        rules.map(|rule| rule.rule.clone()).collect()
    }

    fn proven(&self, stage: Stage, what: String, by: &Verified<Statement>) -> Link {
        let proof = by.proof();
        let mut how = vec![format!("certificate {}", proof.certificate.short())];
        if let Some(log) = &proof.log {
            how.push(format!("entry {} of log {}", log.index, log.log));
        }
        if !proof.times.is_empty() {
            how.push("time stamped".into());
        }
        Link {
            who: Some(proof.signer.subject.clone()),
            when: proof.times.iter().min().copied(),
            how,
            evidence: Some(proof.envelope.clone()),
            needed_by: self.needed_by(by),
            ..link(stage, Mark::Ok, what)
        }
    }

    fn source(&self) -> Link {
        let Some(provenance) = self.find(&[predicate_type::SLSA_PROVENANCE_V1]) else {
            return missing(
                Stage::Source,
                "no provenance names a commit",
                "bulla ship .",
            );
        };
        let predicate = &provenance.claim().predicate;
        let source = &predicate["buildDefinition"]["resolvedDependencies"][0];
        let parameters = &predicate["buildDefinition"]["internalParameters"]["source"];
        let uri = match source["uri"].as_str() {
            None | Some("" | "git+file:") => "a repository without a remote",
            Some(uri) => uri,
        };
        let signature = match parameters["signature"]["status"].as_str() {
            Some("valid") => format!(
                "signed by {}",
                parameters["signature"]["signer"]
                    .as_str()
                    .unwrap_or("an allowed signer")
            ),
            Some(other) => other.replace('-', " "),
            None => "signature not recorded".into(),
        };
        match source["digest"]["gitCommit"].as_str() {
            Some(commit) => {
                let what = format!("commit {commit} of {uri}, {signature}");
                self.proven(Stage::Source, what, provenance)
            }
            None => Link {
                mark: Mark::Failed,
                mend: Some("git commit, then bulla ship .".into()),
                ..self.proven(
                    Stage::Source,
                    format!("{uri}: a dirty tree, no commit"),
                    provenance,
                )
            },
        }
    }

    fn build(&self) -> Link {
        let Some(provenance) = self.find(&[predicate_type::SLSA_PROVENANCE_V1]) else {
            return missing(Stage::Build, "no provenance", "bulla ship .");
        };
        let predicate = &provenance.claim().predicate;
        let definition = &predicate["buildDefinition"];
        let dependencies = definition["resolvedDependencies"]
            .as_array()
            .map_or(0, |list| list.len().saturating_sub(1));
        let isolation = definition["internalParameters"]["isolation"].as_str();
        let what = format!(
            "by {}, isolation {}, {dependencies} inputs by digest",
            predicate["runDetails"]["builder"]["id"]
                .as_str()
                .unwrap_or("an unnamed builder"),
            isolation.unwrap_or("not stated"),
        );
        self.proven(Stage::Build, what, provenance)
    }

    fn inventory(&self, reference: &Reference) -> Link {
        let Some(sbom) = self.find(&[predicate_type::CYCLONEDX, predicate_type::SPDX]) else {
            let mend = format!(
                "bulla sbom {reference} -o cyclonedx=sbom.json && bulla attest {reference} --type cyclonedx --predicate sbom.json"
            );
            return missing(Stage::Inventory, "no SBOM", &mend);
        };
        let predicate = &sbom.claim().predicate;
        let list = ["components", "packages"]
            .iter()
            .find_map(|key| predicate[key].as_array());
        let what = match list {
            Some(list) => format!("{} components", list.len()),
            None => "an SBOM without components".into(),
        };
        self.proven(Stage::Inventory, what, sbom)
    }

    fn scan(&self, reference: &Reference) -> Link {
        let Some(scan) = self.find(&[predicate_type::VULNS_V02]) else {
            return missing(Stage::Scan, "no scan", &format!("bulla scan {reference}"));
        };
        let predicate = &scan.claim().predicate;
        let results = predicate["scanner"]["result"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let count = |severity: Severity| {
            let is = |finding: &&Value| {
                finding["severity"].as_array().is_some_and(|all| {
                    all.iter()
                        .any(|one| one["score"].as_str() == Some(severity.name()))
                })
            };
            results.iter().filter(is).count()
        };
        let date = predicate["scanner"]["db"]["lastUpdate"]
            .as_str()
            .unwrap_or("unknown date");
        let (critical, high) = (count(Severity::Critical), count(Severity::High));
        let what = format!(
            "{} findings: {critical} critical, {high} high · data of {}",
            results.len(),
            date.get(..10).unwrap_or(date)
        );
        let mark = if results.is_empty() {
            Mark::Ok
        } else {
            Mark::Warn
        };
        Link {
            mark,
            ..self.proven(Stage::Scan, what, scan)
        }
    }

    fn signature(&self, reference: &Reference) -> Link {
        match self.find(&[predicate_type::COSIGN_SIGN_V1]) {
            Some(signature) => {
                let signer = &signature.proof().signer;
                let what = format!("image signed, asserted by {}", signer.issuer);
                self.proven(Stage::Sign, what, signature)
            }
            None => missing(
                Stage::Sign,
                "no signature",
                &format!("bulla sign {reference}"),
            ),
        }
    }

    fn log(&self) -> Link {
        let mut entries: Vec<_> = self
            .attestations
            .iter()
            .filter_map(|a| a.proof().log.as_ref())
            .collect();
        entries.sort_by_key(|entry| entry.index);
        match (entries.first(), entries.last()) {
            (Some(first), Some(last)) => {
                let indexes: Vec<_> = entries.iter().map(|e| e.index.to_string()).collect();
                Link {
                    how: vec![format!("checkpoint of size {} or more", last.tree_size)],
                    ..link(
                        Stage::Log,
                        Mark::Ok,
                        format!("entries {} of log {}", indexes.join(", "), first.log),
                    )
                }
            }
            _ => link(Stage::Log, Mark::Skipped, "nothing is logged".into()),
        }
    }

    fn admission(&self) -> Link {
        let decision = self.decision;
        let (mark, word) = match decision.outcome {
            bulla_core::Outcome::Allow => (Mark::Ok, "ALLOWED"),
            bulla_core::Outcome::Warn => (Mark::Warn, "ALLOWED, with a warning"),
            bulla_core::Outcome::NoEvidence => (Mark::Failed, "DENIED, nothing to verify"),
            bulla_core::Outcome::Undecided => (Mark::Failed, "DENIED, undecidable"),
            bulla_core::Outcome::Deny => (Mark::Failed, "DENIED"),
        };
        let what = format!(
            "{word} by policy {}@{} ({} rules)",
            decision.policy,
            decision.policy_digest.hex().get(..6).unwrap_or_default(),
            decision.rules.len()
        );
        let reason = decision.objections().first().and_then(|rule| {
            rule.reasons
                .first()
                .map(|reason| (rule.rule.clone(), reason.clone()))
        });
        Link {
            when: Some(decision.time),
            how: reason
                .iter()
                .map(|(rule, reason)| format!("{rule}: {}", reason.text))
                .collect(),
            mend: reason.and_then(|(_, reason)| reason.hint),
            ..link(Stage::Admission, mark, what)
        }
    }
}

fn link(stage: Stage, mark: Mark, what: String) -> Link {
    Link {
        stage,
        mark,
        what,
        who: None,
        when: None,
        how: Vec::new(),
        evidence: None,
        needed_by: Vec::new(),
        mend: None,
    }
}

fn missing(stage: Stage, what: &str, mend: &str) -> Link {
    Link {
        mend: Some(mend.to_owned()),
        ..link(stage, Mark::Skipped, what.to_owned())
    }
}
