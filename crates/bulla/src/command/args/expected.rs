//! Whose signature counts, under which trust, and what may be missing.
//!
//! The names are cosign's where cosign has the option.

use bulla_trust::{
    Revocations, TrustRoot,
    revocation::RevocationList,
    root::RootParts,
    sigstore::{
        Anchoring, Claim, IdentityExpectation, Matcher, Requirements, WitnessKey, WitnessQuorum,
    },
};
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    journey::{
        keyref,
        place::{Place, Trusted},
        revocations,
        verifying::{Demand, Signer},
    },
};

/// Whose signature counts.
#[derive(Args, Clone, Debug, Default)]
pub struct ExpectedArgs {
    /// A key that counts: a public or private key as in bulla sign; repeatable
    #[arg(long, value_name = "REF", help_heading = "Whose signature counts")]
    key: Vec<String>,
    /// The signer's address or URI, exactly
    #[arg(
        long,
        value_name = "IDENTITY",
        conflicts_with = "certificate_identity_regexp",
        help_heading = "Whose signature counts"
    )]
    certificate_identity: Option<String>,
    /// A regular expression for all of it
    #[arg(long, value_name = "REGEXP", help_heading = "Whose signature counts")]
    certificate_identity_regexp: Option<String>,
    /// The issuer that vouched for it, exactly
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "certificate_oidc_issuer_regexp",
        help_heading = "Whose signature counts"
    )]
    certificate_oidc_issuer: Option<String>,
    /// A regular expression for all of it
    #[arg(long, value_name = "REGEXP", help_heading = "Whose signature counts")]
    certificate_oidc_issuer_regexp: Option<String>,
    /// The workflow's name in the certificate
    #[arg(long, value_name = "NAME", help_heading = "Whose signature counts")]
    certificate_github_workflow_name: Option<String>,
    /// The ref that the workflow ran for
    #[arg(long, value_name = "REF", help_heading = "Whose signature counts")]
    certificate_github_workflow_ref: Option<String>,
    /// The repository that the workflow ran for, OWNER/NAME
    #[arg(long, value_name = "NAME", help_heading = "Whose signature counts")]
    certificate_github_workflow_repository: Option<String>,
    /// The commit that the workflow ran for
    #[arg(long, value_name = "SHA", help_heading = "Whose signature counts")]
    certificate_github_workflow_sha: Option<String>,
    /// The event that started the workflow
    #[arg(long, value_name = "EVENT", help_heading = "Whose signature counts")]
    certificate_github_workflow_trigger: Option<String>,
    /// Somebody who counts, `*` for a run without / and @, `**` for any; repeatable
    #[arg(
        long,
        value_name = "ISSUER=SUBJECT",
        help_heading = "Whose signature counts"
    )]
    identity: Vec<String>,
    /// How many of them must have signed, each counted once
    #[arg(long, value_name = "K", default_value_t = 1, help_heading = "Whose signature counts", value_parser = clap::value_parser!(u16).range(1..))]
    threshold: u16,
}

impl ExpectedArgs {
    /// Whether somebody is named at all.
    pub fn is_given(&self) -> bool {
        !self.key.is_empty()
            || !self.identity.is_empty()
            || self.certificate_identity.is_some()
            || self.certificate_identity_regexp.is_some()
            || self.certificate_oidc_issuer.is_some()
            || self.certificate_oidc_issuer_regexp.is_some()
            || self.claims().next().is_some()
    }

    /// Refuses to verify for nobody in particular.
    ///
    /// # Errors
    /// If nobody is named.
    pub fn must_be_given(&self, command: &str) -> Result<(), Failure> {
        if self.is_given() {
            return Ok(());
        }
        let what = format!("{command} needs to know whose signature counts");
        Err(Failure::new(Exit::Usage, "CLI-0040", what).hint(
            "add --key REF, or --certificate-identity IDENTITY --certificate-oidc-issuer URL",
        ))
    }

    /// Everybody who counts, and how many must have signed.
    ///
    /// # Errors
    /// If somebody is half named, a pattern or expression is refused, or a key cannot be read.
    pub fn signers(&self) -> Result<(Vec<Signer>, usize), Failure> {
        let mut signers = Vec::new();
        for reference in &self.key {
            signers.push(Signer::Key(reference.clone(), keyref::public(reference)?));
        }
        for text in &self.identity {
            signers.push(Signer::Identity(text.clone(), by_pair(text)?));
        }
        signers.extend(self.by_certificate()?);
        let threshold = usize::from(self.threshold);
        if threshold > signers.len() {
            let what = format!("--threshold {threshold}: only {} count", signers.len());
            return Err(Failure::new(Exit::Usage, "CLI-0320", what)
                .line("one signer counts once, however often they signed")
                .hint("name more: --identity ISSUER=SUBJECT or --key REF"));
        }
        Ok((signers, threshold))
    }

