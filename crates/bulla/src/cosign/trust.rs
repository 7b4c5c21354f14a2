//! Under which root a signature must stand, and with which proofs: `--trusted-root`,
//! the older flags and variables that name single keys and chains, or what
//! `initialize` kept.

use bulla_core::{Digest, RootId};
use bulla_trust::{
    TrustRoot,
    root::{LogKey, RootParts},
    sigstore::Requirements,
};
use std::sync::Arc;

use super::{checks::Signer, failure::Failure, given::Given, initialize, material, say};

/// A trust root, and where it is kept.
pub enum Root {
    /// Read from a file, or put together.
    Own(Box<TrustRoot>),
    /// What `initialize` kept.
    Shared(Arc<TrustRoot>),
    /// The public-good instance's.
    Embedded,
}

impl Root {
    /// The root itself.
    ///
    /// # Errors
    /// If the embedded one cannot be used.
    pub fn get(&self) -> Result<&TrustRoot, Failure> {
        match self {
            Self::Own(root) => Ok(root),
            Self::Shared(root) => Ok(root),
            Self::Embedded => TrustRoot::public_good()
                .map_err(|error| Failure::from_error("setting trusted material", &error)),
        }
    }
}

/// Which proofs the flags ask for.
pub fn requirements(given: &Given, signer: &Signer, what: &str) -> Requirements {
    let mut requirements = Requirements::default();
    let private = given.on("private-infrastructure");
    let no_log = given.on("insecure-ignore-tlog");
    let stamped =
        given.on("use-signed-timestamps") || given.text("timestamp-certificate-chain").is_some();
    if no_log && !private {
        say::warn(&format!(
            "Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the {what}."
        ));
    }
    if no_log || private {
        requirements = requirements.without_log();
        if !stamped && matches!(signer, Signer::Certificate(_)) {
            requirements = requirements.untimed();
        }
    }
    if given.on("insecure-ignore-sct") {
        requirements = requirements.without_sct();
    }
    if stamped {
        requirements = requirements.timestamped();
    }
    requirements
}

/// Variables that name parts of a root, as cosign 2 read them.
const PARTS: [&str; 4] = [
    "SIGSTORE_ROOT_FILE",
    "SIGSTORE_REKOR_PUBLIC_KEY",
    "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE",
    "SIGSTORE_TSA_CERTIFICATE_FILE",
];

/// The trust root: `--trusted-root`; else loose parts over what `initialize` kept,
/// or over the embedded one. A bare key without a log needs none.
///
/// # Errors
/// If something that is named cannot be read.
pub fn root(given: &Given, signer: &Signer, requirements: &Requirements) -> Result<Root, Failure> {
    let doing = "setting trusted material: loading trusted root";
    if let Some(path) = given.text("trusted-root") {
        let bytes = material::trust_document(path)
            .map_err(|failure| Failure::new(format!("{doing}: {}", failure.text())))?;
        let id = RootId(Digest::sha256(&bytes));
        return TrustRoot::parse(&bytes, id)
            .map(|root| Root::Own(Box::new(root)))
            .map_err(|error| Failure::from_error(doing, &error));
    }
    let parts = parts(given)?;
    let is_key = matches!(signer, Signer::Key(_));
    let alone = is_key && *requirements == Requirements::default().without_log();
    let instance = initialize::instance_at_rest(given, !alone)?;
    if parts.is_some() || instance.is_some() {
        let cached = initialize::trusted_root(instance.as_deref())?;
        let root = match (&parts, cached) {
            (None, Some(cached)) => return Ok(Root::Shared(cached)),
            (None, None) => return Ok(Root::Embedded),
            (Some(parts), Some(cached)) => cached.with_parts(parts),
            (Some(parts), None) => {
                let embedded =
                    TrustRoot::public_good().map_err(|error| Failure::from_error(doing, &error))?;
                embedded.with_parts(parts)
            }
        };
        return root
            .map(|root| Root::Own(Box::new(root)))
            .map_err(|error| Failure::from_error(doing, &error));
    }
    if alone {
        return TrustRoot::nothing()
            .map(|root| Root::Own(Box::new(root)))
            .map_err(|error| Failure::from_error(doing, &error));
    }
    Ok(Root::Embedded)
}

/// Parts of a root from flags and variables.
fn parts(given: &Given) -> Result<Option<RootParts>, Failure> {
    let small = |path: &str| material::small(path, "certificate or key");
    let mut parts = RootParts::default();
    let mut any = false;
    for (flag, chains) in [
        ("certificate-chain", &mut parts.ca_chains),
        ("timestamp-certificate-chain", &mut parts.tsa_chains),
    ] {
        if let Some(path) = given.text(flag) {
            chains.push(small(path)?);
            any = true;
        }
    }
    for (flag, slot) in [
        ("ca-roots", &mut parts.ca_roots),
        ("ca-intermediates", &mut parts.ca_intermediates),
    ] {
        if let Some(path) = given.text(flag) {
            *slot = Some(small(path)?);
            any = true;
        }
    }
    let chain = given.text("certificate-chain").is_some();
    if chain && (parts.ca_roots.is_some() || parts.ca_intermediates.is_some()) {
        return Err(Failure::coded(
            "CLI-0451",
            "if any flags in the group [ca-roots certificate-chain] are set none of the others can be",
        ));
    }
    if parts.ca_intermediates.is_some() && parts.ca_roots.is_none() {
        return Err(Failure::coded(
            "CLI-0451",
            "--ca-intermediates needs --ca-roots",
        ));
    }
    for name in PARTS {
        let Some(path) = std::env::var(name).ok().filter(|path| !path.is_empty()) else {
            continue;
        };
        let bytes = small(&path)?;
        match name {
            "SIGSTORE_ROOT_FILE" if parts.ca_roots.is_none() && !chain => {
                parts.ca_roots = Some(bytes);
            }
            "SIGSTORE_ROOT_FILE" => {}
            "SIGSTORE_REKOR_PUBLIC_KEY" => parts.logs.push(LogKey {
                pem: bytes,
                origin: None,
            }),
            "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE" => parts.ct_keys.push(bytes),
            _ if parts.tsa_chains.is_empty() => parts.tsa_chains.push(bytes),
            _ => {}
        }
        any = true;
    }
    Ok(any.then_some(parts))
}
