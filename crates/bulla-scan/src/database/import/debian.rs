//! Debian's security advisories: the lists `data/DSA/list` and `data/DLA/list` of
//! its security tracker.
//!
//! Each entry names a source package and, for each release, the version that
//! mends it. The lists know only what was mended: a weakness that Debian has not
//! answered is not in them. They state no severities.

use jiff::civil::Date;

use bulla_inventory::Ecosystem;

use super::super::{Advisory, Affected, Builder, Event, Range, Scope};

/// Code names and the releases that `os-release` states.
const RELEASES: [(&str, &str); 9] = [
    ("bookworm", "12"),
    ("bullseye", "11"),
    ("buster", "10"),
    ("forky", "14"),
    ("jessie", "8"),
    ("squeeze", "6"),
    ("stretch", "9"),
    ("trixie", "13"),
    ("wheezy", "7"),
];

/// Adds every entry of a list; says how many.
///
/// # Errors
/// The line that is no entry, in one sentence.
pub fn add(text: &str, builder: &mut Builder) -> Result<usize, String> {
    let mut entry: Option<Entry> = None;
    let mut count = 0;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(entry) = &mut entry {
                entry.detail(line.trim());
            }
            continue;
        }
        if let Some(done) = entry.take() {
            done.finish(builder);
        }
        let parsed = Entry::parse(line);
        entry = Some(parsed.ok_or_else(|| format!("line {} is no entry", number + 1))?);
        count += 1;
    }
    if let Some(done) = entry {
        done.finish(builder);
    }
    Ok(count)
}

struct Entry {
    date: Option<Date>,
    id: String,
    aliases: Vec<String>,
    fixed: Vec<(Scope, String, String)>,
}

impl Entry {
    /// `[29 Mar 2023] DSA-5380-1 xorg-server - security update`
    fn parse(line: &str) -> Option<Self> {
        let (date, rest) = line.strip_prefix('[')?.split_once(']')?;
        let id = rest.split_whitespace().next()?;
        Some(Self {
            date: Date::strptime("%d %b %Y", date).ok(),
            id: id.to_owned(),
            aliases: Vec::new(),
            fixed: Vec::new(),
        })
    }

    /// `{CVE-2023-1393 …}` or `[bullseye] - xorg-server 2:1.20.11-1+deb11u6`
    fn detail(&mut self, line: &str) {
        if let Some(list) = line.strip_prefix('{') {
            let list = list.trim_end_matches('}').split_whitespace();
            self.aliases.extend(list.map(str::to_owned));
            return;
        }
        let Some((codename, rest)) = line.strip_prefix('[').and_then(|l| l.split_once(']')) else {
            return;
        };
        let release = RELEASES.iter().find(|(name, _)| *name == codename);
        let mut words = rest.split_whitespace();
        if let (Some((_, release)), Some("-"), Some(package), Some(version)) =
            (release, words.next(), words.next(), words.next())
        {
            // `<not-affected>`, `<unfixed>` and `<end-of-life>` mend nothing.
            if !version.starts_with('<') {
                let scope = Scope {
                    ecosystem: Ecosystem::Deb,
                    release: format!("debian-{release}"),
                };
                self.fixed
                    .push((scope, package.to_owned(), version.to_owned()));
            }
        }
    }

    fn finish(self, builder: &mut Builder) {
        for (scope, ..) in &self.fixed {
            builder.covers(scope.clone(), "debian-security-tracker", self.date);
        }
        let affected: Vec<_> = self
            .fixed
            .into_iter()
            .map(|(scope, package, version)| {
                let events = vec![Event::Introduced("0".into()), Event::Fixed(version)];
                let facts = Affected {
                    ranges: vec![Range { events }],
                    versions: Vec::new(),
                };
                (scope, package, facts)
            })
            .collect();
        if affected.is_empty() {
            return;
        }
        let advisory = Advisory {
            id: self.id,
            aliases: self.aliases,
            date: self.date,
            ..Advisory::default()
        };
        builder.add(advisory, affected);
    }
}

#[cfg(test)]
mod tests;
