//! The flags that say how a registry or a timestamp authority is met: whose
//! certificate is believed, which one is shown, which name is expected.
//!
//! They hold for the server that is named, and for no other: a redirect elsewhere
//! is followed without them. Where one of them is given, TLS is spoken on this
//! machine, too.

use bulla_net::{Peer, TlsIdentity};
use url::Url;
use zeroize::Zeroizing;

use super::{failure::Failure, given::Given, material};

/// The names of the flags.
pub struct Flags {
    ca: &'static str,
    certificate: &'static str,
    key: &'static str,
    name: &'static str,
}

/// For a registry.
pub const REGISTRY: Flags = Flags {
    ca: "registry-cacert",
    certificate: "registry-client-cert",
    key: "registry-client-key",
    name: "registry-server-name",
};

/// For a timestamp authority.
pub const TIMESTAMP: Flags = Flags {
    ca: "timestamp-client-cacert",
    certificate: "timestamp-client-cert",
    key: "timestamp-client-key",
    name: "timestamp-server-name",
};

impl Flags {
    /// Whether one of them is given.
    pub fn are_given(&self, given: &Given) -> bool {
        let all = [self.ca, self.certificate, self.key, self.name];
        all.iter().any(|name| given.text(name).is_some())
    }

    /// The authorities that are believed, PEM.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn authorities(&self, given: &Given) -> Result<Option<Vec<u8>>, Failure> {
        let path = given.text(self.ca);
        path.map(|path| material::small(path, "CA certificate"))
            .transpose()
    }

    /// How the server at `url` is met; `None` if no flag says anything of it.
    ///
    /// # Errors
    /// If a file cannot be read, or they do not belong together.
    pub fn peer(&self, given: &Given, url: &Url) -> Result<Option<Peer>, Failure> {
        if !self.are_given(given) {
            return Ok(None);
        }
        let mut peer = Peer::at(url).map_err(|error| Failure::from_error("", &error))?;
        if let Some(pem) = self.authorities(given)? {
            peer = peer.believing(pem);
        }
        if let Some(identity) = self.identity(given)? {
            peer = peer.showing(identity);
        }
        if let Some(name) = given.text(self.name) {
            peer = peer
                .named(name)
                .map_err(|error| Failure::from_error(&format!("--{}", self.name), &error))?;
        }
        Ok(Some(peer))
    }

    /// cosign leaves out one that is given without the other; the server would
    /// then meet a stranger.
    fn identity(&self, given: &Given) -> Result<Option<TlsIdentity>, Failure> {
        let (certificate, key) = match (given.text(self.certificate), given.text(self.key)) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            _ => {
                return Err(Failure::coded(
                    "CLI-0485",
                    format!(
                        "--{} and --{} must be given together",
                        self.certificate, self.key
                    ),
                ));
            }
        };
        let chain = material::small(certificate, "client certificate")?;
        let secret = Zeroizing::new(material::small(key, "client key")?);
        TlsIdentity::from_pem(&chain, &secret)
            .map(Some)
            .map_err(|error| Failure::from_error(&format!("{certificate} and {key}"), &error))
    }
}
