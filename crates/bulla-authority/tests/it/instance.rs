//! Creation, reuse and refusal of instances.
