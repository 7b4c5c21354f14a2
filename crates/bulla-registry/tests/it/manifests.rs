//! Manifests and what refers to them.

use crate::fixture::{Registry, described, digest};
use bulla_core::{Digest, descriptor::media_type};
use bulla_registry::Deletion;
use http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_manifest_comes_back_verbatim_by_tag_and_digest() {
    let registry = Registry::new().await;
    let mut image = registry.image("a/b", "layer").await;
    image["unknown"] = json!({ "field": [1, 2.50, null] });
    let answer = registry.put("a/b", "v1", &image).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(
        answer.header("docker-content-digest"),
        digest(&image).to_string()
    );
    for reference in ["v1".to_owned(), digest(&image).to_string()] {
        let path = format!("/v2/a/b/manifests/{reference}");
        let got = registry.get(&path).await;
        assert_eq!(got.body, image.to_string().as_bytes());
        assert_eq!(got.header("content-type"), media_type::MANIFEST);
        let head = registry.call("HEAD", &path, &[], "").await;
        for name in ["content-length", "content-type", "docker-content-digest"] {
            assert_eq!(head.header(name), got.header(name));
            assert!(!head.header(name).is_empty(), "{name}");
        }
    }
    assert_eq!(
        registry.get("/v2/a/b/manifests/v2").await.error().0,
        "MANIFEST_UNKNOWN"
    );
}

#[tokio::test]
async fn what_a_manifest_names_must_be_there_and_true() {
    let registry = Registry::new().await;
    let image = registry.image("app", "layer").await;
    assert_eq!(
        registry.put("other", "v1", &image).await.error().0,
        "MANIFEST_BLOB_UNKNOWN"
    );
    let mut wrong = image.clone();
    wrong["layers"][0]["size"] = 4.into();
    assert_eq!(
        registry.put("app", "v1", &wrong).await.error().0,
        "SIZE_INVALID"
    );
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [described(&image)],
    });
    assert_eq!(
        registry.put("app", "v1", &index).await.error().0,
        "MANIFEST_BLOB_UNKNOWN"
    );
    let other = Digest::sha256(b"other").to_string();
    assert_eq!(
        registry.put("app", &other, &image).await.error().0,
        "DIGEST_INVALID"
    );
    for body in ["", "{", "[]", "{\"schemaVersion\":1}"] {
        let headers = [("content-type", media_type::MANIFEST)];
        let answer = registry
            .call("PUT", "/v2/app/manifests/v1", &headers, body)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.error().0, "MANIFEST_INVALID");
    }
    let huge = " ".repeat((4 << 20) + 1);
    let answer = registry
        .call("PUT", "/v2/app/manifests/v1", &[], huge)
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        registry.get("/v2/app/manifests/v1").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        registry.put("app", "v1", &image).await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        registry.put("app", "list", &index).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn referrers_are_listed_filtered_and_paged() {
    let registry = Registry::with(|config| config.limits.page = 4).await;
    let subject = registry.image("app", "subject").await;
    let path = format!("/v2/app/referrers/{}", digest(&subject));
    let none = registry.get(&path).await;
    assert_eq!(
        (none.status, none.header("content-type")),
        (StatusCode::OK, media_type::INDEX)
    );
    assert_eq!(none.json()["manifests"], json!([]));
    let mut expected = Vec::new();
    for n in 0..9 {
        let mut artifact = registry.image("app", &format!("evidence {n}")).await;
        artifact["subject"] = json!(described(&subject));
        artifact["artifactType"] = if n == 3 { "type/odd" } else { "type/even" }.into();
        artifact["annotations"] = json!({ "n": n.to_string() });
        let name = digest(&artifact).to_string();
        let answer = registry.put("app", &name, &artifact).await;
        assert_eq!(answer.header("oci-subject"), digest(&subject).to_string());
        expected.push(name);
    }
    expected.sort();
    let (mut seen, mut next) = (Vec::new(), path.clone());
    loop {
        let page = registry.get(&next).await;
        for entry in page.json()["manifests"].as_array().unwrap() {
            assert!(entry["annotations"]["n"].is_string());
            seen.push(entry["digest"].as_str().unwrap().to_owned());
        }
        let link = page.header("link");
        match link.strip_prefix('<').and_then(|link| link.split_once('>')) {
            Some((path, _)) => next = path.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    let odd = registry
        .get(&format!("{path}?artifactType=type%2Fodd"))
        .await;
    assert_eq!(odd.header("oci-filters-applied"), "artifactType");
    assert_eq!(odd.json()["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(odd.json()["manifests"][0]["artifactType"], "type/odd");
}

#[tokio::test]
async fn deleting_a_manifest_takes_its_tags_and_its_place_among_referrers() {
    let registry = Registry::with(|config| config.deletion = Deletion::Allowed).await;
    let subject = registry.image("app", "subject").await;
    let mut artifact = registry.image("app", "evidence").await;
    artifact["subject"] = json!(described(&subject));
    registry.put("app", "evidence", &artifact).await;
    let path = format!("/v2/app/manifests/{}", digest(&artifact));
    assert_eq!(
        registry.call("DELETE", &path, &[], "").await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        registry.call("DELETE", &path, &[], "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        registry.get("/v2/app/manifests/evidence").await.status,
        StatusCode::NOT_FOUND
    );
    let path = format!("/v2/app/referrers/{}", digest(&subject));
    assert_eq!(registry.get(&path).await.json()["manifests"], json!([]));
}

#[tokio::test]
async fn damage_in_the_store_is_an_error_not_an_answer() {
    let registry = Registry::new().await;
    let image = registry.image("app", "layer").await;
    registry.put("app", "v1", &image).await;
    let state = registry.store.state();
    let mut transaction = state.write().await.unwrap();
    bulla_store::sqlx::query("UPDATE manifest SET bytes = x'7b7d'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    state.commit(transaction).await.unwrap();
    for method in ["GET", "HEAD"] {
        let answer = registry.call(method, "/v2/app/manifests/v1", &[], "").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{method}");
    }
}
