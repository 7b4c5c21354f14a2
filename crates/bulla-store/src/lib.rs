//! Two ports: state in SQL, blobs by digest.
//!
//! [`Store::open`] opens a data directory: `state.sqlite` behind [`StateStore`]
//! and `blobs/` behind [`BlobStore`]. Services keep their tables here through
//! [`Schema`] and their small values through [`Values`]; the registry's tables
//! are [`RegistryState`]. Blobs are local files written by hand: `object_store`'s
//! local files are not synced to disk, so a crash could lose what was already
//! acknowledged. Object stores come behind the same trait.

pub mod blob;
pub mod state;
mod store;

pub use blob::{BlobError, BlobReader, BlobStore, BlobUpload, LocalBlobs};
pub use sqlx;
pub use state::{RegistryState, Schema, StateError, StateStore, Values};
pub use store::{Store, StoreError};
