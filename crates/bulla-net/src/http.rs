//! The HTTP client: where it may connect, how long it waits, how much it reads.
//!
//! No redirects are followed, no proxy or credential is taken from the
//! environment, nothing is retried, nothing is decompressed, URLs may not carry
//! passwords (rules R4, R8). Plain HTTP goes to loopback only, and the name
//! `localhost` is not looked up: it is loopback. Whoever has a reason to follow
//! a redirect sees it as an answer and sends a new request, without credentials.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use url::{Host, Url};

use crate::tls::{self, TlsRoots};

mod address;
mod error;
mod peer;
mod request;
mod response;

pub use address::{Addresses, is_public};
pub use error::HttpError;
pub use peer::Peer;
pub use request::{Body, Request};
pub use response::Response;

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may pause.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a whole exchange may take unless its request says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Where a client may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Egress {
    /// Anywhere, by HTTPS; plain HTTP on loopback.
    Any,
    /// To these hosts, `name` or `name:port`, and nowhere else.
    Hosts(BTreeSet<String>),
    /// To this machine.
    LoopbackOnly,
    /// Nowhere.
    Offline,
}

impl Egress {
    /// Whether a connection to `url` is within the rule.
    ///
    /// # Errors
    /// [`HttpError::Egress`] if not, [`HttpError::Url`] if the address is of a
    /// kind that is never used: another scheme, a password inside, plain HTTP
    /// to another machine.
    pub fn check(&self, url: &Url) -> Result<(), HttpError> {
        let refuse = |why| HttpError::Url {
            url: shown(url),
            why,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it carries a user name or password"));
        }
        let loopback = is_loopback(url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(refuse("plain HTTP goes to this machine only")),
            _ => return Err(refuse("it is neither http nor https")),
        }
        let allowed = match self {
            Self::Any => true,
            Self::Hosts(hosts) => {
                let host = url.host_str().unwrap_or_default();
                let port = url.port_or_known_default().unwrap_or_default();
                hosts.contains(host) || hosts.contains(&format!("{host}:{port}"))
            }
            Self::LoopbackOnly => loopback,
            Self::Offline => false,
        };
        if allowed {
            Ok(())
        } else {
            Err(HttpError::Egress {
                url: shown(url),
                rule: self.name(),
            })
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Any => "any host",
            Self::Hosts(_) => "named hosts only",
            Self::LoopbackOnly => "this machine only",
            Self::Offline => "offline",
        }
    }
}

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where it may connect.
    pub egress: Egress,
    /// To which addresses, once names are looked up.
    pub addresses: Addresses,
    /// Whose server certificates it believes.
    pub roots: TlsRoots,
    /// How long a connection may take to come up.
    pub connect: Duration,
    /// How long an answer may pause.
    pub pause: Duration,
    /// Servers that are met otherwise.
    peers: Vec<Peer>,
}

impl HttpOptions {
    /// The machine's roots and the usual patience, under that rule.
    pub fn new(egress: Egress) -> Self {
        Self {
            egress,
            addresses: Addresses::Any,
            roots: TlsRoots::System,
            connect: CONNECT,
            pause: PAUSE,
            peers: Vec::new(),
        }
    }

    /// Believes these authorities alone (PEM).
    #[must_use]
    pub fn believing(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = TlsRoots::Pem(pem.into());
        self
    }

    /// Meets one server as it says; all others as before.
    #[must_use]
    pub fn meeting(mut self, peer: Peer) -> Self {
        self.peers.push(peer);
        self
    }

    /// Speaks TLS by this configuration, with the certificate that it shows and
    /// the servers that it believes; plain HTTP not at all.
    #[must_use]
    pub fn over(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.roots = TlsRoots::Configured(config);
        self
    }
}

/// A client. Clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
}

struct Shared {
    options: HttpOptions,
    /// Roots are read when the first HTTPS request is made, not before.
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
    /// One for each server that is met otherwise.
    special: Vec<OnceLock<reqwest::Client>>,
}

impl HttpClient {
    /// A client. Nothing is read or opened yet.
    pub fn new(options: HttpOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                special: vec![OnceLock::new(); options.peers.len()],
                options,
                plain: OnceLock::new(),
                secure: OnceLock::new(),
            }),
        }
    }

    /// A client for this machine's own services.
    pub fn loopback() -> Self {
        Self::new(HttpOptions::new(Egress::LoopbackOnly))
    }

    /// Where it may connect.
    pub fn egress(&self) -> &Egress {
        &self.shared.options.egress
    }

    /// Sends a request and waits for the answer's head. Every status is an
    /// answer, redirects included.
    ///
    /// # Errors
    /// [`HttpError`] if the address is not allowed or the exchange fails.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        self.egress().check(&request.url)?;
        if !self.shared.options.addresses.allow(&request.url) {
            return Err(HttpError::Egress {
                url: shown(&request.url),
                rule: "public addresses only",
            });
        }
        let url = shown(&request.url);
        let method = request.method.clone();
        let (client, request) = self.meet(request)?;
        let answer = request
            .into_reqwest(client)
            .send()
            .await
            .map_err(|source| HttpError::of(source, &method, &url))?;
        Ok(Response::new(answer, method, url))
    }

    /// The client for where the request goes, and the request as that one sends it.
    fn meet(&self, request: Request) -> Result<(&reqwest::Client, Request), HttpError> {
        let shared = &self.shared;
        let met = shared.options.peers.iter().zip(&shared.special);
        let Some((peer, slot)) = met.into_iter().find(|(peer, _)| peer.is_at(&request.url)) else {
            return Ok((self.client(&request.url)?, request));
        };
        let client = match slot.get() {
            Some(client) => client,
            None => {
                let tls = peer.client_config(&shared.options.roots)?;
                let addresses = shared.options.addresses;
                let client = match peer.resolver(addresses) {
                    Some(resolver) => {
                        self.build(reqwest::Client::builder().dns_resolver(resolver), tls)?
                    }
                    None => self.build(self.by_name(), tls)?,
                };
                slot.get_or_init(|| client)
            }
        };
        Ok((client, peer.address(request)?))
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let options = &self.shared.options;
        let (slot, secure) = match url.scheme() {
            "https" => (&self.shared.secure, true),
            _ => (&self.shared.plain, false),
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        if !secure && matches!(options.roots, TlsRoots::Configured(_)) {
            return Err(HttpError::plain(url));
        }
        let tls = if secure {
            options.roots.client_config(None)?
        } else {
            tls::believes_nobody()?
        };
        let client = self.build(self.by_name(), tls)?;
        Ok(slot.get_or_init(|| client))
    }

    /// A client that looks names up; that of this machine is not looked up.
    fn by_name(&self) -> reqwest::ClientBuilder {
        let builder = match self.shared.options.addresses.resolver() {
            Some(resolver) => reqwest::Client::builder().dns_resolver(resolver),
            None => reqwest::Client::builder(),
        };
        builder.resolve_to_addrs("localhost", &address::LOOPBACK)
    }

    fn build(
        &self,
        builder: reqwest::ClientBuilder,
        tls: rustls::ClientConfig,
    ) -> Result<reqwest::Client, HttpError> {
        builder
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(self.shared.options.connect)
            .read_timeout(self.shared.options.pause)
            .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| HttpError::Client(Box::new(source)))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpClient({})", self.egress().name())
    }
}

/// Whether the URL's host is this machine: a loopback address, or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// A URL as it may be shown: without query and password.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests;
