//! Certificates of two replicas: each issues, whoever leads promises, and a change of
//! the lead in between is not the client's business.

use bulla_authority::{
    Authority, AuthorityConfig,
    key_slot::KeySlots,
    replica::{Forward, Replica, ReplicaSettings},
};
use bulla_core::SystemClock;
use bulla_store::sqlx::{self, Connection as _, PgConnection};
use bulla_testkit::{Postgres, S3};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use super::child::{Settings, Tls};
use crate::{
    client::{certify, published},
    logs::until,
};

const LEASE_MS: u64 = 2000;

/// One of two replicas, in this process.
struct One {
    authority: Authority,
    replica: Replica,
    running: JoinHandle<()>,
}

impl One {
    async fn start(settings: &Settings) -> Self {
        let storage = settings.storage().await;
        let slots = KeySlots::open(&settings.folder.join("keys")).await.unwrap();
        let (config, clock) = (AuthorityConfig::loopback(4321), Arc::new(SystemClock));
        let authority = Authority::open_with(&storage, slots, config, clock);
        let authority = authority.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let replica_settings = ReplicaSettings {
            address: Some(format!("https://{}", listener.local_addr().unwrap())),
            lease_ms: settings.lease_ms,
        };
        let replica = Replica::new(storage.leases(), &replica_settings).unwrap();
        let path = format!("authority/{}", settings.name);
        let identity = authority.transport().identity(&path).unwrap();
        authority.ask_leader(&Forward::new(replica.clone(), &identity).unwrap());
        let acceptor = TlsAcceptor::from(identity.server_config(&Forward::peers()).unwrap());
        let inside = axum::serve(Tls { listener, acceptor }, authority.internal_router());
        tokio::spawn(inside.into_future());
        let running = run(&replica, &authority);
        Self {
            authority,
            replica,
            running,
        }
    }

    fn ct(&self) -> u64 {
        self.authority.ca().ct.log().size()
    }
}

fn run(replica: &Replica, authority: &Authority) -> JoinHandle<()> {
    let (replica, authority) = (replica.clone(), authority.clone());
    tokio::spawn(async move { replica.run(&authority).await })
}

/// Two replicas, of which the first leads, and their database's address.
async fn two(postgres: &Postgres, s3: &S3, folder: &Path) -> ([One; 2], String) {
    let database = postgres.database();
    let settings = |name: &str| Settings {
        name: name.into(),
        database: database.clone(),
        endpoint: s3.endpoint(),
        access_key_file: s3.access_key_file(),
        secret_key_file: s3.secret_key_file(),
        folder: folder.to_owned(),
        lease_ms: LEASE_MS,
    };
    let one = One::start(&settings("one")).await;
    until("a leader", async || one.replica.is_leader().then_some(())).await;
    let two = One::start(&settings("two")).await;
    // It has seen who leads, and what.
    let genesis = one.ct();
    let followed = async || (two.ct() >= genesis && genesis > 0).then_some(());
    until("a follower", followed).await;
    ([one, two], database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_issues_with_the_leaders_promise() {
    let (Some(postgres), Some(s3)) = (bulla_testkit::postgres(), bulla_testkit::s3()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ([one, two], _) = two(&postgres, &s3, folder.path()).await;
    let before = one.ct();
    certify(&two.authority).await;
    assert!(!two.authority.is_leader());
    assert_eq!(one.ct(), before + 1);
    // Ours, although another process asked: it is no submission of a stranger.
    let note = published(&one.authority, "/ct/static/checkpoint", before + 1).await;
    assert!(!note.is_empty());
    one.authority.monitor().unwrap().round().await;
    let found = one.authority.monitor().unwrap().findings().await.unwrap();
    assert_eq!(found, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_in_flight_outlives_a_change_of_the_leader() {
    let (Some(postgres), Some(s3)) = (bulla_testkit::postgres(), bulla_testkit::s3()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ([one, two], database) = two(&postgres, &s3, folder.path()).await;
    let before = one.ct();
    // The leader's commit waits for a lock that somebody else holds.
    let mut held = PgConnection::connect(&database).await.unwrap();
    let lock = "BEGIN; SELECT 1 FROM log_head WHERE log = 'ct' FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut held).await.unwrap();
    let mut looks = PgConnection::connect(&database).await.unwrap();
    let mut waiting = async |wanted: i64| {
        let count = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        loop {
            let found: i64 = sqlx::query_scalar(count)
                .fetch_one(&mut looks)
                .await
                .unwrap();
            if found >= wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let authority = one.authority.clone();
    let asked = tokio::spawn(async move { certify(&authority).await });
    waiting(1).await;
    // It loses the lead meanwhile; the other one takes over as soon as it can.
    one.running.abort();
    one.replica.step_down(&one.authority).await;
    waiting(2).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut held).await.unwrap();
    until("another leader", async || {
        two.replica.is_leader().then_some(())
    })
    .await;
    let _again = run(&one.replica, &one.authority);
    let signer = asked.await.unwrap();
    assert!(!signer.certificate.is_empty());
    assert!(!one.authority.is_leader() && two.authority.is_leader());
    assert_eq!(two.ct(), before + 1, "one entry, whoever logged it");
}
