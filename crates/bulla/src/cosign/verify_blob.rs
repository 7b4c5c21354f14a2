//! `cosign verify-blob` and `cosign verify-blob-attestation`: a file and its
//! bundle, offline.
//!
//! As in cosign, `verify-blob` also takes a bundle that carries an attestation
//! (then the file must be its subject), and the digest in place of the file.

use bulla_core::Digest;
use bulla_trust::{
    Rejection,
    sigstore::{
        Artifact, BundleKind, UnverifiedBundle, verify_attestation, verify_attestation_with_key,
        verify_blob, verify_blob_with_key,
    },
};
use jiff::Timestamp;

use super::{
    expect::{self, Signer},
    failure::Failure,
    given::Given,
    material::{self, Blob},
    predicate, say,
};

/// Runs `verify-blob`.
///
/// # Errors
/// If the file is not verified.
pub fn run(given: &Given) -> Result<(), Failure> {
    let name = given.args.first().map_or("", String::as_str);
    let signer = expected(given)?;
    let root = expect::trust_root(given)?;
    let root = root.get()?;
    let bundle = material::bundle(given.text("bundle").unwrap_or_default())?;
    let blob = material::blob(name)?;
    let now = Timestamp::now();
    let outcome: Result<(), Rejection> = match (&signer, kind(&bundle)?) {
        (Signer::Certificate(expected), BundleKind::Attestation) => {
            verify_attestation(root, &bundle, &blob.digest(), now)
                .and_then(|verified| verified.require_identity(expected))
        }
        (Signer::Certificate(expected), BundleKind::Signature) => {
            verify_blob(root, &bundle, artifact(&blob), expected, now).map(drop)
        }
        (Signer::Key(key), BundleKind::Attestation) => {
            let spki = key.spki_der();
            verify_attestation_with_key(root, &bundle, &blob.digest(), spki, now).map(drop)
        }
        (Signer::Key(key), BundleKind::Signature) => {
            verify_blob_with_key(root, &bundle, artifact(&blob), key.spki_der(), now).map(drop)
        }
    };
    outcome.map_err(|rejection| Failure::from_error("", &rejection))?;
    say::line("Verified OK");
    Ok(())
}

/// Runs `verify-blob-attestation`.
///
/// # Errors
/// If the attestation is not verified.
pub fn run_attestation(given: &Given) -> Result<(), Failure> {
    let path = given.text("bundle").ok_or_else(|| {
        Failure::new(
            "please specify path to the DSSE envelope signature via --signature or --bundle",
        )
        .code("CLI-0413")
    })?;
    let signer = expected(given)?;
    let kind = predicate::uri(given)?;
    let root = expect::trust_root(given)?;
    let root = root.get()?;
    let bundle = material::bundle(path)?;
    let subject = subject(given, &bundle)?;
    let now = Timestamp::now();
    let outcome = match &signer {
        Signer::Certificate(expected) => {
            verify_attestation(root, &bundle, &subject, now).and_then(|verified| {
                verified.require_identity(expected)?;
                verified.require_predicate_type(&kind)
            })
        }
        Signer::Key(key) => {
            verify_attestation_with_key(root, &bundle, &subject, key.spki_der(), now)
                .and_then(|verified| verified.require_predicate_type(&kind))
        }
    };
    outcome.map_err(|rejection| Failure::from_error("", &rejection))?;
    say::line("Verified OK");
    Ok(())
}

/// What the statement must be about.
fn subject(given: &Given, bundle: &[u8]) -> Result<Digest, Failure> {
    if !given.on("check-claims") {
        // The envelope alone is verified, so it is asked about its own subject.
        let statement = UnverifiedBundle::parse(bundle).and_then(|bundle| bundle.statement());
        let statement = statement.map_err(|error| Failure::from_error("", &error))?;
        let named = statement.subject.iter().flat_map(|subject| &subject.digest);
        let mut own = named.filter_map(|(name, hex)| format!("{name}:{hex}").parse().ok());
        return own.next().ok_or_else(|| {
            Failure::new("the statement has no subject with a digest").code("CLI-0414")
        });
    }
    let algorithm = given.text("digestAlg").unwrap_or_default();
    if let Some(name) = given.args.first() {
        if given.has("digest") {
            say::warn("Ignoring provided --digest in favor of provided blob");
        }
        return match material::blob(name)? {
            Blob::Bytes(bytes) => material::digest_of(&bytes, algorithm),
            Blob::Digest(digest) => Ok(digest),
        };
    }
    match (given.text("digest"), algorithm) {
        (Some(hex), algorithm) if !algorithm.is_empty() => {
            material::digest(&format!("{algorithm}:{hex}"))
        }
        _ => {
            Err(Failure::new("must provide path to blob or digest and digestAlg").code("CLI-0415"))
        }
    }
}

fn kind(bundle: &[u8]) -> Result<BundleKind, Failure> {
    UnverifiedBundle::parse(bundle)
        .map(|bundle| bundle.kind())
        .map_err(|error| Failure::from_error("", &error))
}

fn artifact(blob: &Blob) -> Artifact<'_> {
    match blob {
        Blob::Bytes(bytes) => Artifact::Bytes(bytes),
        Blob::Digest(digest) => Artifact::Digest(digest),
    }
}

/// Who must have signed; and that there is something to verify at all.
fn expected(given: &Given) -> Result<Signer, Failure> {
    let sources = ["key", "certificate", "bundle"];
    if sources.iter().all(|name| given.text(name).is_none()) {
        return Err(Failure::new(
            "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with --bundle",
        )
        .code("CLI-0413"));
    }
    expect::signer(given)
}