    /// What the certificate must say of the workflow.
    fn claims(&self) -> impl Iterator<Item = (Claim, &String)> {
        [
            (Claim::WorkflowName, &self.certificate_github_workflow_name),
            (Claim::WorkflowRef, &self.certificate_github_workflow_ref),
            (
                Claim::WorkflowRepository,
                &self.certificate_github_workflow_repository,
            ),
            (Claim::WorkflowSha, &self.certificate_github_workflow_sha),
            (
                Claim::WorkflowTrigger,
                &self.certificate_github_workflow_trigger,
            ),
        ]
        .into_iter()
        .filter_map(|(claim, value)| Some((claim, value.as_ref()?)))
    }

    fn by_certificate(&self) -> Result<Option<Signer>, Failure> {
        let subject = matcher(
            &self.certificate_identity,
            &self.certificate_identity_regexp,
        )?;
        let issuer = matcher(
            &self.certificate_oidc_issuer,
            &self.certificate_oidc_issuer_regexp,
        )?;
        match (subject, issuer) {
            (None, None) if self.claims().next().is_none() => Ok(None),
            (Some(subject), Some(issuer)) => {
                let name = format!("{issuer}={subject}");
                let mut expected = IdentityExpectation::new(issuer, subject);
                for (claim, value) in self.claims() {
                    expected = expected.claim(claim, Matcher::Exact(value.clone()));
                }
                Ok(Some(Signer::Identity(name, expected)))
            }
            _ => Err(Failure::new(
                Exit::Usage,
                "CLI-0321",
                "a signer is half named: identity and issuer belong together",
            )
            .hint("add --certificate-identity IDENTITY --certificate-oidc-issuer URL, both")),
        }
    }
}

fn matcher(exact: &Option<String>, regexp: &Option<String>) -> Result<Option<Matcher>, Failure> {
    match (exact, regexp) {
        (Some(text), _) => Ok(Some(Matcher::Exact(text.clone()))),
        (_, Some(text)) => Matcher::regex(text, Anchoring::Whole).or_usage().map(Some),
        _ => Ok(None),
    }
}

fn by_pair(text: &str) -> Result<IdentityExpectation, Failure> {
    let halves = text
        .split_once('=')
        .filter(|(issuer, subject)| !issuer.is_empty() && !subject.is_empty());
    let Some((issuer, subject)) = halves else {
        return Err(Failure::new(
            Exit::Usage,
            "CLI-0321",
            format!("--identity {text}: a signer is half named"),
        )
        .hint("write --identity ISSUER=SUBJECT, for example https://accounts.example.com=dana@example.com"));
    };
    Ok(IdentityExpectation::new(
        Matcher::pattern(issuer).or_usage()?,
        Matcher::pattern(subject).or_usage()?,
    ))
}

/// Under which trust.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustArgs {
    /// A trusted_root.json
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "sigstore",
        help_heading = "Trust"
    )]
    trusted_root: Option<PathBuf>,
    /// Whose certificates, logs and timestamps count: local, public, a URL that `trust init`
    /// knows, or a file [default: local]
    #[arg(long, value_name = "WHICH", help_heading = "Trust")]
    sigstore: Option<Place>,
    /// Root certificates of your own authority (PEM), instead of those of the trust root
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    ca_roots: Option<PathBuf>,
    /// Intermediate certificates below --ca-roots (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "ca_roots",
        help_heading = "Trust"
    )]
    ca_intermediates: Option<PathBuf>,
    /// Certificates of a timestamp authority of your own (PEM, leaf first)
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    timestamp_certificate_chain: Option<PathBuf>,
    /// What the instance revoked: its list, where --trusted-root or --sigstore is a file
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    revocations: Option<PathBuf>,
    /// Judge as of then, not as of now: expiry, proven times and revocations
    #[arg(long, value_name = "TIME", help_heading = "Trust")]
    as_of: Option<Timestamp>,
}

/// What may be missing.
#[derive(Args, Clone, Debug, Default)]
pub struct WaiverArgs {
    /// Accept what no transparency log knows
    #[arg(long, help_heading = "Demands")]
    insecure_ignore_tlog: bool,
    /// Accept certificates that were not logged
    #[arg(long, help_heading = "Demands")]
    insecure_ignore_sct: bool,
    /// Accept signatures whose time nobody proves: a certificate must then be valid now
    #[arg(
        long,
        conflicts_with = "use_signed_timestamps",
        help_heading = "Demands"
    )]
    insecure_ignore_timestamp: bool,
    /// Demand a signed timestamp; the time of a log is not enough
    #[arg(long, help_heading = "Demands")]
    use_signed_timestamps: bool,
    /// Demand that the log's checkpoint is cosigned by this witness; repeatable
    #[arg(long, value_name = "NAME+HASH+KEY", help_heading = "Demands")]
    witness: Vec<String>,
    /// How many of them [default: all]
    #[arg(long, value_name = "K", requires = "witness", help_heading = "Demands")]
    witness_threshold: Option<usize>,
}

