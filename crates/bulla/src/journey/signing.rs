//! Sealing for somebody: which key or identity, with the services of which
//! Sigstore, one certificate for everything that one command seals.
//!
//! Where the result goes (a file, referrers, tags) is decided in `publish.rs`.

use bulla_core::{Clock, Statement, SystemClock};
use bulla_crypto::{Scheme, Signer, x509::parse_pem_chain};
use bulla_net::sealing::{Content, Sealed, Sealer};
use bulla_trust::{
    TrustRoot,
    root::{LogChoice, SigningServices},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    keyref,
    place::Place,
    reach::Reach,
    seal,
    token::{self, TokenChoice},
};
use crate::{
    compose::Instance,
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
};

/// Who signs.
#[derive(Clone, Debug)]
pub enum Who {
    /// A key.
    Key(String),
    /// A key that an authority of one's own has certified.
    Certified {
        /// The key.
        key: String,
        /// Its certificate, PEM.
        certificate: PathBuf,
        /// Those above it, PEM.
        chain: Option<PathBuf>,
    },
    /// Somebody whom an issuer knows.
    Keyless(TokenChoice),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who signs.
    pub who: Who,
    /// Whose services seal.
    pub place: Place,
    /// Whether to log it.
    pub log: bool,
    /// Whether to get a timestamp.
    pub timestamp: bool,
}

impl Order {
    /// Whether it needs the local instance.
    pub fn is_local(&self) -> bool {
        self.place == Place::Local && (self.is_witnessed() || matches!(self.who, Who::Keyless(_)))
    }

    fn is_witnessed(&self) -> bool {
        self.log || self.timestamp
    }
}

/// Trust and services that seal.
struct Witnesses {
    services: SigningServices,
    root: Arc<TrustRoot>,
}

/// A signer with its witnesses.
pub struct Session {
    sealer: Sealer,
    holder: Holder,
}

/// What the signer is called.
enum Holder {
    /// A key has no name but its fingerprint.
    Key(String),
    /// Whoever the certificate names; asserted, where nobody checked.
    Certified { asserted: bool },
}

impl Session {
    /// Opens the key or gets the certificate. `old_log` asks for entries that
    /// the old layout can carry.
    ///
    /// # Errors
    /// If the key, the token or a service cannot be had.
    pub async fn open(
        order: &Order,
        old_log: bool,
        reach: &Reach,
        context: &Context,
    ) -> Result<Self, Failure> {
        let (sealer, holder, witnesses) = match &order.who {
            Who::Key(reference) => {
                let signer = signer(reference, order, context)?;
                let holder = Holder::Key(format!("key {}", signer.public().id().short()));
                let sealer = Sealer::with_key(reach.http(), signer);
                (sealer, holder, wanted(order, old_log, reach, context)?)
            }
            Who::Certified {
                key,
                certificate,
                chain,
            } => {
                let signer = signer(key, order, context)?;
                let holder = Holder::Key(format!("key {}", signer.public().id().short()));
                let (leaf, issuers) = certificates(certificate, chain.as_deref())?;
                let sealer = Sealer::with_certificate(reach.http(), signer, leaf, issuers)
                    .or_usage()
                    .map_err(|failure| failure.on(certificate.display().to_string()))?;
                (sealer, holder, wanted(order, old_log, reach, context)?)
            }
            Who::Keyless(choice) => {
                let witnesses = witnesses(order, old_log, reach, context)?;
                let token = token::get(choice, &witnesses.services, reach, context).await?;
                let ca = witnesses.services.ca().or_could_not_run()?;
                let sealer = Sealer::keyless(reach.http(), ca, &token, Scheme::EcdsaP256)
                    .await
                    .or_undecidable()
                    .map_err(|failure| failure.on("no certificate to sign with"))?;
                let asserted = matches!(choice, TokenChoice::Asserted(_));
                (sealer, Holder::Certified { asserted }, Some(witnesses))
            }
        };
        let Some(witnesses) = witnesses else {
            return Ok(Self { sealer, holder });
        };
        let mut services = witnesses.services;
        if !order.timestamp {
            services.tsas.clear();
        }
        if order.log && services.logs.is_empty() {
            return Err(Failure::new(
                Exit::CouldNotRun,
                "CLI-0307",
                format!("{} names no transparency log", order.place),
            )
            .hint("add one to its signing configuration, or waive it: --no-log"));
        }
        let sealer = sealer.witnessed_by(&services);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Self {
            sealer: match order.who {
                // The root of this Sigstore does not know an authority of one's own.
                Who::Certified { .. } => sealer,
                _ => sealer.checked_under(witnesses.root, clock),
            },
            holder,
        })
    }

    /// One of those who sign in `ship`: a person by assertion, or a service.
    ///
    /// # Errors
    /// If the token or the certificate cannot be had.
    pub async fn of_instance(instance: &Instance, signer: &seal::Signer) -> Result<Self, Failure> {
        let services = instance.signing_services(LogChoice::Newest);
        let (token, asserted) = match signer {
            seal::Signer::Person(email) => (instance.person_token(email, "sigstore").await?, true),
            seal::Signer::Service(service) => (instance.service_token(*service).await?, false),
        };
        let ca = services.ca().or_could_not_run()?;
        let sealer = Sealer::keyless(instance.http(), ca, &token, Scheme::EcdsaP256)
            .await
            .or_undecidable()
            .map_err(|failure| failure.on("no certificate to sign with"))?;
        let root = Arc::new(instance.bare_trust_root()?);
        Ok(Self {
            sealer: sealer
                .witnessed_by(&services)
                .checked_under(root, Arc::new(SystemClock)),
            holder: Holder::Certified { asserted },
        })
    }

    /// Seals a statement.
    ///
    /// # Errors
    /// If a service refuses, or what came out does not verify.
    pub async fn statement(&self, statement: &Statement) -> Result<Sealed, Failure> {
        self.seal(&Content::Statement(statement)).await
    }

    /// Signs bytes as they are: a file, or the payload of the old layout.
    ///
    /// # Errors
    /// As [`Self::statement`].
    pub async fn blob(&self, bytes: &[u8]) -> Result<Sealed, Failure> {
        self.seal(&Content::Blob(bytes)).await
    }

    async fn seal(&self, content: &Content<'_>) -> Result<Sealed, Failure> {
        let sealed = self.sealer.seal(content).await;
        sealed
            .or_undecidable()
            .map_err(|failure| failure.on("it could not be sealed"))
    }

    /// Who sealed that.
    pub fn signer_of(&self, sealed: &Sealed) -> String {
        let named = sealed.signer.as_ref().map(|identity| &identity.subject);
        match (&self.holder, named) {
            (Holder::Key(name), _) => name.clone(),
            (Holder::Certified { .. }, Some(name)) => name.clone(),
            (Holder::Certified { .. }, None) => "the holder of its certificate".into(),
        }
    }

    /// The same for a person, who is told where nobody checked the name.
    pub fn shown_signer_of(&self, sealed: &Sealed) -> String {
        let name = self.signer_of(sealed);
        match self.holder {
            Holder::Certified { asserted: true } => format!("{name} (asserted)"),
            _ => name,
        }
    }
}

