//! Writes the embedded database: `cargo run -p bulla-scan --example embed -- OUT PATH…`
//! where each PATH is an OSV `all.zip` or a folder of OSV records.

use std::{io::Write as _, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, paths @ ..] = arguments.as_slice() else {
        return Err("usage: embed OUT PATH…".into());
    };
    let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
    let bytes = bulla_scan::database::build_embedded(&paths)?;
    std::fs::File::create(out)?.write_all(&bytes)?;
    Ok(())
}
