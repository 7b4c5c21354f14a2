//! One piece of signed metadata: the canonical bytes, the key, the key's id.

use bulla_core::{Digest, canonical_json};
use bulla_crypto::Signer;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::TufError;

/// `body` as the `signed` part of a role, signed by `key`.
pub(super) fn signed(
    role: &str,
    version: u64,
    now: Timestamp,
    life: SignedDuration,
    mut body: Value,
    key: &dyn Signer,
) -> Result<Vec<u8>, TufError> {
    let expires = now.checked_add(life).unwrap_or(Timestamp::MAX);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("_type".into(), role.into());
        fields.insert("spec_version".into(), "1.0.31".into());
        fields.insert("version".into(), version.into());
        fields.insert(
            "expires".into(),
            expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
        );
    }
    let sig = hex::encode(key.sign(&canonical_json::olpc(&body)?)?);
    let signatures = json!([{"keyid": key_id(key)?, "sig": sig}]);
    Ok(serde_json::to_vec_pretty(
        &json!({"signatures": signatures, "signed": body}),
    )?)
}

/// A key as metadata lists it.
pub(super) fn public_key(key: &dyn Signer) -> Value {
    json!({
        "keytype": "ed25519", "scheme": "ed25519",
        "keyval": {"public": hex::encode(key.public().raw())},
    })
}

/// SHA-256 of the canonical form of the listed key.
pub(super) fn key_id(key: &dyn Signer) -> Result<String, TufError> {
    Ok(Digest::sha256(&canonical_json::olpc(&public_key(key))?)
        .hex()
        .to_owned())
}
