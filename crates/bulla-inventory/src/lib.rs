//! What is in a file tree.

mod ecosystem;
pub mod purl;
#[cfg(test)]
mod testing;
pub mod version;

pub use ecosystem::Ecosystem;
pub use purl::Purl;
