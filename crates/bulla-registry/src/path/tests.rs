use super::*;
use proptest::prelude::*;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn reads_every_endpoint() {
    let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
    let name = || "a/b".to_owned();
    for (path, expected) in [
        ("/v2".into(), Resource::Ping),
        ("/v2/".into(), Resource::Ping),
        ("/v2/_catalog".into(), Resource::Catalog),
        ("/v2/a/b/tags/list".into(), Resource::Tags(name())),
        (
            "/v2/a/b/manifests/v1".into(),
            Resource::Manifest(name(), ManifestName::Tag("v1".into())),
        ),
        (
            format!("/v2/a/b/manifests/sha256:{HEX}"),
            Resource::Manifest(name(), ManifestName::Digest(digest.clone())),
        ),
        (
            format!("/v2/a/b/blobs/sha256%3A{HEX}"),
            Resource::Blob(name(), digest.clone()),
        ),
        (
            format!("/v2/a/b/referrers/sha256:{HEX}"),
            Resource::Referrers(name(), digest),
        ),
        ("/v2/a/b/blobs/uploads/".into(), Resource::Uploads(name())),
        ("/v2/a/b/blobs/uploads".into(), Resource::Uploads(name())),
        (
            "/v2/a/b/blobs/uploads/0a1b".into(),
            Resource::Upload(name(), "0a1b".into()),
        ),
        // names that look like endpoints are still names
        (
            "/v2/a/manifests/tags/list".into(),
            Resource::Tags("a/manifests".into()),
        ),
        (
            "/v2/a/blobs/uploads/manifests/v1".into(),
            Resource::Manifest("a/blobs/uploads".into(), ManifestName::Tag("v1".into())),
        ),
    ] {
        assert_eq!(parse(&path), Ok(expected), "{path}");
    }
}

#[test]
fn refuses_traversal_and_other_names() {
    for path in [
        "",
        "/",
        "/v1/",
        "/v2x",
        "/v2//manifests/v1",
        "/v2/manifests/v1",
        "/v2/../etc/manifests/v1",
        "/v2/a/../b/manifests/v1",
        "/v2/a%2f..%2fb/manifests/v1",
        "/v2/a/manifests/..",
        "/v2/a/manifests/.hidden",
        "/v2/a/manifests/v1%00",
        "/v2/a/manifests/sha256:../../x",
        "/v2/a/manifests/md5:0123",
        "/v2/a/blobs/sha256:0123",
        "/v2/A/manifests/v1",
        "/v2/a/blobs/uploads/../x",
        "/v2/a/blobs/uploads/a.b",
        "/v2/a/uploads/0a",
        "/v2/a\\b/manifests/v1",
        "/v2/a/tags/other",
    ] {
        assert!(parse(path).is_err(), "{path}");
    }
}

proptest! {
    /// Nothing that is accepted can leave the place it is put.
    #[test]
    fn accepted_names_are_in_the_grammar(path in "/v2/([a-z0-9._%/:-]|manifests|blobs|uploads|tags/list){0,40}") {
        if let Ok(Resource::Manifest(name, _) | Resource::Tags(name) | Resource::Uploads(name)
            | Resource::Blob(name, _) | Resource::Referrers(name, _) | Resource::Upload(name, _)) = parse(&path)
        {
            prop_assert!(is_repository(&name));
            prop_assert!(!name.split('/').any(|part| part.starts_with('.') || part.is_empty()));
        }
    }

    #[test]
    fn any_path_is_answered(path in any::<String>()) {
        let _ = parse(&path);
        let _ = parse(&format!("/v2/{path}"));
    }
}
