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
    Rejection, Revocations, TrustRoot,
    revocation::{RevocationList, Revoked, Target, Withdrawn},
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
/// How many entries are named to whoever asks for one that is not there.
const SHOWN: usize = 20;

/// Where the local instance's list is kept.
pub fn file(home: &Home) -> PathBuf {
    home.trust(FILE)
}

/// The root, with what this machine knows of the instance's revocations.
pub fn known(root: TrustRoot, home: &Home) -> TrustRoot {
    let revocations = in_file(&root, &file(home), RevocationList::verify);
    root.knowing(revocations)
}

/// How a list is verified under a root, now.
type Verify = fn(&[u8], &TrustRoot, Timestamp) -> Result<RevocationList, Rejection>;

/// The list in a file that ought to be there.
pub fn in_file(root: &TrustRoot, path: &Path, verify: Verify) -> Revocations {
    let bytes = fs::File::open(path).and_then(|open| {
        limits::read_bounded(open, limits::BUNDLE_BYTES, "revocation list")
            .map_err(io::Error::other)
    });
    let missing = |why: String| Revocations::Missing(format!("{}: {why}", path.display()));
    match bytes {
        Ok(bytes) => match verify(&bytes, root, Timestamp::now()) {
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
/// If one of them is who signs the list, or the instance refuses the new list.
pub async fn add(instance: &Instance, entries: &[Revoked]) -> Result<RevocationList, Failure> {
    let own = RevocationList::revoker(&instance.names().service_issuer);
    if entries.iter().any(|entry| entry.target == own) {
        return Err(Failure::new(
            Exit::Usage,
            "CLI-0605",
            format!("{own} signs this list and cannot be put on it"),
        )
        .line("with it revoked nothing could be taken back")
        .hint("after a break-in replace the keys that carry the list: bulla trust rotate"));
    }
    change(instance, |mut all| {
        all.revoked.extend_from_slice(entries);
        Ok(all)
    })
    .await
}

/// Takes off the list whatever names exactly this target, and says so there.
///
/// # Errors
/// If nothing on the list does, or the instance refuses the new list.
pub async fn withdraw(instance: &Instance, one: &Withdrawn) -> Result<RevocationList, Failure> {
    change(instance, |mut all| {
        let before = all.revoked.len();
        all.revoked.retain(|entry| entry.target != one.target);
        if all.revoked.len() == before {
            return Err(not_listed(&one.target, &all.revoked));
        }
        all.withdrawn.retain(|known| known.target != one.target);
        all.withdrawn.push(one.clone());
        Ok(all)
    })
    .await
}

/// What a list says.
#[derive(Default)]
struct Said {
    revoked: Vec<Revoked>,
    withdrawn: Vec<Withdrawn>,
}

impl Said {
    fn of(list: &RevocationList) -> Self {
        Self {
            revoked: list.entries().to_vec(),
            withdrawn: list.withdrawn().to_vec(),
        }
    }
}

/// Makes the next list of what the present one says, as `with` changes it.
async fn change(
    instance: &Instance,
    with: impl Fn(Said) -> Result<Said, Failure>,
) -> Result<RevocationList, Failure> {
    let mut last: Option<(u64, Failure)> = None;
    for _ in 0..ATTEMPTS {
        let list = current(instance).await?;
        let number = list.as_ref().map_or(0, RevocationList::number);
        // Another list may have come first: begin again from that one. If none
        // did, it would be refused again.
        if let Some((_, failure)) = last.take_if(|(tried, _)| *tried == number) {
            return Err(failure);
        }
        let said = list.as_ref().map(Said::of).unwrap_or_default();
        match publish(instance, list.as_ref(), with(said)?).await {
            Ok(list) => return Ok(list),
            Err(failure) => last = Some((number, failure)),
        }
    }
    Err(last.map_or_else(
        || Failure::new(Exit::CouldNotRun, "CLI-0600", "the list was not changed"),
        |(_, failure)| failure,
    ))
}

/// What was to be taken off is not there; what is there.
fn not_listed(target: &Target, entries: &[Revoked]) -> Failure {
    let mut failure = Failure::new(
        Exit::NothingToVerify,
        "CLI-0604",
        format!("the list does not name {target}"),
    );
    for entry in entries.iter().take(SHOWN) {
        failure = failure.line(format!("it names {}", entry.target));
    }
    if entries.is_empty() {
        failure = failure.line("nothing is revoked");
    } else if let more @ 1.. = entries.len().saturating_sub(SHOWN) {
        failure = failure.line(format!("and {more} more"));
    }
    failure.hint("bulla revoke list")
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
    said: Said,
) -> Result<RevocationList, Failure> {
    let number = last.map_or(0, RevocationList::number).saturating_add(1);
    let now = Timestamp::now();
    let until = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
    let list = RevocationList::new(number, now, until, said.revoked)
        .and_then(|list| list.withdrawing(said.withdrawn))
        .or_usage()?;
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
