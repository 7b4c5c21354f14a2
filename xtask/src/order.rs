//! `cargo xtask order`: which functions a short command runs, so that the linker
//! can put them side by side (`crates/bulla/start.order`, read by its `build.rs`).
//!
//! The kernel maps a program's code in pieces of 64 KiB as it is touched. Verifying
//! a bundle runs 0.8 MiB of code out of 24 MiB; scattered, that is 80 pieces, 5 MiB
//! and as many faults. The names end in hashes of compiler and dependencies: after
//! either changes, stale lines are passed over, and `bench verify` shows the loss.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Result,
    bench::scenes,
    workspace::{cargo, on_path, output, root, target},
};

const HEADER: &str = "\
# The functions that verifying a bundle runs: the linker puts them together.
# Written by cargo xtask order for the linker; see xtask/src/order.rs.
";

/// Writes the order anew.
pub fn run(args: &[String]) -> Result {
    if let Some(other) = args.first() {
        return Err(format!("order does not know {other}").into());
    }
    let valgrind = on_path("valgrind").ok_or("needs valgrind: cargo xtask peers valgrind")?;
    let mut command = cargo();
    command.args(["rustc", "-q", "--release", "-p", "bulla", "--bin", "bulla"]);
    output(command.args(["--", "-C", "strip=none"]))?;
    let binary = target().join("release/bulla");
    let mut order = Vec::new();
    for (number, scene) in scenes()?.iter().enumerate() {
        let calls = target().join(format!("start-{number}.callgrind"));
        output(
            Command::new(&valgrind)
                .args(["--quiet", "--tool=callgrind", "--demangle=no"])
                .arg(format!("--callgrind-out-file={}", calls.display()))
                .arg(&binary)
                .args(scene.words()),
        )?;
        for name in functions(&fs::read_to_string(&calls)?, &binary) {
            if !order.contains(&name) {
                order.push(name);
            }
        }
    }
    let file: PathBuf = root().join("crates/bulla/start.order");
    fs::write(&file, format!("{HEADER}{}\n", order.join("\n")))?;
    println!("{}: {} functions", file.display(), order.len());
    Ok(())
}

/// The functions of one object in callgrind's account, which names each thing once
/// and then by number.
fn functions(account: &str, object: &Path) -> Vec<String> {
    let object = object.display().to_string();
    let mut objects: HashMap<&str, &str> = HashMap::new();
    let mut names: HashMap<&str, &str> = HashMap::new();
    let (mut here, mut found) = ("", Vec::new());
    for line in account.lines() {
        let Some((kind, rest)) = line.split_once('=') else {
            continue;
        };
        let Some((number, name)) = rest.split_once(')') else {
            continue;
        };
        let name = name.trim();
        let known = match kind {
            "ob" | "cob" => &mut objects,
            "fn" | "cfn" => &mut names,
            _ => continue,
        };
        if !name.is_empty() {
            known.insert(number, name);
        }
        match kind {
            "ob" => here = number,
            "fn" if objects.get(here) == Some(&object.as_str()) => found.push(number),
            _ => {}
        }
    }
    let named = found.iter().filter_map(|number| names.get(number));
    // Recursion is counted as `name'2`; code without a symbol has an address.
    let mut order: Vec<String> = Vec::new();
    for name in named {
        let name = name.split('\'').next().unwrap_or_default();
        if !name.starts_with("0x") && !order.iter().any(|known| known == name) {
            order.push(name.to_owned());
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::functions;
    use std::path::Path;

    #[test]
    fn functions_of_the_program_are_named_once() {
        let account = "ob=(1) /lib/libc.so\nfn=(1) malloc\n1 2\ncob=(2) /x/bulla\ncfn=(2) main\n\
                       ob=(2)\nfn=(2)\n1 2\ncfn=(3) walk\nfn=(3)\n1 2\nfn=(4) walk'2\nfn=(5) 0x12\n";
        assert_eq!(functions(account, Path::new("/x/bulla")), ["main", "walk"]);
    }
}
