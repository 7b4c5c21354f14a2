//! What can go wrong between us and a registry.

use bulla_core::{
    Code, Diagnose, Digest,
    limits::{self, LimitError},
};
use bulla_net::HttpError;
use http::StatusCode;
use serde::Deserialize;

use crate::{credentials::CredentialsError, layout::LayoutError, manifest::ManifestError};

/// Bytes of an error answer that are read.
const BYTES: u64 = 64 << 10;

/// What a registry said when it refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryAnswer {
    /// Its code, for example `DENIED`.
    pub code: String,
    /// Its message and detail as one printable line.
    pub message: String,
}

impl std::fmt::Display for RegistryAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => Ok(()),
            (code, "") => write!(f, ": {code}"),
            ("", message) => write!(f, ": {message}"),
            (code, message) => write!(f, ": {code}: {message}"),
        }
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    code: String,
    message: Option<String>,
    detail: serde_json::Value,
}

/// Reads the first error of an error body; anything else gives an empty answer.
pub fn parse_errors(bytes: &[u8]) -> RegistryAnswer {
    let parsed = limits::parse_json::<Errors>(bytes, BYTES, "the error");
    let Some(first) = parsed.ok().and_then(|body| body.errors.into_iter().next()) else {
        return RegistryAnswer::default();
    };
    let message = match (first.message, first.detail) {
        (Some(message), serde_json::Value::String(detail)) => format!("{message} ({detail})"),
        (Some(message), _) => message,
        (None, serde_json::Value::String(detail)) => detail,
        (None, _) => String::new(),
    };
    let printable = |text: &str| -> String {
        let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        clean.take(600).collect()
    };
    RegistryAnswer {
        code: printable(&first.code),
        message: printable(&message),
    }
}

/// Why an exchange with a registry did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The registry keeps every seal that was ever there.
    #[error("{place} keeps every earlier entry, so nothing can be replaced there{answer}")]
    AppendOnly {
        /// The tag.
        place: String,
        /// What the registry said.
        answer: RegistryAnswer,
    },
    /// More bytes of evidence than are read.
    #[error("the evidence of {subject} is larger than {limit} bytes together")]
    Budget {
        /// The subject.
        subject: Digest,
        /// The bound in bytes.
        limit: u64,
    },
    /// Others write the same tag all the time.
    #[error("{place} was rewritten by others each time an entry was added")]
    Contended {
        /// The tag.
        place: String,
    },
    /// Credentials cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The content is not what its digest says.
    #[error("{place} sent something else than {digest}")]
    Digest {
        /// The registry and repository.
        place: String,
        /// What was asked for.
        digest: Digest,
    },
    /// It does not delete.
    #[error("{place} was not deleted: status {}{answer}", status.as_u16())]
    DeletionRefused {
        /// What was to be deleted.
        place: String,
        /// The status.
        status: StatusCode,
        /// What the registry said.
        answer: RegistryAnswer,
    },
    /// HTTP itself.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It took too long as a whole.
    #[error("{what} took longer than {seconds} seconds")]
    Late {
        /// What was done.
        what: &'static str,
        /// The bound.
        seconds: u64,
    },
    /// A layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Too large, too deep, or not the JSON expected.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Indexes in indexes in indexes.
    #[error("{place} has indexes nested too deeply")]
    Nested {
        /// The image.
        place: String,
    },
    /// It is not there.
    #[error("{what} is not there")]
    NotFound {
        /// The reference.
        what: String,
    },
    /// The reference names neither tag nor digest.
    #[error("{reference} names neither a tag nor a digest")]
    NoTag {
        /// The reference.
        reference: String,
    },
    /// No image for the architecture.
    #[error("{reference} has no image for linux/{architecture}")]
    Platform {
        /// The reference.
        reference: String,
        /// The architecture.
        architecture: String,
    },
    /// No image for the platform.
    #[error("{reference} has no image for {platform}: {there}")]
    NoPlatform {
        /// The reference.
        reference: String,
        /// The platform.
        platform: String,
        /// What there is instead.
        there: String,
    },
    /// A folder that holds no saved image.
    #[error("{} holds no saved image, or several", path.display())]
    NotSaved {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// Not what the protocol says.
    #[error("{place} does not follow the protocol: {what}")]
    Protocol {
        /// The registry.
        place: String,
        /// What it did.
        what: &'static str,
    },
    /// It refused.
    #[error("{place} refused with status {}{answer}", status.as_u16())]
    Refused {
        /// What was asked.
        place: String,
        /// The status.
        status: StatusCode,
        /// What it said.
        answer: RegistryAnswer,
    },
    /// More than one image for the platform.
    #[error("{reference} has several images for {platform}: {there}")]
    SeveralForPlatform {
        /// The reference.
        reference: String,
        /// The platform.
        platform: String,
        /// Which.
        there: String,
    },
    /// The content has another size than its descriptor says.
    #[error("{place} sent another number of bytes than the {stated} of {digest}")]
    Size {
        /// The registry and repository.
        place: String,
        /// What was asked for.
        digest: Digest,
        /// As stated, in bytes.
        stated: u64,
    },
    /// Credentials would go where they do not belong.
    #[error("{registry} wants the credential sent to {realm}, which is not its own")]
    ForeignRealm {
        /// The registry.
        registry: String,
        /// Where it points.
        realm: String,
    },
    /// The name is taken.
    #[error("{reference} is already another image, {current}")]
    Taken {
        /// The reference.
        reference: String,
        /// What it names.
        current: Digest,
    },
    /// More manifests below an index than are looked at.
    #[error("{place} has more than {limit} manifests below it")]
    TooManyChildren {
        /// The index.
        place: String,
        /// The bound.
        limit: usize,
    },
    /// More layers in one manifest than are looked at.
    #[error("{place} has {count} layers, more than the {limit} that are looked at")]
    TooManyLayers {
        /// The manifest.
        place: String,
        /// How many.
        count: usize,
        /// The bound.
        limit: usize,
    },
    /// More referrers than are looked at.
    #[error("{subject} has more than {limit} referrers in {place}")]
    TooManyReferrers {
        /// The registry and repository.
        place: String,
        /// The subject.
        subject: Digest,
        /// The bound.
        limit: usize,
    },
    /// No credential, or a wrong one.
    #[error("{registry} wants a credential{}", if *presented { ", and refused the one it was given" } else { "" })]
    Unauthorized {
        /// The registry.
        registry: String,
        /// Whether one was presented.
        presented: bool,
    },
}

