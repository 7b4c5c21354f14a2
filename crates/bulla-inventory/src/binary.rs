//! What a compiled program says about itself: its format, the crate list that
//! cargo-auditable puts into it (section `.dep-v0`), and Go's build information.
//!
//! Reads ELF (32 and 64 bit, both byte orders) and PE section tables, nothing
//! more. It reads bytes and believes none of their offsets; a program that
//! cannot be read is still a program.

/// The longest section that is kept, in bytes.
const MAX_SECTION_BYTES: usize = 16 << 20;
/// The most sections that are looked at.
const MAX_SECTIONS: usize = 4096;

const GO_MAGIC: &[u8] = b"\xff Go buildinf:";

/// The format of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Unix.
    Elf,
    /// Windows.
    Pe,
}

impl Format {
    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elf => "elf",
            Self::Pe => "pe",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Elf, Self::Pe].into_iter().find(|f| f.name() == name)
    }
}

/// The facts that were built into a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Its format.
    pub format: Format,
    /// Whether it was looked into; very large programs are only hashed.
    pub inspected: bool,
    /// The crate list of cargo-auditable, still compressed (zlib).
    pub crates: Option<Vec<u8>>,
    /// Go's build information.
    pub go: Option<GoBuild>,
}

/// Go's build information.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoBuild {
    /// In the format that Go writes since 1.18.
    Read {
        /// Version of the Go tool chain: `go1.22.3`.
        version: String,
        /// The module lines (`path`, `mod`, `dep`, `=>`, `build`).
        modules: String,
    },
    /// It is there, but in an older format or damaged.
    Unreadable,
}

impl Binary {
    /// Whether a file that begins like this is a program.
    pub fn has_magic(start: &[u8]) -> bool {
        start.starts_with(b"\x7fELF") || is_pe(start)
    }

    /// Looks into a program; `bytes` is the whole file, or empty if it is too large.
    pub fn inspect(bytes: &[u8]) -> Self {
        if !bytes.starts_with(b"\x7fELF") {
            let format = if bytes.starts_with(b"MZ") {
                Format::Pe
            } else {
                Format::Elf
            };
            let pe = bytes.starts_with(b"MZ");
            return Self {
                format,
                inspected: !bytes.is_empty(),
                crates: pe.then(|| pe_section(bytes, b".dep-v0")).flatten(),
                go: pe.then(|| find_go(bytes)).flatten(),
            };
        }
        let sections = elf_sections(bytes).unwrap_or_default();
        let find = |name: &[u8]| sections.iter().find(|(n, _)| *n == name).map(|(_, b)| *b);
        let go = match find(b".go.buildinfo") {
            Some(section) => find_go(section),
            None if sections.is_empty() => find_go(bytes),
            None => None,
        };
        Self {
            format: Format::Elf,
            inspected: true,
            crates: find(b".dep-v0").map(<[u8]>::to_vec),
            go,
        }
    }
}

fn is_pe(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ") && pe_header(bytes).is_some()
}

fn pe_header(bytes: &[u8]) -> Option<usize> {
    let at = u32_at(bytes, 0x3c, false)? as usize;
    (bytes.get(at..at.checked_add(4)?)? == b"PE\0\0").then_some(at)
}

fn pe_section(bytes: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let header = pe_header(bytes)?;
    let count = u16_at(bytes, header + 6, false)? as usize;
    let table = header + 24 + u16_at(bytes, header + 20, false)? as usize;
    (0..count.min(MAX_SECTIONS)).find_map(|index| {
        let at = table + index * 40;
        let name = bytes.get(at..at + 8)?;
        if !name.starts_with(wanted) {
            return None;
        }
        let virtual_size = u32_at(bytes, at + 8, false)? as usize;
        let raw_size = u32_at(bytes, at + 16, false)? as usize;
        let start = u32_at(bytes, at + 20, false)? as usize;
        let size = virtual_size.min(raw_size).min(MAX_SECTION_BYTES);
        Some(bytes.get(start..start.checked_add(size)?)?.to_vec())
    })
}

