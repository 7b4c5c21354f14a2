//! One verified signature as the threshold sees it, and whose it is.

use bulla_core::{Code, Digest, Identity};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

use super::Who;
use crate::{
    sigstore::Failure,
    verified::{KeyProof, Proof, Rejection, Verified},
};

/// Distances, beside twice those of [`Rejection::distance`].
const NEAR: u8 = 3;
const FAR: u8 = 10;

/// A signature that was verified in this process: only a [`Verified`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Certificate(Box<Proof>),
    Key(Box<KeyProof>),
}

impl<T> From<&Verified<T, Proof>> for Signature {
    fn from(verified: &Verified<T, Proof>) -> Self {
        Self(Kind::Certificate(Box::new(verified.proof().clone())))
    }
}

impl<T> From<&Verified<T, KeyProof>> for Signature {
    fn from(verified: &Verified<T, KeyProof>) -> Self {
        Self(Kind::Key(Box::new(verified.proof().clone())))
    }
}

/// Who made a signature, as far as it was proven.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SignedBy {
    /// The holder of a certificate.
    Identity(Identity),
    /// The holder of a key: SHA-256 of its SubjectPublicKeyInfo.
    Key(Digest),
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(identity) => identity.fmt(f),
            Self::Key(key) => write!(f, "key {key}"),
        }
    }
}

impl Signature {
    /// Who made it.
    pub fn signed_by(&self) -> SignedBy {
        match &self.0 {
            Kind::Certificate(proof) => SignedBy::Identity(proof.signer.clone()),
            Kind::Key(proof) => SignedBy::Key(proof.key.clone()),
        }
    }

    /// SHA-256 of the bundle's bytes.
    pub fn envelope(&self) -> &Digest {
        match &self.0 {
            Kind::Certificate(proof) => &proof.envelope,
            Kind::Key(proof) => &proof.envelope,
        }
    }

    fn key(&self) -> &Digest {
        match &self.0 {
            Kind::Certificate(proof) => &proof.key,
            Kind::Key(proof) => &proof.key,
        }
    }

    /// The person: an address is the same in upper and lower case.
    fn person(&self) -> Option<String> {
        match &self.0 {
            Kind::Certificate(proof) => {
                let Identity {
                    root,
                    issuer,
                    subject,
                } = &proof.signer;
                let subject = subject.to_ascii_lowercase();
                Some(format!("{}\n{issuer}\n{subject}", root.0))
            }
            Kind::Key(_) => None,
        }
    }

    /// Whether `who` made it; if not, in what that differs, and how much.
    pub(super) fn check(&self, who: &Who) -> Result<(), (u8, Rejection)> {
        match (&self.0, who) {
            (Kind::Certificate(proof), Who::Identity(expected)) => {
                expected.check_proof(proof).map_err(|failure| {
                    let rejection = Rejection::because(&failure).of(&proof.envelope);
                    let distance = match failure {
                        Failure::WrongIdentity { near: Some(_), .. } => NEAR,
                        _ => 2 * rejection.distance() + 1,
                    };
                    (distance, rejection)
                })
            }
            // A certificate for the key is not the key: its holder may have
            // changed, so only what was verified with the key itself counts.
            (Kind::Key(proof), Who::Key(key)) if proof.key == *key => Ok(()),
            (_, who) => {
                let expected = match who {
                    Who::Identity(expected) => expected.to_string(),
                    Who::Key(key) => format!("key {key}"),
                };
                let rejection = Rejection {
                    code: Code("TRUST-0703"),
                    text: format!("signed by {}, expected {expected}", self.signed_by()),
                    hint: Some("if this signer is right, name it among those who may sign".into()),
                    envelope: Some(self.envelope().clone()),
                };
                Err((FAR, rejection))
            }
        }
    }
}

/// Which signatures are by the same signer: numbers of `signatures`, in groups.
/// What shares an identity, a key or a bundle is in one group, also over others.
pub fn distinct(signatures: &[Signature]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<usize> = (0..signatures.len()).collect();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (number, signature) in signatures.iter().enumerate() {
        let marks = [
            signature.person().map(|person| format!("person {person}")),
            Some(format!("key {}", signature.key())),
            Some(format!("bundle {}", signature.envelope())),
        ];
        for mark in marks.into_iter().flatten() {
            let other = *first.entry(mark).or_insert(number);
            let (from, to) = (root(&group_of, number), root(&group_of, other));
            if let Some(group) = group_of.get_mut(from.max(to)) {
                *group = from.min(to);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for number in 0..signatures.len() {
        let group = root(&group_of, number);
        groups.entry(group).or_default().push(number);
    }
    groups.into_values().collect()
}

/// Follows a group's numbers, which only ever get smaller, to the first.
fn root(group_of: &[usize], mut number: usize) -> usize {
    while let Some(&next) = group_of.get(number) {
        if next >= number {
            break;
        }
        number = next;
    }
    number
}