impl Diagnose for ClientError {
    fn code(&self) -> Code {
        match self {
            Self::AppendOnly { .. } => Code("OCI-0200"),
            Self::Budget { .. } => Code("OCI-0201"),
            Self::Contended { .. } => Code("OCI-0202"),
            Self::Credentials(error) => error.code(),
            Self::DeletionRefused { .. } => Code("OCI-0203"),
            Self::Late { .. } => Code("OCI-0204"),
            Self::NoPlatform { .. } => Code("OCI-0205"),
            Self::NotSaved { .. } => Code("OCI-0206"),
            Self::Taken { .. } => Code("OCI-0207"),
            Self::TooManyChildren { .. } => Code("OCI-0208"),
            Self::TooManyLayers { .. } => Code("OCI-0209"),
            Self::SeveralForPlatform { .. } => Code("OCI-0211"),
            Self::Digest { .. } => Code("OCI-0070"),
            Self::Http(error) => error.code(),
            Self::Layout(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Nested { .. } => Code("OCI-0071"),
            Self::NotFound { .. } => Code("OCI-0072"),
            Self::NoTag { .. } => Code("OCI-0073"),
            Self::Platform { .. } => Code("OCI-0074"),
            Self::Protocol { .. } => Code("OCI-0075"),
            Self::Refused { .. } => Code("OCI-0076"),
            Self::Size { .. } => Code("OCI-0077"),
            Self::ForeignRealm { .. } => Code("OCI-0078"),
            Self::TooManyReferrers { .. } => Code("OCI-0079"),
            Self::Unauthorized { .. } => Code("OCI-0080"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Credentials(error) => return error.hint(),
                Self::Http(error) => return error.hint(),
                Self::Layout(error) => return error.hint(),
                Self::Manifest(error) => return error.hint(),
                Self::Limit(_) => return None,
                Self::AppendOnly { .. } => {
                    "leave out --replace: the new attestation then stands beside the earlier ones"
                }
                Self::Budget { .. } | Self::TooManyLayers { .. } => {
                    "see what hangs on the image: `bulla tree REFERENCE`; ask who may push there"
                }
                Self::Contended { .. } => "run the same command again when fewer others sign this image",
                Self::DeletionRefused { .. } => {
                    "allow deletion in the registry's configuration; bulla's own registry never deletes seals"
                }
                Self::Late { .. } => "see that the registry answers: `bulla tree REFERENCE`",
                Self::NotSaved { .. } => "make such a folder: `bulla save --dir FOLDER REFERENCE`",
                Self::Taken { .. } => "choose another name, or say --force to move it",
                Self::TooManyChildren { .. } | Self::NoPlatform { .. } => {
                    "name one image by its digest: REGISTRY/REPOSITORY@sha256:HEX"
                }
                Self::SeveralForPlatform { .. } => {
                    "name the variant, too, as in linux/arm/v7, or one image by its digest: REGISTRY/REPOSITORY@sha256:HEX"
                }
                Self::Digest { .. } | Self::Size { .. } => {
                    "do not use what came; ask the registry's operator, or pull from another one"
                }
                Self::NotFound { .. } => "see which tags there are: `skopeo list-tags docker://NAME`",
                Self::NoTag { .. } => "write REGISTRY/REPOSITORY@sha256:HEX",
                Self::Nested { .. } | Self::Platform { .. } => {
                    "name one image by its digest: REGISTRY/REPOSITORY@sha256:HEX"
                }
                Self::Protocol { .. } => "see that the address is that of an OCI registry",
                Self::Refused { answer, .. } if answer.code == "DENIED" => {
                    "push under another tag, or with a credential that may do this"
                }
                Self::Refused { .. } => "see the registry's log",
                Self::ForeignRealm { .. } => {
                    "see that the registry is the one you mean; log in to its token service by its own name"
                }
                Self::TooManyReferrers { .. } => {
                    "remove referrers that are not needed from the registry"
                }
                Self::Unauthorized { .. } => {
                    "set DOCKER_CONFIG to the folder of a config.json with this registry; for the local one, the folder of docker_config in its ready file"
                }
            }
            .into(),
        )
    }
}

#[cfg(test)]
mod tests;
