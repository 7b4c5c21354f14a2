//! Sealing with keys, certificates and tokens, witnessed by a real log of either
//! version, or by nobody.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Diagnose, Digest, SystemClock, canonical_json, envelope::pre_authentication_encoding,
};
use bulla_crypto::{PublicKey, Scheme, SigningKey};
use bulla_net::{Content, Request, SealError, Sealed, Sealer, sealing::LogKind};
use bulla_trust::{
    root::{LogApi, LogService, SigningServices},
    sigstore::{Artifact, verify_attestation_with_key, verify_blob_with_key},
};
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

use crate::local::{EMAIL, Local, clock, statement};

const PAYLOAD: &[u8] = b"{\"critical\":{}}";

impl Local {
    pub(crate) fn logs(&self, apis: &[LogApi], stamped: bool) -> SigningServices {
        let log = |api: &LogApi| LogService {
            url: self.authority.base_url().to_owned(),
            api: *api,
        };
        SigningServices {
            logs: apis.iter().map(log).collect(),
            tsas: if stamped {
                self.services.tsas.clone()
            } else {
                Vec::new()
            },
            ..self.services.clone()
        }
    }

    pub(crate) fn with_key(&self, scheme: Scheme) -> Sealer {
        let key = SigningKey::generate(scheme).unwrap();
        Sealer::with_key(&self.http, Arc::new(key))
    }

    async fn keyless(&self, services: &SigningServices) -> Sealer {
        let token = self.person().await;
        Sealer::keyless(
            &self.http,
            services.ca().unwrap(),
            &token,
            Scheme::EcdsaP256,
        )
        .await
        .unwrap()
        .witnessed_by(services)
        .checked_under(self.root.clone(), clock())
    }
}

fn json_of(sealed: &Sealed) -> Value {
    serde_json::from_slice(&sealed.bundle).unwrap()
}

