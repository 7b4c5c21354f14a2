//! What `bulla trust show` shows of a trust root.

use bulla_core::{Digest, RootId};
use bulla_trust::{TrustRoot, root::Authority};
use serde::Serialize;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, OnPath},
    instance::{Home, Names},
};

/// A trust root, for a person or a script. Frozen, version 1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    version: u32,
    root: RootId,
    /// Where it came from.
    origin: String,
    path: PathBuf,
    /// SHA-256 of `trusted_root.json`.
    document: Digest,
    /// When the file was written.
    written: Option<jiff::Timestamp>,
    /// How the keys behind it are kept, where we know.
    keys: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asserted_issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_issuer: Option<String>,
    authorities: Vec<Authority>,
}

/// The root of the local instance.
///
/// # Errors
/// If its documents cannot be read.
pub fn of_instance(home: &Home) -> Result<View, Failure> {
    let names = Names::read(home)?;
    let path = home.trust("trusted_root.json");
    let trust = super::evidence::instance_trust_root(home)?;
    Ok(View {
        origin: format!(
            "the local instance {}, made here on {}",
            names.id,
            names.created.strftime("%Y-%m-%d")
        ),
        keys: "online: a file beside the data, readable by its owner",
        asserted_issuer: Some(names.asserted_issuer),
        service_issuer: Some(names.service_issuer),
        ..view(path, &trust)?
    })
}

/// The root in a file. It has no first TUF `root.json`, so it is named by its own digest.
///
/// # Errors
/// If it cannot be read.
pub fn of_file(file: &Path) -> Result<View, Failure> {
    let trust = super::evidence::read_trust_root(file)?;
    Ok(View {
        origin: "this file; whoever gave it to you vouches for it".into(),
        keys: "unknown here",
        asserted_issuer: None,
        service_issuer: None,
        ..view(file.to_owned(), &trust)?
    })
}

fn view(path: PathBuf, trust: &TrustRoot) -> Result<View, Failure> {
    let written = fs::metadata(&path).on_path("read", &path)?.modified().ok();
    Ok(View {
        version: 1,
        root: trust.id().clone(),
        origin: String::new(),
        document: trust.digest().clone(),
        written: written.and_then(|time| jiff::Timestamp::try_from(time).ok()),
        keys: "",
        asserted_issuer: None,
        service_issuer: None,
        authorities: trust.authorities(),
        path,
    })
}

impl View {
    /// As text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "root       {}", self.root.0.hex());
        let _ = writeln!(out, "from       {}", self.origin);
        let _ = writeln!(
            out,
            "document   {} ({})",
            self.path.display(),
            self.document.short()
        );
        if let Some(written) = self.written {
            let days = (jiff::Timestamp::now().as_second() - written.as_second()) / 86_400;
            let _ = writeln!(
                out,
                "written    {}, {days} days ago",
                written.strftime("%Y-%m-%d %H:%M UTC")
            );
        }
        let _ = writeln!(out, "keys       {}", self.keys);
        for (name, issuer) in [
            ("people", &self.asserted_issuer),
            ("services", &self.service_issuer),
        ] {
            if let Some(issuer) = issuer {
                let _ = writeln!(out, "{name:<10} {issuer}");
            }
        }
        let _ = writeln!(out, "trusts");
        for authority in &self.authorities {
            let kind = serde_json::to_value(authority.kind).unwrap_or_default();
            let until = authority.end.map_or("open end".into(), |end| {
                format!("until {}", end.strftime("%Y-%m-%d"))
            });
            let from = authority.start.map_or("always".into(), |start| {
                start.strftime("%Y-%m-%d").to_string()
            });
            let _ = writeln!(
                out,
                "  {:<16} {:<44} {from}, {until}",
                kind.as_str().unwrap_or_default(),
                authority.url
            );
        }
        out
    }
}
