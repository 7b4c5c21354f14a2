//! [`Values`] means the same over SQLite and over PostgreSQL: one body, both run
//! beside a plain map.

use bulla_store::{
    ObjectsConfig, PostgresConfig, SharedStore, Storage, Store, Values, state::Change,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{collections::BTreeMap, sync::Arc};

use super::shared;

#[derive(Clone, Debug)]
enum Step {
    Apply(usize, Vec<Edit>),
    Get(usize, String),
    Scan(usize, String, u32),
}

#[derive(Clone, Debug)]
enum Edit {
    Delete(String),
    Put(String, Vec<u8>),
    /// `true`: expects what is there; else this.
    Swap(String, bool, Option<Vec<u8>>, Vec<u8>),
}

const SPACES: [&str; 2] = ["alpha", "be\0ta"];

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", "[a-c]\\PC{0,2}", Just("a\0b".to_owned())]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..4)
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        key().prop_map(Edit::Delete),
        (key(), value()).prop_map(|(key, value)| Edit::Put(key, value)),
        (key(), any::<bool>(), prop::option::of(value()), value())
            .prop_map(|(key, right, expected, value)| Edit::Swap(key, right, expected, value)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2_usize, prop::collection::vec(edit(), 1..5)).prop_map(|(s, e)| Step::Apply(s, e)),
        1 => (0..2_usize, key()).prop_map(|(s, k)| Step::Get(s, k)),
        1 => (0..2_usize, key(), 0..5_u32).prop_map(|(s, k, n)| Step::Scan(s, k, n)),
    ]
}

type Map = BTreeMap<(usize, String), Vec<u8>>;

async fn check(values: &Values, map: &mut Map, step: &Step) {
    match step {
        Step::Get(space, key) => assert_eq!(
            values.get(SPACES[*space], key).await.unwrap().as_ref(),
            map.get(&(*space, key.clone()))
        ),
        Step::Scan(space, after, limit) => {
            let expected: Vec<_> = map
                .iter()
                .filter(|((s, key), _)| s == space && key > after)
                .take(*limit as usize)
                .map(|((_, key), value)| (key.clone(), value.clone()))
                .collect();
            let found = values.scan(SPACES[*space], after, *limit).await.unwrap();
            assert_eq!(found, expected);
        }
        Step::Apply(space, edits) => {
            // What the batch should do, and what it expects where it guesses right.
            let mut next = map.clone();
            let mut happens = true;
            let mut expectations = Vec::new();
            for edit in edits {
                match edit {
                    Edit::Delete(key) => drop(next.remove(&(*space, key.clone()))),
                    Edit::Put(key, value) => {
                        next.insert((*space, key.clone()), value.clone());
                    }
                    Edit::Swap(key, right, expected, value) => {
                        let there = next.get(&(*space, key.clone())).cloned();
                        let expected = if *right {
                            there.clone()
                        } else {
                            expected.clone()
                        };
                        happens &= there == expected;
                        expectations.push(expected);
                        next.insert((*space, key.clone()), value.clone());
                    }
                }
            }
            let mut expectations = expectations.iter();
            let changes: Vec<_> = edits
                .iter()
                .map(|edit| match edit {
                    Edit::Delete(key) => Change::Delete { key },
                    Edit::Put(key, value) => Change::Put { key, value },
                    Edit::Swap(key, _, _, value) => Change::Swap {
                        key,
                        expected: expectations.next().unwrap().as_deref(),
                        value,
                    },
                })
                .collect();
            assert_eq!(
                values.apply(SPACES[*space], &changes).await.unwrap(),
                happens
            );
            if happens {
                *map = next;
            }
        }
    }
}

/// 60 histories of up to 12 steps on one store that is never emptied.
fn behaves_as_a_map(runtime: &tokio::runtime::Runtime, values: &Values) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(60)
    });
    let map = std::cell::RefCell::new(Map::new());
    let histories = prop::collection::vec(step(), 1..12);
    let done = runner.run(&histories, |history| {
        for step in &history {
            runtime.block_on(check(values, &mut map.borrow_mut(), step));
        }
        Ok(())
    });
    done.unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn values_in_sqlite_behave_as_a_map() {
    let (runtime, scratch) = (runtime(), tempfile::tempdir().unwrap());
    let store = runtime.block_on(Store::open(scratch.path())).unwrap();
    behaves_as_a_map(&runtime, &store.values());
}

#[test]
fn values_in_postgresql_behave_as_a_map() {
    let Some(server) = shared() else { return };
    let (runtime, scratch) = (runtime(), tempfile::tempdir().unwrap());
    let storage = runtime.block_on(storage(&server.database(), scratch.path()));
    behaves_as_a_map(&runtime, &storage.values());
    runtime.block_on(storage.close());
}

async fn storage(database: &str, scratch: &std::path::Path) -> Storage {
    let objects = ObjectsConfig::directory(scratch.join("objects"));
    let sql = PostgresConfig::new(database);
    let shared = SharedStore::connect(scratch.join("data"), &sql, &objects).await;
    shared.unwrap().into()
}

/// Twenty tasks raise one counter by compare-and-swap, with a second key in each
/// batch in the other order: no raise is lost, and none waits for another in a ring.
async fn counts(values: Values) {
    let values = Arc::new(values);
    let tasks: Vec<_> = (0..20)
        .map(|task: u32| {
            let values = values.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    loop {
                        let old = values.get("count", "n").await.unwrap();
                        let number = old
                            .as_deref()
                            .map_or(0, |old| u32::from_be_bytes(old.try_into().unwrap()));
                        let new = (number + 1).to_be_bytes();
                        let swap = Change::Swap {
                            key: "n",
                            expected: old.as_deref(),
                            value: &new,
                        };
                        let last = Change::Put {
                            key: "last",
                            value: &new,
                        };
                        let batch = if task.is_multiple_of(2) {
                            [swap, last]
                        } else {
                            [last, swap]
                        };
                        if values.apply("count", &batch).await.unwrap() {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let end = 200_u32.to_be_bytes().to_vec();
    assert_eq!(values.get("count", "n").await.unwrap(), Some(end.clone()));
    assert_eq!(values.get("count", "last").await.unwrap(), Some(end));
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_that_race_in_sqlite_lose_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    counts(store.values()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_that_race_in_postgresql_lose_nothing() {
    let Some(server) = shared() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let storage = storage(&server.database(), scratch.path()).await;
    counts(storage.values()).await;
    storage.close().await;
}
