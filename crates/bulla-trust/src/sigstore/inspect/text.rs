//! The description as text: one fact a line, what belongs together indented.

use std::fmt;

use super::{CertificateView, ContentView, Inspection, LogEntryView, TimestampView};

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, 0, "bundle", &self.digest)?;
        line(
            f,
            0,
            "verified",
            &"no: this only says what is written in it",
        )?;
        line(f, 0, "media type", &clean(&self.media_type))?;
        if let Some(content) = &self.content {
            show_content(f, content)?;
        }
        for certificate in &self.certificates {
            show_certificate(f, certificate)?;
        }
        if let Some(hint) = &self.key_hint {
            line(f, 0, "signed by key", &clean(hint))?;
        }
        for entry in &self.log_entries {
            show_entry(f, entry)?;
        }
        for stamp in &self.timestamps {
            show_timestamp(f, stamp)?;
        }
        for problem in &self.problems {
            let text = format!("{} [{}]", clean(&problem.text), problem.code);
            line(f, 0, "would be refused", &text)?;
        }
        Ok(())
    }
}

fn show_content(f: &mut fmt::Formatter<'_>, content: &ContentView) -> fmt::Result {
    match content {
        ContentView::MessageSignature {
            digest,
            signature_bytes,
        } => {
            line(f, 0, "content", &"signature over an artifact")?;
            let digest = digest.as_deref().unwrap_or("not given");
            line(f, 1, "artifact", &clean(digest))?;
            line(f, 1, "signature", &format!("{signature_bytes} bytes"))
        }
        ContentView::DsseEnvelope {
            payload_type,
            payload_bytes,
            signatures,
            statement,
        } => {
            line(f, 0, "content", &"signed envelope")?;
            let payload = format!("{payload_bytes} bytes of {}", clean(payload_type));
            line(f, 1, "payload", &payload)?;
            line(f, 1, "signatures", signatures)?;
            let Some(statement) = statement else {
                return Ok(());
            };
            line(f, 1, "says", &clean(&statement.predicate_type))?;
            for subject in &statement.subjects {
                line(f, 1, "about", &clean(subject))?;
            }
            match statement
                .subject_count
                .saturating_sub(statement.subjects.len())
            {
                0 => Ok(()),
                more => line(f, 1, "about", &format!("{more} more")),
            }
        }
    }
}

fn show_certificate(f: &mut fmt::Formatter<'_>, view: &CertificateView) -> fmt::Result {
    match &view.digest {
        Some(digest) => line(f, 0, "certificate", digest)?,
        None => line(f, 0, "certificate", &"unreadable")?,
    }
    for name in &view.names {
        line(f, 1, "names", &clean(name))?;
    }
    if !view.subject.is_empty() {
        line(f, 1, "subject", &clean(&view.subject))?;
    }
    if !view.issuer.is_empty() {
        line(f, 1, "issued by", &clean(&view.issuer))?;
    }
    if let (Some(from), Some(until)) = (view.not_before, view.not_after) {
        line(f, 1, "valid", &format!("{from} to {until}"))?;
    }
    if let Some(key) = &view.key {
        line(f, 1, "key", key)?;
    }
    for (claim, value) in view.claims.iter() {
        line(f, 1, claim.name(), &clean(value))?;
    }
    for sct in &view.scts {
        let time = sct
            .time
            .map(|time| format!(" at {time}"))
            .unwrap_or_default();
        line(f, 1, "promised by log", &format!("{}{time}", sct.log_id))?;
    }
    match &view.unreadable {
        Some(why) => line(f, 1, "unreadable", &clean(why)),
        None => Ok(()),
    }
}

fn show_entry(f: &mut fmt::Formatter<'_>, entry: &LogEntryView) -> fmt::Result {
    line(
        f,
        0,
        "log entry",
        &format!("{} {}", entry.index, clean(&entry.kind)),
    )?;
    line(f, 1, "log", &entry.log_id)?;
    if let Some(time) = entry.integrated_time {
        line(f, 1, "integrated", &time)?;
    }
    line(f, 1, "promise", &if entry.promise { "yes" } else { "no" })?;
    let Some(proof) = &entry.proof else {
        return line(f, 1, "proof", &"none");
    };
    let text = format!("index {} in a tree of {}", proof.index, proof.tree_size);
    line(f, 1, "proof", &text)?;
    match &proof.checkpoint {
        Some(checkpoint) => {
            line(f, 1, "checkpoint", &clean(&checkpoint.origin))?;
            for name in &checkpoint.signed_by {
                line(f, 1, "signed by", &clean(name))?;
            }
            Ok(())
        }
        None => line(f, 1, "checkpoint", &"none"),
    }
}

fn show_timestamp(f: &mut fmt::Formatter<'_>, stamp: &TimestampView) -> fmt::Result {
    if let Some(why) = &stamp.unreadable {
        return line(f, 0, "timestamp", &format!("unreadable: {}", clean(why)));
    }
    match stamp.time {
        Some(time) => line(f, 0, "timestamp", &time)?,
        None => line(f, 0, "timestamp", &"without a time")?,
    }
    line(f, 1, "serial", &stamp.serial)?;
    line(f, 1, "policy", &stamp.policy)
}

fn line(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    label: &str,
    value: &dyn fmt::Display,
) -> fmt::Result {
    let indent = 2 * depth;
    writeln!(
        f,
        "{:indent$}{label:<width$} {value}",
        "",
        width = 26 - indent
    )
}

/// What somebody else wrote must not move the cursor of who reads it.
fn clean(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(500).map(visible).collect()
}
