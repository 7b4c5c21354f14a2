//! Finds and opens a repository, and resolves what a person names in it.
//!
//! Like git, it refuses a repository of another user unless `safe.directory`
//! allows it. Unlike git, it ignores `GIT_*` variables and replacement refs, so
//! that a revision means the same whoever asks.

use gix::bstr::{BStr, ByteSlice};
use gix::open::permissions;
use std::path::{Path, PathBuf};

use crate::{Commit, CommitHeader, SourceError, limits, object};

/// An opened repository. Reading only.
pub struct Repository {
    pub(crate) inner: gix::Repository,
    directory: String,
}

impl Repository {
    /// Finds the repository that `path` lies in, here or above.
    ///
    /// # Errors
    /// [`SourceError::NotARepository`], [`SourceError::NotOwned`],
    /// [`SourceError::ObjectFormat`], or [`SourceError::Git`] if it is damaged.
    pub fn discover(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        let path = path.as_ref();
        let start = path.canonicalize().map_err(SourceError::io(path))?;
        let (found, _) = gix::discover::upwards(&start).map_err(|source| {
            if source.is_permission_denied() {
                SourceError::NotOwned { path: path.into() }
            } else if source.is_not_found() {
                SourceError::NotARepository { path: path.into() }
            } else {
                SourceError::git("look for a repository")(source)
            }
        })?;
        let (git_dir, work_dir) = found.into_repository_and_work_tree_directories();
        let at = work_dir.unwrap_or(git_dir);
        let mut inner = options()
            .open(&at)
            .map(gix::Repository::from)
            .map_err(|source| {
                if source.is_permission_denied() {
                    SourceError::NotOwned { path: at.clone() }
                } else if source.is_unsupported() {
                    SourceError::ObjectFormat
                } else {
                    SourceError::git("open the repository")(source)
                }
            })?;
        if inner.object_hash() != gix::hash::Kind::Sha1 {
            return Err(SourceError::ObjectFormat);
        }
        without_filters(&mut inner)?;
        let root = inner
            .workdir()
            .map(|root| root.canonicalize().map_err(SourceError::io(root)));
        let directory = match root.transpose()? {
            Some(root) => start
                .strip_prefix(&root)
                .map(Path::to_path_buf)
                .unwrap_or_default(),
            None => PathBuf::new(),
        };
        Ok(Self {
            inner,
            directory: directory.to_string_lossy().replace('\\', "/"),
        })
    }

    /// The working tree's root; of a bare repository the git directory.
    pub fn root(&self) -> &Path {
        self.inner.workdir().unwrap_or_else(|| self.inner.git_dir())
    }

    /// Where the search began, relative to the root: `""` at the root itself.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Whether there is no working tree.
    pub fn is_bare(&self) -> bool {
        self.inner.workdir().is_none()
    }

    /// Whether history was cut when it was cloned.
    pub fn is_shallow(&self) -> bool {
        self.inner.is_shallow().unwrap_or(false)
    }

    /// The full name of the current branch (`refs/heads/main`), if there is one.
    pub fn branch(&self) -> Option<String> {
        let name = self.inner.head_name().ok()??;
        Some(name.as_bstr().to_str_lossy().into_owned())
    }

    /// The URL of the remote `origin` without credentials, query and fragment;
    /// `None` without such a remote or if it is a path on this machine.
    pub fn remote(&self) -> Option<String> {
        let config = self.inner.config_snapshot();
        let url = config.string("remote.origin.url")?;
        public_url(url.as_bstr())
    }

    /// The configured `user.email`: asserted, not proven.
    pub fn user_email(&self) -> Option<String> {
        let email = self.inner.config_snapshot().string("user.email")?;
        Some(email.to_str_lossy().into_owned()).filter(|email| !email.is_empty())
    }

    /// The commit that `HEAD` names.
    ///
    /// # Errors
    /// [`SourceError::Unborn`] before the first commit.
    pub fn head(&self) -> Result<Commit, SourceError> {
        let head = self.inner.head().map_err(SourceError::git("read HEAD"))?;
        if head.is_unborn() {
            return Err(SourceError::Unborn);
        }
        self.resolve("HEAD")
    }

