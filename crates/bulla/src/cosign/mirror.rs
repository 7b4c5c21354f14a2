//! `TUF_MIRROR`: the instance whose TUF repository answers there.
//!
//! As in cosign it counts before what `initialize` kept, and each command that
//! needs a trust root fetches it anew: whoever sets the variable asks for that
//! connection. The first root is the file in `TUF_ROOT_JSON`, or the one that was
//! named for this mirror before, there or to `initialize`; nothing is trusted on
//! first use. Each mirror has a folder of its own.

use bulla_core::Digest;
use bulla_net::tuf::{self, Cache, FirstRoot};
use jiff::Timestamp;
use std::path::PathBuf;
use url::Url;

use super::{failure::Failure, info, initialize, material, surroundings};

/// The variable that names the mirror.
pub const MIRROR: &str = "TUF_MIRROR";
/// The variable that names the file of its first root.
pub const ROOT_JSON: &str = "TUF_ROOT_JSON";

/// A mirror, and where what it publishes is kept.
pub struct Mirror {
    url: Url,
    dir: PathBuf,
    /// Its first root, where that is not kept yet.
    root: Option<Vec<u8>>,
}

impl Mirror {
    /// The one that the environment names; `None` if it names none, or that of the
    /// public-good instance, whose root this program carries.
    ///
    /// # Errors
    /// If it is no address, or its first root is not known.
    pub fn named() -> Result<Option<Self>, Failure> {
        let text = info::value(MIRROR);
        if text.is_empty() || text.trim_end_matches('/') == initialize::PUBLIC_GOOD {
            return Ok(None);
        }
        let url = initialize::repository(&text).map_err(|failure| failure.on(MIRROR))?;
        let initialized = initialize::directory()?;
        let name = Digest::sha256(url.as_str().as_bytes());
        let dir = initialized
            .with_file_name("cosign-mirrors")
            .join(name.hex());
        let file = info::value(ROOT_JSON);
        if !file.is_empty() {
            let root = material::trust_document(&file).map_err(|failure| failure.on(ROOT_JSON))?;
            let root = Some(root);
            return Ok(Some(Self { url, dir, root }));
        }
        let knows = |dir: &PathBuf| {
            let kept = Cache::new(dir).read();
            kept.is_ok_and(|record| record.url == url.as_str())
        };
        match [dir, initialized].into_iter().find(knows) {
            Some(dir) => Ok(Some(Self {
                url,
                dir,
                root: None,
            })),
            None => Err(Failure::coded(
                "CLI-0482",
                format!("the first root.json of {url} is not known"),
            )
            .hint(format!(
                "name its file in {ROOT_JSON}, or run cosign initialize --mirror {url} --root FILE"
            ))),
        }
    }

    /// Fetches what it publishes now; the folder that holds it then.
    ///
    /// # Errors
    /// If it cannot be reached or believed.
    pub async fn fetch(self) -> Result<PathBuf, Failure> {
        let (http, now) = (surroundings::http(), Timestamp::now());
        let fetched = match &self.root {
            None => tuf::update(&http, &self.dir, now).await,
            Some(root) => {
                let first = FirstRoot::Given(root);
                let fingerprint = Digest::sha256(root);
                initialize::forget_other(&self.dir, &fingerprint)?;
                tuf::init(&http, &self.url, first, &fingerprint, &self.dir, now).await
            }
        };
        fetched.map_err(|error| Failure::from_error(&format!("{MIRROR} {}", self.url), &error))?;
        Ok(self.dir)
    }

    /// The folder that holds what was fetched earlier, if anything was.
    pub fn kept(self) -> Option<PathBuf> {
        self.dir.is_dir().then_some(self.dir)
    }
}
