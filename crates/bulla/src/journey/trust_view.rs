//! What `bulla trust show` shows of a trust root.

use bulla_authority::health::{Alarm, Lifetime, Renewal};
use bulla_core::{Digest, RootId};
use bulla_trust::{TrustRoot, root::Authority};
use serde::Serialize;
use std::{fmt::Write, fs, path::PathBuf};

use super::place::{self, Place};
use crate::{
    compose,
    context::Context,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    /// SHA-256 of `trusted_root.json`.
    document: Digest,
    /// When the file was written.
    written: Option<jiff::Timestamp>,
    /// When the copy that is embedded was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<jiff::Timestamp>,
    /// The youngest of its authorities, where the document has no file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<jiff::Timestamp>,
    /// How the keys behind it are kept, where we know.
    keys: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asserted_issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_issuer: Option<String>,
    authorities: Vec<Authority>,
    /// What has to be renewed, the most urgent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarms: Vec<Alarm>,
    /// What ends some day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lifetimes: Vec<Lifetime>,
}

/// The root of a place.
///
/// # Errors
/// If its documents cannot be read.
pub fn of(place: &Place, context: &Context) -> Result<View, Failure> {
    let trusted = place.trusted(context)?;
    let mut view = view(trusted.root());
    match place {
        Place::Local => {
            let home = context.home()?;
            let names = Names::read(&home)?;
            view.origin = format!(
                "the local instance {}, made here on {}",
                names.id,
                names.created.strftime("%Y-%m-%d")
            );
            view.keys = "online: a file beside the data, readable by its owner";
            view.asserted_issuer = Some(names.asserted_issuer);
            view.service_issuer = Some(names.service_issuer);
            view.at(home.trust("trusted_root.json"))?;
            view.lives(&home)?;
        }
        Place::Public => {
            view.origin = format!(
                "this binary, bulla {}: Sigstore's public-good root as it was then",
                env!("CARGO_PKG_VERSION")
            );
            view.keys = "offline: the root keys are held by five people of the Sigstore community";
            let described = trusted.root().describe(jiff::Timestamp::now());
            (view.taken, view.newest) = (described.taken, described.newest);
        }
        Place::Url(url) => {
            view.origin = format!("{url}, by the root.json that trust init was given");
            view.at(place::known(&context.home()?, url).join("trusted_root.json"))?;
        }
        Place::File(file) => {
            view.origin = "this file; whoever gave it to you vouches for it".into();
            view.at(file.clone())?;
        }
    }
    Ok(view)
}

fn view(trust: &TrustRoot) -> View {
    View {
        version: 1,
        root: trust.id().clone(),
        origin: String::new(),
        path: None,
        document: trust.digest().clone(),
        written: None,
        taken: None,
        newest: None,
        keys: "unknown here",
        asserted_issuer: None,
        service_issuer: None,
        authorities: trust.authorities(),
        alarms: Vec::new(),
        lifetimes: Vec::new(),
    }
}

impl View {
    fn at(&mut self, path: PathBuf) -> Result<(), Failure> {
        let written = fs::metadata(&path).on_path("read", &path)?.modified().ok();
        self.written = written.and_then(|time| jiff::Timestamp::try_from(time).ok());
        self.path = Some(path);
        Ok(())
    }

    /// What ends, as the process that serves it wrote down. Where nobody serves,
    /// what renews itself does so at the next start: nothing to be done.
    fn lives(&mut self, home: &Home) -> Result<(), Failure> {
        let served = home.try_lock()?.is_none();
        self.lifetimes = compose::serve::recorded(home);
        self.lifetimes
            .retain(|life| served || life.renewal != Renewal::Itself);
        self.alarms = Alarm::all(&self.lifetimes, jiff::Timestamp::now());
        Ok(())
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "root       {}", self.root.0.hex());
        let _ = writeln!(out, "from       {}", self.origin);
        let path = match &self.path {
            Some(path) => path.display().to_string(),
            None => "embedded".into(),
        };
        let _ = writeln!(out, "document   {path} ({})", self.document.short());
        for (name, time) in [
            ("written", self.written),
            ("taken", self.taken),
            ("newest key", self.newest),
        ] {
            if let Some(time) = time {
                let days = (jiff::Timestamp::now().as_second() - time.as_second()) / 86_400;
                let time = time.strftime("%Y-%m-%d %H:%M UTC");
                let _ = writeln!(out, "{name:<10} {time}, {days} days ago");
            }
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
        if !self.lifetimes.is_empty() {
            let _ = writeln!(out, "ends");
        }
        for life in &self.lifetimes {
            let days = life.seconds_left(jiff::Timestamp::now()) / 86_400;
            let until = life.until.strftime("%Y-%m-%d %H:%M UTC");
            let renewal = match &life.renewal {
                Renewal::Itself => "renews itself",
                Renewal::Command(_) => "by a command",
            };
            let _ = writeln!(
                out,
                "  {:<24} {until}, in {days} days · {renewal}",
                life.what
            );
        }
        for alarm in &self.alarms {
            let _ = writeln!(out, "! {alarm}");
        }
        out
    }
}
