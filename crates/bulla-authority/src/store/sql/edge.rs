//! The partial tiles of a head as one value: level, index, width and hashes of each.

use bulla_crypto::merkle::{TileId, WrittenTile};

pub(in crate::store) fn encode(edge: &[WrittenTile]) -> Vec<u8> {
    let mut out = Vec::new();
    for WrittenTile { id, bytes } in edge {
        out.push(id.level);
        out.extend_from_slice(&id.index.to_be_bytes());
        out.extend_from_slice(&id.width.to_be_bytes());
        out.extend_from_slice(bytes);
    }
    out
}

/// `None` if it is damaged.
pub(in crate::store) fn decode(mut rest: &[u8]) -> Option<Vec<WrittenTile>> {
    let mut edge = Vec::new();
    while let Some((&level, after)) = rest.split_first() {
        let (index, after) = after.split_first_chunk()?;
        let (width, after) = after.split_first_chunk()?;
        let (index, width) = (u64::from_be_bytes(*index), u16::from_be_bytes(*width));
        let (bytes, after) = after.split_at_checked(usize::from(width) * 32)?;
        edge.push(WrittenTile {
            id: TileId {
                level,
                index,
                width,
            },
            bytes: bytes.to_vec(),
        });
        rest = after;
    }
    Some(edge)
}
