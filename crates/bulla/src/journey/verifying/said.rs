//! What a verified seal says, whichever layout it came in.

use bulla_core::{Code, Statement};
use bulla_trust::{
    KeyProof, Proof, Rejection, Verified,
    cosign::SimpleSigning,
    report::{ArtifactReport, Label},
    sigstore::Blob,
    threshold::Signature,
};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{Signer, Wanted, candidate::is_wanted};

/// What is told where a root in a file was all that was given.
pub const NOT_LOOKED_AT: &str =
    " · revocation was not looked at: name the instance's list with --revocations FILE";

/// A verified seal.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(untagged)]
pub enum Said {
    /// A statement, by somebody.
    Statement(Verified<Statement>),
    /// A statement, by a key.
    KeyStatement(Verified<Statement, KeyProof>),
    /// The payload of the old layout, by somebody.
    Payload(Verified<SimpleSigning>),
    /// The same by a key.
    KeyPayload(Verified<SimpleSigning, KeyProof>),
    /// The bytes themselves, by somebody.
    Blob(Verified<Blob>),
    /// The same by a key.
    KeyBlob(Verified<Blob, KeyProof>),
}

impl Said {
    /// The statement, where it is one.
    pub fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Statement(verified) => Some(verified.claim()),
            Self::KeyStatement(verified) => Some(verified.claim()),
            _ => None,
        }
    }

    /// The payload of the old layout, where it is one.
    pub fn payload(&self) -> Option<&SimpleSigning> {
        match self {
            Self::Payload(verified) => Some(verified.claim()),
            Self::KeyPayload(verified) => Some(verified.claim()),
            _ => None,
        }
    }

    /// The proof, where a certificate made it.
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Statement(verified) => Some(verified.proof()),
            Self::Payload(verified) => Some(verified.proof()),
            Self::Blob(verified) => Some(verified.proof()),
            _ => None,
        }
    }

    /// The proof, where a named key made it.
    pub fn key_proof(&self) -> Option<&KeyProof> {
        match self {
            Self::KeyStatement(verified) => Some(verified.proof()),
            Self::KeyPayload(verified) => Some(verified.proof()),
            Self::KeyBlob(verified) => Some(verified.proof()),
            _ => None,
        }
    }

    /// The proof as data, whichever it is.
    pub fn proof_json(&self) -> Value {
        let proof = match (self.proof(), self.key_proof()) {
            (Some(proof), _) => serde_json::to_value(proof),
            (_, proof) => serde_json::to_value(proof),
        };
        proof.unwrap_or_default()
    }

    /// Whether nobody looked whether it is revoked.
    pub fn revocation_not_looked_at(&self) -> bool {
        let of_key = |proof: &KeyProof| proof.revocation.not_looked_at;
        match (self.proof(), self.key_proof()) {
            (Some(proof), _) => proof.revocation.not_looked_at,
            (_, proof) => proof.is_some_and(of_key),
        }
    }

    /// What kind of thing it is: a predicate type, or `signature`.
    pub fn kind(&self) -> &str {
        self.statement()
            .map_or("signature", |statement| &statement.predicate_type)
    }

    /// Who said it, for a person.
    pub fn signer(&self) -> String {
        match (self.proof(), self.key_proof()) {
            (Some(proof), _) => proof.signer.to_string(),
            (_, Some(proof)) => format!("key {}", proof.key.short()),
            _ => String::new(),
        }
    }

    /// As a piece of evidence that can be counted.
    pub fn signature(&self) -> Signature {
        match self {
            Self::Statement(verified) => verified.into(),
            Self::KeyStatement(verified) => verified.into(),
            Self::Payload(verified) => verified.into(),
            Self::KeyPayload(verified) => verified.into(),
            Self::Blob(verified) => verified.into(),
            Self::KeyBlob(verified) => verified.into(),
        }
    }

    /// Whether it is of the wanted kind, by what was verified.
    ///
    /// # Errors
    /// A rejection that names the kind.
    pub fn says(&self, wanted: &Wanted, is_file: bool) -> Result<(), Rejection> {
        let fits = match self.statement() {
            Some(statement) => is_wanted(&statement.predicate_type, wanted, is_file),
            None => matches!(wanted, Wanted::Signature),
        };
        if fits {
            return Ok(());
        }
        Err(Rejection {
            code: Code("CLI-0326"),
            text: format!("it says {}, which was not asked for", self.kind()),
            hint: None,
            envelope: None,
        })
    }

    /// Whether one of these made it. A key that made it was named to be tried.
    ///
    /// # Errors
    /// The rejection of the one that comes nearest.
    pub fn is_by_one_of(&self, signers: &[Signer]) -> Result<(), Rejection> {
        let mut misses = Vec::new();
        for signer in signers {
            let Signer::Identity(_, expected) = signer else {
                continue;
            };
            let fits = match self {
                Self::Statement(verified) => verified.require_identity(expected),
                Self::Payload(verified) => verified.require_identity(expected),
                Self::Blob(verified) => verified.require_identity(expected),
                _ => return Ok(()),
            };
            match fits {
                Ok(()) => return Ok(()),
                Err(rejection) => misses.push(rejection),
            }
        }
        let nearest = misses.into_iter().min_by_key(Rejection::distance);
        match (nearest, self.proof()) {
            (Some(rejection), _) => Err(rejection),
            (None, None) => Ok(()),
            (None, Some(proof)) => Err(Rejection {
                code: Code("CLI-0325"),
                text: format!(
                    "{} is signed with a certificate, and only keys count",
                    proof.signer
                ),
                hint: None,
                envelope: Some(proof.envelope.clone()),
            }),
        }
    }

    /// Adds the checks behind it to a report.
    pub fn tell(&self, report: &mut ArtifactReport, label: &Label) {
        let label = label.clone();
        match self {
            Self::Statement(verified) => report.accepted(verified, label),
            Self::KeyStatement(verified) => report.accepted(verified, label),
            Self::Payload(verified) => report.accepted(verified, label),
            Self::KeyPayload(verified) => report.accepted(verified, label),
            Self::Blob(verified) => report.accepted(verified, label),
            Self::KeyBlob(verified) => report.accepted(verified, label),
        }
    }

    /// Whether it carries these annotations, each with that value.
    ///
    /// # Errors
    /// A rejection that names the first that differs.
    pub fn has(&self, wanted: &BTreeMap<String, String>) -> Result<(), Rejection> {
        for (key, value) in wanted {
            let found = match (self.statement(), self.payload()) {
                (Some(statement), _) => {
                    let mut subjects = statement.subject.iter();
                    subjects.find_map(|subject| subject.annotations.get(key))
                }
                (_, Some(payload)) => payload.optional.get(key),
                _ => None,
            };
            if found.and_then(Value::as_str) != Some(value) {
                let found = found.map_or_else(|| "nothing".into(), Value::to_string);
                return Err(Rejection {
                    code: Code("CLI-0322"),
                    text: format!("annotation {key} is {found}, wanted {value:?}"),
                    hint: None,
                    envelope: None,
                });
            }
        }
        Ok(())
    }
}
