//! bulla: list, seal, witness and check software from a git commit to a
//! running workload.
//!
//! One file per command in `command/`; `journey/` holds the stages that `ship`
//! and `explain` walk; `instance/` is the local instance on disk and
//! `compose.rs` the services that run over it. No logic of the trade lives
//! here: that is in the crates below.

mod cli;
mod command;
mod completion;
mod compose;
mod context;
mod cosign;
mod failure;
mod instance;
mod journey;
mod output;
mod terminal;

use std::process::ExitCode;

use cli::Command;
use context::Context;
use failure::{Exit, Failure};

#[global_allocator]
static ALLOCATOR: bulla_alloc::Allocator = bulla_alloc::Allocator;

fn main() -> ExitCode {
    // The sandbox starts this same program again inside its walls.
    bulla_build::sandbox::child_main();
    if let Some(args) = cosign::asked(std::env::args_os()) {
        return cosign::main(args);
    }
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                Exit::Usage as u8
            } else {
                0
            });
        }
    };
    // A server says where its words go in its configuration.
    if !matches!(cli.command, Command::Serve(_)) {
        trace(cli.global.verbose);
    }
    let wants_json = cli
        .global
        .output
        .iter()
        .any(|o| o.format == "json" && o.file.is_none());
    let talk = output::talk::Talk::new(&cli.global);
    let result = Context::new(cli.global).and_then(|context| run(cli.command, &context));
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            if !failure.is_told() {
                talk.alarm(&failure.to_string());
            }
            if wants_json && failure.has_code() {
                output::data(format!("{:#}\n", failure.to_json()).as_bytes());
            }
            ExitCode::from(failure.exit() as u8)
        }
    }
}

fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Admit(args) => apart(command::admit::run, args, context),
        Command::Attest(args) => apart(command::attest::run, args, context),
        Command::AttestBlob(args) => apart(command::attest_blob::run, args, context),
        Command::Build(args) => apart(command::build::run, args, context),
        Command::Bundle(args) => apart(command::bundle::run, args, context),
        Command::Clean(args) => apart(command::clean::run, args, context),
        Command::Client(args) => apart(command::client::run, args, context),
        Command::Completion(args) => apart(command::completion::run, args, context),
        Command::Copy(args) => apart(command::copy::run, args, context),
        Command::Cosign(args) => Err(args.refusal()),
        Command::Download(args) => apart(command::download::run, args, context),
        Command::Explain(args) => apart(command::explain::run, args, context),
        Command::GenerateKeyPair(args) => apart(command::generate_key_pair::run, args, context),
        Command::ImportKeyPair(args) => apart(command::import_key_pair::run, args, context),
        Command::Init(args) => apart(command::init::run, args, context),
        Command::Log(args) => apart(command::log::run, args, context),
        Command::Load(args) => apart(command::load::run, args, context),
        Command::PublicKey(args) => apart(command::public_key::run, args, context),
        Command::Revoke(args) => apart(command::revoke::run, args, context),
        Command::Save(args) => apart(command::save::run, args, context),
        Command::Sbom(args) => apart(command::sbom::run, args, context),
        Command::Scan(args) => apart(command::scan::run, args, context),
        Command::Serve(args) => apart(command::serve::run, args, context),
        Command::Ship(args) => apart(command::ship::run, args, context),
        Command::Sign(args) => apart(command::sign::run, args, context),
        Command::SignBlob(args) => apart(command::sign_blob::run, args, context),
        Command::Token(args) => apart(command::token::run, args, context),
        Command::Tree(args) => apart(command::tree::run, args, context),
        Command::Trust(args) => apart(command::trust::run, args, context),
        Command::Up(args) => apart(command::up::run, args, context),
        Command::User(args) => apart(command::user::run, args, context),
        Command::Verify(args) => apart(command::verify::run, args, context),
        Command::VerifyAttestation(args) => apart(command::verify_attestation::run, args, context),
        Command::VerifyBlob(args) => apart(command::verify_blob::run, args, context),
        Command::VerifyBlobAttestation(args) => {
            apart(command::verify_blob_attestation::run, args, context)
        }
        Command::Version(args) => command::version::run(&args, context),
    }
}

/// Runs a command in a frame of its own: all in one, each would begin by touching
/// a stack as large as the largest of them needs.
#[inline(never)]
fn apart<A>(
    run: impl FnOnce(A, &Context) -> Result<Exit, Failure>,
    args: A,
    context: &Context,
) -> Result<Exit, Failure> {
    run(args, context)
}

/// Inner workings on stderr: only with -vv, or when BULLA_LOG asks for them.
fn trace(verbose: u8) {
    let asked = std::env::var("BULLA_LOG").ok();
    if verbose < 2 && asked.is_none() {
        return;
    }
    let filter =
        tracing_subscriber::EnvFilter::new(asked.unwrap_or_else(|| "bulla=debug,info".into()));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
