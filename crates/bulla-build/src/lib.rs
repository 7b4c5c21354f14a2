//! Isolated builds, their provenance, and reproducing them.
