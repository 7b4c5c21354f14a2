//! A server that is met otherwise than all others: with a certificate to show,
//! with authorities of its own, under another name than its address has.
//!
//! It holds for that one host and port, so a redirect elsewhere shows nothing of
//! it (rule R8). The name to expect is sent as SNI and looked for in the server's
//! certificate; the connection still goes to the host of the address, and the
//! `Host` header still names that. Plain HTTP to such a server is refused.

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, pki_types::DnsName};
use url::{Host, Url};

use super::{Addresses, HttpError, Request, address, is_public};
use crate::tls::{TlsIdentity, TlsRoots};

/// How one server is met.
#[derive(Clone, Debug)]
pub struct Peer {
    host: Host,
    port: Option<u16>,
    roots: Option<TlsRoots>,
    identity: Option<TlsIdentity>,
    name: Option<DnsName<'static>>,
}

impl Peer {
    /// The server at the host and port of `url`.
    ///
    /// # Errors
    /// [`HttpError::Url`] if that names no host.
    pub fn at(url: &Url) -> Result<Self, HttpError> {
        let host = url.host().ok_or_else(|| HttpError::Url {
            url: super::shown(url),
            why: "it names no host",
        })?;
        Ok(Self {
            host: host.to_owned(),
            port: url.port_or_known_default(),
            roots: None,
            identity: None,
            name: None,
        })
    }

    /// Its certificate is believed under these authorities alone (PEM).
    #[must_use]
    pub fn believing(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(TlsRoots::Pem(pem.into()));
        self
    }

    /// It is shown this certificate, if it asks.
    #[must_use]
    pub fn showing(mut self, identity: TlsIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Its certificate must be for this name.
    ///
    /// # Errors
    /// [`HttpError::ServerName`] if it is no DNS name.
    pub fn named(mut self, name: &str) -> Result<Self, HttpError> {
        let refused = || HttpError::ServerName {
            name: name.chars().take(260).collect(),
        };
        let name = DnsName::try_from(name.to_owned()).map_err(|_| refused())?;
        // What a URL reads as an address would never be asked as a name.
        match Host::parse(name.as_ref()) {
            Ok(Host::Domain(_)) => {}
            _ => return Err(refused()),
        }
        self.name = Some(name);
        Ok(self)
    }

    pub(super) fn is_at(&self, url: &Url) -> bool {
        url.host().is_some_and(|host| host.to_owned() == self.host)
            && url.port_or_known_default() == self.port
    }

    pub(super) fn client_config(&self, roots: &TlsRoots) -> Result<ClientConfig, HttpError> {
        let roots = self.roots.as_ref().unwrap_or(roots);
        roots.client_config(self.identity.as_ref())
    }

    /// What looks the expected name up, where there is one: it is at the host of
    /// the address.
    pub(super) fn resolver(&self, addresses: Addresses) -> Option<Arc<At>> {
        self.name.as_ref()?;
        Some(Arc::new(At {
            host: self.host.clone(),
            addresses,
        }))
    }

    /// The request as it is sent: at the name to expect, if there is one.
    pub(super) fn address(&self, request: Request) -> Result<Request, HttpError> {
        if request.url.scheme() != "https" {
            return Err(HttpError::plain(&request.url));
        }
        let Some(name) = &self.name else {
            return Ok(request);
        };
        let mut url = request.url.clone();
        url.set_host(Some(name.as_ref()))
            .map_err(|_| HttpError::ServerName {
                name: name.as_ref().to_owned(),
            })?;
        request.by_way_of(url)
    }
}

/// Looks one host up, whatever name is asked for.
pub(super) struct At {
    host: Host,
    addresses: Addresses,
}

impl Resolve for At {
    fn resolve(&self, _: Name) -> Resolving {
        let (host, addresses) = (self.host.clone(), self.addresses);
        Box::pin(async move {
            let found: Vec<SocketAddr> = match &host {
                Host::Ipv4(ip) => vec![SocketAddr::new((*ip).into(), 0)],
                Host::Ipv6(ip) => vec![SocketAddr::new((*ip).into(), 0)],
                Host::Domain(name) if name.eq_ignore_ascii_case("localhost") => {
                    address::LOOPBACK.to_vec()
                }
                Host::Domain(name) => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            let usable = |at: &SocketAddr| addresses == Addresses::Any || is_public(at.ip());
            let found: Vec<SocketAddr> = found.into_iter().filter(usable).collect();
            if found.is_empty() {
                return Err("the host has no usable address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
