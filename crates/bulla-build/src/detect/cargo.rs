//! Cargo packages: the first binary, linked statically so that it runs on nothing.

use super::{Draft, Folder};

pub(super) fn draft(folder: &Folder<'_>) -> Option<Draft> {
    let manifest: toml::Table = toml::from_str(&folder.read("Cargo.toml")?).ok()?;
    let text = |table: &str, key: &str| manifest.get(table)?.get(key)?.as_str().map(str::to_owned);
    let package = text("package", "name");
    let bins = manifest
        .get("bin")
        .and_then(|bins| bins.as_array())
        .into_iter()
        .flatten();
    let bin = bins
        .filter_map(|bin| bin.get("name")?.as_str())
        .next()
        .map(str::to_owned);
    let mut notes = Vec::new();
    let program = bin.or_else(|| package.clone()).unwrap_or_else(|| {
        notes.push("this is a workspace: put the name of its program where PROGRAM stands".into());
        "PROGRAM".into()
    });
    let locked = folder.has("Cargo.lock");
    if !locked {
        notes.push("commit a Cargo.lock (`cargo generate-lockfile`), or nothing is fetched".into());
    }
    let frozen = if locked {
        ", \"--frozen\""
    } else {
        ", \"--offline\""
    };
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    Some(Draft {
        kind: "Cargo",
        name: package,
        lock: locked.then_some("Cargo.lock"),
        steps: format!(
            "[[step]]\nname = \"compile\"\n\
             # The target is named, so that the flags below are for the program alone.\n\
             run = [\"cargo\", \"build\", \"--release\"{frozen}, \"--target\", \"{target}\"]\n\
             # Linked statically: the image needs no C library.\n\
             env = {{ RUSTFLAGS = \"-C target-feature=+crt-static\" }}\n"
        ),
        outputs: vec![(
            format!("target/{target}/release/{program}"),
            format!("/usr/bin/{program}"),
            "0755",
        )],
        base: "scratch",
        entrypoint: vec![format!("/usr/bin/{program}")],
        notes,
    })
}
