//! `cosign generate-key-pair`, `import-key-pair` and `public-key`; and the keys
//! that `--key` names for other commands.

use bulla_crypto::{
    PublicKey, Scheme, Signer, SigningKey,
    key::file::{self, PrivateKeyFile},
};
use bulla_net::{
    Environment,
    kms::{
        self, Ask, PublicSource,
        stored::{KeyPair, Stored},
    },
};
use std::{path::Path, sync::Arc};
use zeroize::Zeroizing;

use super::{confirm, failure::Failure, given::Given, material, say};

/// Runs `generate-key-pair`.
///
/// # Errors
/// If there is no password, or a file cannot be written.
pub fn generate(given: &Given) -> Result<(), Failure> {
    if given.text("kms").is_some() {
        return Err(
            Failure::coded("CLI-0432", "keys are not made in a KMS from here")
                .hint("make it with the tool of the KMS, then use --key"),
        );
    }
    let place = given.args.first().map(|reference| kept(reference));
    let place = place.transpose()?;
    let password = confirm::password(given, true)?;
    let key = SigningKey::generate(Scheme::EcdsaP256)
        .map_err(|error| Failure::from_error("generating key", &error))?;
    match place {
        Some(place) => keep(&place, &key, &password),
        None => write_pair(given, &key, &password),
    }
}

/// Where a key pair is to be kept.
fn kept(reference: &str) -> Result<Stored, Failure> {
    let doing = "generating key pair";
    match Stored::parse(reference) {
        Ok(Some(place)) => Ok(place),
        Ok(None) if reference.starts_with("github://") => Err(Failure::coded(
            "CLI-0544",
            "secrets of a GitHub repository are not written from here",
        )
        .hint(
            "make the pair in files and put it there: `gh secret set COSIGN_PRIVATE_KEY < cosign.key`",
        )),
        Ok(None) => Err(Failure::coded(
            "CLI-0545",
            format!("undefined provider: {reference}"),
        )
        .hint("give k8s://NAMESPACE/SECRET or gitlab://PROJECT, or nothing for files")),
        Err(error) => Err(Failure::from_error(doing, &error)),
    }
}

/// Makes the secret, and writes the public key beside it: to `cosign.pub`,
/// whatever the prefix, as cosign does.
fn keep(place: &Stored, key: &SigningKey, password: &[u8]) -> Result<(), Failure> {
    let private = file::write_cosign(key, password).map(Zeroizing::new);
    let private = private.map_err(|error| Failure::from_error("encrypting key", &error))?;
    let public = key.public().to_pem();
    let pair = KeyPair {
        private: private.as_bytes(),
        password,
        public: public.as_bytes(),
    };
    place
        .keep(&pair, &Environment::process())
        .map_err(|error| Failure::from_error("keeping key pair", &error))?;
    match place {
        Stored::Kubernetes { namespace, name } => say::line(&format!(
            "Successfully created secret {name} in namespace {namespace}"
        )),
        Stored::GitLab(_) => {
            for variable in ["COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY"] {
                say::line(&format!("Written to \"{variable}\" variable"));
            }
        }
    }
    write_public("cosign.pub", &public)?;
    say::line("Public key written to cosign.pub");
    Ok(())
}

/// Runs `import-key-pair`.
///
/// # Errors
/// If the key cannot be read, or a file cannot be written.
pub fn import(given: &Given) -> Result<(), Failure> {
    let path = given
        .text("key")
        .ok_or_else(|| Failure::coded("CLI-0433", "--key must name the private key to import"))?;
    let bytes = Zeroizing::new(material::small(path, "private key")?);
    let parsed =
        PrivateKeyFile::parse(&bytes).map_err(|error| Failure::from_error(path, &error))?;
    let password = confirm::password(given, true)?;
    let key = parsed
        .open(&password)
        .map_err(|error| Failure::from_error(path, &error))?;
    write_pair(given, &key, &password)
}

