//! Which media type bytes have, by how they begin.
//!
//! The patterns of the WHATWG's *MIME Sniffing* standard, in the order in which
//! Go's standard library tries them: what cosign writes when `--ct` is not given.
//! Parameters such as the character set are left out, as there.

/// How much is looked at.
const START: usize = 512;

/// Tags that begin a page; a space or `>` follows.
const HTML: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

/// Beginnings of text with a byte order mark, and of pictures.
const FIRST: [(&[u8], &str); 13] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain"),
    (b"\xff\xfe", "text/plain"),
    (b"\xef\xbb\xbf", "text/plain"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\x0d\x0a\x1a\x0a", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
];

/// A container's name at its start, and what is in it eight bytes later.
const CONTAINERS: [(&[u8], &[u8], &str); 4] = [
    (b"RIFF", b"WEBPVP", "image/webp"),
    (b"FORM", b"AIFF", "audio/aiff"),
    (b"RIFF", b"AVI ", "video/avi"),
    (b"RIFF", b"WAVE", "audio/wave"),
];

/// Beginnings of everything else.
const LAST: [(&[u8], &str); 13] = [
    (b"OggS\x00", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
];

/// The media type of a file that begins so.
pub fn media_type(bytes: &[u8]) -> &'static str {
    let start = bytes.get(..START).unwrap_or(bytes);
    let blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ');
    let first = start.iter().position(|byte| !blank(byte));
    let text = start
        .get(first.unwrap_or(start.len())..)
        .unwrap_or_default();
    if HTML.iter().any(|tag| opens(text, tag)) {
        return "text/html";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml";
    }
    let begins = |table: &[(&[u8], &'static str)]| {
        let found = table.iter().find(|(prefix, _)| start.starts_with(prefix));
        found.map(|(_, kind)| *kind)
    };
    let contained = || {
        let found = CONTAINERS.iter().find(|(outer, inner, _)| {
            let inside = start.get(8..).unwrap_or_default();
            start.starts_with(outer) && inside.starts_with(inner)
        });
        found.map(|(.., kind)| *kind)
    };
    begins(&FIRST)
        .or_else(contained)
        .or_else(|| is_mp4(start).then_some("video/mp4"))
        .or_else(|| is_font_object(start).then_some("application/vnd.ms-fontobject"))
        .or_else(|| begins(&LAST))
        .unwrap_or_else(|| match text.iter().any(is_binary) {
            true => "application/octet-stream",
            false => "text/plain",
        })
}

fn opens(text: &[u8], tag: &str) -> bool {
    let Some((start, rest)) = text.split_at_checked(tag.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(tag.as_bytes()) && matches!(rest.first(), Some(b' ' | b'>'))
}

/// A first box `ftyp` that names a brand `mp4…`.
fn is_mp4(start: &[u8]) -> bool {
    let Some((size, rest)) = start.split_first_chunk::<4>() else {
        return false;
    };
    let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    if start.len() < 12 || start.len() < size || size % 4 != 0 || !rest.starts_with(b"ftyp") {
        return false;
    }
    let brands = start.get(8..size).unwrap_or_default().chunks(4).enumerate();
    // The second is a version.
    brands
        .filter(|(at, _)| *at != 1)
        .any(|(_, brand)| brand.starts_with(b"mp4"))
}

/// 34 bytes of whatever, then `LP`.
fn is_font_object(start: &[u8]) -> bool {
    start.get(34..36) == Some(b"LP")
}

fn is_binary(byte: &u8) -> bool {
    matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_is_that() {
        let mut mp4 = b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00mp42".to_vec();
        for (bytes, kind) in [
            (&b""[..], "text/plain"),
            (b"hello\n", "text/plain"),
            (b"a\x00b", "application/octet-stream"),
            (b"\x7fELF\x02\x01\x01\x00", "application/octet-stream"),
            (b" \n<!doctype html>", "text/html"),
            (b"<a href=x>", "text/html"),
            (b"<abbr>", "text/plain"),
            (b"\n<?xml version='1.0'?>", "text/xml"),
            (b"{\"a\": 1}", "text/plain"),
            (b"\xef\xbb\xbf\x00", "text/plain"),
            (b"PK\x03\x04\x14\x00", "application/zip"),
            (b"\x1f\x8b\x08\x00", "application/x-gzip"),
            (b"\x00asm\x01\x00\x00\x00", "application/wasm"),
            (b"RIFFxxxxWAVE", "audio/wave"),
            (b"RIFFxxxxWHAT", "text/plain"),
            (&mp4, "video/mp4"),
        ] {
            assert_eq!(media_type(bytes), kind, "{bytes:?}");
        }
        mp4.truncate(16);
        assert_eq!(media_type(&mp4), "application/octet-stream");
        let late = [&b"x".repeat(START)[..], b"\x00"].concat();
        assert_eq!(media_type(&late), "text/plain", "the start alone counts");
    }
}