fn bytes(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_key_signs_without_any_service() {
    let local = Local::start().await;
    for scheme in [
        Scheme::EcdsaP256,
        Scheme::EcdsaP384,
        Scheme::EcdsaP521,
        Scheme::Ed25519,
        Scheme::Ed25519ph,
        Scheme::Rsa2048,
    ] {
        let sealer = local.with_key(scheme);
        let sealed = sealer.seal(&Content::Blob(PAYLOAD)).await.unwrap();
        let bundle = json_of(&sealed);
        let material = &bundle["verificationMaterial"];
        let hint = STANDARD.encode(sealer.public_key().id().bytes());
        assert_eq!(material["publicKey"]["hint"], json!(hint));
        let signature = &bundle["messageSignature"];
        let hash = scheme.hash();
        assert_eq!(
            signature["messageDigest"]["algorithm"],
            json!(hash.sigstore_name())
        );
        assert_eq!(
            bytes(&signature["messageDigest"]["digest"]),
            hash.digest(PAYLOAD)
        );
        assert_eq!(bytes(&signature["signature"]), sealed.parts.signature);
        sealer
            .public_key()
            .verify(PAYLOAD, &sealed.parts.signature)
            .unwrap();
        assert_eq!(sealed.parts.public_key, sealer.public_key().to_pem());
        assert!(sealed.parts.cosign_annotations().is_empty());
        assert_eq!((sealed.log_index(), sealed.time), (None, None));
    }
}

#[tokio::test]
async fn an_envelope_keeps_its_bytes() {
    let local = Local::start().await;
    let sealer = local.with_key(Scheme::EcdsaP256);
    let content = Content::Envelope {
        payload_type: "application/vnd.in-toto+json",
        payload: b"{ \"odd\" : 1 }\n",
    };
    let sealed = sealer.seal(&content).await.unwrap();
    let envelope = &json_of(&sealed)["dsseEnvelope"];
    assert_eq!(bytes(&envelope["payload"]), b"{ \"odd\" : 1 }\n");
    let message = pre_authentication_encoding("application/vnd.in-toto+json", b"{ \"odd\" : 1 }\n");
    sealer
        .public_key()
        .verify(&message, &sealed.parts.signature)
        .unwrap();
    let kept = sealed.parts.envelope.unwrap();
    assert_eq!(kept.signatures[0].sig, sealed.parts.signature);
}

#[tokio::test]
async fn keys_are_witnessed_by_logs_of_either_version() {
    let local = Local::start().await;
    for api in [LogApi::V1, LogApi::V2] {
        for scheme in [
            Scheme::EcdsaP256,
            Scheme::EcdsaP384,
            Scheme::EcdsaP521,
            Scheme::Rsa2048,
        ] {
            let sealer = local
                .with_key(scheme)
                .witnessed_by(&local.logs(&[api], true))
                .checked_under(local.root.clone(), clock());
            let spki = sealer.public_key().spki_der().to_vec();
            let now = bulla_core::Clock::now(&SystemClock);
            let sealed = sealer.seal(&Content::Blob(PAYLOAD)).await.unwrap();
            let artifact = Artifact::Bytes(PAYLOAD);
            verify_blob_with_key(&local.root, &sealed.bundle, artifact, &spki, now).unwrap();
            let statement = statement(b"image");
            let content = Content::Statement(&statement);
            let sealed = sealer.seal(&content).await.unwrap();
            let digest = Digest::sha256(b"image");
            verify_attestation_with_key(&local.root, &sealed.bundle, &digest, &spki, now).unwrap();
            assert!(sealed.log.is_some() && sealed.time.is_some());
        }
    }
}

#[tokio::test]
async fn what_no_log_holds_is_verified_as_far_as_it_goes() {
    let local = Local::start().await;
    let about = statement(b"image");
    for stamped in [false, true] {
        let services = local.logs(&[], stamped);
        let keyless = local.keyless(&services).await;
        let key = local
            .with_key(Scheme::EcdsaP256)
            .witnessed_by(&services)
            .checked_under(local.root.clone(), clock());
        for content in [Content::Blob(PAYLOAD), Content::Statement(&about)] {
            let sealed = keyless.seal(&content).await.unwrap();
            assert_eq!(sealed.signer.as_ref().unwrap().subject, EMAIL);
            assert_eq!(
                (sealed.log.is_some(), sealed.time.is_some()),
                (false, stamped)
            );
            let sealed = key.seal(&content).await.unwrap();
            assert!(sealed.signer.is_none() && sealed.log.is_none());
        }
    }
    // Under another instance's root none of it passes.
    let other = Local::start().await;
    let services = local.logs(&[], true);
    let sealer = local.keyless(&services).await;
    let sealer = sealer.checked_under(other.root.clone(), clock());
    let error = sealer.seal(&Content::Blob(PAYLOAD)).await.unwrap_err();
    assert_eq!(error.code().0, "NET-0202", "{error}");
}

#[tokio::test]
async fn logs_take_every_kind_of_key_that_signs_a_digest() {
    let local = Local::start().await;
    for (api, scheme) in [
        (LogApi::V1, Scheme::EcdsaP384),
        (LogApi::V1, Scheme::EcdsaP521),
        (LogApi::V2, Scheme::EcdsaP521),
        (LogApi::V2, Scheme::Rsa3072),
    ] {
        let sealer = local
            .with_key(scheme)
            .witnessed_by(&local.logs(&[api], true));
        let sealed = sealer.seal(&Content::Blob(PAYLOAD)).await.unwrap();
        let entry = &json_of(&sealed)["verificationMaterial"]["tlogEntries"][0];
        let body: Value = serde_json::from_slice(&bytes(&entry["canonicalizedBody"])).unwrap();
        let spec = &body["spec"];
        let logged = match api {
            LogApi::V1 => hex::decode(spec["data"]["hash"]["value"].as_str().unwrap()).unwrap(),
            LogApi::V2 => {
                let entry = &spec["hashedRekordV002"];
                let details = &entry["signature"]["verifier"]["keyDetails"];
                assert_eq!(*details, json!(scheme.sigstore_name()));
                bytes(&entry["data"]["digest"])
            }
        };
        assert_eq!(logged, scheme.hash().digest(PAYLOAD));
    }
}

#[tokio::test]
async fn one_certificate_seals_for_both_layouts() {
    let local = Local::start().await;
    let services = local.logs(&[LogApi::V1], false);
    let sealer = local.keyless(&services).await;
    let simple = sealer.seal(&Content::Blob(PAYLOAD)).await.unwrap();
    let about = statement(b"image");
    let attested = sealer.seal(&Content::Statement(&about)).await.unwrap();
    assert_eq!(simple.parts.certificate, attested.parts.certificate);
    for sealed in [&simple, &attested] {
        assert_eq!(sealed.signer.as_ref().unwrap().subject, EMAIL);
        // No authority stamped: the log's own time counts.
        assert!(sealed.time.is_some() && sealed.parts.timestamps.is_empty());
        let annotations = sealed.parts.cosign_annotations();
        let names: Vec<&str> = annotations.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "dev.sigstore.cosign/bundle",
                "dev.sigstore.cosign/certificate",
                "dev.sigstore.cosign/chain"
            ]
        );
        assert!(annotations["dev.sigstore.cosign/chain"].starts_with("-----BEGIN CERTIFICATE"));
        promise_holds(&local, &annotations["dev.sigstore.cosign/bundle"]).await;
    }
}

