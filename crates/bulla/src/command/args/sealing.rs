//! How to seal: with a key or as somebody, with the services of which Sigstore.

use clap::Args;
use std::path::PathBuf;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{
        place::Place,
        signing::{Order, Who},
        token::TokenChoice,
    },
};

/// Who signs, and who witnesses it.
#[derive(Args, Clone, Debug)]
pub struct SealArgs {
    /// Sign with a key: FILE, env://VAR, pkcs11:…, or NAME://… of a sigstore-kms-NAME plugin
    #[arg(long, value_name = "REF", conflicts_with_all = ["identity_token", "oidc_provider", "email"], help_heading = "Signer")]
    key: Option<String>,
    /// The certificate of your own authority for that key (PEM; those above it may follow)
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Signer")]
    certificate: Option<PathBuf>,
    /// The certificates above it (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "certificate",
        help_heading = "Signer"
    )]
    certificate_chain: Option<PathBuf>,
    /// The ID token to be certified with, or a file with it
    #[arg(long, value_name = "TOKEN|FILE", conflicts_with_all = ["oidc_provider", "email"], help_heading = "Signer")]
    identity_token: Option<String>,
    /// Where the ID token comes from: github-actions, gitlab, buildkite-agent, spiffe,
    /// kubernetes, filesystem, envvar, browser or device [default: what is found; then browser]
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "email",
        help_heading = "Signer"
    )]
    oidc_provider: Option<String>,
    /// The address to assert on the local instance [default: git's user.email]
    #[arg(long, value_name = "ADDRESS", help_heading = "Signer")]
    email: Option<String>,
    /// Whose services seal: local, public, a URL that `trust init` knows, or a file
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "local",
        help_heading = "Witnesses"
    )]
    sigstore: Place,
    /// Make no log entry: only with --key, and verifiers must waive it, too
    #[arg(long, requires = "key", help_heading = "Witnesses")]
    no_log: bool,
    /// Get no timestamp: only with --key
    #[arg(long, requires = "key", help_heading = "Witnesses")]
    no_timestamp: bool,
    /// Do not ask before a name is published in a public log
    #[arg(short, long, help_heading = "Witnesses")]
    yes: bool,
}

impl SealArgs {
    /// What is to be done.
    ///
    /// # Errors
    /// If the options contradict each other, or the person does not consent to be named
    /// in a public log.
    pub fn order(self, context: &Context) -> Result<Order, Failure> {
        let local = self.sigstore == Place::Local;
        if self.email.is_some() && !local {
            let what = format!(
                "--email asserts a name, and {} takes no assertions",
                self.sigstore
            );
            return Err(Failure::new(Exit::Usage, "CLI-0300", what)
                .hint("leave it away, and the issuer says who you are; or use --sigstore local"));
        }
        let who = match (self.key, self.identity_token, self.oidc_provider) {
            (Some(key), _, _) => match self.certificate {
                None => Who::Key(key),
                Some(certificate) => Who::Certified {
                    key,
                    certificate,
                    chain: self.certificate_chain,
                },
            },
            (_, Some(token), _) => Who::Keyless(TokenChoice::Given(token)),
            (_, _, Some(name)) => Who::Keyless(TokenChoice::Provider(name)),
            _ if local => Who::Keyless(TokenChoice::Asserted(self.email)),
            _ => Who::Keyless(TokenChoice::Found),
        };
        let is_named = matches!(who, Who::Keyless(_));
        if is_named && self.sigstore == Place::Public && !self.yes {
            consent(context)?;
        }
        Ok(Order {
            who,
            place: self.sigstore,
            log: !self.no_log,
            timestamp: !self.no_timestamp,
        })
    }
}

/// A public log keeps the signer's name for ever, so that is asked for.
fn consent(context: &Context) -> Result<(), Failure> {
    let no = || {
        Failure::new(
            Exit::Usage,
            "CLI-0301",
            "not signed: the name would be published",
        )
        .line("certificate and log entry of the public-good instance are public and stay for ever")
        .hint("consent with --yes, or sign with --key or --sigstore local")
    };
    let question = "The name in your ID token will stand in a public log for ever. Go on? [y/N] ";
    match crate::terminal::ask(context, question)? {
        Some(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(no()),
    }
}
