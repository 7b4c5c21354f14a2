//! npm packages: the sources and their modules, packed into one archive file.

use super::{Draft, Folder};
use serde_json::Value;

pub(super) fn draft(folder: &Folder<'_>) -> Option<Draft> {
    let manifest: Value = serde_json::from_str(&folder.read("package.json")?).ok()?;
    let text = |key: &str| manifest.get(key)?.as_str().map(str::to_owned);
    let build = manifest
        .get("scripts")
        .and_then(|scripts| scripts.get("build"))
        .is_some();
    let mut steps = String::new();
    if build {
        steps.push_str(
            "[[step]]\nname = \"build\"\n\
             # node_modules is laid out from the lock file; no install script has run.\n\
             run = [\"npm\", \"run\", \"build\"]\n\n",
        );
    }
    steps.push_str(
        "[[step]]\nname = \"pack\"\n\
         # One file with everything; sorted, with fixed owner and time, so that it is the same each time.\n\
         run = [\"sh\", \"-c\", \"tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$SOURCE_DATE_EPOCH -cf /tmp/app.tar . && mv /tmp/app.tar app.tar\"]\n",
    );
    let main = text("main").unwrap_or_else(|| "index.js".into());
    let mut notes = vec![
        "the image needs Node.js: set [image] base to an image that has it, by digest".to_owned(),
        format!("let the entrypoint unpack /app/app.tar and start {main}"),
    ];
    let lock = folder
        .has("package-lock.json")
        .then_some("package-lock.json");
    if lock.is_none() && manifest.get("dependencies").is_some() {
        notes.push("commit a package-lock.json (`npm install --package-lock-only`)".into());
    }
    Some(Draft {
        kind: "npm",
        name: text("name"),
        lock,
        steps,
        outputs: vec![("app.tar".into(), "/app/app.tar".into(), "0644")],
        base: "scratch",
        entrypoint: vec!["/usr/bin/node".into(), format!("/app/{main}")],
        notes,
    })
}
