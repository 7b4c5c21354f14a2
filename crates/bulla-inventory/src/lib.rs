//! What is in a file tree: catalogers, purls, version orders, SBOM documents.
