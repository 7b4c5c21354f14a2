//! Policies in one internal form, and the decision they give on evidence.
//!
//! A policy document of some [`kind`] becomes a [`Policy`]; [`evaluate()`] holds
//! it against an [`Input`] and the [`Evidence`] about it. Nothing here does I/O,
//! reads a clock or follows a URL, so every decision can be replayed. A
//! repository may only make a policy stricter ([`tighten()`]); what a person reads
//! when the answer is no is [`DenyText`].

pub mod age;
pub mod code;
pub mod deny_text;
pub mod evaluate;
pub mod evidence;
pub mod instance;
pub mod ir;
pub mod kind;
pub mod pattern;
pub mod predicate;
pub mod text;
pub mod tighten;

pub use deny_text::DenyText;
pub use evaluate::{denied_by_name, evaluate};
pub use evidence::{Evidence, Input, OldLayer, Rejected, Seal, Stage};
pub use instance::InstanceNames;
pub use ir::Policy;
pub use kind::own::PolicyError;
pub use tighten::{TightenError, tighten, tighten_by};
