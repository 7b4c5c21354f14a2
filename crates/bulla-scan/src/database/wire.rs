//! The bytes of the database file: numbers as base-128, texts with their length.
//!
//! Layout of the payload: sources; advisories; packages sorted by scope and name,
//! each with a block that is decoded only when the package is looked up. Readers
//! believe no length.

use bulla_core::Severity;
use jiff::civil::Date;

use super::{
    DatabaseError,
    record::{Advisory, AdvisoryKind, Affected, Event, Range, Source},
};

/// Writes values one after the other.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn count(&mut self, value: usize) {
        self.number(value as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn date(&mut self, date: Option<Date>) {
        let days = date.map_or(0, |date| days_of(date) + 1);
        self.number(days);
    }

    pub(super) fn source(&mut self, source: &Source) {
        self.text(&source.scope.to_string());
        self.text(&source.name);
        self.date(Some(source.date));
        self.number(source.advisories);
    }

    pub(super) fn advisory(&mut self, advisory: &Advisory) {
        self.text(&advisory.id);
        self.count(advisory.aliases.len());
        for alias in &advisory.aliases {
            self.text(alias);
        }
        let severity = Severity::ALL.iter().position(|s| *s == advisory.severity);
        self.count(severity.unwrap_or(4));
        self.number(advisory.kind.number().into());
        self.date(advisory.date);
    }

    pub(super) fn affected(&mut self, affected: &Affected) {
        self.count(affected.ranges.len());
        for range in &affected.ranges {
            self.count(range.events.len());
            for event in &range.events {
                self.number(match event {
                    Event::Introduced(_) => 0,
                    Event::Fixed(_) => 1,
                    Event::LastAffected(_) => 2,
                });
                self.text(event.version());
            }
        }
        self.count(affected.versions.len());
        for version in &affected.versions {
            self.text(version);
        }
    }
}

/// Reads what [`Writer`] wrote.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

type Read<T> = Result<T, DatabaseError>;

impl<'a> Reader<'a> {
    pub(super) fn number(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(DatabaseError::Damaged)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DatabaseError::Damaged)
    }

    /// A count of things that take at least one byte each.
    pub(super) fn count(&mut self) -> Read<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| DatabaseError::Damaged)?;
        if count > self.0.len() {
            return Err(DatabaseError::Damaged);
        }
        Ok(count)
    }

    pub(super) fn bytes(&mut self) -> Read<&'a [u8]> {
        let count = self.count()?;
        let (bytes, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(DatabaseError::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DatabaseError::Damaged)
    }

    fn owned(&mut self) -> Read<String> {
        self.text().map(str::to_owned)
    }

    fn date(&mut self) -> Read<Option<Date>> {
        match self.number()? {
            0 => Ok(None),
            days => Ok(Some(date_of(days - 1).ok_or(DatabaseError::Damaged)?)),
        }
    }

    pub(super) fn source(&mut self) -> Read<Source> {
        Ok(Source {
            scope: self.text()?.parse().map_err(|()| DatabaseError::Damaged)?,
            name: self.owned()?,
            date: self.date()?.ok_or(DatabaseError::Damaged)?,
            advisories: self.number()?,
        })
    }

    pub(super) fn advisory(&mut self) -> Read<Advisory> {
        let id = self.owned()?;
        let aliases = (0..self.count()?)
            .map(|_| self.owned())
            .collect::<Read<_>>()?;
        let severity = usize::try_from(self.number()?).map_err(|_| DatabaseError::Damaged)?;
        let kind = u8::try_from(self.number()?).map_err(|_| DatabaseError::Damaged)?;
        Ok(Advisory {
            id,
            aliases,
            severity: *Severity::ALL.get(severity).ok_or(DatabaseError::Damaged)?,
            kind: AdvisoryKind::from_number(kind).ok_or(DatabaseError::Damaged)?,
            date: self.date()?,
        })
    }

    pub(super) fn affected(&mut self) -> Read<Affected> {
        let mut ranges = Vec::new();
        for _ in 0..self.count()? {
            let mut events = Vec::new();
            for _ in 0..self.count()? {
                let kind = self.number()?;
                let version = self.owned()?;
                events.push(match kind {
                    0 => Event::Introduced(version),
                    1 => Event::Fixed(version),
                    2 => Event::LastAffected(version),
                    _ => return Err(DatabaseError::Damaged),
                });
            }
            ranges.push(Range { events });
        }
        let versions = (0..self.count()?)
            .map(|_| self.owned())
            .collect::<Read<_>>()?;
        Ok(Affected { ranges, versions })
    }
}

/// Days since 1970-01-01; earlier dates are that day.
fn days_of(date: Date) -> u64 {
    let epoch = Date::constant(1970, 1, 1);
    let days = date.since(epoch).map_or(0, |span| span.get_days());
    u64::try_from(days).unwrap_or(0)
}

fn date_of(days: u64) -> Option<Date> {
    let days = i32::try_from(days).ok()?;
    Date::constant(1970, 1, 1)
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()
}
