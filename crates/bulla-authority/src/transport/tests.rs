use super::*;
use crate::store::SqlStore;
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, pki_types::ServerName,
};
use std::{fs, path::Path};

/// A clock that a test moves.
struct Moved(Mutex<Timestamp>);

impl Moved {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-11-21T12:00:00Z".parse().unwrap())))
    }

    fn forward(&self, hours: i64) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_hours(hours)).unwrap();
        *now
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

async fn open(dir: &Path, clock: &Arc<Moved>, settings: &TransportSettings) -> Transport {
    try_open(dir, clock, settings).await.unwrap()
}

async fn try_open(
    dir: &Path,
    clock: &Arc<Moved>,
    settings: &TransportSettings,
) -> Result<Transport, AuthorityError> {
    let store = bulla_store::Store::open(dir).await.unwrap();
    let slots = KeySlots::open(&dir.join("keys")).await.unwrap();
    let store: Arc<dyn LogStore> = Arc::new(SqlStore::open(store.state().clone()).await.unwrap());
    let clock: Arc<dyn Clock> = clock.clone();
    Transport::open(&slots, &store, &clock, "test", settings).await
}

/// A whole handshake in memory: who each end finds at the other.
fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<(SpiffeId, SpiffeId), rustls::Error> {
    let name = ServerName::try_from("10.1.2.3").unwrap();
    let mut client = ClientConnection::new(client.clone(), name).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    for _ in 0..8 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut &wire[..]).unwrap();
        server.process_new_packets()?;
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut &wire[..]).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    let seen_by_client = peer_id(client.peer_certificates().unwrap()).unwrap();
    let seen_by_server = peer_id(server.peer_certificates().unwrap()).unwrap();
    Ok((seen_by_client, seen_by_server))
}

fn below(path: &str) -> Peers {
    Peers::Below(vec![path.into()])
}

#[tokio::test]
async fn both_ends_know_each_other_and_a_stranger_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = Moved::new();
    let ours = open(dir.path(), &clock, &TransportSettings::default()).await;
    let theirs = open(other.path(), &clock, &TransportSettings::default()).await;
    assert_ne!(ours.trust_domain(), theirs.trust_domain());
    let one = ours.identity("authority/one").unwrap();
    let two = ours.identity("authority/two").unwrap();
    let stranger = theirs.identity("authority/one").unwrap();

    let server = one.server_config(&below("authority")).unwrap();
    let client = two.client_config(&below("authority/one")).unwrap();
    let (found, caller) = shake(&client, &server).unwrap();
    assert_eq!((&found, &caller), (one.id(), two.id()));

    let stranger_calls = stranger.client_config(&Peers::TrustDomain).unwrap();
    assert!(shake(&stranger_calls, &server).is_err());
    let stranger_serves = stranger.server_config(&Peers::TrustDomain).unwrap();
    assert!(shake(&client, &stranger_serves).is_err());

    let registry = ours.identity("authority-of-others").unwrap();
    let call = registry.client_config(&Peers::TrustDomain).unwrap();
    assert!(shake(&call, &server).is_err(), "not below authority/");
    let wrong_one = two.client_config(&below("authority/three")).unwrap();
    assert!(shake(&wrong_one, &server).is_err());
}

#[tokio::test]
async fn a_root_certifies_for_no_other_trust_domain() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = Moved::new();
    let named = |name: &str| TransportSettings {
        trust_domain: Some(name.into()),
        ..TransportSettings::default()
    };
    // Their root certifies a leaf that names our trust domain.
    let ours = open(dir.path(), &clock, &named("ours.example")).await;
    let theirs = open(other.path(), &clock, &named("ours.example")).await;
    let forged = theirs.identity("authority/one").unwrap();
    let server = ours.identity("authority/one").unwrap();
    let server = server.server_config(&Peers::TrustDomain).unwrap();
    let call = forged.client_config(&Peers::TrustDomain).unwrap();
    assert!(shake(&call, &server).is_err());

    let renamed = try_open(dir.path(), &clock, &named("other.example")).await;
    let error = renamed.err().unwrap();
    assert!(matches!(
        error,
        AuthorityError::Transport(TransportError::Renamed { .. })
    ));
}

#[tokio::test]
async fn nobody_without_a_certificate_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let ours = open(dir.path(), &Moved::new(), &TransportSettings::default()).await;
    let server = ours.identity("authority/one").unwrap();
    let server = server.server_config(&Peers::TrustDomain).unwrap();
    let client = ours.identity("authority/two").unwrap();
    let mut config = (*client.client_config(&Peers::TrustDomain).unwrap()).clone();
    config.client_auth_cert_resolver = Arc::new(NoCertificate);
    assert!(shake(&Arc::new(config), &server).is_err());
}

#[derive(Debug)]
struct NoCertificate;

impl rustls::client::ResolvesClientCert for NoCertificate {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn leaves_renew_in_place_and_end_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Moved::new();
    let transport = open(dir.path(), &clock, &TransportSettings::default()).await;
    let one = transport.identity("authority/one").unwrap();
    let two = transport.identity("authority/two").unwrap();
    let server = one.server_config(&Peers::TrustDomain).unwrap();
    let client = two.client_config(&Peers::TrustDomain).unwrap();
    let first = one.lifetime();