type Section<'a> = (&'a [u8], &'a [u8]);

/// Name and bytes of every section that lies inside the file.
fn elf_sections(bytes: &[u8]) -> Option<Vec<Section<'_>>> {
    let wide = *bytes.get(4)? == 2;
    let big = *bytes.get(5)? == 2;
    let word = |at: usize| -> Option<usize> {
        if wide {
            usize::try_from(u64_at(bytes, at, big)?).ok()
        } else {
            Some(u32_at(bytes, at, big)? as usize)
        }
    };
    let (table, entry_size, count, names) = if wide {
        (word(0x28)?, 0x3a, 0x3c, 0x3e)
    } else {
        (word(0x20)?, 0x2e, 0x30, 0x32)
    };
    let entry_size = u16_at(bytes, entry_size, big)? as usize;
    let count = (u16_at(bytes, count, big)? as usize).min(MAX_SECTIONS);
    let names = u16_at(bytes, names, big)? as usize;
    let header = |index: usize| table.checked_add(index.checked_mul(entry_size)?);
    let body = |index: usize| -> Option<&[u8]> {
        let at = header(index)?;
        let (offset, size) = if wide { (0x18, 0x20) } else { (0x10, 0x14) };
        let start = word(at.checked_add(offset)?)?;
        let size = word(at.checked_add(size)?)?;
        bytes.get(start..start.checked_add(size)?)
    };
    let names = body(names)?;
    let mut sections = Vec::new();
    for index in 0..count {
        let Some(name) = header(index)
            .and_then(|at| u32_at(bytes, at, big))
            .and_then(|at| names.get(at as usize..))
            .and_then(|rest| rest.split(|b| *b == 0).next())
        else {
            continue;
        };
        if let Some(body) = body(index).filter(|body| body.len() <= MAX_SECTION_BYTES) {
            sections.push((name, body));
        }
    }
    Some(sections)
}

/// Build information stands at a multiple of 16 bytes.
fn find_go(bytes: &[u8]) -> Option<GoBuild> {
    let at = bytes
        .chunks(16)
        .position(|chunk| chunk.starts_with(GO_MAGIC))?;
    let info = bytes.get(at * 16..)?;
    Some(parse_go_build(info))
}

/// Parses what follows Go's magic bytes (`debug/buildinfo` of the Go library).
pub fn parse_go_build(info: &[u8]) -> GoBuild {
    const INLINE_STRINGS: u8 = 2;
    let read = || {
        if info.get(15)? & INLINE_STRINGS == 0 {
            return None;
        }
        let (version, rest) = take_string(info.get(32..)?)?;
        let (modules, _) = take_string(rest)?;
        let version = String::from_utf8(version.to_vec()).ok()?;
        // 16 bytes on both sides mark the text for a debugger.
        let modules = modules
            .get(16..modules.len().saturating_sub(16))
            .unwrap_or_default();
        let modules = String::from_utf8(modules.to_vec()).ok()?;
        Some(GoBuild::Read { version, modules })
    };
    read().unwrap_or(GoBuild::Unreadable)
}

/// A length as a base-128 number, then that many bytes.
fn take_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(length);
        }
    }
    None
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let raw = array_at(bytes, at)?;
    Some(if big {
        u16::from_be_bytes(raw)
    } else {
        u16::from_le_bytes(raw)
    })
}

fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let raw = array_at(bytes, at)?;
    Some(if big {
        u32::from_be_bytes(raw)
    } else {
        u32::from_le_bytes(raw)
    })
}

fn u64_at(bytes: &[u8], at: usize, big: bool) -> Option<u64> {
    let raw = array_at(bytes, at)?;
    Some(if big {
        u64::from_be_bytes(raw)
    } else {
        u64::from_le_bytes(raw)
    })
}

#[cfg(test)]
pub(crate) mod tests;
