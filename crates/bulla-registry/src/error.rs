//! Refusals in the protocol's own shape.
//!
//! OCI distribution specification, *Error Codes*: `{"errors":[{code, message,
//! detail}]}`. Failures of the store are logged whole and answered without
//! their particulars.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bulla_core::{Code, Diagnose, Digest};
use bulla_store::{BlobError, StateError};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The body broke off or is shorter than announced.
    #[error("the request's body ended early")]
    BodyCut,
    /// The body stood still for too long.
    #[error("the request's body stood still for too long")]
    BodyIdle,
    /// No such blob here.
    #[error("{digest} is not a blob of this repository")]
    BlobUnknown {
        /// The blob.
        digest: Digest,
    },
    /// A web page of another site asks.
    #[error("requests from web pages of another site are refused")]
    CrossSite,
    /// Deleting is switched off.
    #[error("deletion is switched off: what is pushed stays")]
    DeletionOff,
    /// Not a digest, or of an algorithm that is not accepted.
    #[error("not a digest that is accepted here: {text:?}")]
    DigestInvalid {
        /// What came, cut.
        text: String,
    },
    /// The content is not what its digest says.
    #[error("the content has the digest {found}, not {expected}")]
    DigestMismatch {
        /// The digest in the request.
        expected: Digest,
        /// The digest of the content.
        found: Digest,
    },
    /// The request is addressed to a name that is not ours.
    #[error("this registry does not answer for the host {host:?}")]
    Host {
        /// The name, cut.
        host: String,
    },
    /// Something still needs it.
    #[error("{digest} is still needed by a manifest of this repository")]
    InUse {
        /// The blob.
        digest: Digest,
    },
    /// A manifest that cannot be taken.
    #[error("the manifest is not valid: {reason}")]
    ManifestInvalid {
        /// Why not.
        reason: String,
    },
    /// A manifest refers to what is not there.
    #[error("the manifest refers to {digest}, which is not in this repository")]
    ManifestReference {
        /// The reference.
        digest: Digest,
    },
    /// A manifest gives a wrong size.
    #[error("the manifest says that {digest} has another size than its {stored} bytes")]
    ManifestSize {
        /// The reference.
        digest: Digest,
        /// Its size here, in bytes.
        stored: u64,
    },
    /// No such manifest here.
    #[error("{reference} is not a manifest of this repository")]
    ManifestUnknown {
        /// Tag or digest.
        reference: String,
    },
    /// The resource does not know the method.
    #[error("this method is not supported here")]
    Method,
    /// Not a repository name, tag or path of the API.
    #[error("not a name that is accepted here: {text:?}")]
    NameInvalid {
        /// What came, cut.
        text: String,
    },
    /// Nothing was ever pushed there.
    #[error("the repository {name} is not known")]
    NameUnknown {
        /// The repository.
        name: String,
    },
    /// Blobs failed.
    #[error("the registry's blobs failed: {0}")]
    Blobs(BlobError),
    /// State failed.
    #[error("the registry's state failed: {0}")]
    State(#[from] StateError),
    /// A stored manifest is not what its digest says.
    #[error("the stored manifest {digest} is damaged")]
    StoredDamage {
        /// The manifest.
        digest: Digest,
    },
    /// A tag cannot be pointed elsewhere.
    #[error("the tag {tag} is written once")]
    TagMoved {
        /// The tag.
        tag: String,
        /// What it names.
        current: Digest,
        /// What it was to name.
        wanted: Digest,
        /// What the new one lacks, for a tag that may only grow.
        lacks: Option<Digest>,
    },
    /// Too many sessions.
    #[error("too many uploads are unfinished")]
    TooManyUploads,
    /// Larger than allowed.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// No credential, or a wrong one.
    #[error("a credential is needed")]
    Unauthorized,
    /// Another request writes it.
    #[error("another request is writing this upload")]
    UploadBusy,
    /// Out of order.
    #[error("the upload holds {length} bytes: go on from there")]
    UploadRange {
        /// Bytes held.
        length: u64,
        /// Where the session is.
        location: String,
    },
    /// Malformed.
    #[error("the upload request is not valid: {reason}")]
    UploadInvalid {
        /// Why not.
        reason: &'static str,
    },
    /// No such session.
    #[error("the upload is not known")]
    UploadUnknown,
}

