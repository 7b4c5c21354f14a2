//! A client for registries, as the flags say: credential, TLS, the prefix of
//! evidence tags, how much evidence is read.

use bulla_core::Reference;
use bulla_net::{Egress, HttpClient, HttpOptions};
use bulla_oci::{Credentials, Registry, credentials::Credential};
use url::Url;

use super::{failure::Failure, given::Given, info, say, surroundings, tls};

/// The client for the registry of an image, and for that of its evidence.
///
/// # Errors
/// If a credential, a certificate or a key cannot be read.
pub fn registry(given: &Given, image: &Reference) -> Result<Registry, Failure> {
    let mut options = HttpOptions::new(Egress::Any);
    if let Some(pem) = tls::REGISTRY.authorities(given)? {
        options = options.believing(pem);
    }
    let url = format!("https://{}/", image.registry());
    let url =
        Url::parse(&url).map_err(|error| Failure::new(format!("{}: {error}", image.registry())))?;
    let peer = tls::REGISTRY.peer(given, &url)?;
    let is_met = peer.is_some();
    if let Some(peer) = peer {
        options = options.meeting(peer);
    }
    let mut registry = Registry::new(HttpClient::new(options), credentials(given, image)?);
    if is_met {
        registry = registry.secured(image.registry());
    }
    if let Some(prefix) = given.text(PREFIX) {
        registry = registry.with_tag_prefix(prefix);
    }
    bounded(registry)
}

/// The flag that names the prefix of evidence tags.
pub const PREFIX: &str = "attachment-tag-prefix";

/// What is given is for the image's registry. Evidence in another registry has
/// the credential that is kept for that one.
fn credentials(given: &Given, image: &Reference) -> Result<Credentials, Failure> {
    let kept = || {
        Credentials::from_environment(|name| std::env::var(name).ok())
            .map_err(|error| Failure::from_error("reading credentials", &error))
    };
    let user = given.text("registry-username");
    let password = given.text("registry-password");
    let token = given.text("registry-token");
    let credential = match (user, password, token) {
        (None, None, None) => return kept(),
        (None, None, Some(token)) => Credential::RegistryToken(token.to_owned()),
        (Some(username), Some(password), token) => {
            if token.is_some() {
                say::warn("--registry-token is not used beside --registry-username");
            }
            Credential::Basic {
                username: username.to_owned(),
                password: password.to_owned(),
            }
        }
        _ => {
            return Err(Failure::coded(
                "CLI-0441",
                "--registry-username and --registry-password must be given together",
            ));
        }
    };
    let own = image.registry();
    if surroundings::evidence(image)?.registry() == own {
        return Ok(Credentials::one(own, credential));
    }
    Ok(kept()?.with(own, credential))
}

fn bounded(registry: Registry) -> Result<Registry, Failure> {
    let limit = info::value("COSIGN_MAX_ATTACHMENT_SIZE");
    if limit.is_empty() {
        return Ok(registry);
    }
    let bytes = size(&limit).ok_or_else(|| {
        Failure::coded(
            "CLI-0443",
            format!("COSIGN_MAX_ATTACHMENT_SIZE is no size: {limit}"),
        )
        .hint("write 5120, 20K, 3M, 45MiB or 1GB")
    })?;
    let limits = bulla_oci::Limits {
        evidence_bytes: bytes,
        ..registry.limits().clone()
    };
    Ok(registry.within(limits))
}

/// A size as people write it: `5120`, `20K`, `45MiB`, `1GB`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "ki" | "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mi" | "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("5120", 5120),
            ("20K", 20_000),
            ("45MiB", 45 << 20),
            ("1GB", 1_000_000_000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1.5M", "5 things", "99999999999G"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
