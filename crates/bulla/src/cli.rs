//! The command line: global options and one variant per command.
//!
//! Each command's arguments live with the command, in `command/NAME.rs`; this
//! file only joins them. Exit codes: see [`crate::failure::Exit`].

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

use crate::{command, output::OutputSpec};

/// List, seal, witness and check software from a git commit to a running workload.
#[derive(Parser)]
#[command(
    name = "bulla",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = AFTER_HELP
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  BULLA_DATA       where the local instance lives, as --data
  BULLA_OFFLINE    refuse every connection that leaves this machine, as --offline
  BULLA_LOG        what happens inside, on stderr: a filter such as bulla=debug,info
  BULLA_CONFIG     the configuration of bulla serve, as --config; BULLA_SERVE_… one setting of it
  NOTIFY_SOCKET    where bulla serve tells systemd that it is ready
  NO_COLOR         no colour; CI and TERM=dumb also end progress in place
  XDG_DATA_HOME    the user's data directory, where no --data is given
  USER, LOGNAME    who asserts an address where neither --email nor git names one
  DOCKER_CONFIG    where the credentials for other registries are; REGISTRY_AUTH_FILE likewise
  BULLA_PASSWORD   opens a key file, or is for a new one; COSIGN_PASSWORD likewise
  BULLA_OLD_PASSWORD  opens the key file that is imported
  SIGSTORE_ID_TOKEN  the ID token to be certified with, outside the local instance
  COSIGN_…, SIGSTORE_…  what the cosign face listens to: bulla cosign env lists it
  DISPLAY, WAYLAND_DISPLAY  whether a browser can be shown to sign in

Examples:
  bulla ship .                             build, seal and admit the project in this directory
  bulla explain 127.0.0.1:5610/hello:TAG   the chain from an image back to its commit
  bulla up                                 keep the local instance running for other clients";

const EXIT_CODES: &str = "\
Exit codes: 0 allowed · 1 denied or failed · 2 usage · 3 nothing to verify · 4 authentication
            5 undecidable · 6 findings at or above --fail-on · 7 could not run";

/// The command line as it was given.
///
/// Building the options and help of every command takes longer than to verify a
/// bundle, so at first only the named command is built; the others' names where
/// no command stands first, and the whole only where something is to be shown of
/// it, a mistake or the help.
///
/// # Errors
/// What to show instead of running a command.
pub fn parse() -> Result<Cli, clap::Error> {
    let first = std::env::args_os().nth(1);
    let named = first.and_then(|first| alone(first.to_str()?));
    let alone = named.map(|named| {
        let root = Global::augment_args(clap::Command::new("bulla"));
        root.subcommand(named).try_get_matches()
    });
    let matches = alone
        .unwrap_or_else(|| Cli::command().try_get_matches())
        .or_else(|_| command().try_get_matches())?;
    Cli::from_arg_matches(&matches)
}

/// The whole command line, with the exit codes in the help of each command.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    // What is built late brings the words of its arguments' type; the command's own count.
    let own: Vec<_> = command
        .get_subcommands()
        .map(|one| (one.get_name().to_owned(), one.get_about().cloned()))
        .collect();
    command.build();
    for (name, about) in own {
        command = command.mut_subcommand(name, |one| {
            one.about(about.unwrap_or_default()).long_about(None)
        });
    }
    with_exit_codes(command)
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let own = command.get_after_help().map(ToString::to_string);
    let text = match own {
        Some(own) => format!("{own}\n\n{EXIT_CODES}"),
        None => EXIT_CODES.to_owned(),
    };
    command.after_help(text).mut_subcommands(with_exit_codes)
}

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Where the local instance lives [default: the user's data directory, bulla/local]
    #[arg(
        long,
        global = true,
        env = "BULLA_DATA",
        value_name = "DIR",
        help_heading = "Global"
    )]
    pub data: Option<PathBuf>,

    /// What to print, and where: text, json, or a format of the command; repeatable
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT[=FILE]",
        help_heading = "Global"
    )]
    pub output: Vec<OutputSpec>,

    /// Colour: only on a terminal and without NO_COLOR, unless said otherwise
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Global")]
    pub color: Color,

    /// Say more on stderr; twice shows what happens inside
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global")]
    pub verbose: u8,

    /// Say only what went wrong
    #[arg(
        short,
        long,
        global = true,
        help_heading = "Global",
        conflicts_with = "verbose"
    )]
    pub quiet: bool,

    /// Refuse every connection that leaves this machine
    #[arg(long, global = true, env = "BULLA_OFFLINE", help_heading = "Global")]
    pub offline: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands: an enum for clap, and each of them alone by its name.
