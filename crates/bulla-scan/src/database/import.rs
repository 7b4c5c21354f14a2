//! Other people's advisories as ours: one file for each format.

pub mod alpine;
pub mod debian;
pub mod osv;
