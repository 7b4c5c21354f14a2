//! PEM (RFC 7468), read as OpenSSL and Go write it: text before, between and
//! after blocks is skipped, lines may be of any length. `openssl ecparam` puts
//! an `EC PARAMETERS` block before the key, for one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// Bytes of a text that holds keys.
const MAX_BYTES: usize = 64 << 10;
/// Blocks of one text that are looked at.
const MAX_BLOCKS: usize = 16;

/// One block.
pub(super) struct Block {
    /// What stands after `BEGIN`.
    pub(super) label: String,
    /// The decoded bytes.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Why a text is not PEM.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A block that is not base64, has no end, or there is too much.
    Malformed,
    /// A block encrypted the old way of OpenSSL (`Proc-Type: 4,ENCRYPTED`).
    OldEncryption,
}

/// The first block with one of these labels.
pub(super) fn first(text: &str, labels: &[&str]) -> Result<Option<Block>, Flaw> {
    let blocks = blocks(text)?;
    let mut wanted = blocks.into_iter();
    Ok(wanted.find(|block| labels.contains(&block.label.as_str())))
}

/// Every block.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, Flaw> {
    if text.len() > MAX_BYTES {
        return Err(Flaw::Malformed);
    }
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let label = line.strip_prefix("-----BEGIN ");
        let Some(label) = label.and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        if found.len() == MAX_BLOCKS {
            return Err(Flaw::Malformed);
        }
        let end = format!("-----END {label}-----");
        let mut encoded = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            match lines.next().ok_or(Flaw::Malformed)? {
                line if line == end => break,
                line if line.starts_with("Proc-Type:") => return Err(Flaw::OldEncryption),
                line => encoded.push_str(line),
            }
        }
        let body = STANDARD.decode(&*encoded).map_err(|_| Flaw::Malformed)?;
        found.push(Block {
            label: label.to_owned(),
            body: Zeroizing::new(body),
        });
    }
    Ok(found)
}
