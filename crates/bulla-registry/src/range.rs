//! The two range headers: `Range` of a download, `Content-Range` of a chunk.
//!
//! RFC 9110 section 14 for downloads; of several ranges none is taken, which
//! the RFC allows. Chunks follow the OCI distribution specification: `A-B`
//! without a unit, both ends included.

/// What a `Range` header asks of content of a known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing that can be given in part: the whole.
    Whole,
    /// Part of it; never empty, never past the end.
    Part {
        /// The first byte.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
    /// Nothing that is there.
    Unsatisfiable,
}

/// Reads a `Range` header for content of `size` bytes.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|text| text.strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Wanted::Whole;
    };
    if first.is_empty() {
        return match number(last) {
            None => Wanted::Whole,
            Some(0) => Wanted::Unsatisfiable,
            Some(_) if size == 0 => Wanted::Unsatisfiable,
            Some(suffix) => Wanted::Part {
                offset: size - suffix.min(size),
                length: suffix.min(size),
            },
        };
    }
    let Some(first) = number(first) else {
        return Wanted::Whole;
    };
    let last = match (last, number(last)) {
        ("", _) => u64::MAX,
        (_, Some(last)) if last >= first => last,
        _ => return Wanted::Whole,
    };
    if first >= size {
        return Wanted::Unsatisfiable;
    }
    Wanted::Part {
        offset: first,
        length: last.min(size - 1) - first + 1,
    }
}

/// Reads the `Content-Range` of a chunk: its first byte and its length.
pub fn chunk(header: &str) -> Option<(u64, u64)> {
    let (first, last) = header.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let length = last.checked_sub(first)?.checked_add(1)?;
    Some((first, length))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
