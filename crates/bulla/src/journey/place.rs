//! Which Sigstore: the local instance, the public-good one, one that `trust
//! init` made known, or documents in a file. Trust is read from this machine
//! only; nothing is fetched here.

use bulla_core::{Digest, limits};
use bulla_net::{Sigstore, tuf::Cache};
use bulla_trust::{TrustRoot, root::ClientTrustConfig};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use super::evidence;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    instance::{Home, Names},
};

/// `--sigstore WHICH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The local instance.
    Local,
    /// The public-good instance, by the root that this binary carries.
    Public,
    /// An instance whose TUF repository answers there.
    Url(String),
    /// Its documents: a trusted root, or a client trust configuration.
    File(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("use local, public, a URL or a file".into()),
            "local" => Self::Local,
            "public" | "public-good" => Self::Public,
            url if url.contains("://") => Self::Url(url.trim_end_matches('/').to_owned()),
            file => Self::File(file.into()),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Public => f.write_str("public"),
            Self::Url(url) => f.write_str(url),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A trust root that is kept somewhere.
pub enum Trusted {
    /// The one that is embedded.
    Embedded(&'static TrustRoot),
    /// One that was read.
    Read(Arc<TrustRoot>),
}

impl Trusted {
    /// The root.
    pub fn root(&self) -> &TrustRoot {
        match self {
            Self::Embedded(root) => root,
            Self::Read(root) => root,
        }
    }
}

impl Trusted {
    /// The root itself, where it was read and nobody else holds it.
    pub fn into_owned(self) -> Option<TrustRoot> {
        match self {
            Self::Embedded(_) => None,
            Self::Read(root) => Arc::into_inner(root),
        }
    }
}

impl From<TrustRoot> for Trusted {
    fn from(root: TrustRoot) -> Self {
        Self::Read(Arc::new(root))
    }
}

impl Place {
    /// What is trusted there.
    ///
    /// # Errors
    /// If it is not known on this machine, or cannot be used.
    pub fn trusted(&self, context: &Context) -> Result<Trusted, Failure> {
        match self {
            Self::Local => evidence::instance_trust_root(&context.home()?).map(Into::into),
            Self::Public => TrustRoot::public_good()
                .or_could_not_run()
                .map(Trusted::Embedded),
            Self::Url(_) | Self::File(_) => self
                .sigstore(context)
                .map(|s| Trusted::Read(s.shared_root())),
        }
    }

    /// Trust and services of the instance.
    ///
    /// # Errors
    /// If it is not known on this machine, or its documents cannot be used.
    pub fn sigstore(&self, context: &Context) -> Result<Sigstore, Failure> {
        match self {
            Self::Local => {
                let home = context.home()?;
                let id = evidence::instance_trust_root(&home)?.id().clone();
                let both = read(&home.trust("client_trust_config.json"))?;
                Sigstore::read_document(&both, Some(id)).or_could_not_run()
            }
            Self::Public => Sigstore::public_good().or_could_not_run(),
            Self::Url(url) => {
                let directory = known(&context.home()?, url);
                if !directory.is_dir() {
                    return Err(unknown(url));
                }
                Cache::new(directory)
                    .sigstore()
                    .or_could_not_run()
                    .map_err(|failure| failure.on(format!("the trust in {url} cannot be used")))
            }
            Self::File(file) => Sigstore::read_document(&read(file)?, None)
                .or_could_not_run()
                .map_err(|failure| failure.on(format!("{} is not a trust root", file.display()))),
        }
    }

    /// The documents themselves, as they were published: trust, and services
    /// where there are some.
    ///
    /// # Errors
    /// As [`Self::sigstore`].
    pub fn documents(&self, context: &Context) -> Result<(Vec<u8>, Option<Vec<u8>>), Failure> {
        let apart = |both: ClientTrustConfig| (both.trusted_root, Some(both.signing_config));
        match self {
            Self::Local => {
                let home = context.home()?;
                evidence::instance_trust_root(&home)?;
                let services = read(&home.trust("signing_config.json"))?;
                Ok((read(&home.trust("trusted_root.json"))?, Some(services)))
            }
            Self::Public => Ok(apart(ClientTrustConfig::public_good())),
            Self::Url(url) => {
                self.sigstore(context)?;
                let directory = known(&context.home()?, url);
                let services = directory.join("signing_config.v0.2.json");
                let services = services.is_file().then(|| read(&services)).transpose()?;
                Ok((read(&directory.join("trusted_root.json"))?, services))
            }
            Self::File(file) => {
                let bytes = read(file)?;
                match ClientTrustConfig::is_one(&bytes) {
                    true => ClientTrustConfig::parse(&bytes)
                        .or_could_not_run()
                        .map(apart),
                    false => Ok((bytes, None)),
                }
            }
        }
    }
}

impl Place {
    /// The URL of its TUF repository and the first root, where it has one.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn repository(&self, context: &Context) -> Result<Option<(String, String)>, Failure> {
        let (url, root) = match self {
            Self::Local => {
                let home = context.home()?;
                let url = format!("{}/tuf", Names::read(&home)?.authority_url());
                (url, home.trust("tuf_root.json"))
            }
            Self::Url(url) => {
                let root = known(&context.home()?, url).join("first_root.json");
                (url.clone(), root)
            }
            Self::Public | Self::File(_) => return Ok(None),
        };
        if !root.is_file() {
            return Ok(None);
        }
        let root = String::from_utf8_lossy(&read(&root)?).into_owned();
        Ok(Some((url, root)))
    }
}

/// Where what is known of a TUF repository is kept.
pub fn known(home: &Home, url: &str) -> PathBuf {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => c,
        _ => '_',
    };
    let (_, place) = url.split_once("://").unwrap_or(("", url));
    let place: String = place.trim_end_matches('/').chars().map(plain).collect();
    let mark = Digest::sha256(url.trim_end_matches('/').as_bytes());
    home.join("roots").join(format!(
        "{}-{}",
        place.trim_start_matches('.'),
        &mark.hex()[..8]
    ))
}

/// The failure of a repository that was never made known here.
pub fn unknown(url: &str) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0306",
        format!("{url} is not known on this machine"),
    )
    .line("nothing is trusted on first use: its first root.json must be named")
    .hint(format!(
        "bulla trust init {url} --root root.json --fingerprint SHA256"
    ))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let open = fs::File::open(file).on_path("read", file)?;
    limits::read_bounded(open, limits::TRUST_DOCUMENT_BYTES, "trust document").or_could_not_run()
}