    /// The commit that `revision` names (gitrevisions; a tag is followed).
    ///
    /// # Errors
    /// [`SourceError::UnknownRevision`], [`SourceError::Shallow`],
    /// [`SourceError::NotACommit`], or a damaged or missing object.
    pub fn resolve(&self, revision: &str) -> Result<Commit, SourceError> {
        let asked = || revision.chars().take(200).collect::<String>();
        let unknown = |_| match self.is_shallow() {
            true => SourceError::Shallow { revision: asked() },
            false if revision == "HEAD" && self.is_unborn() => SourceError::Unborn,
            false => SourceError::UnknownRevision { revision: asked() },
        };
        let found = self
            .inner
            .rev_parse_single(BStr::new(revision))
            .map_err(unknown)?;
        let peeled = match self.inner.try_find_object(found.detach()) {
            Ok(Some(object)) => object.peel_tags_to_end().ok(),
            _ => None,
        };
        let peeled = peeled.ok_or(SourceError::MissingObject {
            id: found.to_string(),
        })?;
        if peeled.kind != gix::objs::Kind::Commit {
            return Err(SourceError::NotACommit { revision: asked() });
        }
        self.commit(peeled.id)
    }

    fn is_unborn(&self) -> bool {
        self.inner.head().is_ok_and(|head| head.is_unborn())
    }

    fn commit(&self, id: gix::ObjectId) -> Result<Commit, SourceError> {
        let kind = gix::objs::Kind::Commit;
        let bytes = object::load(&self.inner, id, kind, limits::COMMIT_BYTES)?;
        let malformed = |source| SourceError::Commit {
            id: id.to_string(),
            source,
        };
        let header = CommitHeader::parse(&bytes).map_err(malformed)?;
        let tree = gix::ObjectId::from_hex(header.tree.as_bytes())
            .map_err(|_| malformed(crate::CommitError::Field { name: "tree" }))?;
        Ok(Commit { id, tree, header })
    }
}

/// Opens like git does for the owner, but deaf to `GIT_*` variables, and without
/// asking the git program where its own configuration lies.
fn options() -> gix::open::Options {
    let mut granted = gix::open::Permissions::all();
    granted.env.git_prefix = gix::sec::Permission::Deny;
    granted.env.ssh_prefix = gix::sec::Permission::Deny;
    granted.config = permissions::Config {
        git_binary: false,
        env: false,
        ..permissions::Config::all()
    };
    gix::open::Options::default()
        .permissions(granted)
        .bail_if_untrusted(true)
        .cli_overrides([
            "core.useReplaceRefs=false",
            "core.fsmonitor=false",
            "gitoxide.objects.allocLimit=2147483648",
        ])
}

/// Forgets every configured filter program, so that comparing working files with
/// the index can never start one.
fn without_filters(repo: &mut gix::Repository) -> Result<(), SourceError> {
    let mut config = repo.config_snapshot_mut();
    let names: Vec<_> = config
        .sections_by_name("filter")
        .into_iter()
        .flatten()
        .map(|section| section.header().subsection_name().map(ToOwned::to_owned))
        .collect();
    for name in names {
        config.remove_section("filter", name.as_ref().map(|name| name.as_bstr()));
    }
    config
        .commit()
        .map_err(SourceError::git("set aside the configured filters"))?;
    Ok(())
}

/// A URL that may be published: no user, password, query, fragment; scp-like
/// addresses become `ssh://`; local paths are nobody else's business.
pub(crate) fn public_url(url: &BStr) -> Option<String> {
    let url = gix::url::parse(url).ok()?;
    let scheme = match &url.scheme {
        gix::url::Scheme::Https => "https",
        gix::url::Scheme::Http => "http",
        gix::url::Scheme::Ssh => "ssh",
        gix::url::Scheme::Git => "git",
        _ => return None,
    };
    let host = url.host()?;
    let port = url.port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path.to_str_lossy();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.trim_start_matches('/');
    let text = format!("{scheme}://{host}{port}/{path}");
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests;
