//! pip: a requirements file in which every line pins a version and names SHA-256
//! hashes (pip's *hash-checking mode*).
//!
//! `pip download` brings wheels only: building a source archive would run its code.
//! The build finds them below `PIP_FIND_LINKS`, with `PIP_NO_INDEX` set.

use bulla_core::Digest;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{FetchError, Fetched, Fetcher, MAX_PACKAGES, Supply};
use crate::recipe::{Lock, LockKind};

/// A pinned requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its name, normalised (PEP 503).
    pub name: String,
    /// Its version.
    pub version: String,
    /// The files that may satisfy it.
    pub digests: Vec<Digest>,
}

/// Reads a requirements file.
///
/// # Errors
/// [`FetchError::Lock`] if it is none, [`FetchError::Unsupported`] naming a line
/// without a pinned version or without hashes.
pub fn parse_lock(bytes: &[u8], path: &Path) -> Result<Vec<Requirement>, FetchError> {
    let bad = |problem: String| FetchError::lock(path, problem);
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut list = Vec::new();
    for line in joined.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let shown: String = line.chars().take(80).collect();
        let refuse = |why| FetchError::Unsupported {
            package: shown.clone(),
            why,
        };
        if line.starts_with('-') {
            // Where to look is the machine's business; another file is another lock.
            return Err(refuse("options are not allowed in a lock file"));
        }
        let spec = line.split([';', ' ']).next().unwrap_or_default();
        let (name, version) = spec
            .split_once("==")
            .ok_or_else(|| refuse("no pinned version"))?;
        let name = name.split('[').next().unwrap_or_default();
        let plain = |text: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+!".contains(c);
            !text.is_empty() && text.len() <= 128 && text.chars().all(allowed)
        };
        if !plain(name) || !plain(version) {
            return Err(refuse("no name and version that can be read"));
        }
        let mut digests = Vec::new();
        for word in line.split_whitespace() {
            if let Some(hash) = word.strip_prefix("--hash=") {
                let digest = hash
                    .parse()
                    .map_err(|_| refuse("a hash that is no SHA-256"))?;
                digests.push(digest);
            }
        }
        if digests.is_empty() {
            return Err(refuse(
                "no hash: `pip-compile --generate-hashes` writes them",
            ));
        }
        list.push(Requirement {
            name: normal(name),
            version: version.into(),
            digests,
        });
        if list.len() > MAX_PACKAGES {
            return Err(bad(format!("more than {MAX_PACKAGES} packages")));
        }
    }
    Ok(list)
}

fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Fetches what is missing and lays out a directory of wheels.
pub(super) fn supply(
    fetcher: &Fetcher<'_>,
    lock: &Lock,
    bytes: &[u8],
) -> Result<Supply, FetchError> {
    let requirements = parse_lock(bytes, &lock.path)?;
    let deps = fetcher.deps(LockKind::Pip)?;
    // Which of the allowed files fits is for pip to say; what it took once is noted
    // under the digest of the lock file, and checked again like everything else.
    let note = fetcher.cache.note("pip", &Digest::sha256(bytes));
    let known = known(&note, &requirements);
    let cached = known.as_ref().is_some_and(|files| {
        files
            .values()
            .all(|digest| fetcher.cache.get(digest).is_some())
    });
    let chosen = match known {
        Some(files) if cached => files,
        _ => fetch(fetcher, lock, &requirements, &note)?,
    };
    let mut files = Vec::new();
    for (name, digest) in chosen {
        let missing = || FetchError::Missing { file: name.clone() };
        let wheel = fetcher.cache.get(&digest).ok_or_else(missing)?;
        fs::write(deps.source.join(&name), &wheel).map_err(FetchError::io("the wheels"))?;
        let owner = requirements
            .iter()
            .find(|found| found.digests.contains(&digest));
        let owner = owner.ok_or_else(missing)?;
        files.push(Fetched {
            uri: format!("pkg:pypi/{}@{}?file_name={name}", owner.name, owner.version),
            digest,
            size: wheel.len() as u64,
            cached,
        });
    }
    let links = fetcher.seen(&deps).to_string_lossy().into_owned();
    Ok(Supply {
        files,
        binds: vec![deps],
        env: vec![
            ("PIP_DISABLE_PIP_VERSION_CHECK".into(), "1".into()),
            ("PIP_FIND_LINKS".into(), links),
            ("PIP_NO_INDEX".into(), "1".into()),
        ],
        ..Supply::default()
    })
}