/// The promise is signed by the log over the payload beside it, as cosign checks.
async fn promise_holds(local: &Local, annotation: &str) {
    let promise: Value = serde_json::from_str(annotation).unwrap();
    let url = format!("{}/api/v1/log/publicKey", local.authority.base_url());
    let answer = local.http.send(Request::get(Url::parse(&url).unwrap()));
    let pem = answer.await.unwrap().bytes(10_000, "a key").await.unwrap();
    let key = PublicKey::from_pem(&String::from_utf8(pem).unwrap()).unwrap();
    let payload = &promise["Payload"];
    assert_eq!(payload["logID"], json!(key.id().hex()));
    let signed = canonical_json::jcs(payload).unwrap();
    key.verify(&signed, &bytes(&promise["SignedEntryTimestamp"]))
        .unwrap();
}

#[tokio::test]
async fn both_logs_may_hold_one_signature() {
    let local = Local::start().await;
    let services = local.logs(&[LogApi::V2, LogApi::V1], true);
    let sealer = local.keyless(&services).await;
    let about = statement(b"image");
    let sealed = sealer.seal(&Content::Statement(&about)).await.unwrap();
    assert_eq!(sealed.parts.log_entries.len(), 2);
    let annotations = sealed.parts.cosign_annotations();
    assert!(annotations.contains_key("dev.sigstore.cosign/bundle"));
    let stamp = &annotations["dev.sigstore.cosign/rfc3161timestamp"];
    let stamp: Value = serde_json::from_str(stamp).unwrap();
    assert_eq!(
        bytes(&stamp["SignedRFC3161Timestamp"]),
        sealed.parts.timestamps[0]
    );
    local.verify(&sealed.bundle, b"image").unwrap();
}

#[tokio::test]
async fn pure_ed25519_is_refused_before_it_signs_what_no_log_can_check() {
    let local = Local::start().await;
    let about = statement(b"image");
    let (blob, attestation) = (Content::Blob(PAYLOAD), Content::Statement(&about));
    let seal = async |api, kind, content: &Content<'_>| {
        local
            .with_key(Scheme::Ed25519)
            .witnessed_by(&local.logs(&[api], true))
            .log_kind(kind)
            .seal(content)
            .await
    };
    for (api, kind, content) in [
        (LogApi::V2, LogKind::Dsse, &blob),
        (LogApi::V2, LogKind::Dsse, &attestation),
        (LogApi::V1, LogKind::Dsse, &blob),
        (LogApi::V1, LogKind::HashedRekord, &attestation),
    ] {
        let error = seal(api, kind, content).await.unwrap_err();
        assert!(matches!(error, SealError::PureEd25519), "{error}");
    }
    seal(LogApi::V1, LogKind::Dsse, &attestation).await.unwrap();
}

#[tokio::test]
async fn a_certificate_must_be_for_the_key() {
    let local = Local::start().await;
    let token = local.person().await;
    let ca = local.services.ca().unwrap();
    let key = Arc::new(SigningKey::generate(Scheme::EcdsaP384).unwrap());
    let certified = Sealer::certified(&local.http, ca, &token, key.clone())
        .await
        .unwrap();
    let leaf = certified.certificate().unwrap().to_vec();
    let own = Sealer::with_certificate(&local.http, key, leaf.clone(), Vec::new()).unwrap();
    let sealed = own.seal(&Content::Blob(PAYLOAD)).await.unwrap();
    assert_eq!(
        bytes(&json_of(&sealed)["verificationMaterial"]["certificate"]["rawBytes"]),
        leaf
    );
    assert_eq!(sealed.parts.chain, None);

    let other = Arc::new(SigningKey::generate(Scheme::EcdsaP384).unwrap());
    for certificate in [leaf, b"no certificate".to_vec()] {
        let refused = Sealer::with_certificate(&local.http, other.clone(), certificate, Vec::new());
        assert_eq!(refused.unwrap_err().code().0, "NET-0204");
    }
}
