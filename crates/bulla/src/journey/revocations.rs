//! The list of revocations: read from this machine, made anew, handed to the
//! instance.
//!
//! A new list repeats the old one's entries under the next number; it is made
//! each day, so that verifiers can tell an old list from the present one. What is
//! not at hand is said to be missing, and a verdict is then undecidable.

use bulla_authority::Authority;
use bulla_core::{Clock, SystemClock, limits};
use bulla_net::{revocation, seal_statement, token::Service};
use bulla_trust::{
    Revocations, TrustRoot,
    revocation::{RevocationList, Revoked},
    root::LogChoice,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    compose::{Instance, keep},
    failure::{Exit, Failure, OrFail},
    instance::Home,
};

/// The file beside the instance's other trust documents.
const FILE: &str = "revocations.sigstore.json";
/// How long a list counts.
const LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How often a new list is begun again when another came first.
const ATTEMPTS: usize = 5;

/// Where the local instance's list is kept.
pub fn file(home: &Home) -> PathBuf {
    home.trust(FILE)
}

/// The root, with what this machine knows of the instance's revocations.
pub fn known(root: TrustRoot, home: &Home) -> TrustRoot {
    let revocations = in_file(&root, &file(home), Timestamp::now());
    root.knowing(revocations)
}

/// The list in a file that ought to be there.
pub fn in_file(root: &TrustRoot, path: &Path, now: Timestamp) -> Revocations {
    let bytes = fs::File::open(path).and_then(|open| {
        limits::read_bounded(open, limits::BUNDLE_BYTES, "revocation list")
            .map_err(io::Error::other)
    });
    let missing = |why: String| Revocations::Missing(format!("{}: {why}", path.display()));
    match bytes {
        Ok(bytes) => match RevocationList::verify(&bytes, root, now) {
            Ok(list) => Revocations::Known(list),
            Err(rejection) => missing(rejection.to_string()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            missing("the instance's list was not fetched yet".into())
        }
        Err(error) => missing(error.to_string()),
    }
}

/// The instance's present list, verified; `None` before the first.
///
/// # Errors
/// If the instance does not answer, or its list does not hold.
pub async fn current(instance: &Instance) -> Result<Option<RevocationList>, Failure> {
    let bundle = revocation::fetch(instance.http(), &instance.ready().ca)
        .await
        .or_undecidable()?;
    let Some(bundle) = bundle else {
        return Ok(None);
    };
    let root = instance.bare_trust_root()?;
    let list = RevocationList::verify(&bundle, &root, Timestamp::now())
        .or_undecidable()
        .map_err(|failure| failure.on("the instance's revocation list does not hold"))?;
    keep(&file(instance.home()), &bundle)?;
    Ok(Some(list))
}

/// Puts entries on the list.
///
/// # Errors
/// If the instance refuses the new list.
pub async fn add(instance: &Instance, entries: &[Revoked]) -> Result<RevocationList, Failure> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let list = current(instance).await?;
        let mut all = list
            .as_ref()
            .map_or(&[][..], RevocationList::entries)
            .to_vec();
        all.extend_from_slice(entries);
        match publish(instance, list.as_ref(), all).await {
            Ok(list) => return Ok(list),
            // Another list may have come first: begin again from that one.
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| {
        Failure::new(Exit::CouldNotRun, "CLI-0600", "nothing was put on the list")
    }))
}

/// Leaves the instance's list where verifiers on this machine look.
///
/// # Errors
/// If it cannot be read or written.
pub async fn export(home: &Home, authority: &Authority) -> Result<(), Failure> {
    let kept = authority.revocation().kept().await;
    let kept = kept
        .map_err(|error| Failure::new(Exit::CouldNotRun, "CLI-0603", error.message().to_owned()))?;
    kept.map_or(Ok(()), |bundle| keep(&file(home), &bundle))
}

async fn publish(
    instance: &Instance,
    last: Option<&RevocationList>,
    entries: Vec<Revoked>,
) -> Result<RevocationList, Failure> {
    let number = last.map_or(0, RevocationList::number).saturating_add(1);
    let now = Timestamp::now();
    let until = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
    let list = RevocationList::new(number, now, until, entries).or_usage()?;
    let statement = list.statement(&instance.root_id()?).or_could_not_run()?;
    let token = instance.service_token(Service::Revoker).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sealed = seal_statement(
        instance.http(),
        &instance.signing_services(LogChoice::V2),
        &token,
        &statement,
        &Arc::new(instance.bare_trust_root()?),
        &clock,
    )
    .await
    .or_undecidable()?;
    revocation::publish(instance.http(), &instance.ready().ca, sealed.bundle.clone())
        .await
        .or_could_not_run()
        .map_err(|failure| failure.on("the instance did not take the new list"))?;
    keep(&file(instance.home()), &sealed.bundle)?;
    Ok(list)
}
