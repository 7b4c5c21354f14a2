//! What the plan comes to: the next root, the next targets, and their files.
//!
//! Everybody computes this from plan, export, public keys and certificates; no
//! file of the folder holds it. So there is nothing to exchange unseen.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{PublicKey, x509::Certificate};
use bulla_trust::tuf::metadata::{
    Delegation, Document, RoleKeys, Root, TargetFile, Targets, TufKey,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{AuthorityKind, CeremonyError, Folder, RolePlan, export};
use crate::tuf::{Legacy, ONLINE_PATHS, ONLINE_ROLE, top_targets};

/// What is to be signed.
#[derive(Clone, Debug)]
pub struct Documents {
    /// The next root.
    pub root: Root,
    /// As it is signed.
    pub root_document: Document,
    /// The next targets, once the certificates in them are signed.
    pub targets: Option<Document>,
    /// The files that they list.
    pub contents: BTreeMap<String, Vec<u8>>,
    /// The certificate that the targets wait for.
    pub waits_for: Option<&'static str>,
}

/// Computes what the plan comes to.
///
/// # Errors
/// [`CeremonyError::NoKey`] while somebody's key is missing; [`CeremonyError`]
/// that names the file that is wrong.
pub fn documents(of: &Folder) -> Result<Documents, CeremonyError> {
    let (plan, export) = (of.plan(), of.export());
    let one = |pem: &str| Ok::<_, CeremonyError>(RoleKeys::one(export::key(pem)?)?);
    let root = Root {
        version: plan.root.version,
        expires: plan.root.expires,
        root: role(of, &plan.root)?,
        targets: role(of, &plan.targets)?,
        snapshot: one(&export.snapshot_key)?,
        timestamp: one(&export.timestamp_key)?,
    };
    let mut documents = Documents {
        root_document: root.document()?,
        root,
        targets: None,
        contents: BTreeMap::new(),
        waits_for: None,
    };
    let mut chains = Vec::new();
    if plan.authorities.is_some() {
        for kind in AuthorityKind::ALL {
            match kind.chain(of)? {
                Some(chain) => chains.push((kind, chain)),
                None => documents.waits_for = documents.waits_for.or(Some(kind.leaf())),
            }
        }
    }
    if documents.waits_for.is_some() {
        return Ok(documents);
    }
    let mut files = BTreeMap::new();
    for target in top(of, &chains)? {
        let file = TargetFile {
            custom: target.custom.clone(),
            ..TargetFile::of(&target.bytes)
        };
        files.insert(target.path.clone(), file);
        documents.contents.insert(target.path, target.bytes);
    }
    let targets = Targets {
        version: plan.targets.version,
        expires: plan.targets.expires,
        files,
        delegation: Some(Delegation {
            name: ONLINE_ROLE.into(),
            keys: one(&export.online_key)?,
            paths: ONLINE_PATHS.map(String::from).into(),
        }),
    };
    documents.targets = Some(targets.document()?);
    Ok(documents)
}

fn role(of: &Folder, plan: &RolePlan) -> Result<RoleKeys, CeremonyError> {
    let key = |name: &String| Ok::<_, CeremonyError>(TufKey::new(of.require_key(name)?.key()?)?);
    let keys: Vec<TufKey> = plan.people.iter().map(key).collect::<Result<_, _>>()?;
    // Two names for one key would make a threshold that one person meets.
    if let Some(twice) = keys
        .iter()
        .enumerate()
        .find(|(at, key)| keys[..*at].contains(key))
    {
        return Err(CeremonyError::Plan {
            why: format!("two of its people have the same key, {}", twice.1.id()),
        });
    }
    Ok(RoleKeys::new(keys, plan.threshold)?)
}

/// The documents of the instance with the new authorities beside those it has.
fn top(
    of: &Folder,
    chains: &[(AuthorityKind, [Certificate; 2])],
) -> Result<Vec<crate::tuf::TopTarget>, CeremonyError> {
    let export = of.export();
    let mut trusted_root = export.trusted_root.clone();
    for (kind, chain) in chains {
        let (list, uri) = match kind {
            AuthorityKind::Ca => ("certificateAuthorities", &export.instance),
            AuthorityKind::Tsa => ("timestampAuthorities", &export.tsa_url),
        };
        let authority = authority(&export.organization, uri, chain, of)?;
        match trusted_root[list].as_array_mut() {
            Some(known) => known.push(authority),
            None => trusted_root[list] = json!([authority]),
        }
    }
    let chain = |kind: AuthorityKind, list: &str| match chains.iter().find(|(k, _)| *k == kind) {
        Some((_, chain)) => Ok(chain.to_vec()),
        None => last_chain(&trusted_root[list]),
    };
    let legacy = Legacy {
        base_url: &export.instance,
        tsa_url: &export.tsa_url,
        ca_chain: &chain(AuthorityKind::Ca, "certificateAuthorities")?,
        tsa_chain: &chain(AuthorityKind::Tsa, "timestampAuthorities")?,
        log_v1_key: &PublicKey::from_pem(&export.log_v1_key)?,
        ct_key: &PublicKey::from_pem(&export.ct_key)?,
    };
    top_targets(&trusted_root, &export.signing_config, &legacy)
        .map_err(|error| CeremonyError::malformed("export.json", error))
}

fn authority(
    organization: &str,
    uri: &str,
    chain: &[Certificate; 2],
    of: &Folder,
) -> Result<Value, CeremonyError> {
    let authorities = of.plan().authorities.as_ref();
    let start = authorities.map(|authorities| authorities.not_before.to_string());
    let [_, root] = chain;
    let name = root.subject().to_string();
    let name = name.split(',').find_map(|part| part.strip_prefix("CN="));
    let certificates: Vec<Value> = chain
        .iter()
        .map(|c| json!({"rawBytes": STANDARD.encode(c.der())}))
        .collect();
    Ok(json!({
        "subject": {"organization": organization, "commonName": name.unwrap_or_default()},
        "uri": uri,
        "certChain": {"certificates": certificates},
        "validFor": {"start": start},
    }))
}

/// The chain of the newest authority that a trusted root names.
fn last_chain(list: &Value) -> Result<Vec<Certificate>, CeremonyError> {
    let wrong = || CeremonyError::malformed("export.json", "its trusted root cannot be read");
    let newest = list
        .as_array()
        .and_then(|list| list.last())
        .ok_or_else(wrong)?;
    let chain = newest["certChain"]["certificates"]
        .as_array()
        .ok_or_else(wrong)?;
    let certificate = |value: &Value| {
        let der = value["rawBytes"]
            .as_str()
            .and_then(|text| STANDARD.decode(text).ok());
        Ok(bulla_crypto::x509::parse_certificate(
            &der.ok_or_else(wrong)?,
        )?)
    };
    chain.iter().map(certificate).collect()
}
