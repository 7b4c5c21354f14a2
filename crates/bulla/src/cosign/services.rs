//! Which services seal, and under which root the result is checked, as cosign's
//! flags say: a signing config, or single addresses.

use bulla_core::{Clock, Digest, RootId, SystemClock};
use bulla_crypto::Scheme;
use bulla_net::{Egress, HttpClient, HttpOptions, sealing::Sealer};
use bulla_trust::{
    TrustRoot,
    root::{LogApi, LogChoice, LogService, SigningConfig, SigningServices},
};
use std::sync::Arc;

use super::{failure::Failure, given::Given, initialize, keys, material, say, tls, token};

/// Services, and the root they stand under where it is known.
struct Chosen {
    services: SigningServices,
    root: Option<Arc<TrustRoot>>,
}

/// What will be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Bytes as they are: a file, the payload of the old layout.
    Bytes,
    /// A statement in an envelope.
    Statement,
}

/// Opens the key or gets a certificate, and joins the witnesses.
///
/// # Errors
/// If flags contradict each other, or a key, token or certificate cannot be had.
pub async fn sealer(given: &Given, what: What) -> Result<Sealer, Failure> {
    let old = !given.on("new-bundle-format");
    let chosen = chosen(given, old).await?;
    let http = client(given, &chosen.services)?;
    let sealer = match given.text("key") {
        None => keyless(given, &http, &chosen.services).await?,
        Some(reference) => {
            // A log keeps the digest of a plain signature's message, so that is
            // what Ed25519 has to be over; envelopes are signed as they are.
            let ed25519 = match (what, chosen.services.logs.is_empty()) {
                (What::Bytes, false) => Scheme::Ed25519ph,
                _ => Scheme::Ed25519,
            };
            with_key(given, &http, (reference, ed25519), &chosen.services).await?
        }
    };
    let mut sealer = sealer.witnessed_by(&chosen.services);
    if let Some(root) = chosen.root {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        sealer = sealer.checked_under(root, clock);
    }
    Ok(sealer)
}

async fn keyless(
    given: &Given,
    http: &HttpClient,
    services: &SigningServices,
) -> Result<Sealer, Failure> {
    say::line("Generating ephemeral keys...");
    let token = token::get(given, http, services).await?;
    say::line("Retrieving signed certificate...");
    Sealer::keyless(http, ca(services)?, &token, scheme(given)?)
        .await
        .map_err(|error| Failure::from_error("getting signer: getting certificate", &error))
}

async fn with_key(
    given: &Given,
    http: &HttpClient,
    (reference, ed25519): (&str, Scheme),
    services: &SigningServices,
) -> Result<Sealer, Failure> {
    let signer = keys::signer(given, reference, ed25519)?;
    if given.on("issue-certificate") {
        let token = token::get(given, http, services).await?;
        return Sealer::certified(http, ca(services)?, &token, signer)
            .await
            .map_err(|error| Failure::from_error("getting signer: getting certificate", &error));
    }
    let Some(path) = given.text("certificate") else {
        if given.text("certificate-chain").is_some() {
            return Err(Failure::coded(
                "CLI-0460",
                "no leaf certificate found or provided while specifying chain",
            ));
        }
        return Ok(Sealer::with_key(http, signer));
    };
    let pem = |path: &str| {
        let bytes = material::small(path, "certificate")?;
        bulla_crypto::x509::parse_pem_chain(&bytes)
            .map_err(|error| Failure::from_error(path, &error))
    };
    let leaf = pem(path)?;
    let leaf = leaf
        .first()
        .ok_or_else(|| Failure::new(format!("{path} holds no certificate")))?;
    let issuers = match given.text("certificate-chain") {
        Some(path) => pem(path)?,
        None => Vec::new(),
    };
    let issuers = issuers.iter().map(|one| one.der().to_vec()).collect();
    Sealer::with_certificate(http, signer, leaf.der().to_vec(), issuers)
        .map_err(|error| Failure::from_error("getting signer", &error))
}

fn ca(services: &SigningServices) -> Result<&str, Failure> {
    services
        .ca()
        .map_err(|error| Failure::from_error("getting certificate", &error))
}

/// `--signing-algorithm`, of a key that is made for this signature.
fn scheme(given: &Given) -> Result<Scheme, Failure> {
    if given.command.flag("signing-algorithm").is_none() {
        return Ok(Scheme::EcdsaP256);
    }
    match given.text("signing-algorithm").unwrap_or_default() {
        "ecdsa-sha2-256-nistp256" => Ok(Scheme::EcdsaP256),
        "ecdsa-sha2-384-nistp384" => Ok(Scheme::EcdsaP384),
        "ecdsa-sha2-512-nistp521" => Ok(Scheme::EcdsaP521),
        "rsa-sign-pkcs1-2048-sha256" => Ok(Scheme::Rsa2048),
        "rsa-sign-pkcs1-3072-sha256" => Ok(Scheme::Rsa3072),
        "rsa-sign-pkcs1-4096-sha256" => Ok(Scheme::Rsa4096),
        other => Err(Failure::coded(
            "CLI-0461",
            format!("invalid signing algorithm: {other}"),
        )),
    }
}

