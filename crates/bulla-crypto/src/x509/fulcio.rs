//! The extensions in which a certificate says what its ID token said
//! (1.3.6.1.4.1.57264.1.*, Fulcio's `docs/oid-info.md`).
//!
//! 1 to 6 hold raw bytes, as Fulcio wrote them before it knew better, and are
//! still written for the verifiers of those days; 8 and up hold a UTF8String. 7
//! is a name, not an extension. A claim without a value has no extension.

use std::collections::BTreeMap;

use x509_cert::ext::Extension;

use super::{X509Error, extension as ext};

/// Longest value, in bytes.
const VALUE_BYTES: usize = 2048;
/// The last of the extensions that hold raw bytes.
const LAST_RAW: u8 = 6;

macro_rules! fulcio_extensions {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $key:literal, $go:literal;)*) => {
        /// What an extension says; the issuer, 1 and 8, is always there beside them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FulcioExtension {
            $($(#[$doc])* $variant = $number,)*
        }

        impl FulcioExtension {
            /// Every one, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its key in Fulcio's issuer file, in YAML.
            pub fn yaml_name(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }

            /// Its key in Fulcio's issuer file, in JSON.
            pub fn json_name(self) -> &'static str {
                match self { $(Self::$variant => $go),* }
            }
        }
    };
}

fulcio_extensions! {
    /// GitHub: the event (deprecated, see 20).
    WorkflowTrigger = 2, "github-workflow-trigger", "GithubWorkflowTrigger";
    /// GitHub: the commit (deprecated, see 13).
    WorkflowSha = 3, "github-workflow-sha", "GithubWorkflowSHA";
    /// GitHub: the workflow's name (deprecated, see 18).
    WorkflowName = 4, "github-workflow-name", "GithubWorkflowName";
    /// GitHub: `owner/name` (deprecated, see 12).
    WorkflowRepository = 5, "github-workflow-repository", "GithubWorkflowRepository";
    /// GitHub: the ref (deprecated, see 14).
    WorkflowRef = 6, "github-workflow-ref", "GithubWorkflowRef";
    /// The build instructions that signed.
    BuildSignerUri = 9, "build-signer-uri", "BuildSignerURI";
    /// Their exact version.
    BuildSignerDigest = 10, "build-signer-digest", "BuildSignerDigest";
    /// Hosted by the platform, or by its user.
    RunnerEnvironment = 11, "runner-environment", "RunnerEnvironment";
    /// The repository that was built.
    SourceRepositoryUri = 12, "source-repository-uri", "SourceRepositoryURI";
    /// The commit that was built.
    SourceRepositoryDigest = 13, "source-repository-digest", "SourceRepositoryDigest";
    /// The ref that was built.
    SourceRepositoryRef = 14, "source-repository-ref", "SourceRepositoryRef";
    /// The repository's number, which survives renaming.
    SourceRepositoryIdentifier = 15, "source-repository-identifier", "SourceRepositoryIdentifier";
    /// Its owner.
    SourceRepositoryOwnerUri = 16, "source-repository-owner-uri", "SourceRepositoryOwnerURI";
    /// The owner's number.
    SourceRepositoryOwnerIdentifier = 17, "source-repository-owner-identifier",
        "SourceRepositoryOwnerIdentifier";
    /// The build instructions that started it all.
    BuildConfigUri = 18, "build-config-uri", "BuildConfigURI";
    /// Their exact version.
    BuildConfigDigest = 19, "build-config-digest", "BuildConfigDigest";
    /// What started the build.
    BuildTrigger = 20, "build-trigger", "BuildTrigger";
    /// This one run of it.
    RunInvocationUri = 21, "run-invocation-uri", "RunInvocationURI";
    /// Who could see the repository then.
    SourceRepositoryVisibility = 22, "source-repository-visibility-at-signing",
        "SourceRepositoryVisibilityAtSigning";
    /// Where the build deploys to.
    DeploymentEnvironment = 23, "deployment-environment", "DeploymentEnvironment";
    /// The token's subject, as it stands.
    Subject = 24, "subject", "Subject";
}

/// The extensions of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FulcioExtensions {
    issuer: String,
    values: BTreeMap<FulcioExtension, String>,
}

impl FulcioExtensions {
    /// Those of a token of this issuer, about which nothing more is said.
    pub fn issued_by(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            values: BTreeMap::new(),
        }
    }

    /// Adds one. An empty value leaves it out.
    #[must_use]
    pub fn with(mut self, extension: FulcioExtension, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.values.insert(extension, value);
        }
        self
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// One of the others.
    pub fn get(&self, extension: FulcioExtension) -> Option<&str> {
        self.values.get(&extension).map(String::as_str)
    }

    /// In ascending order of their numbers.
    pub(super) fn encode(&self) -> Result<Vec<Extension>, X509Error> {
        if self.issuer.is_empty() {
            return Err(X509Error::Name(String::new()));
        }
        let issuer = [(1, &self.issuer), (8, &self.issuer)];
        let others = self.values.iter();
        let mut all: Vec<(u8, &String)> = others
            .map(|(extension, value)| (*extension as u8, value))
            .chain(issuer)
            .collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter()
            .map(|(number, value)| encode(number, value))
            .collect()
    }
}

fn encode(number: u8, value: &str) -> Result<Extension, X509Error> {
    if value.len() > VALUE_BYTES {
        return Err(X509Error::Name(value.chars().take(64).collect()));
    }
    let oid = format!("{}.{number}", ext::FULCIO_ARC);
    if number <= LAST_RAW {
        ext::raw(&oid, false, value.as_bytes().to_vec())
    } else {
        ext::utf8(&oid, value)
    }
}
