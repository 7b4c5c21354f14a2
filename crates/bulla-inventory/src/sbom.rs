//! SBOM documents.
