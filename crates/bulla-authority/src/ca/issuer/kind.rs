//! The kinds of issuers, by what their tokens are about.

/// What an issuer's tokens are about: the `type` of Fulcio's issuer file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Buildkite job; superseded by templates.
    Buildkite,
    /// A Chainguard identity.
    Chainguard,
    /// A run of a provider of continuous integration, by templates.
    CiProvider,
    /// A Codefresh workflow; superseded by templates.
    Codefresh,
    /// A person with a verified address.
    Email,
    /// A GitHub workflow; superseded by templates.
    Github,
    /// A GitLab pipeline; superseded by templates.
    Gitlab,
    /// A Kubernetes service account.
    Kubernetes,
    /// A SPIFFE id of one trust domain.
    Spiffe,
    /// A URI of one domain.
    Uri,
    /// A user name of one domain.
    Username,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Buildkite,
        Self::Chainguard,
        Self::CiProvider,
        Self::Codefresh,
        Self::Email,
        Self::Github,
        Self::Gitlab,
        Self::Kubernetes,
        Self::Spiffe,
        Self::Uri,
        Self::Username,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Buildkite => "buildkite-job",
            Self::Chainguard => "chainguard-identity",
            Self::CiProvider => "ci-provider",
            Self::Codefresh => "codefresh-workflow",
            Self::Email => "email",
            Self::Github => "github-workflow",
            Self::Gitlab => "gitlab-pipeline",
            Self::Kubernetes => "kubernetes",
            Self::Spiffe => "spiffe",
            Self::Uri => "uri",
            Self::Username => "username",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The claim that clients sign as proof of possession, unless the file
    /// names another.
    pub fn challenge_claim(self) -> &'static str {
        match self {
            Self::Email => "email",
            _ => "sub",
        }
    }
}

/// A SPIFFE trust domain, with or without its scheme.
pub(super) fn spiffe_domain(text: &str) -> Option<&str> {
    let domain = text.strip_prefix("spiffe://").unwrap_or(text);
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    (!domain.is_empty() && domain.len() <= 255 && domain.bytes().all(fits)).then_some(domain)
}
