//! Decision records: one JSON object per line for each image that was judged.
//!
//! A record cites the policy and every envelope it rests on by digest, and the
//! time of judgement, so that it can be replayed: the same policy over the same
//! bundles as of that time gives the same decision. It is a record, not
//! evidence: nothing reads it back as proof.

use bulla_core::{Decision, Digest};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

/// The version of this form.
pub const VERSION: u32 = 1;

/// One image that was judged.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecord {
    /// The form's version.
    pub version: u32,
    /// When the answer was given.
    pub time: Timestamp,
    /// Where in the chain.
    pub stage: bulla_policy::Stage,
    /// The request it answers.
    pub uid: String,
    /// `CREATE` or `UPDATE`.
    pub operation: String,
    /// `NAMESPACE/KIND/NAME`, as far as known.
    pub workload: String,
    /// What was asked for, as it was written.
    pub requested: String,
    /// What that was resolved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The trust roots in use, by one digest.
    pub roots: Digest,
    /// Whether an earlier verdict of the same digest was used.
    pub cached: bool,
    /// What was decided; names policy digest, rules, reasons and evidence.
    pub decision: Decision,
}

/// Takes records.
pub trait RecordSink: Send + Sync {
    /// Takes one record. What fails here must not change the answer; the sink
    /// says so in its own way.
    fn record(&self, record: &DecisionRecord);
}

/// Takes none.
impl RecordSink for () {
    fn record(&self, _: &DecisionRecord) {}
}

/// Writes records as JSON lines.
#[derive(Debug)]
pub struct JsonLines<W> {
    writer: Mutex<W>,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to `writer`, one line at a time.
    pub fn new(writer: W) -> Self {
        Self {
            writer: Mutex::new(writer),
        }
    }

    /// The writer.
    pub fn into_inner(self) -> W {
        self.writer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, record: &DecisionRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&line)?;
        writer.flush()
    }
}

impl<W: Write + Send> RecordSink for JsonLines<W> {
    fn record(&self, record: &DecisionRecord) {
        if let Err(error) = self.write(record) {
            tracing::error!(%error, image = %record.requested, "a decision could not be recorded");
        }
    }
}
