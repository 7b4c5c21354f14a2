use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use bulla_core::Diagnose as _;
use bulla_store::{Storage, Store};

use super::*;

/// A part that says what it was told.
#[derive(Default)]
struct Part {
    epoch: AtomicU64,
    leads: AtomicBool,
    refuses: AtomicBool,
    fence: RwLock<Option<Fence>>,
}

impl Part {
    fn signs(&self) -> bool {
        self.fence
            .read()
            .unwrap()
            .as_ref()
            .is_some_and(|holds| holds())
    }
}

impl Lead for Part {
    fn lead(&self, epoch: u64, fence: Fence) -> Pending<'_, ()> {
        Box::pin(async move {
            if self.refuses.load(SeqCst) {
                return Err(AuthorityError::Damaged { what: "log".into() });
            }
            assert!(fence(), "asked to lead without a lease");
            *self.fence.write().unwrap() = Some(fence);
            self.epoch.store(epoch, SeqCst);
            self.leads.store(true, SeqCst);
            Ok(())
        })
    }

    fn step_down(&self) {
        self.leads.store(false, SeqCst);
    }

    fn is_leading(&self) -> bool {
        self.leads.load(SeqCst)
    }

    fn refresh(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

async fn replica(leases: &Leases) -> (Replica, Arc<Part>, tokio::task::JoinHandle<()>) {
    let settings = ReplicaSettings {
        lease_ms: 500,
        ..ReplicaSettings::default()
    };
    let replica = Replica::new(leases.clone(), &settings).unwrap();
    let part = Arc::new(Part::default());
    let (running, its) = (replica.clone(), part.clone());
    let task = tokio::spawn(async move { running.run(&*its).await });
    (replica, part, task)
}

async fn until(replica: &Replica, wanted: impl Fn(&Role) -> bool) -> Role {
    let mut roles = replica.roles();

    roles.wait_for(wanted).await.unwrap().clone()
}

fn leads(role: &Role) -> bool {
    matches!(role, Role::Leader { .. })
}

async fn embedded(scratch: &std::path::Path) -> Leases {
    Storage::from(Store::open(scratch).await.unwrap()).leases()
}

#[tokio::test]
async fn an_embedded_instance_leads_until_it_steps_down() {
    let scratch = tempfile::tempdir().unwrap();
    let leases = embedded(scratch.path()).await;
    let (first, part, task) = replica(&leases).await;
    until(&first, leads).await;
    assert!(part.signs() && first.is_leader());
    let epoch = part.epoch.load(SeqCst);
    task.abort();
    let _ = task.await;
    first.step_down(&*part).await;
    assert!(!part.is_leading() && !part.signs() && !first.is_leader());
    // The next process of that directory has a later epoch.
    let (second, part, _task) = replica(&leases).await;
    assert_eq!(
        until(&second, leads).await,
        Role::Leader { epoch: epoch + 1 }
    );
    assert!(part.signs());
}

#[tokio::test]
async fn a_part_that_was_deposed_or_cannot_lead_ends_the_reign() {
    let scratch = tempfile::tempdir().unwrap();
    let leases = embedded(scratch.path()).await;
    let (replica, part, _task) = replica(&leases).await;
    until(&replica, leads).await;
    part.refuses.store(true, SeqCst);
    part.leads.store(false, SeqCst);
    until(&replica, |role| !leads(role)).await;
    assert!(!part.signs() && !replica.is_leader());
    part.refuses.store(false, SeqCst);
    until(&replica, leads).await;
    assert!(part.signs());
}

#[test]
fn refuses_settings_that_cannot_work() {
    let check = |address: Option<&str>, lease_ms| {
        let settings = ReplicaSettings {
            address: address.map(str::to_owned),
            lease_ms,
        };
        settings.check().map_err(|error| error.code().0)
    };
    assert_eq!(check(Some("https://10.0.0.7:8443"), 10_000), Ok(()));
    assert_eq!(check(None, 500), Ok(()));
    for (address, lease) in [
        (Some("http://10.0.0.7:8443"), 10_000),
        (Some("https://u@10.0.0.7:8443"), 10_000),
        (Some("https://10.0.0.7:8443/path"), 10_000),
        (Some("10.0.0.7:8443"), 10_000),
        (None, 499),
        (None, 600_001),
    ] {
        assert_eq!(check(address, lease), Err("AUTH-0354"), "{address:?}");
    }
    let unknown = serde_json::from_str::<ReplicaSettings>(r#"{"lease": 5}"#);
    assert!(unknown.is_err());
}
