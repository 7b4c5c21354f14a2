//! Static sites: files as they are, no program.

use super::{Draft, Folder};
use std::path::{Path, PathBuf};

/// Files of a site that are listed one by one; more are packed.
const MAX_LISTED: usize = 100;

pub(super) fn draft(folder: &Folder<'_>) -> Option<Draft> {
    let root = ["", "public", "site", "dist"].into_iter().find(|root| {
        folder.has(
            Path::new(root)
                .join("index.html")
                .to_str()
                .unwrap_or_default(),
        )
    })?;
    let mut files = Vec::new();
    collect(&folder.path.join(root), Path::new(""), &mut files);
    files.sort();
    let listed = files.len() <= MAX_LISTED;
    let (steps, outputs) = if listed {
        let outputs = files.iter().map(|file| {
            let path = Path::new(root).join(file).to_string_lossy().into_owned();
            (path, format!("/srv/www/{}", file.display()), "0644")
        });
        (
            "# Nothing to run: the files are the site.\n".to_owned(),
            outputs.collect(),
        )
    } else {
        let at = if root.is_empty() { "." } else { root };
        let steps = format!(
            "[[step]]\nname = \"pack\"\n\
             run = [\"sh\", \"-c\", \"tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$SOURCE_DATE_EPOCH --exclude=./bulla.toml -cf /tmp/site.tar -C {at} . && mv /tmp/site.tar site.tar\"]\n"
        );
        (
            steps,
            vec![("site.tar".to_owned(), "/srv/site.tar".to_owned(), "0644")],
        )
    };
    Some(Draft {
        kind: "static site",
        name: None,
        lock: None,
        steps,
        outputs,
        base: "scratch",
        entrypoint: Vec::new(),
        notes: vec!["set [image] base to a web server's image, by digest, to serve it".into()],
    })
}

fn collect(directory: &Path, inner: &Path, files: &mut Vec<PathBuf>) {
    if files.len() > MAX_LISTED {
        return;
    }
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == crate::recipe::FILE_NAME;
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden => {
                collect(&entry.path(), &inner.join(&name), files);
            }
            Ok(kind) if kind.is_file() && !hidden => files.push(inner.join(&name)),
            _ => {}
        }
    }
}
