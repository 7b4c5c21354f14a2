//! Key slots: named private keys, each sealed in a file by one instance key.
//!
//! The instance key is the only unsealed secret, in `instance.key` (mode 0600).
//! Files appear whole: written beside, synced, renamed. A passphrase, PKCS #11 or
//! KMS in place of the file comes with `serve`.

use bulla_crypto::{
    Scheme, SigningKey,
    seal::{InstanceKey, SealError},
};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::error::AuthorityError;

const INSTANCE_KEY_FILE: &str = "instance.key";
const MAX_FILE_BYTES: u64 = 64 << 10;

/// The slots of one instance. Cheap to clone.
#[derive(Clone)]
pub struct KeySlots {
    directory: PathBuf,
    instance_key: Arc<InstanceKey>,
}

impl KeySlots {
    /// Opens the slots in `directory`, creating it and the instance key at first.
    ///
    /// # Errors
    /// [`AuthorityError::InstanceKeyMissing`] if slots are there without it,
    /// [`AuthorityError::KeyFile`] if a file cannot be used or others can read it.
    pub fn open(directory: &Path) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::KeyFile {
            path: directory.into(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
        let path = directory.join(INSTANCE_KEY_FILE);
        let instance_key = match read_private(&path)? {
            Some(bytes) => InstanceKey::parse(&String::from_utf8_lossy(&bytes))?,
            None if holds_slots(directory).map_err(failed)? => {
                return Err(AuthorityError::InstanceKeyMissing { path });
            }
            None => {
                let key = InstanceKey::generate()?;
                write_private(&path, key.to_text().as_bytes())?;
                key
            }
        };
        Ok(Self {
            directory: directory.into(),
            instance_key: Arc::new(instance_key),
        })
    }

    /// The key in `slot`, created at the first call.
    ///
    /// # Errors
    /// [`AuthorityError::Seal`] if it does not open, [`AuthorityError::Damaged`]
    /// if it is of another scheme, [`AuthorityError::KeyFile`].
    pub fn get_or_create(&self, slot: &str, scheme: Scheme) -> Result<SigningKey, AuthorityError> {
        let path = self.directory.join(format!("{slot}.sealed"));
        if let Some(sealed) = read_private(&path)? {
            let key = SigningKey::from_pkcs8_der(&self.instance_key.open(slot, &sealed)?)?;
            if key.scheme() != scheme {
                return Err(AuthorityError::Damaged {
                    what: format!("key {slot}"),
                });
            }
            return Ok(key);
        }
        let key = SigningKey::generate(scheme)?;
        write_private(&path, &self.instance_key.seal(slot, key.to_pkcs8_der())?)?;
        Ok(key)
    }

    /// Forgets the key in `slot`, if there is one.
    ///
    /// # Errors
    /// [`AuthorityError::KeyFile`].
    pub fn remove(&self, slot: &str) -> Result<(), AuthorityError> {
        let path = self.directory.join(format!("{slot}.sealed"));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(AuthorityError::KeyFile { path, source })
            }
            _ => Ok(()),
        }
    }

    /// Seals a secret that is no key, under a name that it opens by.
    ///
    /// # Errors
    /// [`SealError::Seal`] without randomness.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        self.instance_key.seal(name, secret)
    }

    /// Opens what [`Self::seal`] made under the same name.
    ///
    /// # Errors
    /// [`SealError::Open`].
    pub fn open_sealed(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.instance_key.open(name, sealed)
    }
}

fn holds_slots(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        if entry?
            .path()
            .extension()
            .is_some_and(|extension| extension == "sealed")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_private(path: &Path) -> Result<Option<Vec<u8>>, AuthorityError> {
    let failed = |source| AuthorityError::KeyFile {
        path: path.into(),
        source,
    };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?,
    };
    let open_to_others = metadata.permissions().mode() & 0o077 != 0;
    if !metadata.is_file() || open_to_others || metadata.len() > MAX_FILE_BYTES {
        let why = "it must be a small regular file of mode 0600";
        return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, why)));
    }
    fs::read(path).map(Some).map_err(failed)
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    let write = || {
        let beside = path.with_extension("new");
        // What a crash left behind was never in use.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| AuthorityError::KeyFile {
        path: path.into(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_and_only_the_instance_key_is_readable() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let slots = KeySlots::open(&keys).unwrap();
        let key = slots.get_or_create("ca", Scheme::EcdsaP256).unwrap();
        let again = KeySlots::open(&keys).unwrap();
        assert_eq!(
            again
                .get_or_create("ca", Scheme::EcdsaP256)
                .unwrap()
                .public(),
            key.public()
        );
        assert!(again.get_or_create("ca", Scheme::Ed25519).is_err());
        let secret = fs::read(keys.join("instance.key")).unwrap();
        for entry in fs::read_dir(&keys).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            if path
                .extension()
                .is_some_and(|extension| extension == "sealed")
            {
                let sealed = fs::read(path).unwrap();
                let contains = |part: &[u8]| sealed.windows(part.len()).any(|w| w == part);
                assert!(!contains(secret.trim_ascii_end()));
                assert!(!contains(&key.to_pkcs8_der()[30..60]));
            }
        }
    }

    #[test]
    fn a_lost_or_open_instance_key_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let slots = KeySlots::open(dir.path()).unwrap();
        slots.get_or_create("ca", Scheme::EcdsaP256).unwrap();
        let path = dir.path().join("instance.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            KeySlots::open(dir.path()),
            Err(AuthorityError::KeyFile { .. })
        ));
        fs::remove_file(&path).unwrap();
        let lost = KeySlots::open(dir.path());
        assert!(matches!(
            lost,
            Err(AuthorityError::InstanceKeyMissing { .. })
        ));
        assert!(!path.exists());
    }
}
