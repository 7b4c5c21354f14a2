//! Keyless signing against a real authority on loopback: what it gives out, and
//! what verification says once somebody has laid hands on it.

use bulla_core::{Clock as _, Diagnose, Digest, Statement, SystemClock, statement::predicate_type};
use bulla_net::{
    SealError, seal_statement,
    token::{self, Service},
};
use bulla_trust::sigstore::{Artifact, verify_attestation, verify_blob};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::local::{EMAIL, Local, clock, edited, statement};

#[tokio::test]
async fn a_person_signs_a_statement_and_a_file() {
    let local = Local::start().await;
    let sealed = local.attest(&local.person().await, b"image").await.unwrap();
    let (signer, log) = (sealed.signer.clone().unwrap(), sealed.log.clone().unwrap());
    assert_eq!(signer.subject, EMAIL);
    assert_eq!(signer.root, local.authority.root_id());
    assert_eq!(sealed.digest, Digest::sha256(&sealed.bundle));
    assert!(log.index > 0 && log.tree_size > log.index);
    local.verify(&sealed.bundle, b"image").unwrap();

    let signed = local.sign(b"file").await;
    assert!(signed.log.as_ref().unwrap().index > log.index);
    let artifact = Artifact::Bytes(b"file");
    let expected = local.dana().under(local.authority.root_id());
    let now = SystemClock.now();
    verify_blob(&local.root, &signed.bundle, artifact, &expected, now).unwrap();
}

#[tokio::test]
async fn a_service_signs_under_its_own_name() {
    let local = Local::start().await;
    let token = token::service(&local.socket(), Service::Builder)
        .await
        .unwrap();
    let sealed = local.attest(&token, b"image").await.unwrap();
    let builder = format!("{}/oidc/service/builder", local.authority.base_url());
    let signer = sealed.signer.clone().unwrap();
    assert_eq!(signer.subject, builder);
    assert!(builder.starts_with(&signer.issuer));
    let now = SystemClock.now();
    let digest = Digest::sha256(b"image");
    let verified = verify_attestation(&local.root, &sealed.bundle, &digest, now).unwrap();
    let rejection = verified.require_identity(&local.dana()).unwrap_err();
    assert_eq!(rejection.code().0, "TRUST-0040");
}

#[tokio::test]
async fn the_same_name_under_another_root_is_refused() {
    let (ours, theirs) = (Local::start().await, Local::start().await);
    let sealed = theirs
        .attest(&theirs.person().await, b"image")
        .await
        .unwrap();
    let rejection = ours.verify(&sealed.bundle, b"image").unwrap_err();
    assert_eq!(rejection.code().0, "TRUST-0010", "{rejection}");

    // Services of one instance, root of another: nothing is given out.
    let outcome = seal_statement(
        &ours.http,
        &ours.services,
        &ours.person().await,
        &statement(b"image"),
        &theirs.root,
        &clock(),
    )
    .await;
    let Err(SealError::Refused(rejection)) = outcome else {
        panic!("sealed under another root");
    };
    assert_eq!(rejection.code().0, "TRUST-0010", "{rejection}");
}

#[tokio::test]
async fn each_tampering_has_its_code() {
    let local = Local::start().await;
    let token = local.person().await;
    let sealed = local.attest(&token, b"image").await.unwrap();
    let other = local.attest(&token, b"other").await.unwrap();
    let code = |bundle: &[u8]| local.verify(bundle, b"image").unwrap_err().code().0;

    assert_eq!(code(&other.bundle), "TRUST-0031");
    let other: Value = serde_json::from_slice(&other.bundle).unwrap();
    let with = |part: &'static str| {
        edited(&sealed.bundle, |bundle| {
            bundle["verificationMaterial"][part] = other["verificationMaterial"][part].clone();
        })
    };
    assert_eq!(code(&with("tlogEntries")), "TRUST-0024");
    assert_eq!(code(&with("certificate")), "TRUST-0030");
    assert_eq!(code(&with("timestampVerificationData")), "TRUST-0017");
    let payload = edited(&sealed.bundle, |bundle| {
        bundle["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"].clone();
    });
    let about_other = local.verify(&payload, b"other").unwrap_err();
    assert_eq!(about_other.code().0, "TRUST-0030");
}

#[tokio::test]
async fn time_is_proven_by_the_timestamp_alone() {
    let local = Local::start().await;
    let sealed = local.attest(&local.person().await, b"image").await.unwrap();
    let digest = Digest::sha256(b"image");
    let at = |bundle: &[u8], now: Timestamp| {
        verify_attestation(&local.root, bundle, &digest, now).map(drop)
    };
    let later = |hours| {
        sealed
            .time
            .unwrap()
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap()
    };
    at(&sealed.bundle, later(24 * 365)).unwrap();
    let timeless = edited(&sealed.bundle, |bundle| {
        bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
    });
    let code = |now| at(&timeless, now).unwrap_err().code().0;
    assert_eq!(code(SystemClock.now()), "TRUST-0014");
    assert_eq!(code(later(1)), "TRUST-0013");
    let before = at(&sealed.bundle, later(-1)).unwrap_err();
    assert_eq!(before.code().0, "TRUST-0019");
}

#[tokio::test]
async fn a_token_of_somebody_else_gets_no_certificate() {
    let (ours, theirs) = (Local::start().await, Local::start().await);
    let token = theirs.person().await;
    let error = ours.attest(&token, b"image").await.unwrap_err();
    assert_eq!(error.code().0, "NET-0008", "{error}");
    assert!(!error.to_string().contains(token.reveal()));
}

#[tokio::test]
async fn a_statement_about_nothing_is_not_signed() {
    let local = Local::start().await;
    let nothing = Statement::new(Vec::new(), predicate_type::SPDX, json!({}));
    let outcome = seal_statement(
        &local.http,
        &local.services,
        &local.person().await,
        &nothing,
        &local.root,
        &clock(),
    )
    .await;
    assert!(matches!(outcome, Err(SealError::NoSubject)));
}
