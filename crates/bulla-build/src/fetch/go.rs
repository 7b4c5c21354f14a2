//! Go modules: `go.sum` names each module's zip and `go.mod` by an `h1:` hash
//! (SHA-256 over the hashes of the files inside).
//!
//! `go mod download` brings what is missing; the hashes are computed anew here, and
//! the build gets a `file:` module proxy made of checked files, so that it asks no
//! network and no checksum database.

use base64::{Engine, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use super::{FetchError, Fetched, Fetcher, MAX_PACKAGES, Supply};
use crate::recipe::{Lock, LockKind};

/// A line of `go.sum`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum {
    /// The module's path.
    pub module: String,
    /// Its version.
    pub version: String,
    /// Whether the line is about `go.mod` alone.
    pub manifest: bool,
    /// The hash, raw.
    pub h1: [u8; 32],
}

/// Bytes of the files inside of one module, at most.
const MODULE_BYTES: u64 = 2 << 30;

/// Reads a `go.sum`.
///
/// # Errors
/// [`FetchError::Lock`] with what is wrong.
pub fn parse_lock(bytes: &[u8], path: &Path) -> Result<Vec<Sum>, FetchError> {
    let bad = |problem: String| FetchError::lock(path, problem);
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    let mut sums = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let shown = || bad(format!("{:?}", line.chars().take(80).collect::<String>()));
        let mut words = line.split_ascii_whitespace();
        let (Some(module), Some(version), Some(hash), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(shown());
        };
        let manifest = version.ends_with("/go.mod");
        let version = version.strip_suffix("/go.mod").unwrap_or(version);
        let part = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~+!".contains(c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
        };
        let named = module.len() < 512 && module.split('/').all(part) && part(version);
        let raw = hash
            .strip_prefix("h1:")
            .and_then(|hash| STANDARD.decode(hash).ok());
        let h1 = raw.and_then(|raw| <[u8; 32]>::try_from(raw).ok());
        let h1 = h1.filter(|_| named).ok_or_else(shown)?;
        let key = (module.to_owned(), version.to_owned(), manifest);
        if sums.insert(key, h1).is_some_and(|other| other != h1) {
            return Err(bad(format!("{module} {version} has two hashes")));
        }
        if sums.len() > MAX_PACKAGES {
            return Err(bad(format!("more than {MAX_PACKAGES} lines")));
        }
    }
    let sums = sums.into_iter();
    Ok(sums
        .map(|((module, version, manifest), h1)| Sum {
            module,
            version,
            manifest,
            h1,
        })
        .collect())
}

/// The `h1:` hash of named files: SHA-256 over `HEX  NAME LF`, sorted by name.
pub fn h1<'a>(files: impl Iterator<Item = (&'a str, [u8; 32])>) -> [u8; 32] {
    let sorted: BTreeMap<&str, [u8; 32]> = files.collect();
    let mut hash = Sha256::new();
    for (name, digest) in sorted {
        hash.update(format!("{}  {name}\n", hex::encode(digest)));
    }
    hash.finalize().into()
}

/// The `h1:` hash of a module's zip.
///
/// # Errors
/// What is wrong with the archive.
pub fn h1_of_zip(bytes: &[u8]) -> Result<[u8; 32], String> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut files = BTreeMap::new();
    let mut left = MODULE_BYTES;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|error| error.to_string())?;
        let name = file.name().map_err(|error| error.to_string())?.into_owned();
        let mut hash = Sha256::new();
        let mut buffer = [0; 16 << 10];
        loop {
            let length = file.read(&mut buffer).map_err(|error| error.to_string())?;
            let read = buffer.get(..length).unwrap_or_default();
            if read.is_empty() {
                break;
            }
            left = left.checked_sub(length as u64).ok_or("it is too large")?;
            hash.update(read);
        }
        if name.contains('\n') || files.insert(name, hash.finalize().into()).is_some() {
            return Err("a name occurs twice, or is none".into());
        }
    }
    Ok(h1(files
        .iter()
        .map(|(name, digest)| (name.as_str(), *digest))))
}

impl Sum {
    /// The place in a module proxy: upper-case letters become `!` and lower-case.
    fn place(&self) -> PathBuf {
        let escape = |text: &str| {
            let mut escaped = String::new();
            for c in text.chars() {
                if c.is_ascii_uppercase() {
                    escaped.push('!');
                }
                escaped.push(c.to_ascii_lowercase());
            }
            escaped
        };
        let extension = if self.manifest { "mod" } else { "zip" };
        let file = format!("{}.{extension}", escape(&self.version));
        Path::new(&escape(&self.module)).join("@v").join(file)
    }

    fn holds(&self, bytes: &[u8]) -> Result<bool, FetchError> {
        let found = match self.manifest {
            true => h1([("go.mod", Sha256::digest(bytes).into())].into_iter()),
            false => {
                h1_of_zip(bytes).map_err(|problem| FetchError::archive(&self.name(), problem))?
            }
        };
        Ok(found == self.h1)
    }

    fn name(&self) -> String {
        format!("{}@{}", self.module, self.version)
    }
}

