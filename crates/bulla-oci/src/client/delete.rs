//! Deleting a manifest, where a registry allows it.
//!
//! OCI distribution specification, *Deleting tags* and *Deleting Manifests*. By
//! digest every tag of the manifest goes, too; blobs are the registry's to collect.

use bulla_core::Reference;
use bulla_net::Request;
use http::StatusCode;

use super::{ClientError, Registry, auth::Action, error::parse_errors};

impl Registry {
    /// Deletes the manifest or tag that `reference` names; whether it was there.
    ///
    /// # Errors
    /// [`ClientError::DeletionRefused`] in the registry's own words, or as for
    /// every exchange.
    pub async fn delete(&self, reference: &Reference) -> Result<bool, ClientError> {
        let key = reference.manifest_key().ok_or_else(|| ClientError::NoTag {
            reference: reference.to_string(),
        })?;
        let path = format!("manifests/{key}");
        let answer = self
            .exchange(reference, Action::Delete, &path, Request::delete)
            .await?;
        match answer.status() {
            StatusCode::ACCEPTED | StatusCode::OK | StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => {
                let bytes = answer.bytes(64 << 10, "its error").await;
                Err(ClientError::DeletionRefused {
                    place: reference.to_string(),
                    status,
                    answer: parse_errors(&bytes.unwrap_or_default()),
                })
            }
        }
    }
}
