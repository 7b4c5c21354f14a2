//! Kinds of policy documents; each is turned into [`crate::ir`].

pub mod own;
