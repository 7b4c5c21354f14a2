//! A pair of key files: `PREFIX.key`, encrypted and for its owner alone, and
//! `PREFIX.pub`. Nothing that is there is written over.

use bulla_core::limits;
use bulla_crypto::{
    SigningKey,
    key::file::{self, PrivateKeyFile},
};
use serde_json::json;
use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::password;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    output::{self, Outputs},
};

/// A key file is never larger.
const BYTES: u64 = 64 << 10;

/// Where the two halves go.
pub struct Pair {
    /// The private half.
    pub private: PathBuf,
    /// The public half.
    pub public: PathBuf,
}

impl Pair {
    /// The files of a prefix, neither of which may be there.
    ///
    /// # Errors
    /// If one is.
    pub fn at(prefix: &Path) -> Result<Self, Failure> {
        let with = |end: &str| {
            let mut name = OsString::from(prefix);
            name.push(end);
            PathBuf::from(name)
        };
        let pair = Self {
            private: with(".key"),
            public: with(".pub"),
        };
        for path in [&pair.private, &pair.public] {
            if path.exists() {
                let what = format!("{} is there already", path.display());
                return Err(Failure::new(Exit::CouldNotRun, "CLI-0330", what)
                    .line("whoever has only that key could never sign with it again")
                    .hint("choose another name: --output-key-prefix PREFIX"));
            }
        }
        Ok(pair)
    }

    /// Writes both.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn write(&self, key: &SigningKey, password: &[u8]) -> Result<(), Failure> {
        let private = file::write_cosign(key, password).or_could_not_run()?;
        let private = Zeroizing::new(private);
        put(&self.private, private.as_bytes(), 0o600)?;
        put(&self.public, key.public().to_pem().as_bytes(), 0o644)
    }

    /// Says what was written.
    ///
    /// # Errors
    /// If the result cannot be written.
    pub fn tell(
        &self,
        key: &SigningKey,
        context: &Context,
        outputs: &Outputs,
    ) -> Result<(), Failure> {
        let (private, public) = (self.private.display(), self.public.display());
        context.talk.say(&format!(
            " ✓ private key written to {private}, readable by you alone"
        ));
        context
            .talk
            .say(&format!(" ✓ public key written to {public}"));
        context.talk.say(&format!(
            " next: bulla sign --key {private} REF · bulla verify --key {public} REF"
        ));
        let scheme = key.scheme().sigstore_name();
        outputs.write(|format| match format {
            "json" => output::json(&json!({
                "version": 1, "privateKey": self.private, "publicKey": self.public,
                "scheme": scheme, "fingerprint": key.public().id(),
            })),
            _ => Ok(public.to_string().into_bytes()),
        })
    }
}

/// Reads a private key of any form, asking for its password where it has one.
///
/// # Errors
/// If it is none, or the password is wrong or missing.
pub fn read(path: &Path, context: &Context) -> Result<SigningKey, Failure> {
    let open = fs::File::open(path).on_path("read", path)?;
    let bytes = limits::read_bounded(open, BYTES, "key file").or_could_not_run()?;
    let bytes = Zeroizing::new(bytes);
    let not_usable = |failure: Failure| failure.on(format!("{} cannot be used", path.display()));
    let parsed = PrivateKeyFile::parse(&bytes)
        .or_could_not_run()
        .map_err(not_usable)?;
    let password = match parsed.needs_password() {
        false => Zeroizing::new(Vec::new()),
        true => old_password(path, context)?,
    };
    parsed
        .open(&password)
        .or_could_not_run()
        .map_err(not_usable)
}

fn old_password(path: &Path, context: &Context) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Ok(old) = std::env::var("BULLA_OLD_PASSWORD") {
        return Ok(Zeroizing::new(old.into_bytes()));
    }
    let found = password::existing(context, &path.display().to_string())?;
    found.ok_or_else(|| {
        let what = format!("no password for {}", path.display());
        Failure::new(Exit::Usage, "CLI-0303", what)
            .hint("set BULLA_OLD_PASSWORD, or run it at a terminal")
    })
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .on_path("create", path)?;
    file.write_all(bytes).on_path("write", path)?;
    file.sync_all().on_path("write", path)
}