impl RegistryError {
    /// Status and code of the protocol.
    fn protocol(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::BodyCut => (S::BAD_REQUEST, "SIZE_INVALID"),
            Self::BodyIdle => (S::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID"),
            Self::BlobUnknown { .. } => (S::NOT_FOUND, "BLOB_UNKNOWN"),
            Self::CrossSite | Self::InUse { .. } | Self::TagMoved { .. } => {
                (S::FORBIDDEN, "DENIED")
            }
            Self::DeletionOff | Self::Method => (S::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::DigestInvalid { .. } | Self::DigestMismatch { .. } => {
                (S::BAD_REQUEST, "DIGEST_INVALID")
            }
            Self::Host { .. } => (S::MISDIRECTED_REQUEST, "DENIED"),
            Self::ManifestInvalid { .. } => (S::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::ManifestReference { .. } => (S::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"),
            Self::ManifestSize { .. } => (S::BAD_REQUEST, "SIZE_INVALID"),
            Self::ManifestUnknown { .. } => (S::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::NameInvalid { .. } => (S::BAD_REQUEST, "NAME_INVALID"),
            Self::NameUnknown { .. } => (S::NOT_FOUND, "NAME_UNKNOWN"),
            Self::Blobs(BlobError::Full { .. }) | Self::State(StateError::Full { .. }) => {
                (S::INSUFFICIENT_STORAGE, "DENIED")
            }
            Self::Blobs(_) | Self::State(_) | Self::StoredDamage { .. } => {
                (S::INTERNAL_SERVER_ERROR, "UNKNOWN")
            }
            Self::TooManyUploads => (S::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            Self::Unauthorized => (S::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::UploadBusy => (S::CONFLICT, "BLOB_UPLOAD_INVALID"),
            Self::UploadRange { .. } => (S::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
            Self::UploadInvalid { .. } => (S::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::UploadUnknown => (S::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::TagMoved {
                tag,
                current,
                wanted,
                lacks,
            } => Some(match lacks {
                None => format!(
                    "{tag} names {current} and cannot be moved to {wanted}; push under another tag"
                ),
                Some(lacks) => format!(
                    "{tag} names {current}; {wanted} would replace it without {lacks}, and this tag may only grow"
                ),
            }),
            _ => self.hint(),
        }
    }
}

impl From<BlobError> for RegistryError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Busy { .. } => Self::UploadBusy,
            BlobError::Mismatch { expected, found } => Self::DigestMismatch { expected, found },
            BlobError::TooLarge { limit } => Self::TooLarge { limit },
            other => Self::Blobs(other),
        }
    }
}

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        let (status, code) = self.protocol();
        let message = if status.is_server_error() {
            tracing::error!(error = %self, code = %Diagnose::code(&self), "request failed");
            "the registry could not do this; its log says why".to_owned()
        } else {
            tracing::debug!(error = %self, "request refused");
            self.to_string()
        };
        let mut error = json!({ "code": code, "message": message });
        if let (Some(detail), Some(fields)) = (self.detail(), error.as_object_mut()) {
            fields.insert("detail".into(), detail.into());
        }
        let mut response = Response::new(Body::from(json!({ "errors": [error] }).to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        match &self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, crate::access::CHALLENGE);
            }
            Self::TooManyUploads => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
            }
            Self::UploadRange { length, location } => {
                crate::route::upload_headers(headers, location, *length);
            }
            _ => {}
        }
        response
    }
}

impl Diagnose for RegistryError {
    fn code(&self) -> Code {
        match self {
            Self::BodyCut => Code("REGISTRY-0001"),
            Self::BodyIdle => Code("REGISTRY-0002"),
            Self::BlobUnknown { .. } => Code("REGISTRY-0003"),
            Self::CrossSite => Code("REGISTRY-0004"),
            Self::DeletionOff => Code("REGISTRY-0005"),
            Self::DigestInvalid { .. } => Code("REGISTRY-0006"),
            Self::DigestMismatch { .. } => Code("REGISTRY-0007"),
            Self::Host { .. } => Code("REGISTRY-0008"),
            Self::InUse { .. } => Code("REGISTRY-0009"),
            Self::ManifestInvalid { .. } => Code("REGISTRY-0010"),
            Self::ManifestReference { .. } => Code("REGISTRY-0011"),
            Self::ManifestSize { .. } => Code("REGISTRY-0012"),
            Self::ManifestUnknown { .. } => Code("REGISTRY-0013"),
            Self::Method => Code("REGISTRY-0014"),
            Self::NameInvalid { .. } => Code("REGISTRY-0015"),
            Self::NameUnknown { .. } => Code("REGISTRY-0016"),
            Self::Blobs(error) => error.code(),
            Self::State(error) => error.code(),
            Self::StoredDamage { .. } => Code("REGISTRY-0017"),
            Self::TagMoved { .. } => Code("REGISTRY-0018"),
            Self::TooManyUploads => Code("REGISTRY-0019"),
            Self::TooLarge { .. } => Code("REGISTRY-0020"),
            Self::Unauthorized => Code("REGISTRY-0021"),
            Self::UploadBusy => Code("REGISTRY-0022"),
            Self::UploadRange { .. } => Code("REGISTRY-0023"),
            Self::UploadInvalid { .. } => Code("REGISTRY-0024"),
            Self::UploadUnknown => Code("REGISTRY-0025"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Unauthorized => {
                    "set DOCKER_CONFIG to the directory of docker_config in the ready file of `bulla up`"
                }
                Self::Host { .. } => "use the registry's address as `bulla up` prints it",
                Self::ManifestReference { .. } => "push what the manifest refers to first",
                Self::TagMoved { .. } => "push under another tag",
                Self::UploadUnknown => "start the upload again",
                _ => return None,
            }
            .into(),
        )
    }
}
