//! python-tuf when the online keys are replaced in an emergency.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn python_tuf_follows_new_online_keys_and_trusts_the_former_no_more() {
    let Some(python) = python() else { return };
    let repository = Repository::start().await;
    let listed = "revocations/list.json";
    let put = async |bytes: &[u8]| {
        let publisher = &repository.publisher;
        publisher.put_target(listed, bytes.to_vec()).await.unwrap();
    };
    put(b"[1]").await;
    let (ok, said) = repository.python(&python, "state", &[listed]).await;
    assert!(ok && said.contains("list.json [1]"), "{said}");
    let stolen = repository.slots.get("tuf-timestamp").await.unwrap();
    let before = repository.file("timestamp.json").await;
    for version in [2, 3] {
        let installed = repository.publisher.rotate().await.unwrap();
        assert_eq!(installed.root_version, version);
    }
    put(b"[2]").await;
    // Both a client that knows the former keys, and one that has the first root only.
    for state in ["state", "late"] {
        let (ok, said) = repository.python(&python, state, &[listed]).await;
        assert!(
            ok && said.starts_with("3\n") && said.contains("list.json [2]"),
            "{state}: {said}"
        );
    }
    // A newer timestamp by the former key, as whoever has it would serve it.
    let mut body = Document::parse(&before).unwrap().body().clone();
    body["version"] = json!(1_000);
    let mut forged = Document::new(body).unwrap();
    forged.sign(&stolen.unwrap()).unwrap();
    let forged = forged.to_bytes().unwrap();
    let mirror = ("timestamp.json".to_owned(), Some(forged));
    repository.overlay.lock().unwrap().extend([mirror]);
    for state in ["state", "other"] {
        let (ok, said) = repository.python(&python, state, &[listed]).await;
        assert!(
            !ok && said.contains("UnsignedMetadataError"),
            "{state}: {said}"
        );
    }
}
