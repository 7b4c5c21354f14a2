//! `bulla completion`: a script for a shell.

use clap::Args;

use crate::{
    completion::{self, Shell},
    context::Context,
    failure::{Exit, Failure},
};

/// Arguments of `bulla completion`.
#[derive(Args)]
#[command(after_help = "\
To load it now:
  bash        source <(bulla completion bash)
  zsh         source <(bulla completion zsh)
  fish        bulla completion fish | source
  powershell  bulla completion powershell | Out-String | Invoke-Expression

Formats: text.

Examples:
  bulla completion bash > ~/.local/share/bash-completion/completions/bulla
  bulla completion zsh > ~/.zfunc/_bulla
  bulla completion fish -o text=bulla.fish")]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs it.
///
/// # Errors
/// If another format is asked for, or the file cannot be written.
pub fn run(args: CompletionArgs, context: &Context) -> Result<Exit, Failure> {
    let script = args.shell.script(&completion::own());
    let outputs = context.outputs(&["text"])?;
    outputs.write(|_| Ok(script.clone().into_bytes()))?;
    Ok(Exit::Allowed)
}
