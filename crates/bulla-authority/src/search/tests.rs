use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_store::Store;
use serde_json::json;
use std::sync::Arc;

use super::{run::BLOCK, *};

/// A log of bodies that are as short as they can be.
#[derive(Default)]
struct Bodies {
    entries: Mutex<Vec<Vec<u8>>>,
    follows: AtomicBool,
}

impl Bodies {
    fn grow(&self, count: u64) {
        let mut entries = self.entries.lock().unwrap();
        for _ in 0..count {
            let index = u64::try_from(entries.len()).unwrap();
            entries.push(body(index));
        }
    }
}

impl Source for Bodies {
    fn size(&self) -> u64 {
        u64::try_from(self.entries.lock().unwrap().len()).unwrap()
    }

    fn is_leading(&self) -> bool {
        !self.follows.load(SeqCst)
    }

    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Vec<u8>>> {
        let first = usize::try_from(number * BLOCK).unwrap();
        let entries = self.entries.lock().unwrap();
        let found = entries[first..first + usize::from(width)].to_vec();
        Box::pin(async move { Ok(found) })
    }

    fn entry(&self, index: u64) -> Reading<'_, Option<Vec<u8>>> {
        let entries = self.entries.lock().unwrap();
        let found = entries.get(usize::try_from(index).unwrap()).cloned();
        Box::pin(async move { Ok(found) })
    }
}

/// Each entry has a digest of its own, and one that every seventh has.
fn body(index: u64) -> Vec<u8> {
    let key = json!({"rawBytes": STANDARD.encode((index % 7).to_be_bytes())});
    let body = json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": {"algorithm": "SHA2_256", "digest": STANDARD.encode(index.to_be_bytes())},
        "signature": {"verifier": {"publicKey": key}},
    }}});
    body.to_string().into_bytes()
}

fn digest_of(index: u64) -> Criterion {
    Criterion::digest(&format!("sha256:{}", hex::encode(index.to_be_bytes()))).unwrap()
}

fn key_of(seventh: u64) -> Criterion {
    let entry = Described::read(Format::V2, &body(seventh));
    Criterion::key(&entry.signers[0].key).unwrap()
}

fn asked(criteria: Vec<Criterion>, from: u64, limit: usize) -> Query {
    Query {
        criteria,
        any: false,
        from,
        limit,
    }
}

async fn index(dir: &tempfile::TempDir, log: &Arc<Bodies>) -> SearchIndex {
    let store = Store::open(dir.path()).await.unwrap();
    SearchIndex::new(log.clone(), Format::V2, store.values(), "test")
}

async fn feed(index: &SearchIndex) {
    while index.step().await.unwrap() {}
}

/// Every page, one after the other.
async fn all(index: &SearchIndex, criteria: Vec<Criterion>, limit: usize) -> Vec<u64> {
    let (mut found, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let page = index
            .search(&asked(criteria.clone(), at, limit))
            .await
            .unwrap();
        assert!(page.found.len() <= limit);
        found.extend(page.found.iter().map(|found| found.index));
        from = page.next;
    }
    found
}

#[tokio::test]
async fn what_is_logged_is_found_before_and_after_merges_and_starts() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Bodies::default());
    let searched = index(&dir, &log).await;
    // Merges of one level and of two, and a tail that is no whole block.
    for grown in [1, BLOCK - 1, 5, 9 * BLOCK, 60 * BLOCK, 77] {
        log.grow(grown);
        feed(&searched).await;
        let size = log.size();
        for again in [&searched, &index(&dir, &log).await] {
            feed(again).await;
            for one in [0, size / 3, size - 1] {
                assert_eq!(all(again, vec![digest_of(one)], 10).await, [one], "{size}");
            }
            assert_eq!(all(again, vec![digest_of(size)], 10).await, [0; 0]);
            let page = again
                .search(&asked(vec![digest_of(0)], 0, 1))
                .await
                .unwrap();
            assert_eq!(page.indexed, size);
        }
    }
    let size = log.size();
    let sevenths: Vec<u64> = (0..size).filter(|index| index % 7 == 3).collect();
    assert_eq!(all(&searched, vec![key_of(3)], 500).await, sevenths);
    let both = vec![key_of(3), digest_of(10)];
    assert_eq!(all(&searched, both.clone(), 5).await, [10]);
    assert_eq!(
        all(&searched, vec![key_of(3), digest_of(11)], 5).await,
        [0; 0]
    );
    let any = Query {
        any: true,
        limit: 3,
        ..asked(both, 9, 3)
    };
    let page = searched.search(&any).await.unwrap();
    let found: Vec<u64> = page.found.iter().map(|found| found.index).collect();
    assert_eq!((found, page.next), (vec![10, 17, 24], Some(31)));
}

