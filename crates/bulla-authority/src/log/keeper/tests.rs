use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::{
    error::AuthorityError,
    log::{
        Leaf,
        fixture::{Watched, add, check, open, watched},
    },
    store::{LogStore as _, StoreError},
};

struct Kept {
    log: Log,
    keeper: Arc<Keeper>,
    task: tokio::task::JoinHandle<()>,
}

async fn kept(store: &Arc<Watched>) -> Kept {
    let log = open(store.clone()).await.unwrap();
    let mut keeper = Keeper::new(log.clone());
    keeper.first = Duration::from_millis(1);
    let keeper = Arc::new(keeper);
    let task = tokio::spawn(keeper.clone().keep());
    Kept { log, keeper, task }
}

impl Kept {
    /// Waits for that many falls, and until it leads again.
    async fn back_from(&self, times: u32) -> Fall {
        loop {
            let fall = self.keeper.fall();
            if let Some(fall) = fall.filter(|fall| fall.times == times && fall.down.is_none()) {
                assert!(self.log.is_leading());
                return fall;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Until the last fall is noted, and why the log is down is `why`.
    async fn down_with(&self, why: &str) {
        loop {
            let down = self.keeper.fall().and_then(|fall| fall.down);
            if down.is_some_and(|down| down.contains(why)) {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn panic_in_a_builder(&self) -> AuthorityError {
        let built = |_, _| -> Result<Leaf, AuthorityError> { panic!("on purpose, in a builder") };
        self.log.add([7; 32], built).await.unwrap_err()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequencer_that_panicked_is_brought_back_and_its_epoch_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let kept = kept(&store).await;
    check(&add(&kept.log, "one").await.unwrap(), "one");
    assert_eq!(kept.keeper.fall(), None);

    store.panicking.store(true, SeqCst);
    let error = add(&kept.log, "lost").await.unwrap_err();
    assert!(
        matches!(error, AuthorityError::LogUnavailable { .. }),
        "{error}"
    );
    let fall = kept.back_from(1).await;
    assert_eq!(fall.log, "test");
    // What the old one had on its way comes too late, whoever sends it on.
    let lost = store.lost.lock().unwrap().take().unwrap();
    let old = lost.from.epoch;
    let late = store.inner.commit(lost).await.unwrap_err();
    assert!(matches!(late, StoreError::Deposed { .. }), "{late}");
    let late = store.inner.publish("test", old, 9, "note").await;
    assert!(matches!(late, Err(StoreError::Deposed { .. })));

    let two = add(&kept.log, "two").await.unwrap();
    assert_eq!((two.index, two.duplicate), (1, false));
    check(&two, "two");
    let again = add(&kept.log, "lost").await.unwrap();
    assert_eq!((again.index, again.duplicate), (2, false));
    let head = store.inner.tree("test").await.unwrap().unwrap().head;
    assert_eq!((head.size, head.epoch), (3, old + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_falls_again_is_counted_and_its_entries_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let kept = kept(&store).await;
    let mut since = None;
    for times in 1..4_u32 {
        let entry = format!("entry {times}");
        check(&add(&kept.log, &entry).await.unwrap(), &entry);
        kept.panic_in_a_builder().await;
        let fall = kept.back_from(times).await;
        assert_eq!(*since.get_or_insert(fall.since), fall.since);
    }
    let first = add(&kept.log, "entry 1").await.unwrap();
    assert_eq!((first.index, first.duplicate), (0, true));
    assert_eq!(kept.log.size(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let kept = kept(&store).await;
    add(&kept.log, "one").await.unwrap();
    // The builder runs when the store was asked for the entry already.
    let held = kept.log.clone();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let falling = tokio::spawn(async move {
        let built = move |_, _| -> Result<Leaf, AuthorityError> {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            panic!("on purpose, once the store is away")
        };
        held.add([7; 32], built).await
    });
    begun.await.unwrap();
    store.unreachable.store(true, SeqCst);
    release.send(()).unwrap();
    assert!(falling.await.unwrap().is_err());
    kept.down_with(&StoreError::Range.to_string()).await;
    assert!(!kept.log.is_leading());
    store.unreachable.store(false, SeqCst);
    kept.back_from(1).await;
    check(&add(&kept.log, "two").await.unwrap(), "two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_told_to_stop_or_was_deposed_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let first = kept(&store).await;
    add(&first.log, "one").await.unwrap();
    // Another writer takes over: this one finds out, and lets it be.
    let second = kept(&store).await;
    assert!(add(&first.log, "fork").await.is_err());
    first.task.await.unwrap();
    assert!(!first.log.is_leading() && first.keeper.fall().is_none());
    check(&add(&second.log, "two").await.unwrap(), "two");
    second.log.step_down();
    second.task.await.unwrap();
    assert!(!second.log.is_leading() && second.keeper.fall().is_none());
}
