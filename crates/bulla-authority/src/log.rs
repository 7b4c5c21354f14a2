//! Transparency logs: one sequencer, three personalities (Rekor v1,
//! Rekor v2 and CT).
//!
//! Entries that arrive while a commit is under way form the next one: group
//! commit without a timer. The order is fixed: tiles and entries durable, head
//! moved by compare-and-swap, checkpoint signed, published, answered.

pub mod ct;
mod handle;
mod publisher;
mod read;
pub mod rekor_v1;
pub mod rekor_v2;
mod searchable;
mod sequencer;
pub mod tile_routes;

pub use handle::{Fence, Leaf, Log, LogConfig, Sequenced, SignCheckpoint};
pub use publisher::Cosigner;
