//! Opening an instance: each part is created if it is not there, so that a
//! first open that was interrupted is completed by the next.

mod certified;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Clock, Digest, RootId};
use bulla_crypto::{
    PublicKey, Scheme, Signer, SigningKey,
    checkpoint::Checkpoint,
    note, random,
    x509::{self, Certificate, SubjectName, Validity, parse_certificate},
};
use bulla_store::Storage;
use bulla_trust::TrustRoot;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::{
    AuthorityConfig, Mailbox, Parts,
    background::{Background, Surroundings},
    ceremony::take_up,
    publish::{self, Prepared},
};
use crate::{
    ca::{
        CertificateAuthority,
        issuer::{Embedded, EmbeddedKind, IssuerKeys, Issuers},
    },
    error::AuthorityError,
    http::AllowedHosts,
    key_slot::KeySlots,
    log::{Cosigner, Log, LogConfig, ct::CtLog, rekor_v1::RekorV1, rekor_v2::RekorV2},
    metrics::Metrics,
    oidc,
    revocation::{Kept, Revocation, Seals},
    store::{self, LogStore, Measured},
    transport::Transport,
    trust_document::TrustMaterial,
    tuf::TufError,
};

const TEN_YEARS: i64 = 3652 * 86_400;
const INSTANCE: &str = "instance";
const TREE_ID: &str = "log-v1-tree-id";

/// What is fixed at creation.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    base_url: String,
    organization: String,
    since: Timestamp,
}

struct Opener {
    /// Whether nobody else can lead the logs: then this process does at once.
    alone: bool,
    slots: KeySlots,
    store: Arc<dyn LogStore>,
    instance: Instance,
    cosigner: Option<Arc<dyn Cosigner>>,
}

