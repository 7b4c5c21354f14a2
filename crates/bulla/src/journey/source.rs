//! Source: which commit, who signed it, and its tree in a directory of our own.
//!
//! The working tree is never built. What is judged about signers comes from the
//! instance (`allowed_signers`, `allowed_signers.asc`), never from the repository.

use bulla_build::Recipe;
use bulla_core::{Digest, Finding};
use bulla_scan::secret;
use bulla_source::{
    AllowedSigners, Change, ChangeKind, Commit, Export, Keyring, Limits, Repository,
    SignatureStatus, Signers,
};
use std::{fs, path::Path};
use tempfile::TempDir;

use crate::{
    command::build::SourceArgs,
    failure::{Exit, Failure, OnPath, OrFail},
    instance::Home,
};

/// Bytes of one file that are searched for secrets.
const SEARCHED_BYTES: u64 = 4 << 20;

/// A commit's tree, exported, with what is known about it.
pub struct Checkout {
    /// What was exported, and where it lies.
    pub export: Export,
    /// The commit, unless the tree is dirty.
    pub commit: Option<Commit>,
    /// What can be said about its signature.
    pub signature: SignatureStatus,
    /// The repository's public URL, if it has one.
    pub remote: Option<String>,
    /// The branch, if one is checked out.
    pub branch: Option<String>,
    /// The recipe in the tree.
    pub recipe: Recipe,
    _room: TempDir,
}

impl Checkout {
    /// Where the exported tree lies.
    pub fn root(&self) -> &Path {
        &self.export.root
    }

    /// Whether working files were taken instead of a commit.
    pub fn is_dirty(&self) -> bool {
        self.commit.is_none()
    }

    /// Seconds since 1970 that a build may know: the commit's time.
    pub fn epoch(&self) -> i64 {
        self.commit
            .as_ref()
            .map_or(0, |commit| commit.committed_at().as_second())
    }

    /// The tag under which an image of it is pushed.
    pub fn tag(&self) -> String {
        match &self.commit {
            Some(commit) => format!("git-{}", commit.id().get(..12).unwrap_or_default()),
            None => format!("dirty-{}", self.export.tree_sha256.short()),
        }
    }

    /// The digest of the exported files.
    pub fn tree(&self) -> &Digest {
        &self.export.tree_sha256
    }

    /// One line about it.
    pub fn summary(&self) -> String {
        let signature = match &self.signature {
            SignatureStatus::Valid { signer, kind, .. } => {
                format!("signed by {signer} ({})", kind.name())
            }
            SignatureStatus::Invalid { why, .. } => format!("signature invalid: {why}"),
            SignatureStatus::UnknownSigner { .. } => "signed by a key nobody vouches for".into(),
            _ => "unsigned".into(),
        };
        match &self.commit {
            Some(commit) => {
                let summary: String = commit.summary().chars().take(40).collect();
                format!(
                    "{} \"{summary}\"  {signature}",
                    commit.id().get(..12).unwrap_or_default()
                )
            }
            None => format!("dirty tree {}, no commit", self.export.tree_sha256.short()),
        }
    }
}

/// Exports what `args` name.
///
/// # Errors
/// If there is no repository, the tree is dirty and that was not allowed, the
/// tree cannot be exported, or it has no recipe.
pub fn check_out(args: &SourceArgs, home: &Home) -> Result<Checkout, Failure> {
    let repository = Repository::discover(&args.path).or_could_not_run()?;
    let directory = repository.directory().to_owned();
    let room = tempfile::Builder::new()
        .prefix("bulla-source-")
        .tempdir()
        .on_path("create a directory in", &std::env::temp_dir())?;
    let (to, limits) = (room.path().join("tree"), Limits::default());
    let changes = if repository.is_bare() {
        Vec::new()
    } else {
        let mut changes = repository.dirty(&directory).or_could_not_run()?;
        changes.retain(|change| !is_own_output(change));
        changes
    };
    let (export, commit) = if args.allow_dirty && !changes.is_empty() {
        (
            repository
                .export_dirty(&directory, &to, &limits)
                .or_could_not_run()?,
            None,
        )
    } else {
        if args.rev == "HEAD" && !changes.is_empty() {
            return Err(dirty(
                &changes.iter().map(|c| c.path.clone()).collect::<Vec<_>>(),
                args,
            ));
        }
        let commit = repository.resolve(&args.rev).or_could_not_run()?;
        let export = repository
            .export(&commit, &directory, &to, &limits)
            .or_could_not_run()?;
        (export, Some(commit))
    };
    let signature = match &commit {
        Some(commit) => commit.verify(&signers(home)?),
        None => SignatureStatus::Unsigned,
    };
    let recipe = read_recipe(&export.root, args)?;
    Ok(Checkout {
        commit,
        signature,
        remote: repository.remote(),
        branch: repository.branch(),
        recipe,
        export,
        _room: room,
    })
}

