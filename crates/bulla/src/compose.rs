//! Which services run, and how they are wired: the local instance in one process.
//!
//! [`connect`] gives a command the instance, served in its own process if nobody
//! else serves it; [`fn@serve`] insists on serving it (`bulla up`). Either way the
//! command talks to it over HTTP and the token socket, as any other client would;
//! [`ask`] needs the socket alone, which `bulla serve` has as well.

mod listen;
mod live_root;
pub mod serve;
mod services;
mod told;

use bulla_authority::operations::Operations;
use bulla_core::RootId;
use bulla_net::{
    Egress, HttpClient, HttpOptions, Token,
    token::{self, Service, TokenError},
};
use bulla_policy::InstanceNames;
use bulla_trust::{
    TrustRoot,
    root::{LogApi, LogChoice, LogService, SigningServices},
};
use std::{fs, path::Path, sync::Arc};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    instance::{Home, Names, Ready},
    journey::revocations,
};
use services::Services;
pub use services::keep;
pub use told::{Told, tell_all};

/// The local instance, reached.
pub struct Instance {
    home: Home,
    names: Names,
    ready: Ready,
    created: bool,
    http: HttpClient,
    services: Option<Services>,
}

/// The instance, served here unless another process does.
///
/// # Errors
/// If it cannot be opened, created or reached.
pub async fn connect(context: &Context) -> Result<Instance, Failure> {
    let home = context.home()?;
    home.ensure()?;
    match home.try_lock()? {
        Some(lock) => Services::start(home, lock, None, context).await,
        None => reach(home, context).await,
    }
}

