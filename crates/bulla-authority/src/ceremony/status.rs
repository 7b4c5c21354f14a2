//! Where a ceremony stands: who has signed, who is missing, what is wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, limits};
use bulla_crypto::{PublicKey, x509::to_pem_chain};
use bulla_trust::tuf::metadata::{Document, MetadataError, RoleKeys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    AuthorityKind, CeremonyError, Documents, Folder, Share, Transcript, VERSION, documents,
    share::short,
};
use crate::tuf::Offline;

/// Where it stands.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// 1.
    pub version: u32,
    /// The plan's digest.
    pub plan: Option<Digest>,
    /// What was found in order, in words.
    pub done: Vec<String>,
    /// What is still missing, in words that name who and how.
    pub missing: Vec<String>,
    /// Whether the instance itself signs the next root with the key of the present
    /// one, when it is published; it must not serve meanwhile.
    pub hand_over: bool,
    /// The digests that people compare.
    pub digests: BTreeMap<String, Digest>,
    /// The result, once nothing is missing.
    #[serde(skip)]
    pub outcome: Option<Outcome>,
}

/// What goes to the instance. JSON, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Outcome {
    /// 1.
    pub version: u32,
    /// The plan's digest.
    pub plan: Digest,
    /// The next root, in base64.
    pub root: String,
    /// The next targets, in base64.
    pub targets: String,
    /// The files that they list, in base64, by path.
    pub contents: BTreeMap<String, String>,
    /// Certificates by name, PEM.
    pub certificates: BTreeMap<String, String>,
    /// The signed transcripts, by name.
    pub transcripts: BTreeMap<String, SignedTranscript>,
}

/// Somebody's transcript, as the log takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SignedTranscript {
    /// The envelope (DSSE).
    pub envelope: Value,
    /// The key, SubjectPublicKeyInfo in base64.
    pub public_key: String,
    /// Its kind, as Sigstore names it.
    pub key_details: String,
}

impl Outcome {
    /// Reads one.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CeremonyError> {
        let limit = limits::BUNDLE_BYTES;
        let outcome: Self = limits::parse_json(bytes, limit, "ceremony result")
            .map_err(CeremonyError::limit("the result"))?;
        match outcome.version {
            VERSION => Ok(outcome),
            _ => Err(CeremonyError::malformed(
                "the result",
                "it is of another version",
            )),
        }
    }

    /// For the publisher.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`].
    pub fn offline(&self) -> Result<Offline, CeremonyError> {
        let decode = |text: &String| {
            let bytes = STANDARD.decode(text);
            bytes.map_err(|error| CeremonyError::malformed("the result", error))
        };
        let mut contents = BTreeMap::new();
        for (path, text) in &self.contents {
            contents.insert(path.clone(), decode(text)?);
        }
        Ok(Offline {
            roots: vec![decode(&self.root)?],
            targets: Some(decode(&self.targets)?),
            contents,
        })
    }
}

/// Checks everything in the folder.
///
/// # Errors
/// [`CeremonyError`] if something is wrong; what is merely missing is told.
pub fn status(of: &Folder, now: Timestamp) -> Result<Status, CeremonyError> {
    let mut status = Status {
        version: VERSION,
        plan: Some(of.digest().clone()),
        ..Status::default()
    };
    expiries(of, now)?;
    status.digests.insert("plan".into(), of.digest().clone());
    let mut names: Vec<&str> = of
        .plan()
        .people
        .iter()
        .map(|person| &*person.name)
        .collect();
    for kind in AuthorityKind::ALL {
        names.extend(kind.holder(of).map(|_| kind.root()));
    }
    let mut keys = true;
    for name in names {
        match of.key(name)? {
            Some(key) => {
                let id = key.key()?.id();
                status
                    .done
                    .push(format!("{name} made key {}", short(id.hex())));
            }
            // Who is in no role may help with a key of the present root.
            None if of.plan().is_former(name) => {}
            None => {
                keys = false;
                let holder = AuthorityKind::ALL
                    .into_iter()
                    .find(|kind| kind.root() == name);
                let who = holder.and_then(|kind| kind.holder(of)).unwrap_or(name);
                status.missing.push(format!(
                    "{name} has no key: bulla trust ceremony init {} --as {who}",
                    of.dir().display()
                ));
            }
        }
    }
    if !keys {
        return Ok(status);
    }
    let documents = documents(of)?;
    let mut root = documents.root_document.clone();
    status.digests.insert("root".into(), root.digest());
    for share in shares(of, "root")? {
        share.add_to(&mut root, of, "root")?;
    }
    let dir = of.dir().display().to_string();
    if let Some(before) = of.export().root()? {
        match of
            .export()
            .root_key
            .as_deref()
            .map(super::export::key)
            .transpose()?
        {
            // Its one key is not among people yet.
            Some(own) if before.root.threshold() == 1 && names_key(&before.root, &own) => {
                status.hand_over = true;
                status
                    .done
                    .push("the present root: the instance signs when it is published".into());
            }
            _ => count(&mut status, &root, &before.root, "the present root", &dir),
        }
    }
    count(
        &mut status,
        &root,
        &documents.root.root,
        "the next root",
        &dir,
    );
    let Some(mut targets) = documents.targets.clone() else {
        let waits = documents.waits_for.unwrap_or("certificates");
        status.missing.push(format!(
            "{waits} is not signed: bulla trust ceremony sign {dir} --as HOLDER"
        ));
        return Ok(status);
    };
    status.digests.insert("targets".into(), targets.digest());
    for share in shares(of, "targets")? {
        share.add_to(&mut targets, of, "targets")?;
    }
    count(
        &mut status,
        &targets,
        &documents.root.targets,
        "the targets",
        &dir,
    );
    let transcripts = transcripts(of)?;
    if status.missing.is_empty() {
        status.outcome = Some(outcome(of, &documents, &root, &targets, transcripts)?);
    }
    Ok(status)
}

