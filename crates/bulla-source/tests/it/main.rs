//! Real repositories, made by git, ssh-keygen and gpg, read by bulla-source.

mod export;
mod open;
mod signature;
mod support;
mod working;
