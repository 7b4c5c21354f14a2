//! Objects mean the same in a folder and in a bucket: one body for both.

use bulla_core::Diagnose as _;
use bulla_store::{ObjectError, ObjectName, Objects, ObjectsConfig, Put};
use bulla_testkit::S3;
use std::sync::Arc;

fn name(text: &str) -> ObjectName {
    ObjectName::new(text).unwrap()
}

fn bucket(server: &S3) -> ObjectsConfig {
    ObjectsConfig {
        endpoint: Some(server.endpoint()),
        bucket: Some(S3::BUCKET.into()),
        access_key_file: Some(server.access_key_file()),
        secret_key_file: Some(server.secret_key_file()),
        ..ObjectsConfig::default()
    }
}

async fn keeps_what_was_first(objects: Arc<dyn Objects>) {
    let leaf = name("log/tile/0/000.abc");
    assert_eq!(objects.get(&leaf, 10).await.unwrap(), None);
    assert_eq!(
        objects.put_new(&leaf, "first".into()).await.unwrap(),
        Put::Created
    );
    assert_eq!(
        objects.put_new(&leaf, "second".into()).await.unwrap(),
        Put::Exists
    );
    assert_eq!(
        objects.get(&leaf, 5).await.unwrap().as_deref(),
        Some(&b"first"[..])
    );
    let error = objects.get(&leaf, 4).await.err().unwrap();
    assert!(
        matches!(error, ObjectError::Oversize { limit: 4, .. }),
        "{error}"
    );
    // Empty, and with every byte that a name can have.
    let odd = name("log/az09._-/x");
    objects.put_new(&odd, "".into()).await.unwrap();
    assert_eq!(
        objects.get(&odd, 0).await.unwrap().as_deref(),
        Some(&b""[..])
    );
    objects.delete(&odd).await.unwrap();
    objects.delete(&odd).await.unwrap();
    assert_eq!(objects.get(&odd, 0).await.unwrap(), None);
}

async fn lists_in_order(objects: Arc<dyn Objects>) {
    let all: Vec<_> = (0..23).map(|n| name(&format!("many/{:02}/x", n))).collect();
    for one in all.iter().rev() {
        objects.put_new(one, "x".into()).await.unwrap();
    }
    objects.put_new(&name("many2/x"), "x".into()).await.unwrap();
    let folder = name("many");
    let mut found = Vec::new();
    while let Some(page) =
        Some(objects.list(&folder, found.last(), 10).await.unwrap()).filter(|page| !page.is_empty())
    {
        found.extend(page);
    }
    assert_eq!(found, all);
    assert_eq!(objects.list(&name("none"), None, 10).await.unwrap(), []);
}

/// Twelve writers, each with other bytes: one is told that its bytes are kept,
/// and those are.
async fn one_of_many_wins(objects: Arc<dyn Objects>) {
    for round in 0..10 {
        let leaf = name(&format!("race/{round}"));
        let tasks: Vec<_> = (0..12_u8)
            .map(|writer| {
                let (objects, leaf) = (objects.clone(), leaf.clone());
                tokio::spawn(async move {
                    let bytes = vec![writer; 10_000];
                    (writer, objects.put_new(&leaf, bytes.into()).await.unwrap())
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            let (writer, put) = task.await.unwrap();
            winners.extend((put == Put::Created).then_some(writer));
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let kept = objects.get(&leaf, 10_000).await.unwrap().unwrap();
        assert_eq!(kept, vec![winners[0]; 10_000]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let objects = ObjectsConfig::directory(scratch.path())
        .open()
        .await
        .unwrap();
    keeps_what_was_first(objects.clone()).await;
    lists_in_order(objects.clone()).await;
    one_of_many_wins(objects).await;
    let parts = std::fs::read_dir(scratch.path().join("parts")).unwrap();
    assert_eq!(parts.count(), 0, "unfinished files were left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket() {
    let Some(server) = bulla_testkit::s3() else {
        return;
    };
    let objects = bucket(&server).open().await.unwrap();
    keeps_what_was_first(objects.clone()).await;
    lists_in_order(objects.clone()).await;
    one_of_many_wins(objects).await;
}

#[tokio::test]
async fn says_what_is_wrong_with_a_bucket() {
    let code = |config: ObjectsConfig| async move {
        let error = config.open().await.err().unwrap();
        let said = format!("{error} {:?} {:?}", error, error.hint());
        assert!(!said.contains("test-secret-key"), "{said}");
        error.code().0
    };
    let Some(mut server) = bulla_testkit::s3() else {
        return;
    };
    let good = bucket(&server);
    assert_eq!(code(ObjectsConfig::default()).await, "STORE-0120");
    let both = ObjectsConfig {
        directory: Some("/tmp".into()),
        ..good.clone()
    };
    assert_eq!(code(both).await, "STORE-0120");
    let elsewhere = ObjectsConfig {
        endpoint: Some("http://s3.example".into()),
        ..good.clone()
    };
    assert_eq!(
        code(elsewhere).await,
        "STORE-0122",
        "plain HTTP left this machine"
    );
    let no_bucket = ObjectsConfig {
        bucket: Some("not-there".into()),
        ..good.clone()
    };
    assert_eq!(code(no_bucket).await, "STORE-0126");
    let foreign = ObjectsConfig {
        secret_key_file: Some(server.access_key_file()),
        ..good.clone()
    };
    assert_eq!(code(foreign).await, "STORE-0126");
    let no_file = ObjectsConfig {
        secret_key_file: Some("/absent".into()),
        ..good.clone()
    };
    assert_eq!(code(no_file).await, "STORE-0121");
    let objects = good.open().await.unwrap();
    server.kill();
    let error = objects.get(&name("x/y"), 1).await.err().unwrap();
    assert_eq!(error.code().0, "STORE-0126", "{error}");
    server.restart();
    assert_eq!(objects.get(&name("x/y"), 1).await.unwrap(), None);
}
