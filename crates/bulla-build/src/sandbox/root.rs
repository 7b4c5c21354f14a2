//! The file system that a step sees: read-only binds of the toolchain, a minimal
//! `/etc` and `/dev`, a fresh `/proc`, and the scratch space at fixed places.
//!
//! Paths are the same on every machine (`/work`, `/home/builder`, `/tmp`), so that
//! what a compiler writes into its output is the same too.

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
        mount_change, unmount,
    },
    process::{chdir, pivot_root},
};
use std::{
    ffi::CString,
    fmt, fs, io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink},
    path::{Path, PathBuf},
};

use super::{Scratch, Spec, sys, tree};

/// What the system refused, and how it said so.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) errno: i32,
}

/// Names the thing that failed.
pub(super) trait Doing<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Refusal>;
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Refusal> {
        self.map_err(|errno| Refusal {
            what: what.to_string(),
            errno: errno.raw_os_error(),
        })
    }
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Refusal> {
        self.map_err(|error| Refusal {
            what: what.to_string(),
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        })
    }
}

/// Directories of the system that hold programs and libraries.
pub(super) const SYSTEM: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What of `/etc` programs need to start at all.
pub(super) const ETC: [&str; 4] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
];

/// What of `/etc` a profile with a network needs in addition.
pub(super) const ETC_NETWORK: [&str; 6] = [
    "/etc/ca-certificates",
    "/etc/hosts",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
];

/// Devices a step may use.
pub(super) const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

const PASSWD: &str = "root:x:0:0:root:/:/bin/false\nbuilder:x:1000:1000::/home/builder:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nbuilder:x:1000:\nnogroup:x:65534:\n";

/// The scratch directories, below the data directory.
pub(super) const SCRATCH: [&str; 4] = ["work", "home", "tmp", "shm"];

/// Makes the scratch directories and copies the inputs there.
pub(super) fn fill_scratch(spec: &Spec, owner: Option<u32>) -> Result<PathBuf, Refusal> {
    let data = spec.scratch.path().join("data");
    let stamp = tree::Stamp {
        owner,
        epoch: spec.epoch,
    };
    for name in SCRATCH {
        fs::create_dir_all(data.join(name)).doing("making the scratch space")?;
    }
    for copy in &spec.copies {
        let to = data.join(&copy.target);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).doing("making the scratch space")?;
        }
        tree::copy(&copy.source, &to, stamp).doing(format_args!(
            "copying {} into the sandbox",
            copy.source.display()
        ))?;
        let between = copy
            .target
            .ancestors()
            .skip(1)
            .filter(|path| !path.as_os_str().is_empty());
        for directory in between {
            stamp
                .put(&data.join(directory))
                .doing("making the scratch space")?;
        }
    }
    for name in SCRATCH {
        stamp
            .put(&data.join(name))
            .doing("making the scratch space")?;
    }
    Ok(data)
}

/// Builds the root and moves into it. Needs the rights to mount in this namespace.
pub(super) fn enter(spec: &Spec, owner: Option<u32>) -> Result<(), Refusal> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .doing("making mounts private")?;
    if let Scratch::Memory(path) = &spec.scratch {
        let options = format!("size={},nr_inodes={},mode=755", spec.limits.disk, 4_000_000);
        temporary(&path.join("data"), &options)?;
    }
    let data = fill_scratch(spec, owner)?;
    let root = spec.scratch.path().join("root");
    temporary(&root, "size=16m,mode=755")?;

    for path in SYSTEM {
        system_directory(&root, Path::new(path))?;
    }
    for path in ETC {
        optional(&root, path)?;
    }
    etc(&root, spec.network)?;
    for bind in &spec.binds {
        read_only(&root, &bind.source, &bind.target)?;
    }
    devices(&root, &data)?;
    for (name, place) in [("work", "work"), ("home", "home/builder"), ("tmp", "tmp")] {
        writable(&data.join(name), &root.join(place))?;
    }
    fs::create_dir_all(root.join("proc")).doing("making /proc")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", root.join("proc"), "proc", flags, None).doing("mounting a fresh /proc")?;

    chdir(&root).doing("entering the root")?;
    pivot_root(".", ".").doing("pivot_root")?;
    unmount(".", UnmountFlags::DETACH).doing("leaving the old root")?;
    sys::seal_mount(&c_path(Path::new("/"))?, false, false).doing("sealing the root")?;
    chdir("/work").doing("entering /work")
}

