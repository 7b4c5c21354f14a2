//! Transparency logs: one sequencer, three personalities (Rekor v1,
//! Rekor v2 and CT).
//!
//! Entries that arrive while a commit is under way form the next one: group
//! commit without a timer. The order is fixed: tiles and entries durable, head
//! moved by compare-and-swap, checkpoint signed, published, answered.

pub mod ct;
#[cfg(test)]
mod fixture;
mod handle;
mod keeper;
mod publisher;
mod read;
pub mod rekor_v1;
pub mod rekor_v2;
mod role;
mod searchable;
mod sequencer;
pub mod tile_routes;

pub use handle::{Leaf, Log, LogConfig, Sequenced, SignCheckpoint};
pub use keeper::{Fall, Keeper};
pub use publisher::Cosigner;
pub use role::Fence;
