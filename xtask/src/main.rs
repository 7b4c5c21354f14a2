//! The tasks of this repository: `cargo xtask TASK`.
//!
//! Plain Rust without dependencies, so that the first `cargo xtask` on a fresh
//! machine starts at once. Each task is one module; each prints what it found
//! in words and ends with a non-zero status when something is wrong.

mod bench;
mod check;
mod fuzz;
mod generate;
mod lexer;
mod order;
mod peers;
mod test;
mod workspace;

use std::process::ExitCode;

/// What a task returns: its error is already a sentence for a person.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const HELP: &str = "\
cargo xtask TASK

  check                 layers, sizes, rules of the house, generated files
  test [ARG…]           every test of the workspace, with a closing summary
                        (-p CRATE, names and -v as for cargo test; BULLA_NO_SKIP=1: no skips)
  peers [NAME…]         install and list the foreign tools that tests compare with
        --env             print lines for eval instead of the table
        --list            print what is known, install nothing
  bench [--record]      start-up, ready time, memory, ship, binary size
        --cold-build      a release build from nothing too
  bench verify          what is promised beside cosign, in turn with it
        --rounds N        how often (default 40)
  bench log             entries a second and time to the proof, beside rekor-tiles
        --fill            also with 1 k, 1 M and 10 M entries
        --rounds N        how often (default 3), --seconds N each (default 5)
  order                 which functions a start runs, for the linker to put together
  gen [--check]         write (or compare) the generated reference in docs/
  fuzz [TARGET…]        run the fuzz targets, all or those that are named
        --seconds N       how long each (default 10)
        --smoke           some of them, on a stable toolchain, 4 seconds each
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match task.as_str() {
        "check" => check::run(&rest),
        "test" => test::run(&rest),
        "peers" => peers::run(&rest),
        "bench" => bench::run(&rest),
        "order" => order::run(&rest),
        "gen" => generate::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: there is no task {other:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {task}: {error}");
            ExitCode::FAILURE
        }
    }
}
