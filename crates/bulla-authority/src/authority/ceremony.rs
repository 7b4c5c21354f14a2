//! The instance's side of a ceremony: what it gives, and how it takes the result.
//!
//! Both lie in the store, space `ceremony`: the export is written at each start;
//! a result that somebody left there is verified and taken in by the leader. No
//! key of root, targets or authorities' roots is asked to sign for a result that
//! merely lies in the store: the first hand-over, from a root whose key is still
//! online, is made by [`hand_over`], which only who opens the key slots can call.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Clock;
use bulla_crypto::{
    PublicKey,
    x509::{Certificate, parse_pem_chain, to_pem_chain},
};
use bulla_store::{Values, state::Change};
use bulla_trust::tuf::metadata::{Document, Root};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

use super::Parts;
use crate::{
    ceremony::{AuthorityKind, CeremonyError, Export, Outcome, Request, RequestKind},
    certified::Certified,
    error::AuthorityError,
    key_slot::KeySlots,
    tuf::{Publisher, Seed, TufError, TufSettings},
};

/// Where it all lies.
const SPACE: &str = "ceremony";
const EXPORT: &str = "export";
const PENDING: &str = "pending";
const ANSWER: &str = "answer";
const TRANSCRIPTS: &str = "transcripts";

/// What became of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// The plan's digest, of the ceremony that it answers.
    pub plan: String,
    /// The root in force, if it was taken in.
    pub root_version: Option<u64>,
    /// Why not.
    pub error: Option<String>,
    /// Whether it has certificates: each takes effect from its first second on.
    pub certificates: bool,
}

/// The ceremony's rows of an instance.
#[derive(Clone)]
pub struct Mailbox {
    values: Values,
}

impl Mailbox {
    /// In that store.
    pub fn new(values: Values) -> Self {
        Self { values }
    }

    /// What the instance gives into a ceremony.
    ///
    /// # Errors
    /// Of the database.
    pub async fn export(&self) -> Result<Option<Vec<u8>>, AuthorityError> {
        Ok(self.values.get(SPACE, EXPORT).await?)
    }

    pub(super) async fn put_export(&self, export: &Export) -> Result<(), AuthorityError> {
        let value = serde_json::to_vec_pretty(export)?;
        if self.export().await?.as_ref() != Some(&value) {
            self.put(EXPORT, &value).await?;
        }
        Ok(())
    }

    /// Leaves a result for the process that serves.
    ///
    /// # Errors
    /// Of the database.
    pub async fn leave(&self, outcome: &Outcome) -> Result<(), AuthorityError> {
        let value = serde_json::to_vec(outcome)?;
        let changes = [
            Change::Delete { key: ANSWER },
            Change::Put {
                key: PENDING,
                value: &value,
            },
        ];
        self.values.apply(SPACE, &changes).await?;
        Ok(())
    }

    /// What became of it.
    ///
    /// # Errors
    /// Of the database, or if it cannot be read.
    pub async fn answer(&self) -> Result<Option<Answer>, AuthorityError> {
        match self.values.get(SPACE, ANSWER).await? {
            Some(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            None => Ok(None),
        }
    }

    async fn pending(&self) -> Result<Option<Vec<u8>>, AuthorityError> {
        Ok(self.values.get(SPACE, PENDING).await?)
    }

    /// The certificate that the last ceremony made, with its root.
    async fn left(&self, kind: AuthorityKind) -> Result<Option<[Certificate; 2]>, AuthorityError> {
        let Some(pem) = self.values.get(SPACE, kind.leaf()).await? else {
            return Ok(None);
        };
        let damaged = || AuthorityError::Damaged {
            what: kind.leaf().into(),
        };
        let chain: [Certificate; 2] = parse_pem_chain(&pem)?.try_into().map_err(|_| damaged())?;
        let [leaf, root] = &chain;
        match leaf.is_issued_by(root) {
            true => Ok(Some(chain)),
            false => Err(damaged()),
        }
    }

    /// The same, if it is of this key: of an instance whose first certificates
    /// people signed.
    pub(super) async fn certified(
        &self,
        kind: AuthorityKind,
        key: &PublicKey,
    ) -> Result<Option<[Certificate; 2]>, AuthorityError> {
        let own = |chain: &[Certificate; 2]| {
            let [leaf, _] = chain;
            leaf.spki_der().is_ok_and(|spki| spki == key.spki_der())
        };
        Ok(self.left(kind).await?.filter(own))
    }

    /// The signed transcripts that are not in the log yet.
    pub(super) async fn transcripts(&self) -> Result<Vec<Value>, AuthorityError> {
        match self.values.get(SPACE, TRANSCRIPTS).await? {
            Some(bytes) => Ok(serde_json::from_slice(&bytes)?),
            None => Ok(Vec::new()),
        }
    }

    pub(super) async fn transcripts_logged(&self) -> Result<(), AuthorityError> {
        let delete = Change::Delete { key: TRANSCRIPTS };
        self.values.apply(SPACE, &[delete]).await?;
        Ok(())
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), AuthorityError> {
        self.values
            .apply(SPACE, &[Change::Put { key, value }])
            .await?;
        Ok(())
    }

    async fn reply(&self, answer: &Answer) -> Result<(), AuthorityError> {
        let value = serde_json::to_vec(answer)?;
        let changes = [
            Change::Put {
                key: ANSWER,
                value: &value,
            },
            Change::Delete { key: PENDING },
        ];
        self.values.apply(SPACE, &changes).await?;
        Ok(())
    }
}

/// Takes in what lies in the mailbox, and answers there.
///
/// # Errors
/// Of the database; a result that is refused is answered, not an error.
pub(super) async fn take_pending(
    mailbox: &Mailbox,
    slots: &KeySlots,
    publisher: &Publisher,
) -> Result<(), AuthorityError> {
    let Some(bytes) = mailbox.pending().await? else {
        return Ok(());
    };
    let answer = match Outcome::parse(&bytes) {
        Err(error) => Answer {
            plan: String::new(),
            root_version: None,
            error: Some(error.to_string()),
            certificates: false,
        },
        Ok(outcome) => match take_in(mailbox, slots, publisher, &outcome).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(
                    target: "audit", event = "ceremony.refused", plan = %outcome.plan, %error
                );
                Answer {
                    plan: outcome.plan.to_string(),
                    root_version: None,
                    error: Some(error.to_string()),
                    certificates: false,
                }
            }
        },
    };
    mailbox.reply(&answer).await
}

