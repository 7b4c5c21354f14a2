use super::*;
use futures_util::TryStreamExt as _;
use proptest::prelude::*;

fn store(scratch: &tempfile::TempDir) -> LocalBlobs {
    LocalBlobs::open(&scratch.path().join("blobs")).unwrap()
}

async fn put(blobs: &LocalBlobs, bytes: &[u8], digest: Digest) -> Result<u64, BlobError> {
    let mut upload = blobs.begin(u64::MAX).await?;
    for piece in bytes.chunks(100_000) {
        upload.append(Bytes::copy_from_slice(piece)).await?;
    }
    upload.commit(digest).await
}

fn uploads(scratch: &tempfile::TempDir) -> usize {
    std::fs::read_dir(scratch.path().join("blobs/uploads"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn content_comes_back_whole_and_in_ranges() {
    let scratch = tempfile::tempdir().unwrap();
    let blobs = store(&scratch);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for digest in [Digest::sha256(&bytes), Digest::sha512(&bytes)] {
        assert_eq!(
            put(&blobs, &bytes, digest.clone()).await.unwrap(),
            3_000_000
        );
        let reader = blobs.open(&digest).await.unwrap().unwrap();
        assert_eq!(reader.bytes(3_000_000).await.unwrap(), bytes);
        assert!(matches!(
            reader.bytes(2_999_999).await,
            Err(BlobError::TooLarge { .. })
        ));
        let range: Vec<Bytes> = reader.stream(299_990, 300_000).try_collect().await.unwrap();
        assert_eq!(range.concat(), bytes[299_990..599_990]);
        let past: Result<Vec<Bytes>, _> = reader.stream(2_999_990, 11).try_collect().await;
        assert!(past.is_err(), "a range past the end is not answered short");
        assert!(blobs.delete(&digest).await.unwrap());
        assert!(blobs.open(&digest).await.unwrap().is_none());
    }
    assert_eq!(uploads(&scratch), 0);
}

#[tokio::test]
async fn wrong_content_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let blobs = store(&scratch);
    let expected = Digest::sha256(b"right");
    let error = put(&blobs, b"wrong", expected.clone()).await.unwrap_err();
    assert!(matches!(error, BlobError::Mismatch { .. }), "{error}");
    assert!(blobs.open(&expected).await.unwrap().is_none());
    assert_eq!(uploads(&scratch), 0);
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let mut upload = store(&scratch).begin(10).await.unwrap();
    upload
        .append(Bytes::from_static(b"0123456789"))
        .await
        .unwrap();
    assert!(matches!(
        upload.append(Bytes::from_static(b"x")).await,
        Err(BlobError::TooLarge { limit: 10 })
    ));
    drop(upload);
    assert_eq!(uploads(&scratch), 0);
}

#[tokio::test]
async fn a_kept_upload_goes_on_after_a_restart() {
    let scratch = tempfile::tempdir().unwrap();
    let blobs = store(&scratch);
    let mut upload = blobs.begin(100).await.unwrap();
    let id = upload.id().to_owned();
    upload.keep();
    upload.append(Bytes::from_static(b"hello ")).await.unwrap();
    upload.flush().await.unwrap();
    assert!(matches!(
        blobs.resume(&id, 100).await.err(),
        Some(BlobError::Busy { .. })
    ));
    drop(upload);
    let mut upload = store(&scratch).resume(&id, 100).await.unwrap().unwrap();
    assert_eq!(upload.length(), 6);
    upload.append(Bytes::from_static(b"world")).await.unwrap();
    let digest = Digest::sha256(b"hello world");
    assert_eq!(upload.commit(digest.clone()).await.unwrap(), 11);
    assert!(blobs.open(&digest).await.unwrap().is_some());
    assert!(blobs.resume(&id, 100).await.unwrap().is_none());
}

#[tokio::test]
async fn names_from_outside_stay_inside() {
    let scratch = tempfile::tempdir().unwrap();
    let blobs = store(&scratch);
    std::fs::write(scratch.path().join("secret"), "x").unwrap();
    for id in ["../../secret", "", "..", "0123456789abcdef0123456789abcde/"] {
        assert!(blobs.resume(id, 100).await.unwrap().is_none(), "{id}");
        blobs.discard(id).await.unwrap();
    }
    assert!(scratch.path().join("secret").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_pieces_make_the_same_blob(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 0..8),
        interrupted in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scratch = tempfile::tempdir().unwrap();
            let blobs = store(&scratch);
            let whole = pieces.concat();
            let mut upload = blobs.begin(u64::MAX).await.unwrap();
            upload.keep();
            for piece in pieces {
                upload.append(Bytes::from(piece)).await.unwrap();
                if interrupted {
                    upload.flush().await.unwrap();
                    let id = upload.id().to_owned();
                    drop(upload);
                    upload = blobs.resume(&id, u64::MAX).await.unwrap().unwrap();
                }
            }
            let digest = Digest::sha256(&whole);
            upload.commit(digest.clone()).await.unwrap();
            let reader = blobs.open(&digest).await.unwrap().unwrap();
            assert_eq!(reader.bytes(u64::MAX).await.unwrap(), whole);
        });
    }
}