#[tokio::test]
async fn a_follower_finds_what_it_does_not_store() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Bodies::default());
    log.follows.store(true, SeqCst);
    log.grow(3 * BLOCK + 7);
    let follower = index(&dir, &log).await;
    feed(&follower).await;
    let found = |at| all(&follower, vec![digest_of(at)], 10);
    assert_eq!(found(0).await, [0]);
    assert_eq!(found(3 * BLOCK + 6).await, [3 * BLOCK + 6]);
    // Another replica stores the blocks; the follower's tail shrinks to the rest.
    log.follows.store(false, SeqCst);
    feed(&index(&dir, &log).await).await;
    log.follows.store(true, SeqCst);
    feed(&follower).await;
    for at in [0, BLOCK, 3 * BLOCK - 1, 3 * BLOCK + 6] {
        assert_eq!(found(at).await, [at]);
    }
}

#[tokio::test]
async fn two_that_store_at_once_store_one_index() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Bodies::default());
    log.grow(20 * BLOCK);
    let (one, other) = (index(&dir, &log).await, index(&dir, &log).await);
    for _ in 0..20 {
        tokio::try_join!(one.step(), other.step()).unwrap();
    }
    feed(&one).await;
    feed(&other).await;
    for at in [0, 8 * BLOCK, 20 * BLOCK - 1] {
        for index in [&one, &other] {
            assert_eq!(all(index, vec![digest_of(at)], 10).await, [at]);
        }
    }
}

/// The size of the log is not the price of a search: a page of a log of 100
/// blocks looks into few runs.
#[tokio::test]
async fn runs_stay_few() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Bodies::default());
    log.grow(100 * BLOCK);
    let searched = index(&dir, &log).await;
    feed(&searched).await;
    let runs = searched.manifest().await.unwrap().runs();
    // 100 = 1 · 64 + 4 · 8 + 4
    assert_eq!(runs.len(), 9);
    let starts: Vec<u64> = runs
        .iter()
        .map(|run| run.number * run::Run::span(run.level))
        .collect();
    assert!(starts.is_sorted());
}

#[test]
fn criteria_have_one_form() {
    let hex = "AB".repeat(32);
    let same = [
        Criterion::digest(&hex).unwrap(),
        Criterion::digest(&format!("sha256:{hex}")).unwrap(),
    ];
    assert_eq!(same[0], same[1]);
    let mail = |text: &str| Criterion::name(text).unwrap().term();
    assert_eq!(mail("Dev@Example.com"), mail("dev@example.com"));
    assert_ne!(mail("https://a.example/X"), mail("https://a.example/x"));
    for bad in ["", "zz", "sha256", &"a".repeat(3000)] {
        assert!(Criterion::digest(bad).is_err(), "{bad:.20}");
        assert!(Criterion::key(bad).is_err(), "{bad:.20}");
    }
    assert!(Criterion::name("a\nb").is_err());
}

#[test]
fn a_query_is_read_strictly() {
    let (format, query) = parse_search("log=v1&name=a%40b.example&limit=3&from=9").unwrap();
    assert_eq!((format, query.limit, query.from), (Format::V1, 3, 9));
    assert_eq!(query.criteria, [Criterion::name("a@b.example").unwrap()]);
    for bad in [
        "",
        "log=v2",
        "log=v3&name=a",
        "name=a&name=b",
        "name=a&limit=0",
        "name=a&limit=501",
        "name=a&from=-1",
        "name=a&colour=red",
        "name=",
        "name=a&any=maybe",
    ] {
        assert!(parse_search(bad).is_err(), "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_stored_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        for format in [Format::V1, Format::V2, Format::Ct] {
            let _ = Described::read(format, &bytes);
        }
    }

    #[test]
    fn any_query_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = parse_search(&text);
    }
}