/// The key behind a reference, of the kind that its witnesses can check.
fn signer(reference: &str, order: &Order, context: &Context) -> Result<Arc<dyn Signer>, Failure> {
    let ed25519 = match order.log {
        true => Scheme::Ed25519ph,
        false => Scheme::Ed25519,
    };
    keyref::signer(reference, ed25519, context)
}

/// A certificate and those above it, DER.
fn certificates(file: &Path, chain: Option<&Path>) -> Result<(Vec<u8>, Vec<Vec<u8>>), Failure> {
    let mut all = Vec::new();
    for path in std::iter::once(file).chain(chain) {
        let pem = std::fs::read(path).on_path("read", path)?;
        let parsed = parse_pem_chain(&pem)
            .or_could_not_run()
            .map_err(|failure| failure.on(format!("{} is no certificate", path.display())))?;
        all.extend(parsed.iter().map(|one| one.der().to_vec()));
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(leaf) => Ok((leaf, all.collect())),
        None => {
            let what = format!("{} holds no certificate", file.display());
            Err(Failure::new(Exit::CouldNotRun, "CLI-0312", what)
                .hint("give PEM: -----BEGIN CERTIFICATE-----"))
        }
    }
}

fn wanted(
    order: &Order,
    old_log: bool,
    reach: &Reach,
    context: &Context,
) -> Result<Option<Witnesses>, Failure> {
    match order.is_witnessed() {
        true => witnesses(order, old_log, reach, context).map(Some),
        false => Ok(None),
    }
}

fn witnesses(
    order: &Order,
    old_log: bool,
    reach: &Reach,
    context: &Context,
) -> Result<Witnesses, Failure> {
    let logs = match (order.log, old_log) {
        (false, _) => LogChoice::None,
        (true, true) => LogChoice::V1,
        (true, false) => LogChoice::Newest,
    };
    if let (Place::Local, Some(instance)) = (&order.place, reach.instance()) {
        return Ok(Witnesses {
            services: instance.signing_services(logs),
            root: Arc::new(instance.bare_trust_root()?),
        });
    }
    let sigstore = order.place.sigstore(context)?;
    let services = sigstore
        .services(SystemClock.now(), logs)
        .or_could_not_run()
        .map_err(|failure| failure.on(format!("{} cannot seal this", order.place)))?;
    Ok(Witnesses {
        services,
        root: sigstore.shared_root(),
    })
}

/// What a file's seal says.
pub enum FileSeal<'a> {
    /// It is signed: its bytes.
    Bytes(&'a [u8]),
    /// A statement about it.
    Statement(&'a Statement),
}

/// A seal that goes into a file.
pub struct SealedFile {
    /// The bundle's bytes.
    pub bundle: Vec<u8>,
    /// Who sealed.
    pub signer: String,
    /// The same for a person.
    pub shown_signer: String,
}

/// Seals a file or a statement about it.
///
/// # Errors
/// If the signer or a service cannot be had.
pub async fn seal_file(
    order: &Order,
    what: FileSeal<'_>,
    context: &Context,
) -> Result<SealedFile, Failure> {
    let reach = Reach::open(context, &[], order.is_local()).await?;
    let session = Session::open(order, false, &reach, context).await?;
    let sealed = match what {
        FileSeal::Bytes(bytes) => session.blob(bytes).await?,
        FileSeal::Statement(statement) => session.statement(statement).await?,
    };
    reach.close().await;
    Ok(SealedFile {
        signer: session.signer_of(&sealed),
        shown_signer: session.shown_signer_of(&sealed),
        bundle: sealed.bundle,
    })
}
