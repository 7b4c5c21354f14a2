//! SHIM until kms is merged.

use bulla_crypto::{PublicKey, Signer, key::file};
use std::{path::Path, sync::Arc};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    journey::{key_files, password},
};

/// The signer behind a reference.
///
/// # Errors
/// If it is no key, or cannot be opened.
pub fn signer(reference: &str, context: &Context) -> Result<Arc<dyn Signer>, Failure> {
    if let Some(name) = reference.strip_prefix("env://") {
        let text = std::env::var(name).unwrap_or_default();
        let pass = password::existing(context, name)?;
        let key = file::read_private(text.as_bytes(), pass.as_ref().map(|p| p.as_slice()))
            .or_could_not_run()?;
        return Ok(Arc::new(key));
    }
    Ok(Arc::new(key_files::read(Path::new(reference), context)?))
}

/// The public key behind a reference: of a public or private key.
///
/// # Errors
/// If it is no key.
pub fn public(reference: &str, context: &Context) -> Result<PublicKey, Failure> {
    if reference.starts_with("https://") {
        return Err(Failure::new(Exit::Usage, "CLI-0305", "address"));
    }
    let bytes = std::fs::read(reference).on_path("read", Path::new(reference))?;
    match file::read_public(&bytes) {
        Ok(key) => Ok(key),
        Err(_) => Ok(signer(reference, context)?.public().clone()),
    }
}
