//! Which Sigstore: the local instance, the public-good one, one that `trust
//! init` made known, or documents in a file. Trust is read from this machine
//! only; nothing is fetched here.

use bulla_core::{Digest, RootId, limits};
use bulla_net::sigstore::Sigstore;
use bulla_trust::TrustRoot;
use jiff::Timestamp;
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
    instance::Home,
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
            Self::File(file) => match document(file)? {
                Document::TrustedRoot(bytes) => root_of(file, &bytes).map(Into::into),
                _ => Ok(Trusted::Read(self.sigstore(context)?.shared_root())),
            },
            Self::Url(_) => Ok(Trusted::Read(self.sigstore(context)?.shared_root())),
        }
    }

    /// Trust and services of an instance other than the local one.
    ///
    /// # Errors
    /// If it is not known on this machine, or its documents cannot be used.
    pub fn sigstore(&self, context: &Context) -> Result<Sigstore, Failure> {
        match self {
            Self::Local => {
                let home = context.home()?;
                let id = evidence::instance_trust_root(&home)?.id().clone();
                let root = read(&home.trust("trusted_root.json"))?;
                let services = read(&home.trust("signing_config.json"))?;
                Sigstore::from_documents(&root, Some(&services), Some(id)).or_could_not_run()
            }
            Self::Public => Sigstore::public_good().or_could_not_run(),
            Self::Url(url) => {
                let directory = known(&context.home()?, url);
                if !directory.is_dir() {
                    return Err(unknown(url));
                }
                Sigstore::from_cache(&directory, Timestamp::now())
                    .or_could_not_run()
                    .map_err(|failure| failure.on(format!("the trust in {url} cannot be used")))
            }
            Self::File(file) => {
                let parsed = match document(file)? {
                    Document::TrustedRoot(bytes) => {
                        let id = RootId(Digest::sha256(&bytes));
                        Sigstore::from_documents(&bytes, None, Some(id))
                    }
                    Document::ClientTrustConfig(bytes) => {
                        Sigstore::from_client_trust_config(&bytes, None)
                    }
                };
                parsed
                    .or_could_not_run()
                    .map_err(|failure| failure.on(format!("{} cannot be used", file.display())))
            }
        }
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
    home.join("roots")
        .join(format!("{}-{}", place.trim_start_matches('.'), &mark.hex()[..8]))
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

/// A document of trust, told apart by its media type.
enum Document {
    TrustedRoot(Vec<u8>),
    ClientTrustConfig(Vec<u8>),
}

fn document(file: &Path) -> Result<Document, Failure> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Peek {
        #[serde(default)]
        media_type: String,
    }
    let bytes = read(file)?;
    let peek: Peek = limits::parse_json(&bytes, limits::TRUST_DOCUMENT_BYTES, "trust document")
        .or_could_not_run()
        .map_err(|failure| failure.on(format!("{} cannot be used", file.display())))?;
    Ok(match peek.media_type.contains("clienttrustconfig") {
        true => Document::ClientTrustConfig(bytes),
        false => Document::TrustedRoot(bytes),
    })
}

fn root_of(file: &Path, bytes: &[u8]) -> Result<TrustRoot, Failure> {
    TrustRoot::parse(bytes, RootId(Digest::sha256(bytes)))
        .or_could_not_run()
        .map_err(|failure| failure.on(format!("{} is not a trust root", file.display())))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let open = fs::File::open(file).on_path("read", file)?;
    limits::read_bounded(open, limits::TRUST_DOCUMENT_BYTES, "trust document").or_could_not_run()
}
