//! One person's signature on one document: a file of its own.

use bulla_core::{Digest, limits};
use bulla_crypto::Signer;
use bulla_trust::tuf::metadata::{Document, TufKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::{
    AuthorityKind, CeremonyError, Documents, Folder, Transcript, VERSION, documents, export, folder,
};

/// A signature: `shares/ROLE/NAME.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Share {
    /// 1.
    pub version: u32,
    /// Who.
    pub name: String,
    /// Digest of the canonical form that was signed.
    pub document: Digest,
    /// The key, PEM: one that the present or the next root names.
    pub public_key: String,
    /// Hex.
    pub signature: String,
}

impl Share {
    /// Somebody's, if it is there.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`].
    pub fn read(of: &Folder, role: &str, name: &str) -> Result<Option<Self>, CeremonyError> {
        let path = of.share_path(role, name);
        let Some(bytes) = folder::read(&path)? else {
            return Ok(None);
        };
        let share: Self = limits::parse_json(&bytes, 64 << 10, "signature share")
            .map_err(CeremonyError::limit(&path))?;
        if share.version != VERSION || share.name != name {
            return Err(CeremonyError::malformed(&path, "it is somebody else's"));
        }
        Ok(Some(share))
    }

    /// Adds it to the document, if it is on that very one.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`] if it is on another, or does not verify.
    pub fn add_to(
        &self,
        document: &mut Document,
        of: &Folder,
        role: &str,
    ) -> Result<TufKey, CeremonyError> {
        let path = of.share_path(role, &self.name);
        if self.document != document.digest() {
            return Err(CeremonyError::malformed(
                path,
                format!(
                    "it signs {}, and the {role} is {}",
                    self.document,
                    document.digest()
                ),
            ));
        }
        let key = TufKey::new(export::key(&self.public_key)?)?;
        let signature =
            hex::decode(&self.signature).map_err(|error| CeremonyError::malformed(&path, error))?;
        document
            .add(&key, signature)
            .map_err(|error| CeremonyError::malformed(&path, error))?;
        Ok(key)
    }
}

/// What somebody would sign, or has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `root version 2`
    pub what: String,
    /// What is compared aloud.
    pub digest: Digest,
    /// In words.
    pub words: Vec<String>,
}

impl Signed {
    /// What `name` has to sign now, in this state of the folder; the certificates
    /// of the authorities whose root key they hold come first.
    ///
    /// # Errors
    /// [`CeremonyError::Stranger`], or [`CeremonyError`] as [`documents`].
    pub fn due(of: &Folder, name: &str) -> Result<Vec<Self>, CeremonyError> {
        of.plan().person(name)?;
        let mut due = Vec::new();
        for kind in AuthorityKind::ALL {
            if kind.holder(of) == Some(name) && kind.chain(of)?.is_none() {
                let (words, digest) = kind.subject(of)?;
                let what = format!("certificates {}", kind.leaf());
                due.push(Self {
                    what,
                    digest,
                    words,
                });
            }
        }
        if !due.is_empty() {
            return Ok(due);
        }
        let documents = documents(of)?;
        let is_in = |people: &[String]| people.iter().any(|person| person == name);
        let (root, targets) = (
            is_in(&of.plan().root.people),
            is_in(&of.plan().targets.people),
        );
        // Who is in neither role holds a key of the present root.
        if root || !targets {
            due.push(Self {
                what: documents.root_document.name(),
                digest: documents.root_document.digest(),
                words: root_words(of, &documents)?,
            });
        }
        match (&documents.targets, documents.waits_for) {
            (Some(document), _) if targets => {
                let words = documents.contents.iter().map(|(path, bytes)| {
                    let digest = Digest::sha256(bytes);
                    format!("{path}: {} bytes, {}", bytes.len(), short(digest.hex()))
                });
                due.push(Self {
                    what: document.name(),
                    digest: document.digest(),
                    words: words.collect(),
                });
            }
            (None, Some(missing)) if !root && targets => {
                return Err(CeremonyError::Waits {
                    missing: missing.into(),
                });
            }
            _ => {}
        }
        Ok(due)
    }

    /// One digest over all of it: what `--yes` confirms.
    pub fn digest_of(all: &[Self]) -> Digest {
        let text: String = all
            .iter()
            .map(|item| format!("{} {}\n", item.what, item.digest))
            .collect();
        Digest::sha256(text.as_bytes())
    }

    /// Signs root and targets, as far as this person speaks for them.
    ///
    /// # Errors
    /// [`CeremonyError::OtherKey`] if neither the next nor the present root
    /// names the key.
    pub fn sign(
        of: &Folder,
        name: &str,
        signer: &dyn Signer,
        now: Timestamp,
    ) -> Result<Vec<Self>, CeremonyError> {
        let due = Self::due(of, name)?;
        let Documents {
            root,
            mut root_document,
            targets,
            ..
        } = documents(of)?;
        let key = TufKey::new(signer.public().clone())?;
        let before = of.export().root()?;
        let is_former = before.is_some_and(|before| before.root.key(key.id()).is_some());
        if root.root.key(key.id()).is_none() && root.targets.key(key.id()).is_none() && !is_former {
            return Err(CeremonyError::OtherKey {
                name: name.into(),
                why: "neither the present root nor the next one names it".into(),
            });
        }
        let mut digests = BTreeMap::new();
        if root.root.key(key.id()).is_some() || is_former {
            put(of, "root", name, &mut root_document, signer)?;
            digests.insert("root".to_owned(), root_document.digest());
        }
        if let (Some(mut targets), true) = (targets, root.targets.key(key.id()).is_some()) {
            put(of, "targets", name, &mut targets, signer)?;
            digests.insert("targets".to_owned(), targets.digest());
        }
        Transcript::append(of, name, now, "signed", digests, signer)?;
        Ok(due)
    }
}

fn put(
    of: &Folder,
    role: &str,
    name: &str,
    document: &mut Document,
    signer: &dyn Signer,
) -> Result<(), CeremonyError> {
    document.sign(signer)?;
    let key = TufKey::new(signer.public().clone())?;
    let signature = document.signature(&key).map(hex::encode);
    let share = Share {
        version: VERSION,
        name: name.into(),
        document: document.digest(),
        public_key: key.public().to_pem(),
        signature: signature.unwrap_or_default(),
    };
    let path = of.share_path(role, name);
    let bytes = serde_json::to_vec_pretty(&share)
        .map_err(|error| CeremonyError::malformed(&path, error))?;
    folder::replace(&path, &bytes)
}

/// The root in words: who speaks for what, and what changes.
fn root_words(of: &Folder, documents: &Documents) -> Result<Vec<String>, CeremonyError> {
    let plan = of.plan();
    let role = |what: &str, role: &super::RolePlan| {
        format!(
            "{what}: {} of {}, until {}",
            role.threshold,
            role.people.join(", "),
            role.expires
        )
    };
    let mut words = vec![role("root", &plan.root), role("targets", &plan.targets)];
    let before = of.export().root()?;
    for name in bulla_trust::tuf::metadata::Role::ALL {
        let after = documents.root.role(name);
        let known = before.as_ref().map(|before| before.role(name));
        for key in after.keys() {
            let is_new = known.is_none_or(|known| known.key(key.id()).is_none());
            let mark = if is_new { "+" } else { " " };
            words.push(format!("{mark} {name} key {}", short(key.id())));
        }
        for key in known.into_iter().flat_map(|known| known.keys()) {
            if after.key(key.id()).is_none() {
                words.push(format!("- {name} key {}", short(key.id())));
            }
        }
    }
    Ok(words)
}

/// Enough of an id to compare.
pub(super) fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}