/// Files that an earlier fetch chose, if the lock file allows each of them.
fn known(note: &Path, requirements: &[Requirement]) -> Option<BTreeMap<String, Digest>> {
    let text = fs::read_to_string(note).ok()?;
    let files: BTreeMap<String, Digest> = serde_json::from_str(&text).ok()?;
    let allowed = |(name, digest): (&String, &Digest)| {
        is_wheel(name)
            && requirements
                .iter()
                .any(|found| found.digests.contains(digest))
    };
    (files.len() >= requirements.len() && files.iter().all(allowed)).then_some(files)
}

fn is_wheel(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    name.ends_with(".whl") && !name.starts_with('.') && name.chars().all(plain)
}

fn fetch(
    fetcher: &Fetcher<'_>,
    lock: &Lock,
    requirements: &[Requirement],
    note: &Path,
) -> Result<BTreeMap<String, Digest>, FetchError> {
    let file = Path::new("source").join(&lock.path);
    let file = file.to_string_lossy();
    let run = [
        "python3",
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--dest",
        "wheels",
        "-r",
        &file,
    ];
    let inputs: [PathBuf; 1] = [lock.path.clone()];
    let finished = fetcher.run(
        requirements.len(),
        &run,
        &inputs,
        &[("PIP_NO_CACHE_DIR", "1")],
    )?;
    let mut files = BTreeMap::new();
    for name in super::list(&finished, Path::new("wheels"))? {
        let missing = || FetchError::Missing { file: name.clone() };
        if !is_wheel(&name) {
            return Err(missing());
        }
        let wheel = fetcher
            .take(&finished, &Path::new("wheels").join(&name))
            .ok_or_else(missing)?;
        let digest = Digest::sha256(&wheel);
        if !requirements
            .iter()
            .any(|found| found.digests.contains(&digest))
        {
            return Err(FetchError::Checksum {
                file: name,
                expected: "one of its hashes".into(),
                found: digest.to_string(),
            });
        }
        fetcher
            .cache
            .put(&digest, &wheel)
            .map_err(FetchError::io("the cache"))?;
        files.insert(name, digest);
    }
    let text = serde_json::to_string(&files).unwrap_or_default();
    let keep = || {
        note.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(note, text)
    };
    keep().map_err(FetchError::io("the cache"))?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Vec<Requirement>, FetchError> {
        parse_lock(text.as_bytes(), Path::new("requirements.txt"))
    }

    #[test]
    fn reads_pinned_lines_with_hashes() {
        let hash = "ab".repeat(32);
        let text = format!(
            "# c\nSome_Pkg[x]==1.2 ; python_version > \"3\" \\\n    --hash=sha256:{hash} \\\n    --hash=sha256:{hash}\n"
        );
        let list = parse(&text).unwrap();
        assert_eq!(
            (list[0].name.as_str(), list[0].version.as_str()),
            ("some-pkg", "1.2")
        );
        assert_eq!(list[0].digests.len(), 2);
    }

    #[test]
    fn refuses_what_is_not_pinned_by_hash() {
        let hash = "ab".repeat(32);
        for text in [
            "a==1".to_owned(),
            format!("a>=1 --hash=sha256:{hash}"),
            "a==1 --hash=md5:00".to_owned(),
            "-r other.txt".to_owned(),
            "--index-url https://evil.example".to_owned(),
            format!("git+https://x/y --hash=sha256:{hash}"),
        ] {
            assert!(parse(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_lock_panics(text in "(?s).{0,300}") {
            let _ = parse(&text);
        }
    }
}
