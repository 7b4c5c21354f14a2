//! Trust documents over the network: `trust init` and `trust update`.
//!
//! Fetches what [`bulla_trust::tuf`] asks for, one bounded file after the other,
//! from one repository, without redirects. A directory of the caller's keeps the
//! first root, the verified metadata, and the two documents; these are replaced
//! only after everything was verified and can be read. Nothing is believed
//! because it was seen first: `init` demands the fingerprint of the first root.

use bulla_core::{Digest, RootId};
use bulla_trust::revocation::TUF_TARGET;
use bulla_trust::tuf::{Need, Step, Update, Updated};
use http::StatusCode;
use jiff::Timestamp;
use std::{collections::BTreeMap, path::Path};
use url::Url;

use crate::{
    http::{HttpClient, Request},
    sigstore::Sigstore,
};

mod cache;
mod error;

pub use cache::{Cache, Record};
pub use error::TufError;

/// A root.json.
const ROOT_BYTES: u64 = 512_000;

/// Where the first root comes from.
#[derive(Clone, Debug)]
pub enum FirstRoot<'a> {
    /// From the caller, who got it with its fingerprint.
    Given(&'a [u8]),
    /// From the repository itself; the fingerprint alone vouches for it.
    Published,
}

/// Begins to trust the instance whose TUF repository is at `url` and whose
/// first root has this fingerprint, and fetches its documents into `dir`.
///
/// # Errors
/// [`TufError`] if the repository cannot be reached or believed, or `dir` holds
/// another instance.
pub async fn init(
    http: &HttpClient,
    url: &Url,
    first_root: FirstRoot<'_>,
    fingerprint: &Digest,
    dir: &Path,
    now: Timestamp,
) -> Result<Record, TufError> {
    let cache = Cache::new(dir);
    if let Some(record) = cache.try_read()?
        && record.id.0 != *fingerprint
    {
        return Err(TufError::OtherInstance {
            path: dir.to_owned(),
            found: record.id,
        });
    }
    let first_root = match first_root {
        FirstRoot::Given(bytes) => bytes.to_vec(),
        FirstRoot::Published => {
            let need = Need {
                path: "1.root.json".into(),
                limit: ROOT_BYTES,
            };
            let found = fetch(http, url, &need).await?;
            found.ok_or(TufError::NoFirstRoot)?
        }
    };
    // Before the directory is touched.
    let update = Update::start(&first_root, fingerprint, cache.metadata()?, now)?;
    let update = update.with_targets(&[TUF_TARGET]);
    let (record, _) = run(http, url, update, &first_root, &cache, now).await?;
    Ok(record)
}

/// Fetches the documents again of the instance that `dir` holds.
///
/// # Errors
/// [`TufError`] as for [`init`]. The documents at hand stay as they are.
pub async fn update(http: &HttpClient, dir: &Path, now: Timestamp) -> Result<Record, TufError> {
    let (record, _) = update_with(http, dir, &[], now).await?;
    Ok(record)
}

/// Fetches the documents again, and these other files of the repository by their
/// paths; those that it does not list are left out.
///
/// # Errors
/// [`TufError`] as for [`init`]. The documents at hand stay as they are.
pub async fn update_with(
    http: &HttpClient,
    dir: &Path,
    targets: &[&str],
    now: Timestamp,
) -> Result<(Record, BTreeMap<String, Vec<u8>>), TufError> {
    let cache = Cache::new(dir);
    let record = cache.read()?;
    let first_root = cache.first_root()?;
    let update = Update::start(&first_root, &record.id.0, cache.metadata()?, now)?;
    let update = update.with_targets(&[targets, &[TUF_TARGET]].concat());
    let url = Url::parse(&record.url).map_err(|_| TufError::Path {
        path: record.url.clone(),
    })?;
    run(http, &url, update, &first_root, &cache, now).await
}

async fn run(
    http: &HttpClient,
    url: &Url,
    mut update: Update,
    first_root: &[u8],
    cache: &Cache,
    now: Timestamp,
) -> Result<(Record, BTreeMap<String, Vec<u8>>), TufError> {
    let outcome = drive(http, url, &mut update).await;
    match outcome {
        Ok(updated) => {
            let record = accept(url, &updated, now)?;
            cache.write(&record, first_root, &updated)?;
            Ok((record, updated.targets))
        }
        Err(error) => {
            // A failed update may still have seen newer metadata than before.
            if cache.try_read()?.is_some() {
                cache.write_metadata(update.verified())?;
            }
            Err(error)
        }
    }
}

/// Only documents that can be used replace those that could.
fn accept(url: &Url, updated: &Updated, now: Timestamp) -> Result<Record, TufError> {
    let config = updated.signing_config.as_deref();
    Sigstore::read(&updated.trusted_root, config, Some(updated.id.clone()))?;
    Ok(Record {
        version: 1,
        url: url.to_string(),
        id: RootId(updated.id.0.clone()),
        root_version: updated.root_version,
        updated: now,
        expires: updated.expires,
    })
}

async fn drive(http: &HttpClient, url: &Url, update: &mut Update) -> Result<Updated, TufError> {
    loop {
        match update.step()? {
            Step::Done(updated) => return Ok(*updated),
            Step::Need(need) => {
                let bytes = fetch(http, url, &need).await?;
                update.answer(&need, bytes)?;
            }
        }
    }
}

/// One file of the repository; `None` where it says that there is none.
async fn fetch(http: &HttpClient, base: &Url, need: &Need) -> Result<Option<Vec<u8>>, TufError> {
    let address = below(base, &need.path).ok_or_else(|| TufError::Path {
        path: need.path.clone(),
    })?;
    let answer = http.send(Request::get(address)).await?;
    // Storage that lists nothing answers 403 for what is not there.
    if matches!(
        answer.status(),
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN
    ) {
        return Ok(None);
    }
    let answer = answer.require(&[StatusCode::OK]).await?;
    Ok(Some(answer.bytes(need.limit, "TUF metadata").await?))
}

/// Names come out of metadata, so they may not lead out of the repository.
fn below(base: &Url, path: &str) -> Option<Url> {
    let plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b))
    };
    if !path.split('/').all(plain) {
        return None;
    }
    let mut url = base.clone();
    let base = base.path().trim_end_matches('/');
    url.set_path(&format!("{base}/{path}"));
    Some(url)
}

#[cfg(test)]
mod tests;
