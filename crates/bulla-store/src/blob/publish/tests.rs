//! A disk that forgets what was not synced, asked after every step.

use super::*;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

#[derive(Clone, Default)]
struct Files {
    /// Path of a file → whether its bytes are on disk.
    files: BTreeMap<PathBuf, bool>,
    directories: BTreeSet<PathBuf>,
}

/// `now` is what programs see; `disk` is what a crash leaves.
#[derive(Default)]
struct Model {
    now: RefCell<Files>,
    disk: RefCell<Files>,
    steps_left: RefCell<usize>,
}

impl Model {
    fn step(&self) -> io::Result<()> {
        let mut left = self.steps_left.borrow_mut();
        *left = left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("crash"))?;
        Ok(())
    }

    /// A name survives only if every directory above it does.
    fn survives(&self, path: &Path) -> Option<bool> {
        let disk = self.disk.borrow();
        let reachable = path.ancestors().skip(1).all(|p| {
            p == Path::new("/blobs") || p == Path::new("/") || disk.directories.contains(p)
        });
        disk.files.get(path).copied().filter(|_| reachable)
    }
}

impl Disk for Model {
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.now.borrow_mut().files.insert(path.into(), true);
        if let Some(synced) = self.disk.borrow_mut().files.get_mut(path) {
            *synced = true;
        }
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        let (now, mut disk) = (self.now.borrow(), self.disk.borrow_mut());
        let inside = |p: &Path| p.parent() == Some(path);
        disk.files.retain(|p, _| !inside(p));
        disk.files.extend(
            now.files
                .iter()
                .filter(|(p, _)| inside(p))
                .map(|(p, s)| (p.clone(), *s)),
        );
        disk.directories
            .extend(now.directories.iter().filter(|p| inside(p)).cloned());
        Ok(())
    }

    fn create_directory(&self, path: &Path) -> io::Result<bool> {
        self.step()?;
        Ok(self.now.borrow_mut().directories.insert(path.into()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        let mut now = self.now.borrow_mut();
        let synced = now
            .files
            .remove(from)
            .ok_or_else(|| io::Error::other("no file"))?;
        now.files.insert(to.into(), synced);
        // The worst file system: the new name reaches the disk at once, the bytes do not.
        self.disk.borrow_mut().files.insert(to.into(), synced);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<bool> {
        self.step()?;
        let mut now = self.now.borrow_mut();
        if now.files.contains_key(to) {
            return Ok(false);
        }
        let synced = *now
            .files
            .get(from)
            .ok_or_else(|| io::Error::other("no file"))?;
        now.files.insert(to.into(), synced);
        self.disk.borrow_mut().files.insert(to.into(), synced);
        Ok(true)
    }
}

#[test]
fn an_acknowledged_blob_survives_a_crash_and_no_name_lies() {
    survives(|model, from, root, shelves, name| publish(model, from, root, shelves, name).is_ok());
}

#[test]
fn so_does_one_that_must_be_new() {
    survives(|model, from, root, shelves, name| {
        publish_new(model, from, root, shelves, name).is_ok_and(|new| new)
    });
}

fn survives(publish: impl Fn(&Model, &Path, &Path, &[&str], &str) -> bool) {
    let target = Path::new("/blobs/sha256/ab/abcd");
    let mut acknowledged = 0;
    for steps in 0..12 {
        let model = Model::default();
        *model.steps_left.borrow_mut() = steps;
        model
            .now
            .borrow_mut()
            .files
            .insert("/blobs/uploads/1".into(), false);
        let done = publish(
            &model,
            Path::new("/blobs/uploads/1"),
            Path::new("/blobs"),
            &["sha256", "ab"],
            "abcd",
        );
        let after_crash = model.survives(target);
        assert_ne!(
            after_crash,
            Some(false),
            "a name without its bytes after {steps} steps"
        );
        if done {
            acknowledged += 1;
            assert_eq!(after_crash, Some(true), "lost after {steps} steps");
        }
    }
    assert!(acknowledged > 0);
}
