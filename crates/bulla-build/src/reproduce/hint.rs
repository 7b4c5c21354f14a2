//! A guess at what lies at the first difference: a member of an archive, a header's
//! time, a section of an ELF file.

use std::{fs, io, path::Path};

/// Bytes of a file that are looked at.
const MAX: u64 = 256 << 20;

pub(super) fn of(a: &Path, b: &Path, offset: u64) -> io::Result<Option<String>> {
    if fs::metadata(a)?.len() > MAX || fs::metadata(b)?.len() > MAX {
        return Ok(None);
    }
    let bytes = fs::read(a)?;
    let at = usize::try_from(offset).unwrap_or(usize::MAX);
    Ok(guess(&bytes, at))
}

/// What lies at `at` in a file of a known kind.
pub(crate) fn guess(bytes: &[u8], at: usize) -> Option<String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(match at {
            4..8 => "the time in the gzip header: use `gzip -n`".into(),
            _ => "inside of gzip-compressed data".into(),
        });
    }
    if bytes.starts_with(b"\x7fELF") {
        return elf_section(bytes, at).map(|name| match name.as_str() {
            ".note.gnu.build-id" => "the build id, which follows from other differences".into(),
            _ => format!("section {name} of an ELF file"),
        });
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return zip_member(bytes, at);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return tar_member(bytes, at);
    }
    if bytes.starts_with(b"!<arch>\n") {
        return Some("inside of an `ar` archive: use `ar rcsD`".into());
    }
    None
}

fn tar_member(bytes: &[u8], at: usize) -> Option<String> {
    let mut header = 0;
    loop {
        let block = bytes.get(header..header + 512)?;
        let text = |range: std::ops::Range<usize>| {
            let field = block.get(range).unwrap_or_default();
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
        };
        let name = text(0..100);
        if name.is_empty() {
            return None;
        }
        let size = usize::from_str_radix(text(124..136).trim(), 8).ok()?;
        let next = header
            .checked_add(512)?
            .checked_add(size.checked_next_multiple_of(512)?)?;
        if at < next {
            return Some(match at.checked_sub(header)? {
                136..148 => format!("the time of {name} in a tar archive: use `--mtime`"),
                108..124 => format!("the owner of {name} in a tar archive: use `--owner=0`"),
                0..512 => format!("the header of {name} in a tar archive"),
                _ => format!("the content of {name} in a tar archive"),
            });
        }
        header = next;
    }
}

fn zip_member(bytes: &[u8], at: usize) -> Option<String> {
    let before = bytes.get(..at.min(bytes.len()))?;
    let start = before
        .windows(4)
        .rposition(|window| window == b"PK\x03\x04")?;
    let header = bytes.get(start..start + 30)?;
    let length = usize::from(u16::from_le_bytes([*header.get(26)?, *header.get(27)?]));
    let name = String::from_utf8_lossy(bytes.get(start + 30..start + 30 + length)?).into_owned();
    Some(match at - start {
        10..14 => format!("the time of {name} in a zip archive"),
        _ => format!("{name} in a zip archive"),
    })
}

/// The section of a 64-bit little-endian ELF file that holds the byte.
fn elf_section(bytes: &[u8], at: usize) -> Option<String> {
    let number = |from: usize, length: usize| -> Option<usize> {
        let mut raw = [0; 8];
        raw.get_mut(..length)?
            .copy_from_slice(bytes.get(from..from.checked_add(length)?)?);
        usize::try_from(u64::from_le_bytes(raw)).ok()
    };
    if bytes.get(4..6)? != [2, 1] {
        return None;
    }
    let (table, count, names) = (number(0x28, 8)?, number(0x3c, 2)?, number(0x3e, 2)?);
    let header = |index: usize| table.checked_add(index.checked_mul(64)?);
    let strings = number(header(names)?.checked_add(24)?, 8)?;
    (0..count).find_map(|index| {
        let section = header(index)?;
        let (offset, size) = (number(section + 24, 8)?, number(section + 32, 8)?);
        // A section without bytes in the file (SHT_NOBITS) holds none.
        if number(section + 4, 4)? == 8 || !(offset..offset.checked_add(size)?).contains(&at) {
            return None;
        }
        let name = bytes.get(strings.checked_add(number(section, 4)?)?..)?;
        let end = name.iter().take(64).position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(name.get(..end)?).into_owned())
    })
}
