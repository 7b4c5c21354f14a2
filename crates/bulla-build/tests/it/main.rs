//! Builds for real.