pub(super) async fn open(
    storage: &Storage,
    slots: KeySlots,
    config: AuthorityConfig,
    clock: Arc<dyn Clock>,
) -> Result<Parts, AuthorityError> {
    let address = Address::parse(&config.base_url)?;
    config.transport.check()?;
    let metrics = Metrics::default();
    let values = storage.values();
    let shared = values.clone();
    let store = Measured::new(store::open(storage).await?, metrics.clone());
    let store: Arc<dyn LogStore> = Arc::new(store);
    let instance = instance(&*store, &config, &*clock).await?;
    let mut background = Background::new(&config.witness, clock.clone())?;
    let opener = Opener {
        alone: matches!(storage, Storage::Embedded(_)),
        slots,
        store,
        instance,
        cosigner: background.cosigner(),
    };

    let (since, settings) = (opener.instance.since, config.tuf.clone());
    let log_store = &*opener.store;
    let (slots, all) = (&opener.slots, values.clone());
    let prepared = publish::prepare(slots, log_store, all, settings, since, &clock).await?;
    if config.tuf.offline && prepared.publisher.file("root.json").await?.is_none() {
        opener.ask_first(&prepared, &address, &config).await?;
        return Err(TufError::NoRoot.into());
    }

    let intermediates = opener.intermediates(&prepared.mailbox).await?;
    let chain = intermediates.current(clock.now())?.chain.clone();
    let ct = opener.ct(&address, chain.clone(), clock.clone()).await?;
    let ct_key = opener.slots.get_or_create("ct", Scheme::EcdsaP256).await?;
    let ct_key = ct_key.public().clone();
    let issuer_of = async |path: &str| {
        let slot = format!("oidc-{path}");
        let key = opener.slots.get_or_create(&slot, Scheme::EcdsaP256).await?;
        let url = format!("{}/oidc/{path}", config.base_url);
        Ok::<_, AuthorityError>(Arc::new(oidc::Issuer::new(url, key)?))
    };
    let (asserted, service) = (issuer_of("asserted").await?, issuer_of("service").await?);
    let keys = IssuerKeys::new(clock.clone());
    let login = oidc::Login::open(
        &config.base_url,
        config.oidc.clone(),
        values.clone(),
        opener.slots.clone(),
        keys.clone(),
        clock.clone(),
    );
    let login = Arc::new(login.await?);
    let embedded = [
        Embedded::new(asserted.url(), EmbeddedKind::Asserted, asserted.clone()),
        Embedded::new(service.url(), EmbeddedKind::Services, service.clone()),
        Embedded::new(login.url(), EmbeddedKind::Login, login.clone()),
    ];
    let kept = Arc::new(Kept::new(shared));
    let ca = Arc::new(CertificateAuthority {
        intermediates,
        ct,
        asserted,
        service,
        issuers: Issuers::load(&config.ca, embedded)?,
        keys,
        revocations: kept.clone(),
        spent: login.single_use().clone(),
        lifetime_seconds: config.ca.lifetime_seconds()?,
        clock: clock.clone(),
    });
    ca.introduce();
    if opener.alone {
        genesis(&ca, &config.base_url).await?;
    }

    let (rekor, log_key) = opener.rekor(&address, clock.clone()).await?;
    let (rekor_v1, log_v1_key) = opener.rekor_v1(&address, clock.clone()).await?;
    let around = Surroundings {
        config: &config,
        host: &address.host,
        authority: &address.authority,
        slots: &opener.slots,
        values: &values,
        clock: &clock,
        keys: [&log_v1_key, &log_key, &ct_key],
    };
    let (rekor_v1, rekor) = around.put(&mut background, rekor_v1, rekor, &ca.ct).await?;
    if opener.alone {
        let logs = [ca.ct.log(), rekor.log(), rekor_v1.log()];
        background.keep_led(logs);
        first_checkpoints(logs).await;
    }
    let tsa = opener
        .tsa(&config.tsa, &prepared.mailbox, clock.clone())
        .await?;
    let tsa_chain = tsa.chain()?;
    let next_ca = ca.intermediates.request().await?;
    let next_tsa = tsa.signers.request().await?;
    let transport = Transport::open(
        &opener.slots,
        &opener.store,
        &clock,
        &opener.instance.organization,
        &config.transport,
    )
    .await?;
    let material = TrustMaterial {
        base_url: &config.base_url,
        oidc_issuer: login.url(),
        operator: &opener.instance.organization,
        since: opener.instance.since,
        ca_chain: &chain,
        tsa_chain: &tsa_chain,
        log_v1_key: &log_v1_key,
        log_key: &log_key,
        log_id: rekor.key_id(),
        ct_key: &ct_key,
    };
    let mailbox = prepared.mailbox.clone();
    let published = prepared.publish(&material, [&next_ca, &next_tsa]).await?;
    let root = RootId(Digest::sha256(&published.tuf_root));
    let trusted_root = serde_json::to_vec(&published.trusted_root)?;
    let revocation = Arc::new(Revocation {
        root: TrustRoot::parse(&trusted_root, root).map_err(|_| AuthorityError::Damaged {
            what: "trusted root".into(),
        })?,
        seals: Seals {
            ca: ca.clone(),
            log: rekor.clone(),
            tsa: tsa.clone(),
        },
        kept,
        publisher: published.tuf.clone(),
        clock: clock.clone(),
    });
    Ok(Parts {
        allowed: address.allowed(),
        config,
        clock,
        ca,
        login,
        rekor_v1,
        rekor,
        background,
        tsa,
        transport,
        revocation,
        trusted_root: published.trusted_root,
        signing_config: published.signing_config,
        client_trust_config: published.client_trust_config,
        tuf_root: published.tuf_root,
        tuf: published.tuf,
        mailbox,
        slots: opener.slots,
        metrics,
    })
}

async fn instance(
    store: &dyn LogStore,
    config: &AuthorityConfig,
    clock: &dyn Clock,
) -> Result<Instance, AuthorityError> {
    let now = clock.now();
    let new = Instance {
        base_url: config.base_url.clone(),
        organization: config.organization.clone(),
        since: Timestamp::from_second(now.as_second()).unwrap_or(now),
    };
    let stored = store
        .create_document(INSTANCE, &serde_json::to_vec(&new)?)
        .await?;
    let stored: Instance =
        serde_json::from_slice(&stored).map_err(|_| AuthorityError::Damaged {
            what: INSTANCE.into(),
        })?;
    if stored.base_url != config.base_url {
        let (created, wanted) = (stored.base_url, config.base_url.clone());
        return Err(AuthorityError::Renamed { created, wanted });
    }
    Ok(stored)
}