    transport.renew(clock.forward(7)).await.unwrap();
    assert_eq!(one.lifetime(), first, "nothing was due");
    transport.renew(clock.forward(2)).await.unwrap();
    assert!(one.lifetime().until > first.until);
    shake(&client, &server).unwrap();

    // 400 days later the same configurations work on after one round.
    let later = clock.forward(24 * 400);
    assert!(shake(&client, &server).is_err(), "both ended");
    assert!(one.lifetime().alarm(later).is_some());
    transport.renew(later).await.unwrap();
    shake(&client, &server).unwrap();
    let leaves: Vec<_> = transport.lifetimes();
    assert_eq!(leaves.iter().filter(|life| life.is_due(later)).count(), 0);
    drop((one, server));
    assert_eq!(transport.lifetimes().len(), 2, "the root and what is left");
}

#[tokio::test]
async fn a_root_is_succeeded_and_nobody_notices() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Moved::new();
    let transport = open(dir.path(), &clock, &TransportSettings::default()).await;
    // Another replica that has not looked since.
    let sleepy = open(dir.path(), &clock, &TransportSettings::default()).await;
    let one = transport.identity("authority/one").unwrap();
    let two = sleepy.identity("authority/two").unwrap();
    let server = one.server_config(&Peers::TrustDomain).unwrap();
    let client = two.client_config(&Peers::TrustDomain).unwrap();
    let before = transport.roots_pem();

    let now = clock.forward(24 * 1300);
    transport.renew(now).await.unwrap();
    for leaf in sleepy.leaves() {
        leaf.renew(&sleepy, now).unwrap();
    }
    let both = transport.roots_pem();
    assert!(both.starts_with(&before) && both.len() > before.len());
    shake(&client, &server).expect("the old root certifies for two more days");

    let now = clock.forward(24 * 3);
    transport.renew(now).await.unwrap();
    assert!(
        shake(&client, &server).is_err(),
        "it does not know the new root"
    );
    sleepy.renew(now).await.unwrap();
    shake(&client, &server).unwrap();
    assert_eq!(sleepy.roots_pem(), both);

    let now = clock.forward(24 * 2400);
    transport.renew(now).await.unwrap();
    assert!(
        !transport.roots_pem().contains(before.trim()),
        "the first ended"
    );
    assert!(transport.lifetimes().iter().all(|life| !life.is_due(now)));
}

#[tokio::test]
async fn identities_from_files_are_read_again() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = Moved::new();
    let spire = open(
        other.path(),
        &clock,
        &TransportSettings {
            trust_domain: Some("spire.example".into()),
            ..TransportSettings::default()
        },
    )
    .await;
    let write = |path: &str| {
        let issuer = spire.issuer(clock.now()).unwrap();
        let key = bulla_crypto::SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let id = format!("spiffe://spire.example/{path}");
        let validity = leaf_validity(clock.now()).unwrap();
        let leaf = x509::issue_svid(&issuer, key.public(), &id, validity).unwrap();
        // As a pod certificate: key and chain in one file.
        let text = format!("{}{}", key.to_pkcs8_pem().as_str(), leaf.to_pem());
        fs::write(dir.path().join("bundle.pem"), spire.roots_pem()).unwrap();
        fs::write(dir.path().join("credential.pem"), text).unwrap();
    };
    write("ns/prod/sa/bulla");
    let settings = TransportSettings {
        certificate_file: Some(dir.path().join("credential.pem")),
        bundle_file: Some(dir.path().join("bundle.pem")),
        ..TransportSettings::default()
    };
    settings.check().unwrap();
    let transport = open(&dir.path().join("data"), &clock, &settings).await;
    let identity = transport.identity("authority/one").unwrap();
    assert_eq!(
        identity.id().as_str(),
        "spiffe://spire.example/ns/prod/sa/bulla"
    );
    let peer = spire.identity("ns/prod/sa/other").unwrap();
    let call = peer.client_config(&below("ns/prod")).unwrap();
    let serve = identity.server_config(&Peers::TrustDomain).unwrap();
    shake(&call, &serve).unwrap();

    let first = identity.lifetime();
    write("ns/prod/sa/bulla");
    let now = clock.forward(12);
    spire.renew(now).await.unwrap();
    transport.renew(now).await.unwrap();
    assert_eq!(identity.lifetime().until, first.until, "the same second");
    write("ns/prod/sa/bulla");
    transport.renew(now).await.unwrap();
    assert!(identity.lifetime().until > first.until);
    shake(&call, &serve).unwrap();

    // Damage and other names are refused, and the former identity stays.
    fs::write(dir.path().join("credential.pem"), "-----BEGIN").unwrap();
    assert!(transport.renew(now).await.is_err());
    write("ns/prod/sa/somebody-else");
    assert!(transport.renew(now).await.is_err());
    shake(&call, &serve).unwrap();

    let incomplete = TransportSettings {
        bundle_file: None,
        ..settings
    };
    assert!(incomplete.check().is_err());
}

#[tokio::test]
async fn a_served_name_is_believed_by_its_host() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Moved::new();
    let transport = open(dir.path(), &clock, &TransportSettings::default()).await;
    let served = transport
        .served_name(&["webhook.bulla.svc".into()])
        .unwrap();
    let first = served.lifetime();
    transport.renew(clock.forward(10)).await.unwrap();
    assert!(served.lifetime().until > first.until);
    assert!(transport.served_name(&["no host".into()]).is_err());
    assert!(served.server_config().is_ok());
}
