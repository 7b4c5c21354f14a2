use super::*;
use crate::Store;

#[tokio::test]
async fn an_embedded_lease_is_always_won_and_counts_its_holders() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    let leases = Leases::embedded(store.values());
    assert_eq!(leases.holder("leader").await.unwrap(), None);
    let mut epochs = Vec::new();
    for holder in ["a", "a", "b", "a"] {
        let claim = leases.acquire("leader", holder, "", Duration::ZERO).await;
        let Ok(Claim::Won(lease)) = claim else {
            panic!("{claim:?}");
        };
        assert_eq!(lease.remaining(), Duration::MAX);
        epochs.push(lease.epoch());
    }
    assert_eq!(epochs, [1, 1, 2, 3]);
    let holder = leases.holder("leader").await.unwrap().unwrap();
    assert_eq!((&*holder.holder, holder.epoch), ("a", 3));
}
