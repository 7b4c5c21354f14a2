//! Debian packages that are installed: `/var/lib/dpkg/status`, or `status.d/`
//! in images without dpkg; `info/*.list` says which files each one brought.
//!
//! A file list names paths as the package does (`/bin/sh`), so they are followed
//! through the links of the image (`/bin` → `usr/bin`). Licences come from
//! machine-readable copyright files (DEP-5).

use crate::{Component, Ecosystem, FileTree, Purl, cataloger::Draft, inventory::SourcePackage};

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_FOLDER: &str = "var/lib/dpkg/status.d/";
const INFO: &str = "var/lib/dpkg/info/";
/// Files that dpkg keeps for each package.
const INFO_SUFFIXES: [&str; 12] = [
    "conffiles",
    "config",
    "list",
    "md5sums",
    "postinst",
    "postrm",
    "preinst",
    "prerm",
    "shlibs",
    "symbols",
    "templates",
    "triggers",
];
/// Licence names taken from one copyright file.
const MAX_LICENSES: usize = 40;

pub(super) fn wants(path: &str) -> bool {
    let list = |path: &str| path.ends_with(".list") || path.ends_with(".md5sums");
    path == STATUS
        || path.starts_with(STATUS_FOLDER)
        || (path.starts_with(INFO) && list(path))
        || (path.starts_with("usr/share/doc/") && path.ends_with("/copyright"))
}

/// Adds every installed package and the files it owns.
pub(super) fn catalog(tree: &FileTree, draft: &mut Draft) {
    let sources = tree.files().filter(|(path, _)| {
        let listed = path.starts_with(STATUS_FOLDER) && !path.ends_with(".md5sums");
        *path == STATUS || listed
    });
    for (path, file) in sources {
        let Some(content) = file.content.as_deref() else {
            continue;
        };
        for package in parse_status(content) {
            add(tree, draft, path, &package);
        }
    }
}

fn add(tree: &FileTree, draft: &mut Draft, found_in: &str, package: &DpkgPackage) {
    let vendor = draft
        .release()
        .and_then(|r| r.split('-').next())
        .unwrap_or("debian");
    let purl = Purl::builder("deb", &package.name)
        .namespace(vendor)
        .version(&package.version)
        .qualifier("arch", &package.architecture)
        .qualifier("distro", draft.release().unwrap_or_default())
        .qualifier("upstream", &package.upstream())
        .build();
    let mut component = Component::new(
        Ecosystem::Deb,
        &package.name,
        &package.version,
        draft.origin(),
    );
    match purl {
        Ok(purl) => component.purl = Some(purl),
        Err(error) => draft.problem(found_in, error.to_string()),
    }
    component.release = draft.release().map(str::to_owned);
    component.source = Some(SourcePackage {
        name: package.source.clone(),
        version: package.source_version.clone(),
    });
    let copyright = format!("usr/share/doc/{}/copyright", package.name);
    if let Some(content) = tree.content(&copyright) {
        component.licenses = parse_copyright(content);
    }
    component.found_in.push(found_in.to_owned());
    let index = draft.add(component);
    own_files(tree, draft, found_in, package, index);
}

fn own_files(
    tree: &FileTree,
    draft: &mut Draft,
    found_in: &str,
    package: &DpkgPackage,
    index: usize,
) {
    let name = &package.name;
    let bases = [
        format!("{INFO}{name}"),
        format!("{INFO}{name}:{}", package.architecture),
        found_in.to_owned(),
    ];
    for base in bases.iter().filter(|base| base.as_str() != STATUS) {
        for (suffix, skip) in [(".list", 0), (".md5sums", 1)] {
            let Some(content) = tree.content(&format!("{base}{suffix}")) else {
                continue;
            };
            for line in String::from_utf8_lossy(content).lines() {
                // A line of a sums file is `HASH  PATH`.
                let path = line.splitn(skip + 1, "  ").last().unwrap_or(line);
                if let Some(path) = tree.locate(path) {
                    draft.own(path, index);
                }
            }
        }
        // What dpkg keeps about the package is the package's, too.
        for suffix in INFO_SUFFIXES {
            let path = format!("{base}.{suffix}");
            if tree.get(&path).is_some() {
                draft.own(path, index);
            }
        }
    }
}

/// One installed package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DpkgPackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `amd64`, `all` …
    pub architecture: String,
    /// Source package; the same name if it states none.
    pub source: String,
    /// Version of the source package.
    pub source_version: String,
}

impl DpkgPackage {
    /// The source package as purls of other tools name it: nothing if it is the
    /// same, else `NAME` or `NAME@VERSION`.
    fn upstream(&self) -> String {
        let same_version = self.source_version == self.version;
        match (self.source == self.name, same_version) {
            (true, true) => String::new(),
            (false, true) => self.source.clone(),
            (_, false) => format!("{}@{}", self.source, self.source_version),
        }
    }
}

/// Parses a status file; packages that are not installed are left out.
pub fn parse_status(content: &[u8]) -> Vec<DpkgPackage> {
    let text = String::from_utf8_lossy(content);
    let mut packages = Vec::new();
    let mut package = DpkgPackage::default();
    let mut installed = true;
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            let done = std::mem::take(&mut package);
            if installed && !done.name.is_empty() && !done.version.is_empty() {
                packages.push(complete(done));
            }
            installed = true;
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key {
            "Architecture" => package.architecture = value.into(),
            "Package" => package.name = value.into(),
            "Source" => package.source = value.into(),
            "Status" => installed = value.ends_with(" installed"),
            "Version" => package.version = value.into(),
            _ => {}
        }
    }
    packages
}

/// `Source: NAME (VERSION)`; what is missing is as in the binary package.
fn complete(mut package: DpkgPackage) -> DpkgPackage {
    let source = std::mem::take(&mut package.source);
    let (name, version) = match source.split_once('(') {
        Some((name, version)) => (name.trim(), version.trim_end_matches(')').trim()),
        None => (source.trim(), ""),
    };
    package.source = if name.is_empty() { &package.name } else { name }.to_owned();
    package.source_version = if version.is_empty() {
        // A rebuild without source changes adds `+bN` to the binary version alone.
        without_rebuild(&package.version).to_owned()
    } else {
        version.to_owned()
    };
    package
}

fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            source
        }
        _ => version,
    }
}

/// The licence names of a machine-readable copyright file; else none.
pub fn parse_copyright(content: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(content);
    if !text.trim_start().starts_with("Format") {
        return Vec::new();
    }
    let mut found: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("License:"))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name.len() <= 200)
        .collect();
    found.sort();
    found.dedup();
    found.truncate(MAX_LICENSES);
    found
}
