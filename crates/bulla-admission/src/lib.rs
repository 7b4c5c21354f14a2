//! Kubernetes admission: resolve once, verify, decide, pin.
