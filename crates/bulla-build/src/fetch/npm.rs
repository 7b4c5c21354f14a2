//! npm: `package-lock.json` (versions 2 and 3) names each package with its place in
//! `node_modules` and the SHA-512 of its archive.
//!
//! `npm ci --ignore-scripts` brings what is missing into a private cache; the build
//! gets `node_modules` unpacked from checked archives, with the programs of packages
//! linked in `.bin`. Install scripts never run. Packages from git or a folder have
//! no digest and are refused by name; members of the workspace are left alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use bulla_core::{Digest, limits};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use super::{FetchError, Fetched, Fetcher, LOCK_BYTES, MAX_PACKAGES, Supply, unpack};
use crate::{
    recipe::{Lock, LockKind},
    sandbox::Copy,
};

/// A package, as the lock file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Where it is laid out: `node_modules/a/node_modules/b`.
    pub place: PathBuf,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Of its archive.
    pub digest: Digest,
    /// Programs it offers, and the files they are.
    pub programs: BTreeMap<String, String>,
    /// Not needed where it does not fit the machine.
    pub optional: bool,
}

#[derive(Deserialize)]
struct RawLock {
    #[serde(rename = "lockfileVersion")]
    version: u64,
    #[serde(default)]
    packages: BTreeMap<String, RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    bin: BTreeMap<String, String>,
}

/// Reads a `package-lock.json`.
///
/// # Errors
/// [`FetchError::Lock`] if it is none, [`FetchError::Unsupported`] naming a package
/// without a digest.
pub fn parse_lock(bytes: &[u8], path: &Path) -> Result<Vec<Package>, FetchError> {
    let bad = |problem: String| FetchError::lock(path, problem);
    let raw: RawLock = limits::parse_json(bytes, LOCK_BYTES, "package-lock.json")
        .map_err(|error| bad(error.to_string()))?;
    if !matches!(raw.version, 2 | 3) || raw.packages.len() > MAX_PACKAGES {
        return Err(bad(
            "lockfileVersion 2 or 3 is expected (npm 7 and later)".into()
        ));
    }
    let mut packages = Vec::new();
    for (place, package) in raw.packages {
        // The root, members of the workspace, and links to them.
        let Some((_, last)) = place.rsplit_once("node_modules/").filter(|_| !package.link) else {
            continue;
        };
        let name = package.name.unwrap_or_else(|| last.to_owned());
        if !is_place(&place) || !is_name(&name) {
            return Err(bad(format!("{place:?} is no place for a package")));
        }
        let refuse = |why| FetchError::Unsupported {
            package: name.clone(),
            why,
        };
        if package
            .resolved
            .as_ref()
            .is_some_and(|from| !from.starts_with("https://"))
        {
            return Err(refuse("it does not come from a registry over https"));
        }
        let integrity = package.integrity.as_deref().unwrap_or_default();
        let sha512 = integrity
            .split_whitespace()
            .find_map(|one| one.strip_prefix("sha512-"));
        let sha512 = sha512.ok_or_else(|| refuse("package-lock.json has no SHA-512 of it"))?;
        let raw = STANDARD
            .decode(sha512)
            .map_err(|_| bad(format!("{name}: bad integrity")))?;
        let digest = format!("sha512:{}", hex::encode(raw)).parse();
        packages.push(Package {
            place: place.into(),
            digest: digest.map_err(|_| bad(format!("{name}: bad integrity")))?,
            version: package.version.unwrap_or_default(),
            programs: package.bin,
            optional: package.optional,
            name,
        });
    }
    Ok(packages)
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    let part = |part: &str| {
        !part.is_empty() && part.len() <= 214 && !part.starts_with('.') && part.chars().all(plain)
    };
    match name.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, rest)) => part(scope) && part(rest),
        None => part(name),
    }
}

