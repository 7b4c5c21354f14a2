//! Tags: once written, or only growing.

use crate::fixture::{Registry, described, digest};
use bulla_core::descriptor::media_type;
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_tag_cannot_be_moved() {
    let registry = Registry::new().await;
    let one = registry.image("app", "one").await;
    let two = registry.image("app", "two").await;
    assert_eq!(
        registry.put("app", "v1", &one).await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        registry.put("app", "v1", &one).await.status,
        StatusCode::CREATED
    );
    let moved = registry.put("app", "v1", &two).await;
    assert_eq!(moved.status, StatusCode::FORBIDDEN);
    let (code, detail) = moved.error();
    assert_eq!(code, "DENIED");
    assert!(detail.contains(&digest(&one).to_string()), "{detail}");
    assert!(detail.contains(&digest(&two).to_string()), "{detail}");
    let path = format!("{}?tag=v1", digest(&two));
    assert_eq!(
        registry.put("app", &path, &two).await.status,
        StatusCode::FORBIDDEN
    );
    let got = registry.get("/v2/app/manifests/v1").await;
    assert_eq!(
        got.header("docker-content-digest"),
        digest(&one).to_string()
    );
    let path = format!("{}?tag=v2&tag=v3", digest(&two));
    let tagged = registry.put("app", &path, &two).await;
    assert_eq!(tagged.headers.get_all("oci-tag").iter().count(), 2);
    assert_eq!(
        registry.get("/v2/app/tags/list").await.json()["tags"],
        json!(["v1", "v2", "v3"])
    );
}

#[tokio::test]
async fn of_many_pushes_of_one_tag_exactly_one_wins() {
    let registry = Registry::new().await;
    let mut images = Vec::new();
    for n in 0..8 {
        images.push(registry.image("app", &n.to_string()).await);
    }
    let pushes = images.iter().map(|image| registry.put("app", "v1", image));
    let answers = futures_util::future::join_all(pushes).await;
    let won = answers
        .iter()
        .filter(|a| a.status == StatusCode::CREATED)
        .count();
    assert_eq!(won, 1);
}

fn index(children: &[&Value]) -> Value {
    let manifests: Vec<_> = children.iter().map(|child| described(child)).collect();
    json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": manifests })
}

#[tokio::test]
async fn a_fallback_tag_grows_and_never_loses() {
    let registry = Registry::new().await;
    let mut children = Vec::new();
    for name in ["one", "two", "three"] {
        let image = registry.image("app", name).await;
        registry
            .put("app", &digest(&image).to_string(), &image)
            .await;
        children.push(image);
    }
    let [one, two, three] = [&children[0], &children[1], &children[2]];
    let tag = format!("sha256-{}", "a".repeat(64));
    for (entries, expected) in [
        (vec![one], StatusCode::CREATED),
        (vec![one, two], StatusCode::CREATED),
        (vec![one, three], StatusCode::FORBIDDEN),
        (vec![], StatusCode::FORBIDDEN),
        (vec![three, two, one], StatusCode::CREATED),
    ] {
        let answer = registry.put("app", &tag, &index(&entries)).await;
        assert_eq!(answer.status, expected, "{entries:?}");
    }
    let refused = registry.put("app", &tag, &index(&[three])).await;
    assert!(refused.error().1.contains("may only grow"));
    let signature = format!("{tag}.sig");
    assert_eq!(
        registry.put("app", &signature, one).await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        registry.put("app", &signature, two).await.status,
        StatusCode::FORBIDDEN
    );
    let mut both = one.clone();
    both["layers"] = json!([one["layers"][0], two["layers"][0]]);
    assert_eq!(
        registry.put("app", &signature, &both).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn tags_are_listed_in_order_and_pages() {
    let registry = Registry::new().await;
    assert_eq!(
        registry.get("/v2/app/tags/list").await.error().0,
        "NAME_UNKNOWN"
    );
    let image = registry.image("app", "one").await;
    for tag in ["b", "C", "a", "d"] {
        registry.put("app", tag, &image).await;
    }
    let list = |query: &str| {
        let path = format!("/v2/app/tags/list{query}");
        let registry = &registry;
        async move { registry.get(&path).await }
    };
    assert_eq!(
        list("").await.json(),
        json!({ "name": "app", "tags": ["C", "a", "b", "d"] })
    );
    let page = list("?n=2").await;
    assert_eq!(page.json()["tags"], json!(["C", "a"]));
    assert_eq!(
        page.header("link"),
        "</v2/app/tags/list?n=2&last=a>; rel=\"next\""
    );
    let page = list("?n=2&last=a").await;
    assert_eq!(page.json()["tags"], json!(["b", "d"]));
    assert_eq!(page.header("link"), "");
    let none = list("?n=0").await;
    assert_eq!(
        (none.json()["tags"].clone(), none.header("link")),
        (json!([]), "")
    );
    assert_eq!(list("?n=-1").await.status, StatusCode::BAD_REQUEST);
    let catalog = registry.get("/v2/_catalog").await;
    assert_eq!(catalog.json(), json!({ "repositories": ["app"] }));
}
