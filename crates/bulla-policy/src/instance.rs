//! The names that a policy may leave to the local instance to fill in.

use bulla_core::RootId;

/// What `instance` stands for in a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceNames {
    /// The instance's trust root.
    pub root: RootId,
    /// The issuer of asserted identities (`bulla token`).
    pub asserted_issuer: String,
    /// The issuer of the instance's own services.
    pub service_issuer: String,
    /// Host and port of its registry.
    pub registry: String,
}

impl InstanceNames {
    /// The subject of one of its services: `ISSUER/builder`.
    pub fn service(&self, name: &str) -> String {
        format!("{}/{name}", self.service_issuer)
    }
}