/// Fetches what is missing and lays out a module proxy.
pub(super) fn supply(
    fetcher: &Fetcher<'_>,
    lock: &Lock,
    bytes: &[u8],
) -> Result<Supply, FetchError> {
    let sums = parse_lock(bytes, &lock.path)?;
    let deps = fetcher.deps(LockKind::Go)?;
    // go.sum names more than a build needs; what was needed is noted under its digest.
    let note = fetcher.cache.note("go", &Digest::sha256(bytes));
    let noted: Option<BTreeMap<PathBuf, Digest>> = fs::read_to_string(&note)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    let complete = noted.as_ref().filter(|files| {
        files
            .values()
            .all(|digest| fetcher.cache.get(digest).is_some())
    });
    let cached = complete.is_some();
    let chosen = match complete {
        Some(files) => files.clone(),
        None => fetch(fetcher, lock, &sums, &note)?,
    };
    let mut files = Vec::new();
    for sum in &sums {
        let Some(digest) = chosen.get(&sum.place()) else {
            continue;
        };
        let missing = || FetchError::Missing { file: sum.name() };
        let content = fetcher.cache.get(digest).ok_or_else(missing)?;
        if !sum.holds(&content)? {
            return Err(wrong(sum, digest));
        }
        let place = deps.source.join(sum.place());
        let info = place.with_extension("info");
        let write = || {
            place.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&place, &content)?;
            fs::write(info, format!("{{\"Version\":\"{}\"}}", sum.version))
        };
        write().map_err(FetchError::io("the module proxy"))?;
        files.push(Fetched {
            uri: format!("pkg:golang/{}", sum.name()),
            digest: digest.clone(),
            size: content.len() as u64,
            cached,
        });
    }
    let proxy = format!("file://{}", fetcher.seen(&deps).display());
    let env = [
        ("GOFLAGS", "-mod=mod"),
        ("GONOSUMDB", "*"),
        ("GOPROXY", &proxy),
        ("GOSUMDB", "off"),
        ("GOTOOLCHAIN", "local"),
    ];
    Ok(Supply {
        files,
        binds: vec![deps],
        env: env
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Supply::default()
    })
}

fn wrong(sum: &Sum, found: &Digest) -> FetchError {
    FetchError::Checksum {
        file: sum.name(),
        expected: format!("h1:{}", STANDARD.encode(sum.h1)),
        found: found.to_string(),
    }
}

/// Runs `go mod download` in the fetch profile and takes what `go.sum` names.
fn fetch(
    fetcher: &Fetcher<'_>,
    lock: &Lock,
    sums: &[Sum],
    note: &Path,
) -> Result<BTreeMap<PathBuf, Digest>, FetchError> {
    let folder = lock.path.parent().unwrap_or(Path::new(""));
    let inputs = [folder.join("go.mod"), lock.path.clone()];
    let at = Path::new("source").join(folder);
    let at = at.to_string_lossy();
    let run = ["go", "-C", &at, "mod", "download"];
    let cache = match fetcher.level {
        crate::sandbox::Isolation::Namespaces => PathBuf::from("/work/modules"),
        _ => fetcher.private.join("fetch/data/work/modules"),
    };
    let cache = cache.to_string_lossy();
    let variables = [
        ("GOFLAGS", "-mod=mod -modcacherw"),
        ("GOMODCACHE", cache.as_ref()),
        ("GOTOOLCHAIN", "local"),
        ("GOVCS", "*:off"),
    ];
    let finished = fetcher.run(sums.len(), &run, &inputs, &variables)?;
    let mut files = BTreeMap::new();
    for sum in sums {
        let path = Path::new("modules/cache/download").join(sum.place());
        let Some(content) = fetcher.take(&finished, &path) else {
            continue;
        };
        let digest = Digest::sha256(&content);
        if !sum.holds(&content)? {
            return Err(wrong(sum, &digest));
        }
        fetcher
            .cache
            .put(&digest, &content)
            .map_err(FetchError::io("the cache"))?;
        files.insert(sum.place(), digest);
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

    fn parse(text: &str) -> Result<Vec<Sum>, FetchError> {
        parse_lock(text.as_bytes(), Path::new("go.sum"))
    }

    #[test]
    fn reads_lines_and_places() {
        let hash = STANDARD.encode([7; 32]);
        let text =
            format!("example.com/Mod v1.0.0 h1:{hash}\nexample.com/Mod v1.0.0/go.mod h1:{hash}\n");
        let sums = parse(&text).unwrap();
        assert_eq!(sums[0].place(), Path::new("example.com/!mod/@v/v1.0.0.zip"));
        assert_eq!(sums[1].place(), Path::new("example.com/!mod/@v/v1.0.0.mod"));
    }

    #[test]
    fn refuses_what_is_no_hash_or_a_path() {
        let hash = STANDARD.encode([7; 32]);
        let other = STANDARD.encode([8; 32]);
        for text in [
            "a v1 h2:xx".to_owned(),
            "a v1".to_owned(),
            format!("../a v1 h1:{hash}"),
            format!("a ../v1 h1:{hash}"),
            format!("a v1 h1:{hash}\na v1 h1:{other}"),
        ] {
            assert!(parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_hash_is_the_one_go_writes() {
        // From the documentation of golang.org/x/mod/sumdb/dirhash: one file, `go.mod`.
        let empty = h1(std::iter::empty());
        assert_eq!(hex::encode(empty), hex::encode(Sha256::digest(b"")));
        let one = h1([("go.mod", Sha256::digest(b"module a\n").into())].into_iter());
        let line = format!("{}  go.mod\n", hex::encode(Sha256::digest(b"module a\n")));
        assert_eq!(one, <[u8; 32]>::from(Sha256::digest(line)));
    }

    proptest! {
        #[test]
        fn no_lock_and_no_zip_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_lock(&bytes, Path::new("x"));
            let _ = h1_of_zip(&bytes);
        }
    }
}
