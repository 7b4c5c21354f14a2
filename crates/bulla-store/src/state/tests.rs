use super::*;

async fn open(directory: &Path) -> Result<StateStore, StateError> {
    StateStore::open(&directory.join("state.sqlite")).await
}

#[tokio::test]
async fn refuses_what_a_newer_version_wrote() {
    let scratch = tempfile::tempdir().unwrap();
    let state = open(scratch.path()).await.unwrap();
    let mut transaction = state.write().await.unwrap();
    sqlx::query("UPDATE schema_version SET version = 99 WHERE component = 'registry'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    state.commit(transaction).await.unwrap();
    state.close().await;
    let error = open(scratch.path()).await.err().unwrap();
    assert!(
        matches!(&error, StateError::Newer { component, found: 99, .. } if component == "registry"),
        "{error:?}"
    );
    assert_eq!(error.code(), Code("STORE-0012"));
}

#[tokio::test]
async fn names_damage_and_what_mends_it() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("state.sqlite"), vec![0x5a; 8192]).unwrap();
    let error = open(scratch.path()).await.err().unwrap();
    assert_eq!(error.code(), Code("STORE-0010"), "{error:?}");
    assert!(error.hint().unwrap().contains(".recover"));
}

#[tokio::test]
async fn sees_a_page_overwritten_in_the_middle() {
    let scratch = tempfile::tempdir().unwrap();
    open(scratch.path()).await.unwrap().close().await;
    let file = scratch.path().join("state.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    assert!(bytes.len() > 3 * 4096);
    bytes[2 * 4096..3 * 4096].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    let error = open(scratch.path()).await.err().unwrap();
    assert_eq!(error.code(), Code("STORE-0010"), "{error:?}");
}

#[tokio::test]
async fn adds_the_tables_of_others_step_by_step() {
    const FIRST: &str = "CREATE TABLE leaf (id INTEGER PRIMARY KEY) STRICT;";
    const SECOND: &str = "ALTER TABLE leaf ADD COLUMN hash BLOB;";
    let scratch = tempfile::tempdir().unwrap();
    let state = open(scratch.path()).await.unwrap();
    let schema = |steps| {
        [Schema {
            component: "test",
            steps,
        }]
    };
    state.migrate(&schema(&[FIRST])).await.unwrap();
    state.migrate(&schema(&[FIRST, SECOND])).await.unwrap();
    state.migrate(&schema(&[FIRST, SECOND])).await.unwrap();
    let mut transaction = state.write().await.unwrap();
    sqlx::query("INSERT INTO leaf (hash) VALUES (x'00')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    state.commit(transaction).await.unwrap();
    assert!(matches!(
        state.migrate(&schema(&[FIRST])).await,
        Err(StateError::Newer {
            found: 2,
            known: 1,
            ..
        })
    ));
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let state = open(scratch.path()).await.unwrap();
    let values = Values::new(state.clone());
    let mut transaction = state.write().await.unwrap();
    sqlx::query("INSERT INTO value VALUES ('s', 'k', x'01')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    drop(transaction);
    assert_eq!(values.get("s", "k").await.unwrap(), None);
}

#[tokio::test]
async fn changes_values_all_or_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let values = Values::new(open(scratch.path()).await.unwrap());
    let swap = |expected, value| Change::Swap {
        key: "head",
        expected,
        value,
    };
    let put = Change::Put {
        key: "leaf",
        value: b"1",
    };
    assert!(values.apply("log", &[swap(None, b"a")]).await.unwrap());
    assert!(
        !values
            .apply("log", &[put.clone(), swap(None, b"b")])
            .await
            .unwrap()
    );
    assert_eq!(values.get("log", "leaf").await.unwrap(), None);
    assert!(
        values
            .apply("log", &[put, swap(Some(b"a"), b"b")])
            .await
            .unwrap()
    );
    assert_eq!(
        values.scan("log", "", 10).await.unwrap(),
        [
            ("head".into(), b"b".to_vec()),
            ("leaf".into(), b"1".to_vec())
        ]
    );
    assert!(values.scan("other", "", 10).await.unwrap().is_empty());
    assert!(
        values
            .apply("log", &[Change::Delete { key: "leaf" }])
            .await
            .unwrap()
    );
    assert_eq!(values.scan("log", "head", 10).await.unwrap(), []);
}
