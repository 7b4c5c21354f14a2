//! From cosign's flags to what a signature must be: whose, under which root,
//! and with which proofs.

use bulla_core::{Digest, RootId};
use bulla_crypto::ForeignKey;
use bulla_trust::{IdentityExpectation, TrustRoot};

use super::{failure::Failure, given::Given, material};

/// Whose signature counts.
pub enum Signer {
    /// The holder of a certificate.
    Certificate(IdentityExpectation),
    /// The holder of a key.
    Key(Box<ForeignKey>),
}

/// Who must have signed, as the flags say.
///
/// # Errors
/// If they say both, neither, or half.
pub fn signer(given: &Given) -> Result<Signer, Failure> {
    let key = given.text("key");
    let subject = given.text("certificate-identity");
    let subject_regexp = given.text("certificate-identity-regexp");
    let named = [key, subject, subject_regexp];
    if named.iter().flatten().count() > 1 {
        return Err(Failure::new(
            "exactly one of: key reference (--key) or certificate identity (--certificate-identity or --certificate-identity-regexp), must be provided",
        )
        .code("CLI-0410")
        .hint("a bundle with `publicKey` is verified with --key, one with a certificate by its identity"));
    }
    if let Some(reference) = key {
        return public_key(reference).map(|key| Signer::Key(Box::new(key)));
    }
    if subject.is_none() && subject_regexp.is_none() {
        return Err(Failure::new(
            "--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode",
        )
        .code("CLI-0411"));
    }
    let issuer = given.text("certificate-oidc-issuer");
    let issuer_regexp = given.text("certificate-oidc-issuer-regexp");
    if issuer.is_none() && issuer_regexp.is_none() {
        return Err(Failure::new(
            "--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode",
        )
        .code("CLI-0411"));
    }
    let (Some(subject), Some(issuer)) = (subject, issuer) else {
        return Err(Failure::new("regular expressions are not supported yet").code("CLI-0412"));
    };
    Ok(Signer::Certificate(IdentityExpectation::exact(
        issuer, subject,
    )))
}

/// Reads a public key.
///
/// # Errors
/// If there is none, or it is no key we know.
pub fn public_key(reference: &str) -> Result<ForeignKey, Failure> {
    let doing = "loading verifier from key opts: loading public key";
    let bytes = material::small(reference, "public key")
        .map_err(|failure| Failure::new(format!("{doing}: {}", failure.text())))?;
    let text = String::from_utf8_lossy(&bytes);
    ForeignKey::from_pem(&text).map_err(|error| Failure::from_error(doing, &error))
}

/// The trust root that the flags and the surroundings name.
pub enum Root {
    /// Read from a file.
    Own(Box<TrustRoot>),
    /// The one that is embedded.
    PublicGood,
}

impl Root {
    /// The root itself.
    ///
    /// # Errors
    /// If the embedded one cannot be used.
    pub fn get(&self) -> Result<&TrustRoot, Failure> {
        match self {
            Self::Own(root) => Ok(root),
            Self::PublicGood => TrustRoot::public_good()
                .map_err(|error| Failure::from_error("setting trusted material", &error)),
        }
    }
}

/// The trust root: `--trusted-root`, else the embedded one of the public-good instance.
///
/// # Errors
/// If it cannot be read.
pub fn trust_root(given: &Given) -> Result<Root, Failure> {
    let Some(path) = given.text("trusted-root") else {
        return Ok(Root::PublicGood);
    };
    let doing = "setting trusted material: loading trusted root";
    let bytes = material::trust_document(path)
        .map_err(|failure| Failure::new(format!("{doing}: {}", failure.text())))?;
    let id = RootId(Digest::sha256(&bytes));
    TrustRoot::parse(&bytes, id)
        .map(|root| Root::Own(Box::new(root)))
        .map_err(|error| Failure::from_error(doing, &error))
}