/// Takes up the certificate that a ceremony left for the next key, if there is one
/// that is not taken up yet.
pub(super) async fn take_up<T>(
    mailbox: &Mailbox,
    kind: AuthorityKind,
    certified: &Certified<T>,
) -> Result<(), AuthorityError> {
    match mailbox.left(kind).await? {
        Some(chain) => certified.accept(&chain).await,
        None => Ok(()),
    }
}

/// The leader's part of each minute: a result that was left is taken in, and the
/// transcripts of one that was are logged.
pub(super) async fn round(parts: &Parts) -> Result<(), AuthorityError> {
    let mailbox = &parts.mailbox;
    take_pending(mailbox, &parts.slots, &parts.tuf).await?;
    take_up(mailbox, AuthorityKind::Ca, &parts.ca.intermediates).await?;
    parts.ca.introduce();
    take_up(mailbox, AuthorityKind::Tsa, &parts.tsa.signers).await?;
    let transcripts = parts.mailbox.transcripts().await?;
    if transcripts.is_empty() {
        return Ok(());
    }
    for transcript in &transcripts {
        let (envelope, key, details) = (
            &transcript["envelope"],
            &transcript["publicKey"],
            &transcript["keyDetails"],
        );
        let request = json!({"dsseRequestV002": {
            "envelope": envelope,
            "verifiers": [{"publicKey": {"rawBytes": key}, "keyDetails": details}],
        }});
        let entry = parts
            .rekor
            .create_entry(&serde_json::to_vec(&request)?)
            .await;
        let entry =
            entry.map_err(|refusal| CeremonyError::malformed("a transcript", refusal.message()))?;
        tracing::info!(target: "audit", event = "ceremony.logged", index = %entry["logIndex"]);
    }
    parts.mailbox.transcripts_logged().await
}

/// Takes in a result: the repository first, then the certificates.
async fn take_in(
    mailbox: &Mailbox,
    slots: &KeySlots,
    publisher: &Publisher,
    outcome: &Outcome,
) -> Result<Answer, AuthorityError> {
    let offline = outcome.offline()?;
    let current = publisher.file("root.json").await?;
    // A process that ended in between has done this part already.
    if current.is_none() || current.as_ref() != offline.roots.last() {
        publisher.install(&offline).await?;
    }
    let mut rows: Vec<(&str, String)> = Vec::new();
    for kind in AuthorityKind::ALL {
        let pem = |name: &str| outcome.certificates.get(name);
        if let (Some(leaf), Some(root)) = (pem(kind.leaf()), pem(kind.root())) {
            vouched(publisher, leaf).await?;
            rows.push((kind.leaf(), format!("{leaf}{root}")));
        }
    }
    let transcripts: Vec<Value> = outcome
        .transcripts
        .values()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()?;
    rows.push((TRANSCRIPTS, serde_json::to_string(&transcripts)?));
    let changes: Vec<Change<'_>> = rows
        .iter()
        .map(|(key, value)| Change::Put {
            key,
            value: value.as_bytes(),
        })
        .collect();
    mailbox.values.apply(SPACE, &changes).await?;
    let certificates = !outcome.certificates.is_empty();
    if certificates {
        for kind in AuthorityKind::ALL {
            slots.remove(kind.root()).await?;
        }
    }
    let root = publisher.file("root.json").await?.ok_or(TufError::NoRoot)?;
    let root_version = Root::first(&root).map_err(TufError::from)?.version;
    tracing::info!(
        target: "audit", event = "ceremony.installed", plan = %outcome.plan, root = root_version,
        certificates
    );
    Ok(Answer {
        plan: outcome.plan.to_string(),
        root_version: Some(root_version),
        error: None,
        certificates,
    })
}