fn is_place(place: &str) -> bool {
    let path = Path::new(place);
    place.len() < 2048
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// Fetches what is missing and lays out `node_modules`.
pub(super) fn supply(
    fetcher: &Fetcher<'_>,
    lock: &Lock,
    bytes: &[u8],
) -> Result<Supply, FetchError> {
    let packages = parse_lock(bytes, &lock.path)?;
    let absent = |package: &&Package| fetcher.cache.get(&package.digest).is_none();
    let missing: Vec<&Package> = packages.iter().filter(absent).collect();
    let wanted = missing.iter().filter(|package| !package.optional).count();
    // Optional packages for other machines may never come; they alone are no reason.
    if wanted > 0 {
        fetch(fetcher, lock, &missing)?;
    }
    let root = fetcher.deps(LockKind::Npm)?.source;
    let mut files = Vec::new();
    for package in &packages {
        let Some(archive) = fetcher.cache.get(&package.digest) else {
            if package.optional {
                continue;
            }
            return Err(FetchError::Missing {
                file: package.name.clone(),
            });
        };
        let to = root.join(&package.place);
        unpack::tar_gz(&package.name, &archive, None, &to)?;
        link_programs(package, &root).map_err(FetchError::io("node_modules"))?;
        files.push(Fetched {
            uri: format!(
                "pkg:npm/{}@{}",
                package.name.replace('@', "%40"),
                package.version
            ),
            digest: Digest::sha256(&archive),
            size: archive.len() as u64,
            cached: !missing.iter().any(|other| other.place == package.place),
        });
    }
    let folder = lock.path.parent().unwrap_or(Path::new(""));
    let modules = root.join("node_modules");
    let copies = modules.is_dir().then(|| Copy {
        source: modules,
        target: Path::new("work").join(folder).join("node_modules"),
    });
    Ok(Supply {
        files,
        copies: copies.into_iter().collect(),
        env: vec![("npm_config_offline".into(), "true".into())],
        ..Supply::default()
    })
}

/// `.bin` beside the package, with a relative link for each of its programs.
fn link_programs(package: &Package, root: &Path) -> std::io::Result<()> {
    let depth = package.name.split('/').count();
    let Some(modules) = package.place.ancestors().nth(depth) else {
        return Ok(());
    };
    for (program, file) in &package.programs {
        let file = file.trim_start_matches("./");
        if !is_name(program) || !is_place(file) {
            continue;
        }
        let real = root.join(&package.place).join(file);
        if real.is_file() {
            fs::set_permissions(&real, fs::Permissions::from_mode(0o755))?;
        }
        let bin = root.join(modules).join(".bin");
        fs::create_dir_all(&bin)?;
        let target = Path::new("..").join(&package.name).join(file);
        let _ = symlink(target, bin.join(program));
    }
    Ok(())
}

/// Runs `npm ci` in the fetch profile and takes the archives from its cache.
fn fetch(fetcher: &Fetcher<'_>, lock: &Lock, missing: &[&Package]) -> Result<(), FetchError> {
    let folder = lock.path.parent().unwrap_or(Path::new(""));
    let inputs = [folder.join("package.json"), lock.path.clone()];
    let prefix = Path::new("source").join(folder);
    let prefix = prefix.to_string_lossy();
    let run = [
        "npm",
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--cache",
        "npm-cache",
        "--prefix",
        &prefix,
    ];
    let variables = [("npm_config_update_notifier", "false")];
    let finished = fetcher.run(missing.len(), &run, &inputs, &variables)?;
    for package in missing {
        let hex = package.digest.hex();
        let (Some(a), Some(b), Some(rest)) = (hex.get(..2), hex.get(2..4), hex.get(4..)) else {
            continue;
        };
        let path = Path::new("npm-cache/_cacache/content-v2/sha512")
            .join(a)
            .join(b)
            .join(rest);
        let Some(archive) = fetcher.take(&finished, &path) else {
            continue;
        };
        if !package.digest.matches(&archive) {
            let found = package.digest.of_same_kind(&archive);
            return Err(FetchError::checksum(&package.name, &package.digest, &found));
        }
        let kept = fetcher.cache.put(&package.digest, &archive);
        kept.map_err(FetchError::io("the cache"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lock(package: &str) -> Result<Vec<Package>, FetchError> {
        let text = format!("{{\"lockfileVersion\":3,\"packages\":{{\"\":{{}},{package}}}}}");
        parse_lock(text.as_bytes(), Path::new("package-lock.json"))
    }

    #[test]
    fn names_packages_by_place_and_digest() {
        let integrity = STANDARD.encode([7; 64]);
        let packages = lock(&format!(
            "\"node_modules/@a/b\":{{\"version\":\"1.0.0\",\"resolved\":\"https://r.example/b.tgz\",\
             \"integrity\":\"sha1-x sha512-{integrity}\",\"bin\":{{\"b\":\"cli.js\"}}}},\
             \"member\":{{}},\"node_modules/member\":{{\"link\":true,\"resolved\":\"member\"}}"
        ))
        .unwrap();
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].name, "@a/b");
        assert_eq!(packages[0].digest.hex(), "07".repeat(64));
    }

    #[test]
    fn refuses_what_has_no_digest_or_no_place() {
        let integrity = format!("\"integrity\":\"sha512-{}\"", STANDARD.encode([7; 64]));
        for package in [
            "\"node_modules/a\":{\"resolved\":\"https://r.example/a.tgz\"}".to_owned(),
            "\"node_modules/a\":{\"integrity\":\"sha1-aaaa\"}".to_owned(),
            format!("\"node_modules/a\":{{\"resolved\":\"git+ssh://x\",{integrity}}}"),
            format!("\"../node_modules/a\":{{{integrity}}}"),
            format!("\"node_modules/../../a\":{{{integrity}}}"),
        ] {
            assert!(lock(&package).is_err(), "{package}");
        }
    }

    proptest! {
        #[test]
        fn no_lock_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_lock(&bytes, Path::new("x"));
        }
    }
}
