//! The instance's TUF repository: opened with the documents of this instance, and
//! what it gives into the next ceremony.

use bulla_core::{Clock, Diagnose as _};
use bulla_crypto::PublicKey;
use bulla_store::Values;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{
    Parts,
    ceremony::{self, Asked, Exported, Mailbox},
};
use crate::{
    ceremony::Export,
    certified::{CertificateRequest, Role},
    error::AuthorityError,
    key_slot::KeySlots,
    store::LogStore,
    trust_document::TrustMaterial,
    tuf::{Legacy, Publisher, Seed, TufError, TufSettings, top_targets},
};

/// Where instances kept these before the repository had rows of its own.
const FIRST_ROOT: &str = "tuf-root.json";
const LAST_VERSION: &str = "tuf-version";

/// The repository of an instance, before its documents are known.
pub(super) struct Prepared {
    pub(super) publisher: Publisher,
    pub(super) mailbox: Mailbox,
}

/// What the instance publishes.
pub(super) struct Published {
    pub(super) trusted_root: Value,
    pub(super) signing_config: Value,
    pub(super) client_trust_config: Value,
    pub(super) tuf_root: Vec<u8>,
    pub(super) tuf: Publisher,
}

/// Takes the repository up, with the result of a ceremony if one was left.
pub(super) async fn prepare(
    slots: &KeySlots,
    store: &dyn LogStore,
    values: Values,
    settings: TufSettings,
    since: Timestamp,
    clock: &Arc<dyn Clock>,
) -> Result<Prepared, AuthorityError> {
    let seed = Seed {
        root: store.document(FIRST_ROOT).await?,
        floor: last_version(store).await?,
        since,
    };
    let mailbox = Mailbox::new(values.clone());
    let (slots, clock) = (slots.clone(), clock.clone());
    let publisher = Publisher::new(values, slots.clone(), settings, clock, seed);
    publisher.take_over().await?;
    ceremony::take_pending(&mailbox, &slots, &publisher).await?;
    Ok(Prepared { publisher, mailbox })
}

impl Prepared {
    /// Publishes the documents, and notes what a ceremony would begin with: `asked`
    /// is what it shall certify, of CA and timestamp authority.
    pub(super) async fn publish(
        self,
        material: &TrustMaterial<'_>,
        asked: [&CertificateRequest; 2],
    ) -> Result<Published, AuthorityError> {
        let (trusted_root, signing_config) = (material.trusted_root(), material.signing_config());
        let tsa_url = material.tsa_url();
        let legacy = Legacy {
            base_url: material.base_url,
            tsa_url: &tsa_url,
            ca_chain: material.ca_chain,
            tsa_chain: material.tsa_chain,
            log_v1_key: material.log_v1_key,
            ct_key: material.ct_key,
        };
        let tuf = self.publisher.clone();
        let top = top_targets(&trusted_root, &signing_config, &legacy)?;
        let listed = match tuf.open(top).await {
            Ok(listed) => listed,
            // The next ceremony begins with an instance that serves; what it has
            // published holds meanwhile, and alarms.
            Err(error @ TufError::OnlineKey { .. }) => {
                tracing::error!(%error, hint = error.hint(), "nothing is signed in the TUF repository");
                false
            }
            Err(error) => return Err(error.into()),
        };
        // What is in force is what people signed, not what this process would say.
        let (trusted_root, signing_config) = match listed {
            true => (trusted_root, signing_config),
            false => (
                self.signed("trusted_root.json", trusted_root).await?,
                self.signed("signing_config.v0.2.json", signing_config)
                    .await?,
            ),
        };
        let published = Published {
            client_trust_config: json!({
                "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                "trustedRoot": trusted_root,
                "signingConfig": signing_config,
            }),
            trusted_root,
            signing_config,
            tuf_root: tuf.first_root().await?,
            tuf,
        };
        let [ca, tsa] = asked.map(|one| (one.common_name.as_str(), &one.key, Some(&one.root)));
        self.ask(material, &published, ca, tsa).await?;
        Ok(published)
    }

    async fn ask(
        &self,
        material: &TrustMaterial<'_>,
        published: &Published,
        ca: Asked<'_>,
        tsa: Asked<'_>,
    ) -> Result<(), AuthorityError> {
        let exported = Exported {
            instance: material.base_url,
            organization: material.operator,
            tsa_url: &material.tsa_url(),
            publisher: &published.tuf,
            trusted_root: published.trusted_root.clone(),
            signing_config: published.signing_config.clone(),
            log_v1_key: material.log_v1_key,
            ct_key: material.ct_key,
            ca,
            tsa,
        };
        self.mailbox.put_export(&exported.export().await?).await
    }

    /// Notes what the first ceremony begins with, of an instance that has online
    /// keys and no root.
    pub(super) async fn ask_first(
        &self,
        material: &TrustMaterial<'_>,
        ca: &PublicKey,
        tsa: &PublicKey,
    ) -> Result<(), AuthorityError> {
        let mut trusted_root = material.trusted_root();
        for list in ["certificateAuthorities", "timestampAuthorities"] {
            trusted_root[list] = json!([]);
        }
        let published = Published {
            trusted_root,
            signing_config: material.signing_config(),
            client_trust_config: Value::Null,
            tuf_root: Vec::new(),
            tuf: self.publisher.clone(),
        };
        let asked = |role: Role, key| (role.common_name(), key, None);
        let (ca, tsa) = (asked(Role::Intermediate, ca), asked(Role::Timestamp, tsa));
        self.ask(material, &published, ca, tsa).await
    }

    async fn signed(&self, path: &str, otherwise: Value) -> Result<Value, AuthorityError> {
        match self.publisher.target(path).await? {
            Some(bytes) => Ok(serde_json::from_slice(&bytes)?),
            None => Ok(otherwise),
        }
    }
}

/// Notes anew what the next ceremony begins with, as far as it changes while the
/// instance serves: metadata, online keys, and the keys to be certified.
pub(super) async fn note_anew(parts: &Parts) -> Result<(), AuthorityError> {
    let Some(noted) = parts.mailbox.export().await? else {
        return Ok(());
    };
    let mut export: Export = serde_json::from_slice(&noted)?;
    let next = [
        parts.ca.intermediates.request().await?,
        parts.tsa.signers.request().await?,
    ];
    let [ca, tsa] = next
        .each_ref()
        .map(|one| (one.common_name.as_str(), &one.key, Some(&one.root)));
    ceremony::renew(&mut export, &parts.tuf, ca, tsa).await?;
    parts.mailbox.put_export(&export).await
}

/// The last version that clients may have seen of what was published without rows.
async fn last_version(store: &dyn LogStore) -> Result<u64, AuthorityError> {
    match store.document(LAST_VERSION).await? {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| AuthorityError::Damaged {
            what: LAST_VERSION.into(),
        }),
        None => Ok(0),
    }
}
