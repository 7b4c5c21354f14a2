//! Times and sizes as people write them.

/// Seconds from `90s`, `15m` or `2h`; at most a day, at least a second.
pub fn parse_duration(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b's' => (text.strip_suffix('s')?, 1),
        b'm' => (text.strip_suffix('m')?, 60),
        b'h' => (text.strip_suffix('h')?, 3600),
        _ => return None,
    };
    number(digits)?
        .checked_mul(factor)
        .filter(|seconds| (1..=86_400).contains(seconds))
}

/// Bytes from `512MiB`, `4GiB`, `100MB`; at least 1 MiB, at most 16 TiB.
pub fn parse_size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let (digits, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    number(digits.trim_end())?
        .checked_mul(factor)
        .filter(|bytes| (1 << 20..=1 << 44).contains(bytes))
}

fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}
