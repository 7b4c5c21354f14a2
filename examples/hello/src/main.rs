//! Greets: the program that `bulla ship examples/hello` takes from a commit to
//! an admitted workload.

mod greeting;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use greeting::Language;

const HELP: &str = "\
hello [--name NAME] [--language LANGUAGE] [--frame]

  -n, --name NAME          whom to greet (default: world)
  -l, --language LANGUAGE  akk, de, en, fr, ja or any (default: en)
  -f, --frame              put a frame around it
  -V, --version            print the version";

/// What the command line asked for.
struct Request {
    name: String,
    language: Language,
    frame: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hello: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<String> {
    use lexopt::prelude::{Long, Short, ValueExt};

    let mut request = Request {
        name: "world".to_owned(),
        language: Language::English,
        frame: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('n') | Long("name") => request.name = parser.value()?.string()?,
            Short('l') | Long("language") => {
                let code = parser.value()?.string()?;
                request.language = Language::from_code(&code)
                    .with_context(|| format!("no greeting in {code:?}"))?;
            }
            Short('f') | Long("frame") => request.frame = true,
            Short('h') | Long("help") => return Ok(HELP.to_owned()),
            Short('V') | Long("version") => {
                return Ok(concat!("hello ", env!("CARGO_PKG_VERSION")).to_owned());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if request.name.trim().is_empty() {
        bail!("--name is empty: whom to greet?");
    }
    let today = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let year = today.split('-').next().unwrap_or_default();
    let text = request.language.greet(request.name.trim(), year);
    Ok(if request.frame {
        greeting::frame(&text, 40)
    } else {
        text
    })
}
