use super::*;
use proptest::prelude::*;

/// A 64-bit little-endian ELF file with these sections.
pub(crate) fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = vec![0u8];
    let mut offsets = Vec::new();
    for name in sections.iter().map(|(n, _)| *n).chain([".shstrtab"]) {
        offsets.push(names.len() as u32);
        names.extend(name.as_bytes());
        names.push(0);
    }
    let mut file = vec![0u8; 64];
    let bodies: Vec<&[u8]> = sections
        .iter()
        .map(|(_, b)| *b)
        .chain([&names[..]])
        .collect();
    let mut places = Vec::new();
    for body in &bodies {
        file.resize(file.len().next_multiple_of(16), 0);
        places.push((file.len() as u64, body.len() as u64));
        file.extend(*body);
    }
    let table = file.len() as u64;
    for (name, (start, size)) in offsets.iter().zip(places) {
        let mut header = [0u8; 64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[0x18..0x20].copy_from_slice(&start.to_le_bytes());
        header[0x20..0x28].copy_from_slice(&size.to_le_bytes());
        file.extend(header);
    }
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[0x28..0x30].copy_from_slice(&table.to_le_bytes());
    file[0x3a..0x3c].copy_from_slice(&64u16.to_le_bytes());
    file[0x3c..0x3e].copy_from_slice(&(bodies.len() as u16).to_le_bytes());
    file[0x3e..0x40].copy_from_slice(&(sections.len() as u16).to_le_bytes());
    file
}

/// Build information as Go 1.18 and later write it.
pub(crate) fn go_build(version: &str, modules: &str) -> Vec<u8> {
    let mut info = GO_MAGIC.to_vec();
    info.extend([8, 2]);
    info.resize(32, 0);
    info.push(version.len() as u8);
    info.extend(version.as_bytes());
    let length = modules.len() + 32;
    info.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
    info.extend([b'<'; 16]);
    info.extend(modules.as_bytes());
    info.extend([b'>'; 16]);
    info
}

#[test]
fn finds_what_was_built_in() {
    let go = go_build("go1.22.3", "path\texample.com/x\n");
    let file = elf(&[
        (".text", b"code"),
        (".dep-v0", b"zlib"),
        (".go.buildinfo", &go),
    ]);
    assert!(Binary::has_magic(&file));
    let binary = Binary::inspect(&file);
    assert_eq!(binary.crates.as_deref(), Some(&b"zlib"[..]));
    let expected = GoBuild::Read {
        version: "go1.22.3".into(),
        modules: "path\texample.com/x\n".into(),
    };
    assert_eq!(binary.go, Some(expected));
}

#[test]
fn old_build_information_is_seen_and_not_ignored() {
    let mut go = go_build("go1.17", "");
    go[15] = 0;
    let binary = Binary::inspect(&elf(&[(".go.buildinfo", &go)]));
    assert_eq!(binary.go, Some(GoBuild::Unreadable));
}

proptest! {
    #[test]
    fn never_panics(mut file in Just(elf(&[(".dep-v0", b"x")])), edits in prop::collection::vec((0usize..300, any::<u8>()), 0..12)) {
        let length = file.len();
        for (at, byte) in edits {
            file[at % length] = byte;
        }
        file[..4].copy_from_slice(b"\x7fELF");
        Binary::inspect(&file);
        file[..4].copy_from_slice(b"MZ\0\0");
        Binary::inspect(&file);
        Binary::has_magic(&file);
    }
}