impl Opener {
    /// A self-signed root in a slot of the same name.
    async fn root(
        &self,
        slot: &str,
        scheme: Scheme,
        name: &str,
    ) -> Result<x509::Issuer, AuthorityError> {
        let key = self.slots.get_or_create(slot, scheme).await?;
        let document = format!("{slot}.der");
        if let Some(der) = self.store.document(&document).await? {
            return Ok(x509::Issuer::from_parts(key, parse_certificate(&der)?)?);
        }
        let created =
            x509::Issuer::create_root(key, &self.instance.organization, name, self.validity()?)?;
        self.store
            .create_document(&document, created.certificate().der())
            .await?;
        Ok(created)
    }

    /// Notes what people sign before this instance can open for the first time.
    async fn ask_first(
        &self,
        prepared: &Prepared,
        address: &Address,
        config: &AuthorityConfig,
    ) -> Result<(), AuthorityError> {
        let key = async |slot: &str, scheme| {
            let key = self.slots.get_or_create(slot, scheme).await?;
            Ok::<_, AuthorityError>(key.public().clone())
        };
        let log_key = key("log-v2", Scheme::Ed25519).await?;
        let log_id = STANDARD.encode(note::key_id(&address.host, &log_key));
        let material = TrustMaterial {
            base_url: &config.base_url,
            oidc_issuer: &format!("{}{}", config.base_url, oidc::login::PATH),
            operator: &self.instance.organization,
            since: self.instance.since,
            ca_chain: &[],
            tsa_chain: &[],
            log_v1_key: &key("log-v1", Scheme::EcdsaP256).await?,
            log_key: &log_key,
            log_id: &log_id,
            ct_key: &key("ct", Scheme::EcdsaP256).await?,
        };
        let ca = key("ca-intermediate", Scheme::EcdsaP256).await?;
        let tsa = key("tsa", Scheme::EcdsaP256).await?;
        prepared.ask_first(&material, &ca, &tsa).await
    }

    async fn ct(
        &self,
        address: &Address,
        chain: Arc<[Certificate]>,
        clock: Arc<dyn Clock>,
    ) -> Result<CtLog, AuthorityError> {
        let key = self.slots.get_or_create("ct", Scheme::EcdsaP256).await?;
        let signer = key.clone();
        let config = LogConfig {
            name: "ct",
            // static-ct-api: the submission prefix without its scheme.
            origin: address.authority.clone(),
            sign: Box::new(move |checkpoint: &Checkpoint, now_ms| {
                Ok(checkpoint.sign_rfc6962(&signer, now_ms)?.to_string())
            }),
            cosigner: self.cosigner.clone(),
        };
        let log = self.log(config, clock).await?;
        Ok(CtLog::new(log, key, chain))
    }

    async fn rekor(
        &self,
        address: &Address,
        clock: Arc<dyn Clock>,
    ) -> Result<(RekorV2, PublicKey), AuthorityError> {
        let key = self.slots.get_or_create("log-v2", Scheme::Ed25519).await?;
        let signer = key.clone();
        let config = LogConfig {
            name: "log-v2",
            // Clients compare it with the host of the base URL: no port, no path.
            origin: address.host.clone(),
            sign: Box::new(move |checkpoint: &Checkpoint, _| {
                Ok(checkpoint.sign(&signer)?.to_string())
            }),
            cosigner: self.cosigner.clone(),
        };
        let log = self.log(config, clock).await?;
        let rekor = RekorV2::start(log, &address.host, &key).await?;
        Ok((rekor, key.public().clone()))
    }

