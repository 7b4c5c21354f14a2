//! The layers of an image, ready to be read: as stored, or decompressed.
//!
//! Both ways end with an error unless the content is what manifest and
//! configuration promise; decompression is bounded in bytes and in ratio.

use bulla_core::{Code, Descriptor, Diagnose, Digest, limits};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
};

use crate::{
    layout::{Layout, LayoutError},
    manifest::{ImageConfig, ImageManifest, ManifestError, parse_config},
    verified::{Hasher, VerifiedReader},
};

/// Decompressed bytes for each stored byte, once beyond [`RATIO_FLOOR`].
const RATIO: u64 = 1_032; // what DEFLATE can reach at most
/// Below this, a layer may be as dense as it likes.
const RATIO_FLOOR: u64 = 1 << 30;

/// An image's layers.
pub struct ImageLayers<'a> {
    layout: &'a Layout,
    /// The configuration, checked.
    pub config: ImageConfig,
    /// Descriptor and diff id of each layer, lowest first.
    pub layers: Vec<(Descriptor, Digest)>,
}

impl<'a> ImageLayers<'a> {
    /// Reads the configuration of `manifest` and pairs it with the layers.
    ///
    /// # Errors
    /// [`LayersError`] if it cannot be read or names another number of layers.
    pub fn of(layout: &'a Layout, manifest: &ImageManifest) -> Result<Self, LayersError> {
        let bytes = layout.read_blob(&manifest.config, limits::MANIFEST_BYTES)?;
        let config = parse_config(&bytes)?;
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            return Err(LayersError::Count { layers, diff_ids });
        }
        let pairs = manifest.layers.iter().cloned();
        let layers = pairs.zip(config.rootfs.diff_ids.iter().cloned()).collect();
        Ok(Self {
            layout,
            config,
            layers,
        })
    }

    /// A layer as it is stored.
    ///
    /// # Errors
    /// [`LayersError::Layout`].
    pub fn stored(&self, layer: &Descriptor) -> Result<VerifiedReader<fs::File>, LayersError> {
        Ok(self.layout.open_blob(layer)?)
    }

    /// A layer's tar archive.
    ///
    /// # Errors
    /// [`LayersError`] if it cannot be opened.
    pub fn plain(
        &self,
        layer: &Descriptor,
        diff_id: &Digest,
    ) -> Result<PlainLayer<VerifiedReader<fs::File>>, LayersError> {
        let stored = self.stored(layer)?;
        PlainLayer::new(stored, layer.size, diff_id).map_err(LayersError::Read)
    }
}

/// A layer's tar archive, decompressed while it is read.
pub struct PlainLayer<R: Read> {
    inner: Inner<BufReader<R>>,
    hasher: Hasher,
    diff_id: Digest,
    bytes: u64,
    most: u64,
    done: bool,
}

enum Inner<R: BufRead> {
    Ended,
    Gzip(Box<MultiGzDecoder<R>>),
    Plain(R),
    ZstdBetween(R),
    ZstdFrame(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
}

impl<R: Read> PlainLayer<R> {
    /// Decompresses `stored`, of `size` bytes, by its first bytes: gzip, zstd or plain.
    ///
    /// # Errors
    /// If nothing can be read.
    pub fn new(stored: R, size: u64, diff_id: &Digest) -> io::Result<Self> {
        let mut source = BufReader::with_capacity(128 << 10, stored);
        let inner = match source.fill_buf()? {
            [0x1f, 0x8b, ..] => Inner::Gzip(Box::new(MultiGzDecoder::new(source))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Inner::ZstdBetween(source),
            _ => Inner::Plain(source),
        };
        let dense = size.saturating_mul(RATIO).max(RATIO_FLOOR);
        Ok(Self {
            inner,
            hasher: Hasher::like(diff_id),
            diff_id: diff_id.clone(),
            bytes: 0,
            most: dense.min(limits::LAYER_BYTES),
            done: false,
        })
    }

    fn read_inner(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let between = match &mut self.inner {
                Inner::Ended => return Ok(0),
                Inner::Gzip(gzip) => return gzip.read(buffer),
                Inner::Plain(plain) => return plain.read(buffer),
                Inner::ZstdBetween(_) => true,
                Inner::ZstdFrame(frame) => match frame.read(buffer)? {
                    0 => false,
                    count => return Ok(count),
                },
            };
            self.inner = match (between, std::mem::replace(&mut self.inner, Inner::Ended)) {
                (true, Inner::ZstdBetween(mut source)) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let frame = StreamingDecoder::new(source).map_err(io::Error::other)?;
                    Inner::ZstdFrame(Box::new(frame))
                }
                (false, Inner::ZstdFrame(frame)) => Inner::ZstdBetween(frame.into_inner()),
                (_, other) => other,
            };
        }
    }

    /// What is left of the source after the last member must still pass its checks.
    fn drain(&mut self) -> io::Result<()> {
        let mut rest = [0; 1024];
        match &mut self.inner {
            Inner::Gzip(gzip) => {
                if gzip.get_mut().read(&mut rest)? > 0 {
                    return Err(invalid("the layer goes on after its end"));
                }
            }
            Inner::Ended | Inner::Plain(_) | Inner::ZstdBetween(_) | Inner::ZstdFrame(_) => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for PlainLayer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        let count = self.read_inner(buffer)?;
        self.bytes += count as u64;
        if self.bytes > self.most {
            return Err(invalid("the layer grows beyond what is read"));
        }
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        if count == 0 {
            self.drain()?;
            if !self.hasher.clone().is(&self.diff_id) {
                return Err(invalid("the layer is not what its diff id says"));
            }
            self.done = true;
        }
        Ok(count)
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Why an image's layers cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayersError {
    /// The configuration is of another image.
    #[error("the manifest has {layers} layers, the configuration {diff_ids}")]
    Count {
        /// In the manifest.
        layers: usize,
        /// In the configuration.
        diff_ids: usize,
    },
    /// The layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The configuration cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A layer cannot be read.
    #[error("the layer cannot be read: {0}")]
    Read(#[source] io::Error),
}

impl Diagnose for LayersError {
    fn code(&self) -> Code {
        match self {
            Self::Count { .. } => Code("OCI-0040"),
            Self::Layout(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Read(_) => Code("OCI-0041"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Layout(error) => error.hint(),
            Self::Manifest(error) => error.hint(),
            Self::Count { .. } | Self::Read(_) => {
                Some("the image is damaged: pull or build it again".into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
