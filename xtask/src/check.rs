//! `cargo xtask check`: the rules of the house that no compiler knows.
//!
//! Each rule returns the sentences it has to say; all rules run, then the task
//! fails if any of them complained.

mod layers;
mod links;
mod sources;
mod supply;

use crate::{Result, generate};

/// A rule: its complaints, one sentence each.
type Rule = fn() -> Result<Vec<String>>;

/// Runs every rule.
pub fn run(args: &[String]) -> Result {
    if let Some(arg) = args.first() {
        return Err(format!("check takes no arguments, not {arg:?}").into());
    }
    let rules: [(&str, Rule); 9] = [
        ("layers", layers::check),
        ("what comes in", supply::check),
        ("sizes", sources::sizes),
        ("test programs", sources::test_programs),
        ("unfinished code", sources::unfinished),
        ("unsafe code", sources::unsafe_code),
        ("error codes", generate::codes::check),
        ("links in documents", links::check),
        ("generated files", generate::check),
    ];
    let mut wrong = 0;
    for (name, rule) in rules {
        let complaints = rule()?;
        let mark = if complaints.is_empty() { "✓" } else { "✗" };
        println!(" {mark} {name}");
        for complaint in &complaints {
            println!("     {complaint}");
        }
        wrong += complaints.len();
    }
    if wrong > 0 {
        return Err(format!("{wrong} things to mend").into());
    }
    Ok(())
}
