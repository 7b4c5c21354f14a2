//! Where a watched log is read: this process's own, or tiles over HTTP (C2SP
//! tlog-tiles; static-ct-api).

use bulla_crypto::{
    ct_leaf::{LoggedEntry, parse_tile_leaf},
    merkle::{TileId, leaf_hash},
};
use bulla_net::http::{Egress, HttpClient, HttpOptions, Request};
use std::{collections::BTreeSet, fs, pin::Pin, sync::Arc};
use url::Url;

use super::{MonitorError, WatchedLog};
use crate::{
    log::Log,
    search::{Described, Format, StoredV1},
};

/// Entries of a full bundle.
pub(super) const BUNDLE: u64 = 256;
/// Bytes of a bundle: 256 entries of the greatest length, a certificate twice.
const BUNDLE_BYTES: u64 = 34 << 20;
/// Bytes of a checkpoint.
const CHECKPOINT_BYTES: u64 = 64 << 10;

/// Something that is being read.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, MonitorError>> + Send + 'a>>;

/// A log that can be read on.
pub trait Feed: Send + Sync {
    /// Its published checkpoint, a signed note.
    fn checkpoint(&self) -> Reading<'_, String>;
    /// Entries `256 · number ..`, `width` of them.
    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Entry>>;
    /// Whether the entry is what this process put there. Of other logs nothing is known.
    fn is_ours<'a>(&'a self, entry: &'a Entry, index: u64) -> Reading<'a, bool> {
        let _ = (entry, index);
        Box::pin(async { Ok(true) })
    }
}

/// An entry, read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The bytes whose hash is in the tree.
    pub merkle: Vec<u8>,
    /// As the log stores it.
    stored: Vec<u8>,
    format: Format,
    /// For certificates, what makes a duplicate of one that our authority logs.
    pub identity: Option<[u8; 32]>,
}

impl Entry {
    pub(super) fn read(format: Format, stored: &[u8]) -> Option<Self> {
        let (merkle, identity) = match format {
            Format::V1 => (StoredV1::parse(stored)?.body.to_vec(), None),
            Format::V2 => (stored.to_vec(), None),
            Format::Ct => {
                let (leaf, _) = parse_tile_leaf(stored).ok()?;
                let identity = match &leaf.entry {
                    LoggedEntry::Precertificate { tbs, .. } => Some(leaf_hash(tbs)),
                    LoggedEntry::Certificate(_) => None,
                };
                (leaf.merkle, identity)
            }
        };
        Some(Self {
            merkle,
            stored: stored.to_vec(),
            format,
            identity,
        })
    }

    /// What it says.
    pub fn described(&self) -> Described {
        Described::read(self.format, &self.stored)
    }
}

/// A log of this process.
pub struct OwnLog {
    log: Log,
    format: Format,
    name: &'static str,
}

impl OwnLog {
    /// Reads `log`, which stores entries in that format.
    pub fn new(log: Log, format: Format, name: &'static str) -> Self {
        Self { log, format, name }
    }
}

impl Feed for OwnLog {
    fn checkpoint(&self) -> Reading<'_, String> {
        Box::pin(async { Ok(self.log.checkpoint().to_string()) })
    }

    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Entry>> {
        Box::pin(async move {
            let entries = self.log.entries(number, width).await;
            let entries = entries.map_err(|error| MonitorError::Log(Box::new(error)))?;
            let unreadable = || MonitorError::Format {
                log: self.name.into(),
                what: "an entry",
            };
            let entries = entries.ok_or_else(unreadable)?;
            let read = |stored: &bytes::Bytes| Entry::read(self.format, stored);
            entries
                .iter()
                .map(read)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(unreadable)
        })
    }

    fn is_ours<'a>(&'a self, entry: &'a Entry, index: u64) -> Reading<'a, bool> {
        Box::pin(async move {
            let Some(identity) = entry.identity.filter(|_| self.format == Format::Ct) else {
                return Ok(self.format != Format::Ct);
            };
            let found = self.log.find(identity).await;
            let found = found.map_err(|error| MonitorError::Log(Box::new(error)))?;
            Ok(found.is_some_and(|found| found.index == index))
        })
    }
}

