//! The advisory database: which versions of which packages have which weakness.
//!
//! One file, made by [`Builder`] from other people's data and read whole: a
//! header (magic, format version, SHA-256 of the rest) and the payload,
//! compressed. Its identity is the digest of the payload. It holds facts alone,
//! and it knows for each ecosystem how old they are.

use bulla_core::{Digest, limits};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use jiff::civil::Date;
use std::{
    fs,
    io::{Read as _, Write as _},
    ops::Range as Span,
    path::{Path, PathBuf},
};

mod builder;
pub mod embedded;
mod error;
pub mod import;
mod record;
mod wire;

pub use builder::{AffectedPackage, Builder};
pub use embedded::build_embedded;
pub use error::DatabaseError;
pub use record::{Advisory, AdvisoryKind, Affected, Event, Range, Scope, Source};

use wire::Reader;

const MAGIC: &[u8; 8] = b"BULLADB\n";
/// The format that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes before the compressed payload: magic, version, digest.
const HEADER_BYTES: usize = 8 + 4 + 32;
/// The largest payload, in bytes.
const MAX_PAYLOAD_BYTES: u64 = 1 << 30;

/// An advisory database, open.
pub struct Database {
    name: String,
    payload: Vec<u8>,
    digest: Digest,
    sources: Vec<Source>,
    advisories: Vec<Advisory>,
    packages: Vec<Package>,
}

/// Where one package stands in the payload.
struct Package {
    scope: u32,
    name: Span<usize>,
    block: Span<usize>,
}

impl Database {
    /// The one that is built into this program.
    ///
    /// # Errors
    /// [`DatabaseError::Damaged`] if the program itself is damaged.
    pub fn embedded() -> Result<Self, DatabaseError> {
        Self::from_bytes("embedded", embedded::BYTES)
    }

    /// Makes one of other people's data: see [`import::import`] for what is read.
    ///
    /// # Errors
    /// If something cannot be read, or is not what it should be.
    pub fn import(name: &str, paths: &[&Path]) -> Result<Self, DatabaseError> {
        let mut builder = Builder::new();
        for path in paths {
            import::import(path, &mut builder)?;
        }
        builder.build(name)
    }