fn write_pair(given: &Given, key: &SigningKey, password: &[u8]) -> Result<(), Failure> {
    let prefix = given.text("output-key-prefix").unwrap_or_default();
    let (private, public) = (format!("{prefix}.key"), format!("{prefix}.pub"));
    if Path::new(&private).exists() {
        let question = format!("File {private} already exists. Overwrite?");
        let is_yes = given.command.flag("yes").is_some() && given.on("yes");
        confirm::go_on(is_yes, &question)?;
    }
    let text = file::write_cosign(key, password)
        .map_err(|error| Failure::from_error("encrypting key", &error))?;
    say::private_file(&private, Zeroizing::new(text).as_bytes())?;
    say::line(&format!("Private key written to {private}"));
    write_public(&public, &key.public().to_pem())?;
    say::line(&format!("Public key written to {public}"));
    Ok(())
}

fn write_public(path: &str, pem: &str) -> Result<(), Failure> {
    std::fs::write(path, pem).map_err(|error| Failure::on_file("open", path, &error))
}

/// Runs `public-key`.
///
/// # Errors
/// If the key cannot be opened, or the file not written.
pub fn public_key(given: &Given) -> Result<(), Failure> {
    let reference = given.text("key").ok_or_else(|| {
        Failure::coded(
            "CLI-0433",
            "exactly one of: key reference (--key), or hardware token (--sk) must be provided",
        )
    })?;
    let pem = signer(given, reference, Scheme::Ed25519)?.public().to_pem();
    match given.text("outfile") {
        None => say::data(given, pem.as_bytes()),
        Some(path) => {
            write_public(path, &pem)?;
            say::line(&format!("Public key written to {path}"));
            Ok(())
        }
    }
}

/// The signer that `--key` names. Ed25519 in a file signs as `ed25519` says.
///
/// # Errors
/// If it cannot be opened.
pub fn signer(given: &Given, reference: &str, ed25519: Scheme) -> Result<Arc<dyn Signer>, Failure> {
    let doing = "getting signer: reading key";
    let environment = Environment::process();
    let stored = Stored::parse(reference).and_then(|stored| {
        let opened = stored.map(|stored| stored.signer(ed25519, &environment));
        opened.transpose()
    });
    match stored {
        Ok(Some(signer)) => return Ok(Arc::from(signer)),
        Ok(None) => {}
        Err(error) => return Err(Failure::from_error(doing, &error)),
    }
    let mut trouble = None;
    let mut passwords = |ask: Ask<'_>| match answer(given, &ask) {
        Ok(answer) => Some(answer),
        Err(failure) => {
            trouble = Some(failure);
            None
        }
    };
    let opened = kms::open(reference, ed25519, &environment, &mut passwords);
    match (trouble, opened) {
        (Some(failure), Err(_)) => Err(failure),
        (_, opened) => opened
            .map(Arc::from)
            .map_err(|error| Failure::from_error(doing, &error)),
    }
}

fn answer(given: &Given, ask: &Ask<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match ask {
        Ask::Pin(token) => Err(Failure::coded("CLI-0434", format!("no PIN for {token}"))
            .hint("set COSIGN_PKCS11_PIN, or pin-value in the pkcs11: URI")),
        _ => confirm::password(given, false),
    }
}

/// The public key that `--key` names.
///
/// # Errors
/// If it cannot be opened, or lies behind an address: verification makes no
/// connection, but to the cluster or the forge that the reference names.
pub fn public(reference: &str) -> Result<PublicKey, Failure> {
    let doing = "loading verifier from key opts: loading public key";
    if !reference.contains(':') {
        let bytes =
            material::small(reference, "public key").map_err(|failure| failure.on(doing))?;
        return file::read_public(&bytes).map_err(|error| Failure::from_error(doing, &error));
    }
    let environment = Environment::process();
    let stored = Stored::parse(reference);
    let stored = stored.map_err(|error| Failure::from_error(doing, &error))?;
    if let Some(stored) = stored {
        return stored
            .public(&environment)
            .map_err(|error| Failure::from_error(doing, &error));
    }
    match kms::open_public(reference, &environment) {
        Ok(PublicSource::Key(key)) => Ok(key),
        Ok(PublicSource::Fetch(url)) => Err(Failure::coded(
            "CLI-0408",
            format!("{doing}: a key behind {url} is not fetched"),
        )
        .hint("download it once, compare its fingerprint, and name the file")),
        Err(error) => Err(Failure::from_error(doing, &error)),
    }
}