/// A log whose tiles are read over HTTP.
pub struct RemoteLog {
    url: Url,
    http: Arc<HttpClient>,
    certificates: bool,
}

impl RemoteLog {
    /// Reads the log of that configuration.
    ///
    /// # Errors
    /// [`MonitorError`] if its address or its certificates cannot be used.
    pub fn new(settings: &WatchedLog) -> Result<Self, MonitorError> {
        let wrong = || MonitorError::Url {
            url: settings.url.clone(),
        };
        let url = format!("{}/", settings.url.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| wrong())?;
        let host = url.host_str().ok_or_else(wrong)?.to_owned();
        let egress = Egress::Hosts(BTreeSet::from([host]));
        egress.check(&url)?;
        let mut options = HttpOptions::new(egress);
        if let Some(path) = &settings.ca_file {
            let pem = fs::read(path).map_err(|source| MonitorError::Certificates {
                path: path.clone(),
                source,
            })?;
            options = options.believing(pem);
        }
        Ok(Self {
            url,
            http: Arc::new(HttpClient::new(options)),
            certificates: settings.certificates,
        })
    }

    fn format(&self) -> Format {
        match self.certificates {
            true => Format::Ct,
            false => Format::V2,
        }
    }

    fn unreadable(&self, what: &'static str) -> MonitorError {
        MonitorError::Format {
            log: self.url.to_string(),
            what,
        }
    }

    /// `None` if it is not there.
    async fn get(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, MonitorError> {
        let url = self.url.join(path).map_err(|_| MonitorError::Url {
            url: path.to_owned(),
        })?;
        let answer = self.http.send(Request::get(url)).await?;
        if answer.status().as_u16() == 404 {
            return Ok(None);
        }
        let answer = answer.require(&[http::StatusCode::OK]).await?;
        Ok(Some(answer.bytes(limit, "part of a log").await?))
    }

    async fn read_bundle(&self, number: u64, width: u16) -> Result<Vec<Entry>, MonitorError> {
        let kind = match self.certificates {
            true => "data",
            false => "entries",
        };
        let path = |width| {
            let tile = TileId {
                level: 0,
                index: number,
                width,
            };
            let path = tile.path();
            format!("tile/{kind}/{}", path.strip_prefix("0/").unwrap_or(&path))
        };
        let mut bytes = self.get(&path(width), BUNDLE_BYTES).await?;
        if bytes.is_none() && width < 256 {
            // A log may drop partial bundles once there is the full one.
            bytes = self.get(&path(256), BUNDLE_BYTES).await?;
        }
        let bytes = bytes.ok_or_else(|| self.unreadable("no bundle of entries"))?;
        let stored = split(&bytes, width, self.certificates);
        stored
            .and_then(|stored| {
                let read = |one: &&[u8]| Entry::read(self.format(), one);
                stored.iter().map(read).collect()
            })
            .ok_or_else(|| self.unreadable("a bundle of entries"))
    }
}

impl Feed for RemoteLog {
    fn checkpoint(&self) -> Reading<'_, String> {
        Box::pin(async {
            let note = self.get("checkpoint", CHECKPOINT_BYTES).await?;
            let note = note.and_then(|note| String::from_utf8(note).ok());
            note.ok_or_else(|| self.unreadable("a checkpoint"))
        })
    }

    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Entry>> {
        Box::pin(self.read_bundle(number, width))
    }
}

/// The first `width` entries of a bundle: each after its length, or each read to its end.
fn split(mut bytes: &[u8], width: u16, certificates: bool) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::with_capacity(width.into());
    for _ in 0..width {
        let (entry, rest) = if certificates {
            let (_, rest) = parse_tile_leaf(bytes).ok()?;
            bytes.split_at_checked(bytes.len() - rest.len())?
        } else {
            let (length, rest) = bytes.split_first_chunk()?;
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?
        };
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}