/// A certificate is used only if the people who sign the targets list it.
async fn vouched(publisher: &Publisher, pem: &str) -> Result<(), AuthorityError> {
    let listed = publisher.target("trusted_root.json").await?;
    let listed = String::from_utf8(listed.unwrap_or_default()).unwrap_or_default();
    for certificate in parse_pem_chain(pem.as_bytes())? {
        if !listed.contains(&STANDARD.encode(certificate.der())) {
            return Err(TufError::DoesNotFit {
                why: "its targets do not list the certificates that come with it".into(),
            }
            .into());
        }
    }
    Ok(())
}

/// Takes in a result while nobody serves, and signs the next root with the key of
/// the present one if that key is still here: the hand-over to people.
///
/// # Errors
/// [`AuthorityError`] if it does not fit; nothing has changed then.
pub async fn hand_over(
    values: Values,
    slots: KeySlots,
    settings: TufSettings,
    clock: Arc<dyn Clock>,
    outcome: &Outcome,
) -> Result<Answer, AuthorityError> {
    let mailbox = Mailbox::new(values.clone());
    let publisher = Publisher::new(values, slots.clone(), settings, clock, Seed::default());
    let mut outcome = outcome.clone();
    let (key, current) = (
        slots.get("tuf-root").await?,
        publisher.file("root.json").await?,
    );
    if let (Some(key), Some(current)) = (key, current) {
        let current = Root::first(&current).map_err(TufError::from)?;
        if current
            .root
            .keys()
            .iter()
            .any(|named| named.public() == key.public())
        {
            let bytes = outcome.offline()?.roots.pop().unwrap_or_default();
            let mut document = Document::parse(&bytes).map_err(TufError::from)?;
            document.sign(&key).map_err(TufError::from)?;
            outcome.root = STANDARD.encode(document.to_bytes().map_err(TufError::from)?);
        }
    }
    let answer = take_in(&mailbox, &slots, &publisher, &outcome).await?;
    mailbox.reply(&answer).await?;
    Ok(answer)
}

/// Common name and key that a ceremony shall certify, and the root to use again.
pub(super) type Asked<'a> = (&'a str, &'a PublicKey, Option<&'a Certificate>);

/// What an export is made from.
pub(super) struct Exported<'a> {
    pub(super) instance: &'a str,
    pub(super) organization: &'a str,
    pub(super) tsa_url: &'a str,
    pub(super) publisher: &'a Publisher,
    pub(super) trusted_root: Value,
    pub(super) signing_config: Value,
    pub(super) log_v1_key: &'a PublicKey,
    pub(super) ct_key: &'a PublicKey,
    /// Name, key and, if there is one, root of each authority.
    pub(super) ca: Asked<'a>,
    pub(super) tsa: Asked<'a>,
}

/// Puts into an export what the instance has now: metadata, the newest online keys,
/// and what is to be certified.
pub(super) async fn renew(
    export: &mut Export,
    publisher: &Publisher,
    ca: Asked<'_>,
    tsa: Asked<'_>,
) -> Result<(), AuthorityError> {
    let [snapshot, timestamp, online] = publisher.online_keys().await?;
    let request = |kind, (name, key, root): Asked<'_>| Request {
        kind,
        public_key: key.to_pem(),
        common_name: name.into(),
        root: root.map(|root| to_pem_chain([root])),
    };
    let encoded = |bytes: Option<Vec<u8>>| bytes.map(|bytes| STANDARD.encode(bytes));
    export.root = encoded(publisher.file("root.json").await?);
    export.root_key = publisher.root_key().await?.map(|key| key.to_pem());
    export.targets = encoded(publisher.targets_metadata().await?);
    export.snapshot_key = snapshot.to_pem();
    export.timestamp_key = timestamp.to_pem();
    export.online_key = online.to_pem();
    export.requests = vec![
        request(RequestKind::Intermediate, ca),
        request(RequestKind::Timestamp, tsa),
    ];
    Ok(())
}

impl Exported<'_> {
    /// The export, with the newest online keys.
    pub(super) async fn export(self) -> Result<Export, AuthorityError> {
        let mut export = Export {
            version: crate::ceremony::VERSION,
            instance: self.instance.into(),
            organization: self.organization.into(),
            root: None,
            root_key: None,
            targets: None,
            snapshot_key: String::new(),
            timestamp_key: String::new(),
            online_key: String::new(),
            requests: Vec::new(),
            trusted_root: self.trusted_root,
            signing_config: self.signing_config,
            tsa_url: self.tsa_url.into(),
            log_v1_key: self.log_v1_key.to_pem(),
            ct_key: self.ct_key.to_pem(),
        };
        renew(&mut export, self.publisher, self.ca, self.tsa).await?;
        Ok(export)
    }
}

impl From<CeremonyError> for AuthorityError {
    fn from(error: CeremonyError) -> Self {
        Self::Ceremony(Box::new(error))
    }
}