    async fn rekor_v1(
        &self,
        address: &Address,
        clock: Arc<dyn Clock>,
    ) -> Result<(RekorV1, PublicKey), AuthorityError> {
        let key = self
            .slots
            .get_or_create("log-v1", Scheme::EcdsaP256)
            .await?;
        // Tree ids of Rekor are positive 63-bit numbers.
        let new = u64::from_be_bytes(random::bytes()?) >> 1;
        let stored = self
            .store
            .create_document(TREE_ID, new.to_string().as_bytes())
            .await?;
        let tree_id = String::from_utf8_lossy(&stored).parse();
        let tree_id = tree_id.map_err(|_| AuthorityError::Damaged {
            what: TREE_ID.into(),
        })?;
        let (signer, host) = (key.clone(), address.host.clone());
        let config = LogConfig {
            name: "log-v1",
            origin: RekorV1::origin(&address.host, tree_id),
            sign: Box::new(move |checkpoint: &Checkpoint, _| {
                // The origin has spaces, so the host alone stands on the signature line.
                Ok(note::sign_note(&checkpoint.text(), &host, &signer)?.to_string())
            }),
            cosigner: self.cosigner.clone(),
        };
        let log = self.log(config, clock).await?;
        let public = key.public().clone();
        Ok((RekorV1::start(log, key, tree_id).await?, public))
    }

    /// Leads the log, or follows until a lease is held for it.
    async fn log(&self, config: LogConfig, clock: Arc<dyn Clock>) -> Result<Log, AuthorityError> {
        match self.alone {
            true => Log::open(config, self.store.clone(), clock).await,
            false => Log::follow(config, self.store.clone(), clock).await,
        }
    }

    fn validity(&self) -> Result<Validity, AuthorityError> {
        Ok(Validity::seconds(self.instance.since, TEN_YEARS)?)
    }
}

/// Waits until readers of a new instance find a checkpoint in each of its logs.
pub(super) async fn first_checkpoints([one, two, three]: [&Log; 3]) {
    let ready = tokio::join!(
        one.first_checkpoint(),
        two.first_checkpoint(),
        three.first_checkpoint()
    );
    if ready != (true, true, true) {
        tracing::warn!("not every log has published its first checkpoint yet");
    }
}

/// The first entry of a new CT log: a precertificate for a key thrown away.
pub(super) async fn genesis(
    ca: &CertificateAuthority,
    base_url: &str,
) -> Result<(), AuthorityError> {
    if ca.ct.log().size() > 0 {
        return Ok(());
    }
    let throwaway = SigningKey::generate(Scheme::EcdsaP256)?;
    let key = PublicKey::from_spki_der(throwaway.public().spki_der())?;
    let subject = SubjectName::Uri(format!("{base_url}/ct/genesis"));
    ca.certify(&subject, ca.service.url(), &key).await.map(drop)
}

struct Address {
    host: String,
    authority: String,
    port: u16,
}

impl Address {
    fn parse(base_url: &str) -> Result<Self, AuthorityError> {
        let refused = |why| AuthorityError::Address {
            url: base_url.into(),
            why,
        };
        let url = url::Url::parse(base_url).map_err(|_| refused("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("its scheme is neither http nor https"));
        }
        let host = url
            .host_str()
            .ok_or_else(|| refused("it has no host"))?
            .to_owned();
        let port = url
            .port_or_known_default()
            .ok_or_else(|| refused("it has no port"))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        if base_url != format!("{}://{authority}", url.scheme()) {
            return Err(refused("it must be SCHEME://HOST:PORT and nothing more"));
        }
        Ok(Self {
            host,
            authority,
            port,
        })
    }

    fn allowed(&self) -> AllowedHosts {
        let mut hosts = vec![self.authority.clone()];
        if matches!(self.host.as_str(), "127.0.0.1" | "localhost" | "[::1]") {
            hosts.extend([
                format!("127.0.0.1:{}", self.port),
                format!("localhost:{}", self.port),
            ]);
        }
        AllowedHosts::new(hosts)
    }
}
