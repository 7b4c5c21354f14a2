//! The folder that is carried around, merged by copying files.
//!
//! `plan.toml` and `export.json` are written once; `keys/`, `certificates/`,
//! `shares/` and `transcript/` hold one file for each person or certificate.
//! Nothing in it is secret but `keys/NAME.age`, which its owner takes away.

use bulla_core::{Digest, limits};
use bulla_crypto::x509::{Certificate, parse_pem_chain};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{CeremonyError, Export, Plan, PublicKeyFile};

/// The plan.
const PLAN: &str = "plan.toml";
/// What the instance gave.
const EXPORT: &str = "export.json";

/// The folder of one ceremony.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
    plan: Plan,
    digest: Digest,
    export: Export,
}

impl Folder {
    /// Begins a ceremony in a folder that has none yet.
    ///
    /// # Errors
    /// [`CeremonyError::Exists`], [`CeremonyError::Plan`], [`CeremonyError::File`].
    pub fn create(dir: &Path, plan: &Plan, export: &[u8]) -> Result<Self, CeremonyError> {
        plan.fits(&Export::parse(export)?)?;
        let text = plan.to_toml()?;
        write_new(&dir.join(PLAN), text.as_bytes())?;
        write_new(&dir.join(EXPORT), export)?;
        Self::open(dir)
    }

    /// Reads plan and export, which must belong together.
    ///
    /// # Errors
    /// [`CeremonyError`] that names the file.
    pub fn open(dir: &Path) -> Result<Self, CeremonyError> {
        let there = |name: &str| {
            let path = dir.join(name);
            let bytes = read(&path)?;
            bytes.ok_or_else(|| CeremonyError::File {
                path,
                source: io::ErrorKind::NotFound.into(),
            })
        };
        let (plan, bytes) = (there(PLAN)?, there(EXPORT)?);
        let digest = Digest::sha256(&plan);
        let plan = Plan::parse(&plan)?;
        if !plan.export.matches(&bytes) {
            return Err(CeremonyError::malformed(
                dir.join(EXPORT),
                "it is not the one that the plan was made from",
            ));
        }
        let export = Export::parse(&bytes)?;
        plan.fits(&export)?;
        Ok(Self {
            dir: dir.into(),
            plan,
            digest,
            export,
        })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan's digest: what people compare first.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What the instance gave.
    pub fn export(&self) -> &Export {
        &self.export
    }

    /// Somebody's public key, once it was made.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`].
    pub fn key(&self, name: &str) -> Result<Option<PublicKeyFile>, CeremonyError> {
        let path = self.public_key_path(name);
        match read(&path)? {
            Some(bytes) => PublicKeyFile::parse(&path, &bytes, name).map(Some),
            None => Ok(None),
        }
    }

    /// Somebody's public key.
    ///
    /// # Errors
    /// [`CeremonyError::NoKey`].
    pub fn require_key(&self, name: &str) -> Result<PublicKeyFile, CeremonyError> {
        let key = self.key(name)?;
        key.ok_or_else(|| CeremonyError::NoKey { name: name.into() })
    }

    /// Where somebody's public key is.
    pub fn public_key_path(&self, name: &str) -> PathBuf {
        self.dir.join("keys").join(format!("{name}.json"))
    }

    /// Where somebody's private key is, unless its owner took it away.
    pub fn key_path(&self, name: &str) -> PathBuf {
        self.dir.join("keys").join(format!("{name}.age"))
    }

    /// A certificate by its name, once it was signed.
    ///
    /// # Errors
    /// [`CeremonyError::X509`].
    pub fn certificate(&self, name: &str) -> Result<Option<Certificate>, CeremonyError> {
        match read(&self.certificate_path(name))? {
            Some(pem) => Ok(parse_pem_chain(&pem)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// Where it is.
    pub fn certificate_path(&self, name: &str) -> PathBuf {
        self.dir.join("certificates").join(format!("{name}.pem"))
    }

    /// Where somebody's signature is.
    pub fn share_path(&self, role: &str, name: &str) -> PathBuf {
        self.dir
            .join("shares")
            .join(role)
            .join(format!("{name}.json"))
    }

    /// Where somebody's transcript is.
    pub fn transcript_path(&self, name: &str) -> PathBuf {
        self.dir.join("transcript").join(format!("{name}.jsonl"))
    }

    /// Where the signature on it is.
    pub fn transcript_signature_path(&self, name: &str) -> PathBuf {
        self.dir
            .join("transcript")
            .join(format!("{name}.dsse.json"))
    }
}

/// A file, if it is there.
///
/// # Errors
/// [`CeremonyError::File`], [`CeremonyError::Malformed`] if it is too large.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, CeremonyError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(CeremonyError::File {
                path: path.into(),
                source,
            });
        }
    };
    limits::read_bounded(file, limits::TRUST_DOCUMENT_BYTES, "ceremony file")
        .map(Some)
        .map_err(CeremonyError::limit(path))
}

/// Writes a file that is not there yet, readable by its owner alone.
///
/// # Errors
/// [`CeremonyError::Exists`], [`CeremonyError::File`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CeremonyError> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CeremonyError::Exists { path: path.into() },
        _ => CeremonyError::File {
            path: path.into(),
            source,
        },
    })
}

/// Writes a file that only one person writes, whatever was there; whole.
///
/// # Errors
/// [`CeremonyError::File`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), CeremonyError> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension("new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| CeremonyError::File {
        path: path.into(),
        source,
    })
}