fn names_key(role: &RoleKeys, key: &PublicKey) -> bool {
    role.keys().iter().any(|named| named.public() == key)
}

fn expiries(of: &Folder, now: Timestamp) -> Result<(), CeremonyError> {
    for (what, expires) in [
        ("root", of.plan().root.expires),
        ("targets", of.plan().targets.expires),
    ] {
        if expires <= now {
            return Err(CeremonyError::Plan {
                why: format!("the {what} expired at {expires}"),
            });
        }
    }
    Ok(())
}

fn shares(of: &Folder, role: &str) -> Result<Vec<Share>, CeremonyError> {
    let mut shares = Vec::new();
    for person in &of.plan().people {
        shares.extend(Share::read(of, role, &person.name)?);
    }
    Ok(shares)
}

fn count(status: &mut Status, document: &Document, role: &RoleKeys, what: &str, dir: &str) {
    let signed = document.signed_by(role).len();
    let needed = role.threshold();
    match document.require(role) {
        Ok(()) => status
            .done
            .push(format!("{what}: {signed} of {needed} needed signed")),
        Err(MetadataError::Signatures { .. }) | Err(_) => {
            let open: Vec<&str> = role
                .keys()
                .iter()
                .filter(|key| document.signature(key).is_none())
                .map(|key| short(key.id()))
                .collect();
            status.missing.push(format!(
                "{what}: {signed} of {needed} needed signed; not yet: {} (bulla trust ceremony sign {dir} --as NAME)",
                open.join(", ")
            ));
        }
    }
}

/// The transcripts of everybody who used a key, each signed with it.
fn transcripts(of: &Folder) -> Result<BTreeMap<String, SignedTranscript>, CeremonyError> {
    let mut transcripts = BTreeMap::new();
    for person in &of.plan().people {
        let transcript = Transcript::read(of, &person.name)?;
        if transcript.entries().is_empty() {
            continue;
        }
        let key = of.require_key(&person.name)?.key()?;
        let path = of.transcript_signature_path(&person.name);
        let bytes = transcript.signed(of, &person.name, &key)?;
        let limit = limits::TRUST_DOCUMENT_BYTES;
        let signed = SignedTranscript {
            envelope: limits::parse_json(&bytes, limit, "transcript signature")
                .map_err(CeremonyError::limit(path))?,
            public_key: STANDARD.encode(key.spki_der()),
            key_details: key.scheme().sigstore_name().into(),
        };
        transcripts.insert(person.name.clone(), signed);
    }
    Ok(transcripts)
}

fn outcome(
    of: &Folder,
    documents: &Documents,
    root: &Document,
    targets: &Document,
    transcripts: BTreeMap<String, SignedTranscript>,
) -> Result<Outcome, CeremonyError> {
    let mut certificates = BTreeMap::new();
    if of.plan().authorities.is_some() {
        for kind in AuthorityKind::ALL {
            if let Some([leaf, root]) = kind.chain(of)? {
                certificates.insert(kind.leaf().to_owned(), to_pem_chain([&leaf]));
                certificates.insert(kind.root().to_owned(), to_pem_chain([&root]));
            }
        }
    }
    let contents = &documents.contents;
    Ok(Outcome {
        version: VERSION,
        plan: of.digest().clone(),
        root: STANDARD.encode(root.to_bytes()?),
        targets: STANDARD.encode(targets.to_bytes()?),
        contents: contents
            .iter()
            .map(|(path, b)| (path.clone(), STANDARD.encode(b)))
            .collect(),
        certificates,
        transcripts,
    })
}
