//! State in SQL, blobs by digest, immutable objects by name, and leases.
//!
//! [`SharedStore::connect`] is the form for several replicas: PostgreSQL and S3;
//! [`Storage`] is either. [`Store::open`] opens a data directory: `state.sqlite` behind [`StateStore`]
//! and `blobs/` behind [`BlobStore`]. Services keep their tables here through
//! [`Schema`] and their small values through [`Values`]; the registry's tables
//! are [`RegistryState`]. Blobs are local files written by hand: `object_store`'s
//! local files are not synced to disk, so a crash could lose what was already
//! acknowledged.

pub mod blob;
pub mod lease;
pub mod object;
mod shared;
pub mod state;
mod store;

pub use blob::{BlobError, BlobReader, BlobStore, BlobUpload, LocalBlobs};
pub use lease::{Claim, Holder, Lease, Leases};
pub use object::{ObjectError, ObjectName, Objects, ObjectsConfig, Put};
pub use shared::{SharedStore, Storage};
pub use sqlx;
pub use state::{
    PostgresConfig, PostgresError, PostgresState, RegistryState, Schema, StateError, StateStore,
    Values,
};
pub use store::{Store, StoreError};