    /// Opens a database file.
    ///
    /// # Errors
    /// If it is missing, damaged, or of a newer version.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let failed = |source| DatabaseError::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = fs::File::open(path).map_err(failed)?;
        let bytes = limits::read_bounded(file, MAX_PAYLOAD_BYTES, "advisory database")?;
        let name = path
            .file_stem()
            .map_or("imported".into(), |n| n.to_string_lossy());
        Self::from_bytes(&name, &bytes)
    }

    /// Reads a database from the bytes of its file.
    ///
    /// # Errors
    /// If they are damaged, or of a newer version.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, DatabaseError> {
        let header = bytes.get(..HEADER_BYTES).ok_or(DatabaseError::Damaged)?;
        let rest = header
            .strip_prefix(MAGIC)
            .ok_or(DatabaseError::NotADatabase)?;
        let (version, digest) = rest.split_at_checked(4).ok_or(DatabaseError::Damaged)?;
        let version = version.try_into().map_or(0, u32::from_le_bytes);
        if version != FORMAT_VERSION {
            return Err(DatabaseError::Version { found: version });
        }
        let packed = bytes.get(HEADER_BYTES..).unwrap_or_default();
        if Digest::sha256(packed).bytes() != digest {
            return Err(DatabaseError::Damaged);
        }
        let mut payload = Vec::new();
        ZlibDecoder::new(packed)
            .take(MAX_PAYLOAD_BYTES + 1)
            .read_to_end(&mut payload)
            .map_err(|_| DatabaseError::Damaged)?;
        if payload.len() as u64 > MAX_PAYLOAD_BYTES {
            return Err(DatabaseError::Damaged);
        }
        let digest = Digest::sha256(&payload);
        Self::index(name, payload, digest)
    }

    fn index(name: &str, payload: Vec<u8>, digest: Digest) -> Result<Self, DatabaseError> {
        let mut reader = Reader(&payload);
        let sources: Vec<Source> = (0..reader.count()?)
            .map(|_| reader.source())
            .collect::<Result<_, _>>()?;
        let advisories = (0..reader.count()?)
            .map(|_| reader.advisory())
            .collect::<Result<_, _>>()?;
        let mut packages = Vec::new();
        for _ in 0..reader.count()? {
            let scope = reader.number()?;
            let scope = u32::try_from(scope).map_err(|_| DatabaseError::Damaged)?;
            let span = |reader: &mut Reader<'_>| -> Result<Span<usize>, DatabaseError> {
                let bytes = reader.bytes()?;
                let end = payload.len() - reader.0.len();
                Ok(end - bytes.len()..end)
            };
            packages.push(Package {
                scope,
                name: span(&mut reader)?,
                block: span(&mut reader)?,
            });
        }
        if !reader.0.is_empty() {
            return Err(DatabaseError::Damaged);
        }
        let database = Self {
            name: name.to_owned(),
            digest,
            sources,
            advisories,
            packages,
            payload,
        };
        let keys = || {
            database
                .packages
                .iter()
                .map(|package| database.key_of(package))
        };
        if !keys().is_sorted() {
            return Err(DatabaseError::Damaged);
        }
        Ok(database)
    }

    fn key_of(&self, package: &Package) -> (u32, &[u8]) {
        let name = self.payload.get(package.name.clone()).unwrap_or_default();
        (package.scope, name)
    }

    /// Its name: `embedded`, or the name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its identity: SHA-256 of the payload.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The newest date of its data; `None` if it is empty.
    pub fn date(&self) -> Option<Date> {
        self.sources.iter().map(|source| source.date).max()
    }

    /// What it covers, and how old each part is.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The part that covers that scope.
    pub fn coverage(&self, scope: &Scope) -> Option<&Source> {
        self.sources.iter().find(|source| source.scope == *scope)
    }

    /// How many advisories it has.
    pub fn len(&self) -> usize {
        self.advisories.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.advisories.is_empty()
    }

    /// The advisory of that id, or one that has it as an alias.
    pub fn advisory(&self, id: &str) -> Option<&Advisory> {
        let exact = self.advisories.iter().find(|a| a.id == id);
        exact.or_else(|| {
            self.advisories
                .iter()
                .find(|a| a.aliases.iter().any(|x| x == id))
        })
    }

    /// What is known about a package. The name may be in any spelling of its
    /// ecosystem.
    ///
    /// # Errors
    /// [`DatabaseError::Damaged`] if what stands there is not readable.
    pub fn look_up(
        &self,
        scope: &Scope,
        name: &str,
    ) -> Result<Vec<(&Advisory, Affected)>, DatabaseError> {
        let Some(number) = self.sources.iter().position(|s| s.scope == *scope) else {
            return Ok(Vec::new());
        };
        let number = u32::try_from(number).map_err(|_| DatabaseError::Damaged)?;
        let name = scope.ecosystem.normalize_name(name);
        let wanted = (number, name.as_bytes());
        let Ok(at) = self
            .packages
            .binary_search_by(|p| self.key_of(p).cmp(&wanted))
        else {
            return Ok(Vec::new());
        };
        let block = self
            .packages
            .get(at)
            .and_then(|p| self.payload.get(p.block.clone()));
        let mut reader = Reader(block.ok_or(DatabaseError::Damaged)?);
        let mut found = Vec::new();
        for _ in 0..reader.count()? {
            let index = usize::try_from(reader.number()?).map_err(|_| DatabaseError::Damaged)?;
            let advisory = self.advisories.get(index).ok_or(DatabaseError::Damaged)?;
            found.push((advisory, reader.affected()?));
        }
        Ok(found)
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// If compression fails.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DatabaseError> {
        pack(&self.payload)
    }

    /// Writes it to `path`: whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), DatabaseError> {
        let bytes = self.to_bytes()?;
        let mut part: PathBuf = path.to_path_buf();
        part.as_mut_os_string().push(".part");
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&part)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        write().map_err(|source| {
            let _ = fs::remove_file(&part);
            DatabaseError::Write {
                path: path.to_path_buf(),
                source,
            }
        })
    }
}

fn pack(payload: &[u8]) -> Result<Vec<u8>, DatabaseError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(payload).and_then(|()| encoder.finish());
    let packed = packed.map_err(|source| DatabaseError::Write {
        path: PathBuf::new(),
        source,
    })?;
    let mut file = MAGIC.to_vec();
    file.extend(FORMAT_VERSION.to_le_bytes());
    file.extend(Digest::sha256(&packed).bytes());
    file.extend(packed);
    Ok(file)
}

#[cfg(test)]
pub(crate) mod tests;
