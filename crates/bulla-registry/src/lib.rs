//! The OCI distribution API over bulla-store.
