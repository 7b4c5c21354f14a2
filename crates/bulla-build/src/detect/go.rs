//! Go modules: one static program.

use super::{Draft, Folder};

pub(super) fn draft(folder: &Folder<'_>) -> Option<Draft> {
    let manifest = folder.read("go.mod")?;
    let module = manifest
        .lines()
        .find_map(|line| line.trim().strip_prefix("module "))?;
    let module = module.trim().trim_matches('"');
    // The last part of the path, a major version aside.
    let mut parts = module.rsplit('/');
    let version = |part: &&str| {
        part.strip_prefix('v')
            .is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let name = parts
        .find(|part| !version(part))
        .unwrap_or(module)
        .to_owned();
    let command = format!("cmd/{name}");
    let package = match folder.path.join(&command).is_dir() {
        true => format!("./{command}"),
        false => ".".into(),
    };
    Some(Draft {
        kind: "Go",
        lock: folder.has("go.sum").then_some("go.sum"),
        steps: format!(
            "[[step]]\nname = \"compile\"\n\
             run = [\"go\", \"build\", \"-trimpath\", \"-buildvcs=false\", \"-o\", \"out/{name}\", \"{package}\"]\n\
             # Without cgo the program is static: the image needs no C library.\n\
             env = {{ CGO_ENABLED = \"0\" }}\n"
        ),
        outputs: vec![(format!("out/{name}"), format!("/usr/bin/{name}"), "0755")],
        base: "scratch",
        entrypoint: vec![format!("/usr/bin/{name}")],
        name: Some(name),
        notes: Vec::new(),
    })
}