/// Opens the work directory, for the one who collects the outputs.
pub(super) fn open_work(path: &Path) -> Result<rustix::fd::OwnedFd, Refusal> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).doing("opening the work directory")
}

fn temporary(at: &Path, options: &str) -> Result<(), Refusal> {
    fs::create_dir_all(at).doing("making a mount point")?;
    let options = CString::new(options)
        .map_err(|_| Errno::INVAL)
        .doing("mount options")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", at, "tmpfs", flags, Some(options.as_c_str())).doing("mounting a tmpfs")
}

fn c_path(path: &Path) -> Result<CString, Refusal> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Errno::INVAL)
        .doing("a path")
}

fn inside(root: &Path, target: &Path) -> PathBuf {
    root.join(target.strip_prefix("/").unwrap_or(target))
}

/// Binds `source` read-only at `target`, whatever is mounted below it included.
fn read_only(root: &Path, source: &Path, target: &Path) -> Result<(), Refusal> {
    let at = inside(root, target);
    make_target(source, &at)?;
    mount_bind_recursive(source, &at).doing(format_args!("binding {}", source.display()))?;
    sys::seal_mount(&c_path(&at)?, true, false).doing(format_args!("sealing {}", source.display()))
}

fn writable(source: &Path, at: &Path) -> Result<(), Refusal> {
    fs::create_dir_all(at).doing("making a mount point")?;
    mount_bind(source, at).doing("binding the scratch space")
}

fn make_target(source: &Path, at: &Path) -> Result<(), Refusal> {
    let make = || {
        if source.is_dir() {
            return fs::create_dir_all(at);
        }
        if let Some(parent) = at.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(at, "")
    };
    make().doing(format_args!("making {}", at.display()))
}

/// `/usr` and its like: a link stays a link, a directory is bound.
fn system_directory(root: &Path, path: &Path) -> Result<(), Refusal> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => fs::read_link(path)
            .and_then(|to| symlink(to, inside(root, path)))
            .doing(format_args!("linking {}", path.display())),
        Ok(meta) if meta.is_dir() => read_only(root, path, path),
        _ => Ok(()),
    }
}

fn optional(root: &Path, path: &str) -> Result<(), Refusal> {
    if Path::new(path).exists() {
        read_only(root, Path::new(path), Path::new(path))?;
    }
    Ok(())
}

fn etc(root: &Path, network: bool) -> Result<(), Refusal> {
    let etc = root.join("etc");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(&etc)?;
        fs::write(etc.join(name), text)?;
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(0o644))
    };
    let mut files = vec![
        ("passwd", PASSWD),
        ("group", GROUP),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        ),
    ];
    if !network {
        files.push(("hosts", "127.0.0.1 localhost bulla\n::1 localhost\n"));
        files.push((
            "resolv.conf",
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        ));
    }
    for (name, text) in files {
        write(name, text).doing("writing /etc")?;
    }
    if network {
        for path in ETC_NETWORK {
            optional(root, path)?;
        }
    }
    Ok(())
}

fn devices(root: &Path, data: &Path) -> Result<(), Refusal> {
    let dev = root.join("dev");
    fs::create_dir_all(&dev).doing("making /dev")?;
    for name in DEVICES {
        fs::write(dev.join(name), "").doing("making /dev")?;
        mount_bind(Path::new("/dev").join(name), dev.join(name))
            .doing(format_args!("binding /dev/{name}"))?;
    }
    writable(&data.join("shm"), &dev.join("shm"))?;
    let links = [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0")];
    for (name, to) in links
        .into_iter()
        .chain([("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")])
    {
        symlink(to, dev.join(name)).doing("making /dev")?;
    }
    Ok(())
}