/// What `bulla build` itself left there, and git does not know.
fn is_own_output(change: &Change) -> bool {
    change.kind == ChangeKind::Untracked
        && change
            .path
            .split('/')
            .any(|part| matches!(part, "bulla-out" | "bulla-out.provenance.json"))
}

/// Searches the exported files for secrets.
///
/// # Errors
/// If a file cannot be read.
pub fn secrets(checkout: &Checkout) -> Result<Vec<Finding>, Failure> {
    let scanner = secret::Scanner::default();
    let mut findings = Vec::new();
    for file in checkout.export.contents(SEARCHED_BYTES) {
        let file = file.or_could_not_run()?;
        findings.extend(scanner.scan(&file.path.to_string_lossy(), &file.bytes));
    }
    Ok(findings)
}

/// The denial of committed secrets: where they are, never what they are.
pub fn secrets_denied(findings: &[Finding], directory: &str) -> Failure {
    let what = format!(
        "{} committed",
        if findings.len() == 1 {
            "a secret is".into()
        } else {
            format!("{} secrets are", findings.len())
        }
    );
    let mut failure = Failure::new(Exit::Denied, "SOURCE-0090", what);
    for finding in findings.iter().take(3) {
        let place = finding.location.as_deref().unwrap_or("somewhere");
        let place = if directory.is_empty() {
            place.to_owned()
        } else {
            format!("{directory}/{place}")
        };
        failure = failure.line(format!("{place}: {} ({})", finding.title, finding.id));
    }
    if findings.len() > 3 {
        failure = failure.line(format!("and {} more", findings.len() - 3));
    }
    failure.hint("revoke it, remove it from the history, then ship again; if it is none, end its line with bulla:allow-secret")
}

/// Whether it failed because there is no `bulla.toml`.
pub fn lacks_recipe(failure: &Failure) -> bool {
    failure.is("SOURCE-0092")
}

fn dirty(changes: &[String], args: &SourceArgs) -> Failure {
    let shown: Vec<_> = changes.iter().take(4).map(String::as_str).collect();
    let more = changes.len().saturating_sub(shown.len());
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Failure::new(Exit::Denied, "SOURCE-0091", format!("the tree in {} is dirty: what would be built is not what HEAD says", args.path.display()))
        .line(format!("changed: {}{rest}", shown.join(", ")))
        .hint("git commit, or git stash; or --allow-dirty, which names no commit and fails the default policy")
}

fn signers(home: &Home) -> Result<Signers, Failure> {
    let mut signers = Signers::default();
    if let Some(path) = home.allowed_signers() {
        let bytes = fs::read(&path).on_path("read", &path)?;
        signers.ssh = AllowedSigners::parse(&bytes).or_could_not_run()?;
    }
    let keyring = home.join("allowed_signers.asc");
    if keyring.is_file() {
        let bytes = fs::read(&keyring).on_path("read", &keyring)?;
        signers.openpgp = Keyring::parse(&bytes).or_could_not_run()?;
    }
    Ok(signers)
}

fn read_recipe(root: &Path, args: &SourceArgs) -> Result<Recipe, Failure> {
    let name = bulla_build::recipe::FILE_NAME;
    match fs::read_to_string(root.join(name)) {
        Ok(text) => Recipe::parse(&text, name).or_could_not_run(),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let path = args.path.display();
            let there = args.path.join(name).is_file();
            let failure = Failure::new(
                Exit::CouldNotRun,
                "SOURCE-0092",
                format!("the commit has no {name} in {path}"),
            );
            Err(if there {
                failure.hint(format!(
                    "it is there but not committed: git add {path}/{name} && git commit"
                ))
            } else {
                failure.hint(format!(
                    "write one that fits this project, and commit it: bulla init {path}"
                ))
            })
        }
        Err(cause) => Err(cause).on_path("read", &root.join(name)),
    }
}