/// Asks whichever process serves the instance, `bulla up` or `bulla serve`, over its
/// socket; if nobody does, it is served meanwhile. Only one that is there already
/// is asked if `existing` says so.
///
/// # Errors
/// If it cannot be reached, or declines.
pub async fn ask<T>(
    context: &Context,
    existing: bool,
    question: impl AsyncFn(&Path) -> Result<T, TokenError>,
) -> Result<T, Failure> {
    let home = context.home()?;
    let failed = |error: TokenError| Failure::from_error(Exit::CouldNotRun, &error);
    if home.path().is_dir() && home.try_lock()?.is_none() {
        let mut waited = 0;
        return loop {
            match question(&home.token_socket()).await {
                // It is just starting.
                Err(TokenError::Socket { .. }) if waited < 100 => waited += 1,
                answer => break answer.map_err(failed),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
    }
    if existing && !home.exists() {
        return Err(Failure::new(
            Exit::CouldNotRun,
            "CLI-0712",
            format!("nobody serves {}", home.path().display()),
        )
        .line("and no local instance was made there")
        .hint("start it: bulla up, or bulla serve --config FILE; or name another: --data DIR"));
    }
    let instance = connect(context).await?;
    let answer = question(&instance.ready.token_socket).await;
    instance.stop().await;
    answer.map_err(failed)
}

/// The instance as far as an image in `registry` needs it: one that lies
/// elsewhere needs its trust documents only, so nothing is started for it.
///
/// # Errors
/// As [`connect`].
pub async fn connect_for(context: &Context, registry: &str) -> Result<Instance, Failure> {
    let home = context.home()?;
    let elsewhere = home.exists() && Names::read(&home)?.registry() != registry;
    if elsewhere && home.trust("trusted_root.json").is_file() {
        let names = Names::read(&home)?;
        let ready = services::ready_of(&home, &names, instance_root(&home)?);
        return Instance::new(home, names, ready, false, None, context);
    }
    connect(context).await
}

/// The instance, served by this process.
///
/// # Errors
/// If another process serves it, or it cannot be served.
pub async fn serve(context: &Context, port: Option<u16>) -> Result<Instance, Failure> {
    let home = context.home()?;
    home.ensure()?;
    match home.try_lock()? {
        Some(lock) => Services::start(home, lock, port, context).await,
        None => {
            let pid = home
                .read_ready()
                .map(|ready| ready.pid.to_string())
                .unwrap_or_default();
            Err(Failure::new(
                Exit::CouldNotRun,
                "CLI-0060",
                format!("process {pid} already serves {}", home.path().display()),
            )
            .hint(
                "use it: bulla up --env; or stop it first; or serve another: bulla up --data DIR",
            ))
        }
    }
}

async fn reach(home: Home, context: &Context) -> Result<Instance, Failure> {
    let mut waited = 0;
    let ready = loop {
        match home.read_ready() {
            Ok(ready) => break ready,
            Err(_) if waited < 100 => {
                waited += 1;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    let names = Names::read(&home)?;
    Instance::new(home, names, ready, false, None, context)
}

/// The root id of an instance on disk.
fn instance_root(home: &Home) -> Result<RootId, Failure> {
    let path = home.trust("tuf_root.json");
    let bytes = fs::read(&path).on_path("read", &path)?;
    Ok(RootId(bulla_core::Digest::sha256(&bytes)))
}

impl Instance {
    fn new(
        home: Home,
        names: Names,
        ready: Ready,
        created: bool,
        services: Option<Services>,
        context: &Context,
    ) -> Result<Self, Failure> {
        let egress = if context.global.offline {
            Egress::LoopbackOnly
        } else {
            Egress::Any
        };
        let tls_ca = fs::read(&ready.tls_ca).on_path("read", &ready.tls_ca)?;
        let http = HttpClient::new(HttpOptions::new(egress).believing(tls_ca));
        Ok(Self {
            home,
            names,
            ready,
            created,
            http,
            services,
        })
    }

    /// Its directory.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Its names.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Where everything answers.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Whether it was created just now.
    pub fn was_created(&self) -> bool {
        self.created
    }

    /// The one HTTP client.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Its root fingerprint.
    ///
    /// # Errors
    /// If the ready file holds none.
    pub fn root_id(&self) -> Result<RootId, Failure> {
        let digest = format!("sha256:{}", self.ready.root)
            .parse()
            .or_could_not_run()?;
        Ok(RootId(digest))
    }

    /// Its trust root, with its revocations as they are known here.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn trust_root(&self) -> Result<TrustRoot, Failure> {
        Ok(revocations::known(self.bare_trust_root()?, &self.home))
    }

    /// Its trust root alone: to check what was made here just now.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn bare_trust_root(&self) -> Result<TrustRoot, Failure> {
        let bytes = fs::read(&self.ready.trusted_root).on_path("read", &self.ready.trusted_root)?;
        TrustRoot::parse(&bytes, self.root_id()?).or_could_not_run()
    }

    /// Its names, as policies use them.
    ///
    /// # Errors
    /// If the ready file holds no root.
    pub fn policy_names(&self) -> Result<InstanceNames, Failure> {
        Ok(InstanceNames {
            root: self.root_id()?,
            asserted_issuer: self.names.asserted_issuer.clone(),
            service_issuer: self.names.service_issuer.clone(),
            registry: self.names.registry(),
        })
    }

    /// The services that seal, with the log that is chosen.
    pub fn signing_services(&self, logs: LogChoice) -> SigningServices {
        let log = |url: &str, api| LogService {
            url: url.to_owned(),
            api,
        };
        let newest = || vec![log(&self.ready.log_v2, LogApi::V2)];
        SigningServices {
            ca: Some(self.ready.ca.clone()),
            oidc: Some(self.ready.oidc.clone()),
            logs: match (logs, &self.ready.log_v1) {
                (LogChoice::None, _) => Vec::new(),
                (LogChoice::V1, Some(url)) => vec![log(url, LogApi::V1)],
                _ => newest(),
            },
            tsas: vec![self.ready.tsa.clone()],
        }
    }

    /// An ID token that asserts `email`.
    ///
    /// # Errors
    /// If the socket refuses.
    pub async fn person_token(&self, email: &str, audience: &str) -> Result<Token, Failure> {
        token::person(&self.ready.token_socket, email, audience)
            .await
            .map_err(|error| Failure::from_error(Exit::Authentication, &error))
    }

    /// An ID token of one of the instance's own services.
    ///
    /// # Errors
    /// If the socket refuses.
    pub async fn service_token(&self, service: Service) -> Result<Token, Failure> {
        token::service(&self.ready.token_socket, service)
            .await
            .map_err(|error| Failure::from_error(Exit::Authentication, &error))
    }

    /// Its state, as far as this process serves it.
    pub fn operations(&self) -> Option<&Operations> {
        self.services.as_ref().map(Services::operations)
    }

    /// Has the instance replace the online keys of its TUF repository; gives its answer.
    ///
    /// # Errors
    /// If the socket does not answer, or the instance declines.
    pub async fn rotate_tuf(&self) -> Result<serde_json::Value, Failure> {
        token::rotate_tuf(&self.ready.token_socket)
            .await
            .map_err(|error| Failure::from_error(Exit::CouldNotRun, &error))
    }

    /// Stops serving, if this process serves.
    pub async fn stop(self) {
        if let Some(services) = self.services {
            services.stop().await;
        }
    }

    /// For the services started by this process: what keeps them alive.
    pub fn is_served_here(&self) -> bool {
        self.services.is_some()
    }
}

/// The policy that judges in the webhook: the instance's own, else the default.
///
/// # Errors
/// If the document is not a policy.
pub fn instance_policy(
    home: &Home,
    names: &InstanceNames,
) -> Result<Arc<bulla_policy::Policy>, Failure> {
    let policy = match home.policy() {
        Some(path) => {
            let bytes = fs::read(&path).on_path("read", &path)?;
            bulla_policy::Policy::parse(&bytes, Some(names))
                .or_could_not_run()
                .map_err(|failure| failure.on(format!("{} is not a policy", path.display())))?
        }
        None => bulla_policy::Policy::embedded_default(names).or_could_not_run()?,
    };
    Ok(Arc::new(policy))
}