/// The client for CA, log and timestamp authority; flags say how the last is met.
fn client(given: &Given, services: &SigningServices) -> Result<HttpClient, Failure> {
    let mut options = HttpOptions::new(Egress::Any);
    if tls::TIMESTAMP.are_given(given) && services.tsas.is_empty() {
        say::warn(
            "no timestamp authority is asked, so the --timestamp-… flags for one are not used",
        );
    }
    for tsa in &services.tsas {
        let url: url::Url = tsa
            .parse()
            .map_err(|error| Failure::new(format!("the timestamp authority {tsa}: {error}")))?;
        if let Some(peer) = tls::TIMESTAMP.peer(given, &url)? {
            options = options.meeting(peer);
        }
    }
    Ok(HttpClient::new(options))
}

async fn chosen(given: &Given, old: bool) -> Result<Chosen, Failure> {
    let by_config = given.on("use-signing-config") || given.text("signing-config").is_some();
    let own_root = match given.text("trusted-root") {
        Some(path) => {
            let bytes = material::trust_document(path)?;
            let root = TrustRoot::parse(&bytes, RootId(Digest::sha256(&bytes)))
                .map_err(|error| Failure::from_error("loading trusted root", &error))?;
            Some(Arc::new(root))
        }
        None => None,
    };
    if !by_config {
        return Ok(Chosen {
            services: by_address(given),
            root: own_root,
        });
    }
    check_config_flags(given, old)?;
    let logs = if old {
        LogChoice::V1
    } else {
        LogChoice::Newest
    };
    let now = SystemClock.now();
    let services = |config: SigningConfig| {
        config
            .services(now, logs)
            .map_err(|error| Failure::from_error("creating signing config", &error))
    };
    if let Some(path) = given.text("signing-config") {
        let config = SigningConfig::parse(&material::trust_document(path)?).map_err(|error| {
            Failure::from_error("error reading signing config from file", &error)
        })?;
        let root = match own_root {
            Some(root) => Some(root),
            None => {
                let instance = initialize::instance().await?;
                initialize::trusted_root(instance.as_deref())?
            }
        };
        return Ok(Chosen {
            services: services(config)?,
            root,
        });
    }
    let instance = initialize::instance().await?;
    let sigstore = initialize::sigstore(instance.as_deref())?;
    let services = sigstore
        .services(now, logs)
        .map_err(|error| Failure::from_error("error getting signing config", &error))?;
    Ok(Chosen {
        services,
        root: own_root.or_else(|| Some(sigstore.shared_root())),
    })
}

/// cosign refuses these combinations, and so do we: what is asked for beside a
/// signing config would otherwise be ignored.
fn check_config_flags(given: &Given, old: bool) -> Result<(), Failure> {
    let addresses = [
        "rekor-url",
        "fulcio-url",
        "oidc-issuer",
        "timestamp-server-url",
    ];
    let other = |name: &&str| {
        let flag = given.command.flag(name);
        given.text(name)
            != flag
                .map(|flag| flag.default)
                .filter(|text| !text.is_empty())
    };
    if addresses.iter().any(other) {
        return Err(Failure::coded(
            "CLI-0462",
            "cannot specify service URLs and use signing config",
        )
        .hint("add --use-signing-config=false, or put the addresses into a signing config"));
    }
    if !given.on("tlog-upload") {
        return Err(Failure::coded(
            "CLI-0462",
            "--tlog-upload=false is not supported with --signing-config or --use-signing-config",
        )
        .hint("add --use-signing-config=false, or give a signing config without a log"));
    }
    if old && given.text("bundle").is_none() {
        return Err(Failure::coded("CLI-0462", "must provide --new-bundle-format or --bundle where applicable with --signing-config or --use-signing-config",)
        .hint("add --use-signing-config=false for the old format"));
    }
    Ok(())
}

fn by_address(given: &Given) -> SigningServices {
    let address = |name: &str| {
        given
            .text(name)
            .map(|url| url.trim_end_matches('/').to_owned())
    };
    let log = address("rekor-url").filter(|_| given.on("tlog-upload"));
    let log = log.map(|url| LogService {
        url,
        api: LogApi::V1,
    });
    SigningServices {
        ca: address("fulcio-url"),
        oidc: address("oidc-issuer"),
        logs: log.into_iter().collect(),
        tsas: address("timestamp-server-url").into_iter().collect(),
    }
}
