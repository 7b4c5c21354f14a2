//! Two ports: state in SQL, blobs by digest.
