//! What is in a file tree: catalogers, purls, version orders, SBOM documents.
//!
//! [`FileTree`] is a file system without its bytes, from the layers of an image
//! or from a directory. [`catalog`] finds in it what is installed, and
//! [`catalog_lock_file`] what a build took in; both give an [`Inventory`] in
//! which every file is accounted for. [`sbom`] writes it as CycloneDX 1.6 or
//! SPDX 2.3 and reads those back. [`Purl`] names packages, [`version`] orders
//! their versions. Nothing here opens a connection or asks for the time.

pub mod binary;
pub mod cataloger;
mod ecosystem;
pub mod inventory;
pub mod license;
pub mod purl;
pub mod sbom;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod version;

pub use cataloger::{catalog, catalog_lock_directory, catalog_lock_file, catalog_locks};
pub use ecosystem::Ecosystem;
pub use inventory::{Component, Distribution, FileEntry, Inventory, Origin, Problem};
pub use purl::Purl;
pub use tree::{FileTree, LayerStack, TreeLimits};
