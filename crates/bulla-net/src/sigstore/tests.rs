use bulla_trust::root::LogApi;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

fn embedded() -> (Value, Value) {
    let documents = ClientTrustConfig::public_good();
    let read = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
    (
        read(&documents.trusted_root),
        read(&documents.signing_config),
    )
}

#[test]
fn the_public_instance_signs_with_either_log() {
    let public = Sigstore::public_good().unwrap();
    assert_eq!(public.root().id(), &TrustRoot::public_good_id());
    let api = |choice| public.services(now(), choice).unwrap().logs[0].api;
    assert_eq!(api(LogChoice::Newest), LogApi::V1);
    assert_eq!(api(LogChoice::V1), LogApi::V1);
    assert_eq!(api(LogChoice::V2), LogApi::V2);
}

#[test]
fn a_client_trust_config_and_its_halves_are_one_instance() {
    let (root, config) = embedded();
    let (root_text, config_text) = (root.to_string(), config.to_string());
    let whole = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json","trustedRoot":{root_text},"signingConfig":{config_text}}}"#
    );
    let pair = Sigstore::read(root_text.as_bytes(), Some(config_text.as_bytes()), None).unwrap();
    let one = Sigstore::read_document(whole.as_bytes(), None).unwrap();
    // The root inside keeps its bytes, and so its name.
    assert_eq!(one.root().id(), pair.root().id());
    assert_eq!(
        one.root().id(),
        &RootId(Digest::sha256(root_text.as_bytes()))
    );
    let services = |instance: &Sigstore| instance.services(now(), LogChoice::Newest).unwrap();
    assert_eq!(services(&one), services(&pair));

    let named = RootId(Digest::sha256(b"a TUF root"));
    let one = Sigstore::read_document(whole.as_bytes(), Some(named.clone())).unwrap();
    assert_eq!(one.root().id(), &named);

    let alone = Sigstore::read_document(root_text.as_bytes(), None).unwrap();
    let error = alone.services(now(), LogChoice::Newest).unwrap_err();
    assert!(matches!(error, RootError::NoService { .. }), "{error}");
    let completed = alone.with_signing_config(config_text.as_bytes()).unwrap();
    assert_eq!(services(&completed), services(&pair));
}

#[test]
fn other_documents_are_no_instance() {
    let (root, config) = embedded();
    let broken = json!({
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root, "signingConfig": config, "onlyFor": "docs",
    });
    for document in [broken, config, json!({}), json!([]), json!("x")] {
        let document = document.to_string();
        assert!(Sigstore::read_document(document.as_bytes(), None).is_err());
    }
}
