use super::*;
use bulla_core::descriptor::media_type;
use std::io::Write as _;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(bytes, level)
}

fn plain(stored: &[u8], diff_id: &Digest) -> io::Result<Vec<u8>> {
    let descriptor = Descriptor::of("layer", stored);
    let reader = VerifiedReader::new(stored, &descriptor);
    let mut bytes = Vec::new();
    PlainLayer::new(reader, descriptor.size, diff_id)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn every_compression_gives_the_same_archive() {
    let content: Vec<u8> = (0..300_000u32).map(|n| (n % 250) as u8).collect();
    let diff_id = Digest::sha256(&content);
    let (head, tail) = content.split_at(100_000);
    for stored in [
        content.clone(),
        gzip(&content),
        [gzip(head), gzip(tail)].concat(),
        zstd(&content),
        [zstd(head), zstd(tail)].concat(),
    ] {
        assert_eq!(plain(&stored, &diff_id).unwrap(), content);
    }
}

#[test]
fn content_of_another_diff_id_is_an_error() {
    let other = Digest::sha256(b"other");
    for stored in [b"content".to_vec(), gzip(b"content"), zstd(b"content")] {
        assert!(plain(&stored, &other).is_err());
        let mut cut = stored.clone();
        cut.pop();
        assert!(plain(&cut, &Digest::sha256(b"content")).is_err());
    }
    assert!(
        plain(
            &[gzip(b"a"), b"junk".to_vec()].concat(),
            &Digest::sha256(b"a")
        )
        .is_err()
    );
    assert!(plain(b"\x28\xb5\x2f\xfd", &other).is_err());
}

/// Zeros without end, as gzip: a stream of members that each hold a quarter of a mebibyte.
struct Endless {
    member: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.member[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at = (self.at + count) % self.member.len();
        Ok(count)
    }
}

#[test]
fn a_layer_that_grows_without_end_is_stopped() {
    let member = gzip(&vec![0; 256 << 10]);
    let endless = Endless { member, at: 0 };
    let mut layer = PlainLayer::new(endless, 1000, &Digest::sha256(b"")).unwrap();
    layer.most = 4 << 20;
    let error = io::copy(&mut layer, &mut io::sink()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(layer.bytes <= (4 << 20) + (1 << 20));
}

#[test]
fn manifest_and_configuration_must_have_the_same_layers() {
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::create(&scratch.path().join("layout")).unwrap();
    let layer = layout.put_blob(media_type::LAYER, b"tar").unwrap();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    let config = layout.put_json(media_type::CONFIG, &config).unwrap();
    let mut manifest = ImageManifest {
        schema_version: 2,
        media_type: None,
        artifact_type: None,
        config,
        layers: vec![layer.clone()],
        subject: None,
        annotations: Default::default(),
    };
    let image = ImageLayers::of(&layout, &manifest).unwrap();
    let (descriptor, diff_id) = &image.layers[0];
    let mut bytes = Vec::new();
    image
        .plain(descriptor, diff_id)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes, b"tar");
    manifest.layers.push(layer);
    assert!(matches!(
        ImageLayers::of(&layout, &manifest).err(),
        Some(LayersError::Count {
            layers: 2,
            diff_ids: 1
        })
    ));
}