impl TrustArgs {
    /// Whether anything is named.
    pub fn is_given(&self) -> bool {
        self.trusted_root.is_some() || self.sigstore.is_some() || self.ca_roots.is_some()
    }

    /// Which Sigstore.
    pub fn place(&self) -> Place {
        match &self.trusted_root {
            Some(file) => Place::File(file.clone()),
            None => self.sigstore.clone().unwrap_or(Place::Local),
        }
    }

    /// The time of judgement.
    pub fn as_of(&self) -> Timestamp {
        self.as_of.unwrap_or_else(Timestamp::now)
    }

    /// The trust root, with what was given beside it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn trusted(&self, context: &Context) -> Result<Trusted, Failure> {
        let trusted = self.anchored(context)?;
        let revocations = match (&self.revocations, self.place()) {
            (Some(file), Place::File(_)) => {
                revocations::in_file(trusted.root(), file, RevocationList::verify_beside)
            }
            (Some(file), _) => revocations::in_file(trusted.root(), file, RevocationList::verify),
            // A file is no place where the instance could have left its list.
            (None, Place::File(_)) => Revocations::NotLookedAt,
            (None, _) => return Ok(trusted),
        };
        let what = "--revocations: this trust root's instance publishes no list";
        let root = trusted.into_owned();
        let root = root.ok_or_else(|| Failure::new(Exit::Usage, "CLI-0602", what))?;
        Ok(root.knowing(revocations).into())
    }

    fn anchored(&self, context: &Context) -> Result<Trusted, Failure> {
        let parts = RootParts {
            ca_roots: self.ca_roots.as_deref().map(read).transpose()?,
            ca_intermediates: self.ca_intermediates.as_deref().map(read).transpose()?,
            tsa_chains: self
                .timestamp_certificate_chain
                .as_deref()
                .map(read)
                .transpose()?
                .into_iter()
                .collect(),
            ..RootParts::default()
        };
        let own = !parts.is_empty();
        match own {
            false => self.place().trusted(context),
            true if self.trusted_root.is_none() && self.sigstore.is_none() => {
                TrustRoot::assemble(&parts)
                    .or_could_not_run()
                    .map(Into::into)
            }
            true => self
                .place()
                .trusted(context)?
                .root()
                .with_parts(&parts)
                .or_could_not_run()
                .map(Into::into),
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).on_path("read", file)
}

impl WaiverArgs {
    /// What must be there.
    ///
    /// # Errors
    /// If a witness is none, or more are asked for than are named.
    pub fn requirements(&self) -> Result<Requirements, Failure> {
        let mut requirements = Requirements::default();
        if self.insecure_ignore_tlog {
            requirements = requirements.without_log();
        }
        if self.insecure_ignore_sct {
            requirements = requirements.without_sct();
        }
        if self.insecure_ignore_timestamp {
            requirements = requirements.untimed();
        }
        if self.use_signed_timestamps {
            requirements = requirements.timestamped();
        }
        if !self.witness.is_empty() {
            let keys: Result<Vec<_>, _> =
                self.witness.iter().map(|t| WitnessKey::parse(t)).collect();
            let needed = self.witness_threshold.unwrap_or(self.witness.len());
            let quorum = WitnessQuorum::new(keys.or_usage()?, needed).or_usage()?;
            requirements = requirements.witnessed(quorum);
        }
        Ok(requirements)
    }
}

/// The whole demand: signers, trust and waivers.
///
/// # Errors
/// If one of them cannot be had.
pub fn demand(
    expected: &ExpectedArgs,
    trust: &TrustArgs,
    waivers: &WaiverArgs,
    context: &Context,
) -> Result<Demand, Failure> {
    let (signers, threshold) = expected.signers()?;
    let only_keys = signers.iter().all(|one| matches!(one, Signer::Key(..)));
    // A bare key needs no trust root but for its log, so none must be there; where
    // the log is demanded all the same, its absence is what is told.
    let asked = waivers.insecure_ignore_tlog || !context.home()?.exists();
    let rootless = only_keys && asked && !trust.is_given();
    let trusted = match rootless {
        true => TrustRoot::nothing().or_could_not_run()?.into(),
        false => trust.trusted(context)?,
    };
    let requirements = waivers.requirements()?;
    Ok(Demand::new(signers, threshold, trusted, requirements).at(trust.as_of()))
}
