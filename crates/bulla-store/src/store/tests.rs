use super::*;

#[tokio::test]
async fn opens_twice_and_is_private() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let store = Store::open(&data).await.unwrap();
    assert_eq!(
        fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
    store.close().await;
    Store::open(&data).await.unwrap();
}

#[tokio::test]
async fn says_that_a_directory_cannot_be_written() {
    // Not even root makes directories in /sys.
    let error = Store::open("/sys/bulla-data").await.err().unwrap();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert_eq!(error.code(), Code("STORE-0002"));
    assert!(error.hint().unwrap().contains("--data DIR"));
}

#[tokio::test]
async fn says_that_a_path_is_no_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(file.join("data")).await.err().unwrap();
    assert_eq!(error.code(), Code("STORE-0001"));
}
