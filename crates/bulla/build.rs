//! How the binary is linked, for its start: on Linux with glibc, nothing elsewhere.
//!
//! A position-independent program of this size carries 50,000 addresses that the
//! loader corrects at each start. Written as a list (RELA) they are 1.2 MiB to
//! read; packed (RELR) 14 kB: a quarter of a millisecond and 1.3 MiB less. It
//! stays position-independent on purpose: at a fixed address it would start half
//! a millisecond sooner still, without address space randomization of its code.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    // Loaders read packed relocations since glibc 2.36, and refuse them before: a
    // build on an older system is for older systems.
    if env::var("HOST") == env::var("TARGET") && glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    // What a short command runs lies together: see xtask/src/order.rs. Only LLD
    // reads such a list, rustc's own linker here unless somebody chose another.
    println!("cargo:rerun-if-changed=start.order");
    let chosen = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let chosen = env::var_os("RUSTC_LINKER").is_some() || chosen.contains("link");
    if is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("PROFILE", "release") && !chosen {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-Wl,--symbol-ordering-file={folder}/start.order");
        println!("cargo:rustc-link-arg-bins=-Wl,--no-warn-symbol-ordering");
    }
    // The unwinder from the archive instead of one more library to find, map and
    // relocate at each start; where there is no archive the library serves.
    if let Some(folder) = unwinder() {
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-lib=static:+verbatim=libgcc_eh.a");
    }
}

/// The version of this machine's glibc: `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let said = said_by(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let (major, minor) = said.strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The folder of the C compiler that holds the unwinder's archive.
fn unwinder() -> Option<String> {
    if env::var("HOST") != env::var("TARGET") {
        return None;
    }
    let said = said_by(Command::new("cc").arg("-print-file-name=libgcc_eh.a"))?;
    let file = Path::new(&said);
    // A compiler without it only repeats the name.
    let folder = file.parent().filter(|_| file.is_absolute())?;
    Some(folder.display().to_string())
}

fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
