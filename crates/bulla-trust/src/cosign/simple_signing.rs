//! The payload of a signature in the old layout ("simple signing").
//!
//! <https://github.com/containers/image/blob/main/docs/containers-signature.5.md>:
//! what is critical must be understood, so an unknown critical field is refused;
//! what is optional is kept as it is. The reference in it is what the signer
//! called the image, which proves nothing about where it is now.

use bulla_core::{Digest, Statement, Subject, limits, statement::predicate_type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{sigstore::Failure, verified::Verified};

/// What cosign calls its signatures.
const TYPE: &str = "cosign container image signature";

/// Which image was signed, and what the signer added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimpleSigning {
    /// The image.
    pub digest: Digest,
    /// What the signer called it; may be empty.
    pub docker_reference: String,
    /// The signer's annotations.
    pub optional: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    critical: Critical,
    #[serde(default)]
    optional: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: WireIdentity,
    image: Image,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireIdentity {
    #[serde(rename = "docker-reference", default)]
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

impl SimpleSigning {
    /// The payload that is signed, as cosign writes it.
    pub fn to_payload(&self) -> Vec<u8> {
        let optional = match self.optional.is_empty() {
            true => Value::Null,
            false => Value::Object(self.optional.clone()),
        };
        json!({
            "critical": {
                "identity": {"docker-reference": self.docker_reference},
                "image": {"docker-manifest-digest": self.digest},
                "type": TYPE,
            },
            "optional": optional,
        })
        .to_string()
        .into_bytes()
    }

    /// Reads a payload. It is not verified.
    ///
    /// # Errors
    /// [`Failure::NotSimpleSigning`].
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Failure> {
        let not = |detail: String| Failure::NotSimpleSigning { detail };
        let wire: Wire = limits::parse_json(payload, limits::MANIFEST_BYTES, "signature payload")
            .map_err(|error| not(error.to_string()))?;
        if wire.critical.r#type != TYPE {
            return Err(not(format!("its type is {:?}", wire.critical.r#type)));
        }
        let digest = &wire.critical.image.digest;
        Ok(Self {
            digest: digest
                .parse()
                .map_err(|_| not(format!("its digest is {digest:?}")))?,
            docker_reference: wire.critical.identity.docker_reference,
            optional: wire.optional.unwrap_or_default(),
        })
    }
}

impl<P> Verified<SimpleSigning, P> {
    /// The same as a statement. What a signer says of an image in the old layout
    /// is said in the new one as a statement of this type about the same digest,
    /// with the same annotations: whoever judges statements knows both so.
    #[must_use]
    pub fn into_statement(self) -> Verified<Statement, P> {
        self.map(|claim| {
            let subject = Subject {
                annotations: claim.optional.into_iter().collect(),
                ..Subject::new(claim.docker_reference, &claim.digest)
            };
            Statement::new(vec![subject], predicate_type::COSIGN_SIGN_V1, json!({}))
        })
    }
}

#[cfg(test)]
mod tests;
