//! Expression engines that policies are written in.
//!
//! [`rego`] is the language of Open Policy Agent. Expressions get a value and the
//! time from their caller and give a value back: they open no file and no
//! connection, and none outlives its [`Budget`]. What an engine does not know is
//! refused before anything is evaluated, since an expression that fails inside of
//! a negation would otherwise allow (rules R15, R17).

pub mod budget;
pub mod rego;

pub use budget::Budget;
