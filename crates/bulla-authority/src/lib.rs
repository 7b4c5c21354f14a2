//! CA, transparency logs, timestamp authority and OIDC issuer in one process.
