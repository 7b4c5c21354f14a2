//! What a certificate says beside the name: where a workflow ran, on what.
//!
//! The certificate authority's extensions 1.3.6.1.4.1.57264.1.*
//! (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>): 1–6 are raw
//! texts of GitHub's workflows, 8 and up are UTF8Strings with twins for most of
//! them. A claim that cannot be read fails the certificate (rule R3).

use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use x509_cert::{
    Certificate,
    der::{Decode, asn1::Utf8StringRef, oid::ObjectIdentifier},
};

use super::super::Failure;

/// The arc beneath which the claims lie.
const ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
/// What stands before a repository's name in its address.
const GITHUB: &str = "https://github.com/";

/// One claim of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Claim {
    /// The OIDC issuer, in the old raw form (1).
    IssuerV1,
    /// GitHub: what started the workflow (2; else 20).
    WorkflowTrigger,
    /// GitHub: the commit (3; else 13).
    WorkflowSha,
    /// GitHub: the workflow's name (4).
    WorkflowName,
    /// GitHub: `owner/name` (5; else 12 without the host).
    WorkflowRepository,
    /// GitHub: the branch or tag (6; else 14).
    WorkflowRef,
    /// The OIDC issuer (8).
    Issuer,
    /// What signed: the reusable workflow (9).
    BuildSignerUri,
    /// At which commit that was (10).
    BuildSignerDigest,
    /// Hosted or self-hosted (11).
    RunnerEnvironment,
    /// The repository (12).
    SourceRepositoryUri,
    /// The commit (13).
    SourceRepositoryDigest,
    /// The branch or tag (14).
    SourceRepositoryRef,
    /// The repository's number (15).
    SourceRepositoryIdentifier,
    /// The repository's owner (16).
    SourceRepositoryOwnerUri,
    /// The owner's number (17).
    SourceRepositoryOwnerIdentifier,
    /// The top-level build instructions (18).
    BuildConfigUri,
    /// At which commit those were (19).
    BuildConfigDigest,
    /// What started the build (20).
    BuildTrigger,
    /// The run (21).
    RunInvocationUri,
    /// Public or private when it was signed (22).
    SourceRepositoryVisibility,
    /// The deployment environment (23).
    DeploymentEnvironment,
    /// The token's own subject (24).
    TokenSubject,
}

/// Each claim, the last arc of its extension, and its name.
const CLAIMS: [(Claim, u32, &str); 23] = [
    (Claim::IssuerV1, 1, "issuer (v1)"),
    (Claim::WorkflowTrigger, 2, "workflow trigger"),
    (Claim::WorkflowSha, 3, "workflow commit"),
    (Claim::WorkflowName, 4, "workflow name"),
    (Claim::WorkflowRepository, 5, "workflow repository"),
    (Claim::WorkflowRef, 6, "workflow ref"),
    (Claim::Issuer, 8, "issuer"),
    (Claim::BuildSignerUri, 9, "build signer"),
    (Claim::BuildSignerDigest, 10, "build signer commit"),
    (Claim::RunnerEnvironment, 11, "runner environment"),
    (Claim::SourceRepositoryUri, 12, "source repository"),
    (Claim::SourceRepositoryDigest, 13, "source commit"),
    (Claim::SourceRepositoryRef, 14, "source ref"),
    (
        Claim::SourceRepositoryIdentifier,
        15,
        "source repository number",
    ),
    (Claim::SourceRepositoryOwnerUri, 16, "source owner"),
    (
        Claim::SourceRepositoryOwnerIdentifier,
        17,
        "source owner number",
    ),
    (Claim::BuildConfigUri, 18, "build configuration"),
    (Claim::BuildConfigDigest, 19, "build configuration commit"),
    (Claim::BuildTrigger, 20, "build trigger"),
    (Claim::RunInvocationUri, 21, "run"),
    (Claim::SourceRepositoryVisibility, 22, "source visibility"),
    (Claim::DeploymentEnvironment, 23, "deployment environment"),
    (Claim::TokenSubject, 24, "token subject"),
];

impl Claim {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        CLAIMS
            .iter()
            .find(|(claim, ..)| *claim == self)
            .map_or("claim", |(.., name)| name)
    }

    fn of(arc: u32) -> Option<Self> {
        CLAIMS
            .iter()
            .find(|(_, number, _)| *number == arc)
            .map(|(claim, ..)| *claim)
    }

    /// Whether the extension holds the text itself, not a UTF8String.
    fn is_raw(self) -> bool {
        self <= Self::WorkflowRef
    }

    /// The newer claim that says the same.
    fn twin(self) -> Option<Self> {
        Some(match self {
            Self::IssuerV1 => Self::Issuer,
            Self::WorkflowTrigger => Self::BuildTrigger,
            Self::WorkflowSha => Self::SourceRepositoryDigest,
            Self::WorkflowRepository => Self::SourceRepositoryUri,
            Self::WorkflowRef => Self::SourceRepositoryRef,
            _ => return None,
        })
    }
}

/// The claims of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateClaims(BTreeMap<Claim, String>);

impl CertificateClaims {
    /// Reads the claims of a certificate. Extensions of this arc that are not
    /// known say nothing; known ones must be readable and there once.
    ///
    /// # Errors
    /// [`Failure::CertificateMalformed`].
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, Failure> {
        let mut claims = BTreeMap::new();
        for extension in certificate.tbs_certificate.extensions.iter().flatten() {
            if extension.extn_id.parent() != Some(ARC) {
                continue;
            }
            let Some(claim) = extension.extn_id.arcs().last().and_then(Claim::of) else {
                continue;
            };
            let unreadable = |detail: &str| Failure::CertificateMalformed {
                detail: format!("its {} {detail}", claim.name()),
            };
            let bytes = extension.extn_value.as_bytes();
            let text = if claim.is_raw() {
                std::str::from_utf8(bytes).map_err(|_| unreadable("is no text"))?
            } else {
                Utf8StringRef::from_der(bytes)
                    .map_err(|_| unreadable("is no UTF8String"))?
                    .as_str()
            };
            if claims.insert(claim, text.to_owned()).is_some() {
                return Err(unreadable("is there twice"));
            }
        }
        Ok(Self(claims))
    }

    /// What is claimed; where only the newer twin is there, what that says.
    pub fn get(&self, claim: Claim) -> Option<&str> {
        if let Some(value) = self.0.get(&claim) {
            return Some(value);
        }
        let value = self.0.get(&claim.twin()?)?.as_str();
        match claim {
            Claim::WorkflowRepository => value.strip_prefix(GITHUB),
            _ => Some(value),
        }
    }

    /// Every claim as the certificate has it.
    pub fn iter(&self) -> impl Iterator<Item = (Claim, &str)> {
        self.0.iter().map(|(claim, value)| (*claim, value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Claim, String)> for CertificateClaims {
    fn from_iter<I: IntoIterator<Item = (Claim, String)>>(claims: I) -> Self {
        Self(claims.into_iter().collect())
    }
}

impl Serialize for CertificateClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}