macro_rules! commands {
    ($($(#[$about:meta])* $name:literal $variant:ident($args:ty),)*) => {
        /// One variant per command; the options of each are built when it is asked for.
        #[derive(Subcommand)]
        #[command(defer = true)]
        pub enum Command {
            $($(#[$about])* #[command(name = $name)] $variant($args),)*
        }

        /// One command with its options, without what it says of itself.
        fn alone(name: &str) -> Option<clap::Command> {
            match name {
                $($name => Some(<$args>::augment_args(clap::Command::new($name))),)*
                _ => None,
            }
        }
    };
}

commands! {
    /// Judge an AdmissionReview as the cluster's webhook would
    "admit" Admit(command::admit::AdmitArgs),
    /// Attach a signed statement to an image
    "attest" Attest(command::attest::AttestArgs),
    /// Sign a statement about a file
    "attest-blob" AttestBlob(command::attest_blob::AttestBlobArgs),
    /// Build a commit in the sandbox, and write image layout and provenance
    "build" Build(command::build::BuildArgs),
    /// Look into Sigstore bundles, make them, renew them
    "bundle" Bundle(command::bundle::BundleArgs),
    /// Take signatures, attestations or SBOMs off an image
    "clean" Clean(command::clean::CleanArgs),
    /// Programs that may ask the login issuer for tokens
    "client" Client(command::client::ClientArgs),
    /// Write a script with which a shell completes words
    "completion" Completion(command::completion::CompletionArgs),
    /// Copy an image with everything that hangs on it
    "copy" Copy(command::copy::CopyArgs),
    /// cosign's commands and flags, for its pipelines
    #[command(disable_help_flag = true)]
    "cosign" Cosign(crate::cosign::CosignArgs),
    /// Get what hangs on an image: signatures, attestations, SBOMs
    "download" Download(command::download::DownloadArgs),
    /// Show the chain from an image to its commit, or an error code
    "explain" Explain(command::explain::ExplainArgs),
    /// Make a new key file
    "generate-key-pair" GenerateKeyPair(command::generate_key_pair::GenerateKeyPairArgs),
    /// Make a key file from a key of another tool, or change its password
    "import-key-pair" ImportKeyPair(command::import_key_pair::ImportKeyPairArgs),
    /// Write a commented bulla.toml that works for this project
    "init" Init(command::init::InitArgs),
    /// Push an image that was saved
    "load" Load(command::load::LoadArgs),
    /// Search a transparency log, or watch one
    "log" Log(command::log::LogArgs),
    /// Print the public half of a key
    "public-key" PublicKey(command::public_key::PublicKeyArgs),
    /// Put a signer, a key or a digest on the instance's list of revocations
    "revoke" Revoke(command::revoke::RevokeArgs),
    /// Save an image with everything that hangs on it
    "save" Save(command::save::SaveArgs),
    /// List what is in an image or a directory
    "sbom" Sbom(command::sbom::SbomArgs),
    /// Match an image or a directory against the advisory database
    "scan" Scan(command::scan::ScanArgs),
    /// Serve an authority for others, from a configuration file
    "serve" Serve(command::serve::ServeArgs),
    /// The main job: everything from the commit to admission
    "ship" Ship(command::ship::ShipArgs),
    /// Sign an image
    "sign" Sign(command::sign::SignArgs),
    /// Sign a file
    "sign-blob" SignBlob(command::sign_blob::SignBlobArgs),
    /// Print an ID token of the local instance
    "token" Token(command::token::TokenArgs),
    /// Show everything that hangs on an image
    "tree" Tree(command::tree::TreeArgs),
    /// Show, get and export what is trusted
    "trust" Trust(command::trust::TrustArgs),
    /// Keep the local instance running on loopback
    "up" Up(command::up::UpArgs),
    /// People who may log in at the instance's own issuer
    "user" User(command::user::UserArgs),
    /// Verify an image against the policy, or against keys and identities
    "verify" Verify(command::verify::VerifyArgs),
    /// Verify what was said about an image
    "verify-attestation" VerifyAttestation(command::verify_attestation::VerifyAttestationArgs),
    /// Verify a file against its bundle
    "verify-blob" VerifyBlob(command::verify_blob::VerifyBlobArgs),
    /// Verify what was said about a file
    "verify-blob-attestation" VerifyBlobAttestation(command::verify_blob_attestation::VerifyBlobAttestationArgs),
    /// Print the version, and what this binary carries
    "version" Version(command::version::VersionArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command built alone takes what it takes among the others.
    #[test]
    fn each_command_is_known_alone() {
        let ids = |command: &clap::Command| -> Vec<String> {
            let all = command.get_arguments().filter(|arg| !arg.is_global_set());
            let ids = all.map(|arg| arg.get_id().to_string());
            ids.filter(|id| id != "help" && id != "version").collect()
        };
        let whole = command();
        let mut count = 0;
        for one in whole.get_subcommands() {
            let mut alone = alone(one.get_name()).unwrap_or_else(|| panic!("{}", one.get_name()));
            alone.build();
            assert_eq!(ids(&alone), ids(one), "{}", one.get_name());
            count += 1;
        }
        assert!(count > 30 && super::alone("verify-bundle").is_none());
    }
}
