//! A layer's bytes as they come, and as they are: plain, gzip (several members)
//! or zstd (several frames), told apart by their first bytes.
//!
//! Both sides are hashed and counted while they pass, so that the digest and
//! the diff id of the layer are known at its end, and a layer that grows out of
//! proportion is stopped.

use bulla_core::{Digest, DigestHasher};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::{
    cell::RefCell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use super::{TreeError, TreeLimits};

/// What passed so far.
#[derive(Clone, Default)]
struct Meter {
    hasher: DigestHasher,
    bytes: u64,
}

impl Meter {
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

/// The decompressed layer.
pub(super) struct Layer<R: Read> {
    inner: Inner<R>,
    archived: Rc<RefCell<Meter>>,
    plain: Meter,
    limits: TreeLimits,
}

type Source<R> = BufReader<Metered<R>>;

enum Inner<R: Read> {
    Gzip(Box<MultiGzDecoder<Source<R>>>),
    Plain(Source<R>),
    Zstd(Frames<Source<R>>),
}

impl<R: Read> Layer<R> {
    /// Looks at the first bytes of `reader` to choose the decoder.
    pub(super) fn new(reader: R, limits: TreeLimits) -> io::Result<Self> {
        let archived = Rc::new(RefCell::new(Meter::default()));
        let meter = Rc::clone(&archived);
        let mut source = BufReader::with_capacity(128 << 10, Metered { reader, meter });
        let magic = source.fill_buf()?;
        let inner = if magic.starts_with(&[0x1f, 0x8b]) {
            Inner::Gzip(Box::new(MultiGzDecoder::new(source)))
        } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(magic) {
            Inner::Zstd(Frames {
                state: Some(State::Between(source)),
            })
        } else {
            Inner::Plain(source)
        };
        Ok(Self {
            inner,
            archived,
            plain: Meter::default(),
            limits,
        })
    }

    /// Reads to the end and says what passed: (archived, plain), each with size.
    pub(super) fn finish(mut self) -> io::Result<((Digest, u64), (Digest, u64))> {
        let mut buffer = vec![0; 64 << 10];
        while self.read(&mut buffer)? > 0 {}
        let archived = self.archived.borrow().hasher.clone().finish();
        let plain = match self.inner {
            Inner::Plain(_) => archived.clone(),
            _ => self.plain.hasher.finish(),
        };
        Ok((archived, plain))
    }
}

impl<R: Read> Read for Layer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.inner {
            Inner::Gzip(reader) => reader.read(buffer)?,
            Inner::Plain(reader) => return reader.read(buffer),
            Inner::Zstd(reader) => reader.read(buffer)?,
        };
        self.plain.add(buffer.get(..count).unwrap_or_default());
        let plain = self.plain.bytes;
        if plain > self.limits.total_bytes {
            let limit = self.limits.total_bytes;
            return Err(io::Error::other(TreeError::TotalSize { limit }));
        }
        let archived = self.archived.borrow().bytes;
        let allowed = archived.saturating_mul(self.limits.ratio);
        if plain > self.limits.ratio_floor && plain > allowed {
            return Err(io::Error::other(TreeError::Ratio {
                what: "layer".into(),
                ratio: self.limits.ratio,
            }));
        }
        Ok(count)
    }
}

struct Metered<R> {
    reader: R,
    meter: Rc<RefCell<Meter>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let seen = buffer.get(..count).unwrap_or_default();
        self.meter.borrow_mut().add(seen);
        Ok(count)
    }
}

/// All frames of a zstd stream, skippable ones left out.
struct Frames<R: BufRead> {
    state: Option<State<R>>,
}

enum State<R: BufRead> {
    Between(R),
    Inside(Box<StreamingDecoder<R, FrameDecoder>>),
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state.take() {
                None => return Ok(0),
                Some(State::Inside(mut decoder)) => {
                    let count = decoder.read(buffer)?;
                    if count > 0 || buffer.is_empty() {
                        self.state = Some(State::Inside(decoder));
                        return Ok(count);
                    }
                    self.state = Some(State::Between(decoder.into_inner()));
                }
                Some(State::Between(mut source)) => {
                    let next = source.fill_buf()?;
                    if next.is_empty() {
                        return Ok(0);
                    }
                    if is_skippable(next) {
                        skip_frame(&mut source)?;
                        self.state = Some(State::Between(source));
                        continue;
                    }
                    let invalid = |e| io::Error::new(io::ErrorKind::InvalidData, format!("{e}"));
                    let decoder = StreamingDecoder::new(source).map_err(invalid)?;
                    self.state = Some(State::Inside(Box::new(decoder)));
                }
            }
        }
    }
}

fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [low, 0x2a, 0x4d, 0x18, ..] if low & 0xf0 == 0x50)
}

fn skip_frame(source: &mut impl BufRead) -> io::Result<()> {
    let mut header = [0u8; 8];
    source.read_exact(&mut header)?;
    let [.., a, b, c, d] = header;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let skipped = io::copy(&mut source.take(length), &mut io::sink())?;
    if skipped < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
