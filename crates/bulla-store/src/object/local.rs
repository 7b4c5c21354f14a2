//! Objects as files of one folder, synced before they are answered for.
//!
//! A file is finished under a name of its own below `parts/` and then linked to
//! its place, which fails where there is one: that is the condition. What a crash
//! leaves in `parts/` is removed when the folder is opened a day later.

use bytes::Bytes;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{ObjectError, ObjectName, Objects, Pending, Put};
use crate::blob::publish::{LocalDisk, publish_new};

/// Unfinished files older than this belong to nobody any more.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// A folder of objects.
pub struct LocalObjects {
    root: Arc<Path>,
}

impl LocalObjects {
    /// Opens the folder, and makes it if need be.
    ///
    /// # Errors
    /// [`ObjectError::Local`].
    pub fn open(root: &Path) -> Result<Self, ObjectError> {
        let parts = root.join("parts");
        let failed = |source| at(root, source);
        for folder in [root, &parts, &root.join("objects")] {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        for part in fs::read_dir(&parts).map_err(failed)? {
            let part = part.map_err(failed)?;
            let changed = part.metadata().and_then(|data| data.modified());
            let age = changed
                .ok()
                .and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                fs::remove_file(part.path()).map_err(failed)?;
            }
        }
        Ok(Self { root: root.into() })
    }

    fn path(&self, name: &ObjectName) -> PathBuf {
        self.root.join("objects").join(name.as_str())
    }

    /// Runs file work where it may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, ObjectError> + Send + 'static,
    ) -> Result<T, ObjectError> {
        let root = self.root.clone();
        let failed = at(&root, io::ErrorKind::Interrupted.into());
        let done = tokio::task::spawn_blocking(move || work(&root)).await;
        done.unwrap_or(Err(failed))
    }
}

impl Objects for LocalObjects {
    fn put_new<'a>(&'a self, name: &'a ObjectName, bytes: Bytes) -> Pending<'a, Put> {
        let name = name.clone();
        Box::pin(self.run(move |root| {
            let mut random = [0; 16];
            getrandom::fill(&mut random)
                .map_err(|_| at(root, io::Error::other("no random bytes")))?;
            let part = root.join("parts").join(hex::encode(random));
            let (folder, file) = name
                .as_str()
                .rsplit_once('/')
                .unwrap_or(("", name.as_str()));
            let shelves: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            let place = root.join("objects");
            let done = fs::write(&part, &bytes)
                .and_then(|()| publish_new(&LocalDisk, &part, &place, &shelves, file));
            let removed = fs::remove_file(&part);
            let created = done.map_err(|source| at(&part, source))?;
            removed.map_err(|source| at(&part, source))?;
            Ok(if created { Put::Created } else { Put::Exists })
        }))
    }

    fn get<'a>(&'a self, name: &'a ObjectName, limit: u64) -> Pending<'a, Option<Bytes>> {
        let (path, name) = (self.path(name), name.to_string());
        Box::pin(self.run(move |_| {
            let length = match fs::metadata(&path) {
                Ok(data) => data.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(at(&path, source)),
            };
            if length > limit {
                return Err(ObjectError::Oversize { name, limit });
            }
            let bytes = fs::read(&path).map_err(|source| at(&path, source))?;
            Ok(Some(bytes.into()))
        }))
    }

    fn delete<'a>(&'a self, name: &'a ObjectName) -> Pending<'a, ()> {
        let path = self.path(name);
        Box::pin(self.run(move |_| match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(at(&path, source)),
            _ => Ok(()),
        }))
    }

    fn list<'a>(
        &'a self,
        folder: &'a ObjectName,
        after: Option<&'a ObjectName>,
        limit: usize,
    ) -> Pending<'a, Vec<ObjectName>> {
        let (folder, after) = (folder.clone(), after.cloned());
        Box::pin(self.run(move |root| {
            let mut names = Vec::new();
            collect(&root.join("objects"), folder.as_str(), &mut names)?;
            names.retain(|name| after.as_ref().is_none_or(|after| name > after));
            names.sort();
            names.truncate(limit);
            Ok(names)
        }))
    }
}

/// All files below `root`/`folder`, by name.
fn collect(root: &Path, folder: &str, names: &mut Vec<ObjectName>) -> Result<(), ObjectError> {
    let path = root.join(folder);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(at(&path, source)),
    };
    for entry in entries {
        let entry = entry.map_err(|source| at(&path, source))?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(|source| at(&path, source))?;
        if kind.is_dir() {
            collect(root, &name, names)?;
        } else {
            names.push(ObjectName::new(name)?);
        }
    }
    Ok(())
}

fn at(path: &Path, source: io::Error) -> ObjectError {
    ObjectError::Local {
        path: path.to_owned(),
        source,
    }
}
