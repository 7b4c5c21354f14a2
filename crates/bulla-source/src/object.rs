//! Reads one git object, bounded, and hashes it again.
//!
//! git itself trusts what lies in the object database; we do not: the bytes must
//! have the name they were asked by, with SHA-1 collisions detected. Replacement
//! refs are off (see `repository.rs`), so a name means its own object.

use gix::{ObjectId, objs::Kind};

use crate::SourceError;

/// Reads `id`, which must be of `kind` and at most `limit` bytes.
pub(crate) fn load(
    repo: &gix::Repository,
    id: ObjectId,
    kind: Kind,
    limit: u64,
) -> Result<Vec<u8>, SourceError> {
    let missing = || SourceError::MissingObject { id: id.to_string() };
    let header = repo
        .try_find_header(id)
        .map_err(SourceError::git("read an object"))?
        .ok_or_else(missing)?;
    if header.size() > limit {
        return Err(SourceError::Limit {
            what: format!("the size of object {id}"),
            limit,
        });
    }
    let mut object = repo
        .try_find_object(id)
        .map_err(SourceError::git("read an object"))?
        .ok_or_else(missing)?;
    let damaged = || SourceError::DamagedObject { id: id.to_string() };
    let hash =
        gix::objs::compute_hash(id.kind(), object.kind, &object.data).map_err(|_| damaged())?;
    if object.kind != kind || hash != id {
        return Err(damaged());
    }
    Ok(std::mem::take(&mut object.data))
}
