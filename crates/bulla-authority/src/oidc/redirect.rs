//! Where a browser may be sent with a code: exactly what a client registered.
//!
//! RFC 9700 §4.1.3: character by character, with the one exception of RFC 8252
//! §7.3 — on a loopback address the port is the client's choice. Out-of-band
//! means that the code is shown on a page of ours instead.

use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

use super::LoginError;

/// What sigstore-python asks for where no browser can be started.
pub const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
const URL_BYTES: usize = 1024;

/// Whether a client that registered `registered` may be answered at `asked`.
pub fn allows(registered: &str, asked: &str) -> bool {
    if asked.len() > URL_BYTES {
        return false;
    }
    if registered == asked {
        return true;
    }
    let (Some(registered), Some(asked)) = (Loopback::parse(registered), Loopback::parse(asked))
    else {
        return false;
    };
    registered == asked
}

/// Whether `url` may be registered.
///
/// # Errors
/// [`LoginError::Redirect`] with what is wrong.
pub fn check(url: &str) -> Result<(), LoginError> {
    let refused = |why| {
        Err(LoginError::Redirect {
            url: url.chars().take(200).collect(),
            why,
        })
    };
    if url == OUT_OF_BAND {
        return Ok(());
    }
    if url.len() > URL_BYTES {
        return refused("it is too long");
    }
    let Ok(parsed) = Url::parse(url) else {
        return refused("it is not a URL");
    };
    if Loopback::parse(url).is_some() {
        return Ok(());
    }
    if parsed.scheme() != "https" {
        return refused("it must be https, or http on a loopback address");
    }
    if parsed.as_str() != url || parsed.fragment().is_some() || has_user(&parsed) {
        return refused("write it as browsers do, without user name and fragment");
    }
    Ok(())
}

/// A plain HTTP address of this machine, whatever the port.
#[derive(PartialEq, Eq)]
struct Loopback {
    host: Host<String>,
    path: String,
}

impl Loopback {
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let host = match url.host()? {
            Host::Domain("localhost") => Host::Domain("localhost".to_owned()),
            Host::Ipv4(Ipv4Addr::LOCALHOST) => Host::Ipv4(Ipv4Addr::LOCALHOST),
            Host::Ipv6(Ipv6Addr::LOCALHOST) => Host::Ipv6(Ipv6Addr::LOCALHOST),
            _ => return None,
        };
        // What a parser repaired is not what was registered: sigstore-js alone
        // leaves the path out.
        let as_written = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
        let plain = url.scheme() == "http"
            && as_written
            && !has_user(&url)
            && url.query().is_none()
            && url.fragment().is_none();
        plain.then(|| Self {
            host,
            path: url.path().to_owned(),
        })
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests;
