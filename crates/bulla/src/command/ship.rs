//! `bulla ship`: the main job, from a commit to an admitted workload.

use clap::Args;
use std::path::PathBuf;

use super::build::SourceArgs;
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{ship, source, target::Target},
    output,
};

/// Arguments of `bulla ship`.
#[derive(Args)]
#[command(after_help = "\
Everything runs on this machine; without a server the local instance is started in-process.
stdout is the image's reference alone.

Formats: text, json, svg.

Examples:
  bulla ship .
  bulla ship examples/hello -o json=ship.json
  bulla ship --registry registry.example.com/team/hello .
  bulla ship --image layout:./image      built elsewhere: provenance is missing")]
pub struct ShipArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Ship an image built elsewhere: REF or layout:DIR
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["rev", "allow_dirty", "isolation"])]
    image: Option<Target>,
    /// Who signs the image [default: git's user.email]
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The policy that judges at the end [default: the instance's]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where the image goes: a registry, a repository there, or a tag [default: the instance's
    /// registry, the project's name, git-COMMIT]
    #[arg(long, value_name = "REF")]
    registry: Option<ship::Destination>,
    /// An OpenVEX document that you vouch for: what does not affect this image; repeatable
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If a stage fails; a denial is told and is an exit code.
pub fn run(args: ShipArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json", "svg"])?;
    let path = args.source.path.clone();
    let order = ship::Order {
        source: args.source,
        image: args.image,
        email: args.email,
        policy: args.policy,
        vex: args.vex,
        registry: args.registry,
    };
    let shipped = match context.block_on(ship::run(order, context)) {
        Err(failure) if source::lacks_recipe(&failure) => {
            super::init::offer(&path, context)?;
            return Err(failure);
        }
        other => other?,
    };
    outputs.write(|format| match format {
        "json" => output::json(&shipped),
        "svg" => Ok(crate::journey::chain_svg::render(&shipped.chain).into_bytes()),
        _ if shipped.allowed() => Ok(shipped.reference.to_string().into_bytes()),
        _ => Ok(Vec::new()),
    })?;
    Ok(shipped.chain.decision.outcome.into())
}
