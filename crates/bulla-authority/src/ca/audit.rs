//! Audit lines: who got a certificate, and why somebody did not.
//!
//! Tokens and proofs never appear, and what a stranger wrote appears bounded and
//! quoted.

use bulla_core::Diagnose;
use bulla_crypto::x509::Certificate;

use super::{CaRefusal, issuer::Principal};

/// Longest text of a stranger, in characters.
const SHOWN: usize = 256;

/// A certificate was issued.
pub(super) fn issued(chain: &[Certificate], principal: &Principal) {
    let leaf = chain.first().map(|leaf| &leaf.parsed().tbs_certificate);
    let serial = leaf.map(|leaf| hex::encode(leaf.serial_number.as_bytes()));
    tracing::info!(
        target: "audit",
        event = "certificate issued",
        subject = ?shown(principal.name()),
        issuer = ?shown(principal.extensions.issuer()),
        serial = serial.unwrap_or_default(),
    );
}

/// Nothing was issued. `issuer` is who the token said it was from.
pub(super) fn refused(
    issuer: Option<&str>,
    refusal: &CaRefusal,
    cause: Option<&(dyn Diagnose + Send + Sync)>,
) {
    let reason = cause.map(ToString::to_string).unwrap_or_default();
    tracing::info!(
        target: "audit",
        event = "certificate refused",
        code = cause.map_or(refusal.code(), Diagnose::code).0,
        answer = %refusal,
        reason = ?shown(&reason),
        issuer = ?shown(issuer.unwrap_or_default()),
    );
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
