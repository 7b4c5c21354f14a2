//! The processes: PostgreSQL, S3 and the replicas.

use bulla_authority::store;
use bulla_net::{HttpClient, Request};
use bulla_testkit::{Postgres, S3};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, RwLock},
    time::Duration,
};
use tempfile::TempDir;

use super::child::{READY, Settings, VARIABLE};

const LEASE_MS: u64 = 600;

/// Where each replica is at present.
pub type Addresses = Arc<RwLock<Vec<String>>>;

pub struct Cluster {
    replicas: Vec<Option<Child>>,
    internal: Vec<String>,
    addresses: Addresses,
    database: String,
    folder: TempDir,
    postgres: Postgres,
    s3: S3,
    random: u64,
}

impl Cluster {
    /// `None` where PostgreSQL or versitygw is missing.
    pub async fn start(replicas: usize) -> Option<Self> {
        let (postgres, s3) = (bulla_testkit::postgres()?, bulla_testkit::s3()?);
        let random = u64::from(std::process::id());
        println!("seed {random}");
        let mut cluster = Self {
            replicas: (0..replicas).map(|_| None).collect(),
            internal: vec![String::new(); replicas],
            addresses: Arc::new(RwLock::new(vec![String::new(); replicas])),
            database: postgres.database(),
            folder: tempfile::tempdir().unwrap(),
            postgres,
            s3,
            random,
        };
        // Keys and roots are there before several look for them at once.
        let settings = cluster.settings(0);
        let storage = settings.storage().await;
        settings.identity(&storage).await;
        storage.close().await;
        for replica in 0..replicas {
            cluster.spawn(replica).await;
        }
        Some(cluster)
    }

    fn settings(&self, replica: usize) -> Settings {
        Settings {
            name: format!("replica-{replica}"),
            database: self.database.clone(),
            endpoint: self.s3.endpoint(),
            access_key_file: self.s3.access_key_file(),
            secret_key_file: self.s3.secret_key_file(),
            folder: self.folder.path().to_owned(),
            lease_ms: LEASE_MS,
        }
    }

    pub async fn spawn(&mut self, replica: usize) {
        let settings = serde_json::to_string(&self.settings(replica)).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "replicas::child", "--nocapture"])
            .env(VARIABLE, settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(out).lines();
            let ready = lines.find_map(|line| {
                let line = line.ok()?;
                Some(line.split_once(READY)?.1.to_owned())
            });
            // What else it says is read, so that it never blocks.
            std::thread::spawn(move || lines.for_each(drop));
            ready
        });
        let ready = ready.await.unwrap().expect("a replica that becomes ready");
        let (public, internal) = ready.split_once(' ').unwrap();
        self.addresses.write().unwrap()[replica] = format!("http://{public}");
        self.internal[replica] = internal.to_owned();
        self.replicas[replica] = Some(child);
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    pub fn internal_address(&self, replica: usize) -> String {
        self.internal[replica].clone()
    }

    pub fn kill(&mut self, replica: usize) {
        let mut child = self.replicas[replica].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn signal(&self, replica: usize, signal: &str) {
        let pid = self.replicas[replica].as_ref().unwrap().id().to_string();
        let done = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(done.success());
    }

    /// How much it had signed by then.
    pub fn freeze(&self, replica: usize) -> usize {
        self.signal(replica, "-STOP");
        // Its threads go on until the first of them has looked.
        let pid = self.replicas[replica].as_ref().unwrap().id();
        let stopped = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        };
        while !stopped() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.signed(replica).len()
    }

    pub fn thaw(&self, replica: usize) {
        self.signal(replica, "-CONT");
    }

    /// Every (epoch, size, root) that it signed; epoch 0 as a follower.
    pub fn signed(&self, replica: usize) -> Vec<(u64, u64, String)> {
        let file = self.folder.path().join(format!("replica-{replica}.signed"));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let line = |line: &str| {
            let mut words = line.split(' ');
            let mut word = || words.next().map(str::to_owned);
            Some((word()?.parse().ok()?, word()?.parse().ok()?, word()?))
        };
        whole.lines().filter_map(line).collect()
    }

    /// Trees, larger than any before, that it signed since in the epoch that it
    /// led before.
    pub fn signed_as_leader(&self, replica: usize, before: usize) -> usize {
        let signed = self.signed(replica);
        let (old, new) = signed.split_at(before);
        let Some((epoch, largest, _)) = old.last().cloned() else {
            return 0;
        };
        new.iter()
            .filter(|(by, size, _)| *by == epoch && *size > largest)
            .count()
    }

    pub fn all_signed(&self) -> Vec<(u64, u64, String)> {
        (0..self.replicas.len())
            .flat_map(|replica| self.signed(replica))
            .collect()
    }

    /// Waits until one of them leads.
    pub async fn leader(&self) -> usize {
        self.leader_but(usize::MAX).await
    }

    pub async fn leader_but(&self, not: usize) -> usize {
        let client = HttpClient::loopback();
        loop {
            let addresses = self.addresses.read().unwrap().clone();
            for (replica, address) in addresses.iter().enumerate() {
                if replica == not {
                    continue;
                }
                let url = format!("{address}/role").parse().unwrap();
                let request = Request::get(url).deadline(Duration::from_secs(2));
                if let Ok(answer) = client.send(request).await
                    && let Ok(role) = answer.bytes(100, "a role").await
                    && role.starts_with(b"leader")
                {
                    return replica;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A random time of at most that many milliseconds.
    pub async fn pause(&mut self, most: u64) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        tokio::time::sleep(Duration::from_millis((self.random >> 33) % most)).await;
    }

    pub async fn without_postgres(&mut self, gap: Duration) {
        self.postgres.kill();
        tokio::time::sleep(gap).await;
        self.postgres.restart();
    }

    pub async fn without_objects(&mut self, gap: Duration) {
        self.s3.kill();
        tokio::time::sleep(gap).await;
        self.s3.restart();
    }

    pub async fn store(&self) -> Arc<dyn store::LogStore> {
        let storage = self.settings(0).storage().await;
        store::open(&storage).await.unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.replicas.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
