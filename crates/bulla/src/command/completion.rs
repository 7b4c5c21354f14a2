//! `bulla completion`: a script for a shell.

use clap::{Args, ValueEnum as _};
use serde::Serialize;

use crate::{
    completion::{self, Shell},
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla completion`.
#[derive(Args)]
#[command(after_help = "\
To load it now:
  bash        source <(bulla completion bash)
  zsh         source <(bulla completion zsh)
  fish        bulla completion fish | source
  powershell  bulla completion powershell | Out-String | Invoke-Expression

Formats: text (the script itself), json.

Examples:
  bulla completion bash > ~/.local/share/bash-completion/completions/bulla
  bulla completion zsh > ~/.zfunc/_bulla
  bulla completion fish -o text=bulla.fish
  bulla completion powershell -o json")]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The output of `completion -o json`. Frozen, version 1.
#[derive(Serialize)]
struct Completion {
    shell: String,
    script: String,
}

/// Runs it.
///
/// # Errors
/// If another format is asked for, or the file cannot be written.
pub fn run(args: CompletionArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let name = args.shell.to_possible_value();
    let completion = Completion {
        shell: name.map_or_else(String::new, |value| value.get_name().to_owned()),
        script: args.shell.script(&completion::own()),
    };
    outputs.write(|format| match format {
        "json" => output::json(&completion),
        _ => Ok(completion.script.clone().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
