//! Whom a checked token is about: the name of the certificate, its extensions,
//! and what its holder must sign.
//!
//! As Fulcio's `pkg/identity`, one rule per issuer type. What a token lacks is
//! refused; nothing is guessed.

use std::{borrow::Cow, collections::BTreeMap};

use bulla_core::{Code, Diagnose};
use bulla_crypto::x509::{FulcioExtension, FulcioExtensions, SubjectName};
use bulla_trust::jwt::Claims;
use url::Url;

use super::{
    file::Provider,
    kind::spiffe_domain,
    path::ClaimPath,
    template::{self, TemplateError},
};
use crate::oidc::token::is_email;

/// Longest name, in bytes.
const NAME_BYTES: usize = 2048;

/// Whom a token is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The certificate's name.
    pub subject: SubjectName,
    /// The certificate's extensions.
    pub extensions: FulcioExtensions,
    /// What is signed as proof of possession.
    pub challenge: String,
}

impl Principal {
    /// The certificate's name, as text.
    pub fn name(&self) -> &str {
        match &self.subject {
            SubjectName::Email(name) | SubjectName::Uri(name) | SubjectName::Username(name) => name,
        }
    }
}

/// How an issuer's tokens become names.
#[derive(Clone, Debug)]
pub enum Naming {
    /// By an email address.
    Email {
        /// Where the token names the issuer behind it.
        issuer: Option<ClaimPath>,
        /// Whether the issuer must say that it verified the address.
        verified: bool,
    },
    /// By the subject, a URI of this scheme and host.
    Uri {
        /// `scheme://host`.
        domain: Url,
    },
    /// By the subject, a user name at this domain.
    Username {
        /// The domain.
        domain: String,
    },
    /// By the subject, a SPIFFE id of this trust domain.
    Spiffe {
        /// The trust domain.
        domain: String,
    },
    /// By namespace and service account.
    Kubernetes,
    /// By issuer and subject.
    Chainguard,
    /// By templates.
    Provider(Box<Provider>),
    /// One of this instance's own: an address that is the subject, or a subject
    /// below the issuer's URL.
    Embedded {
        /// Whether it names persons.
        persons: bool,
        /// Whether it names services and machines.
        machines: bool,
    },
}

impl Naming {
    /// Whom `claims` are about. `challenge` names the claim that is signed, if
    /// it is not the usual one.
    ///
    /// # Errors
    /// [`PrincipalError`] if the token does not say.
    pub fn principal(
        &self,
        claims: &Claims,
        challenge: Option<&str>,
    ) -> Result<Principal, PrincipalError> {
        let extensions = FulcioExtensions::issued_by(&claims.issuer);
        let (subject, extensions, usual) = match self {
            Self::Email { issuer, verified } => {
                let address = email(claims, *verified)?;
                let issuer = match issuer {
                    None => claims.issuer.clone(),
                    Some(path) => path.text(&claims.all).ok_or(PrincipalError::IssuerClaim)?,
                };
                let usual = address.clone();
                (
                    SubjectName::Email(address),
                    FulcioExtensions::issued_by(issuer),
                    usual,
                )
            }
            Self::Embedded { persons, machines } => {
                let subject = &claims.subject;
                let below = subject.strip_prefix(&claims.issuer);
                match claims.email.as_deref() {
                    Some(address) if *persons && address == subject && is_email(address) => {
                        if !claims.email_verified {
                            return Err(PrincipalError::Email);
                        }
                        (
                            SubjectName::Email(address.to_owned()),
                            extensions,
                            subject.clone(),
                        )
                    }
                    None if *machines && below.is_some_and(|path| path.starts_with('/')) => {
                        (SubjectName::Uri(uri(subject)?), extensions, subject.clone())
                    }
                    _ => return Err(PrincipalError::Subject),
                }
            }
            Self::Chainguard => {
                let usual = match &claims.email {
                    Some(address) if claims.email_verified => address.clone(),
                    Some(_) => return Err(PrincipalError::Email),
                    None => subject(claims)?.to_owned(),
                };
                let name = format!(
                    "{}/{}",
                    claims.issuer.trim_end_matches('/'),
                    subject(claims)?
                );
                let extensions = extensions.with(FulcioExtension::Subject, &claims.subject);
                (SubjectName::Uri(uri(&name)?), extensions, usual)
            }
            Self::Provider(provider) => {
                let (name, extensions) = provided(provider, claims, extensions)?;
                (name, extensions, subject(claims)?.to_owned())
            }
            _ => (self.plain(claims)?, extensions, subject(claims)?.to_owned()),
        };
        let challenge = match challenge {
            None => usual,
            Some(claim) => claims
                .all
                .text(claim)
                .map(Cow::into_owned)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| PrincipalError::Challenge(claim.to_owned()))?,
        };
        Ok(Principal {
            subject,
            extensions,
            challenge,
        })
    }

    /// The kinds whose name is all that they say.
    fn plain(&self, claims: &Claims) -> Result<SubjectName, PrincipalError> {
        let refused = || PrincipalError::Subject;
        let subject = subject(claims)?;
        match self {
            Self::Kubernetes => {
                let claim = claims.all.json("kubernetes.io").ok_or_else(refused)?;
                let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
                let namespace = claim.get("namespace").and_then(text).ok_or_else(refused)?;
                let account = claim.pointer("/serviceaccount/name").and_then(text);
                let account = account.ok_or_else(refused)?;
                // RFC 1123 names; anything else could end in another's path.
                let name = |text: &str| {
                    let fits =
                        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
                    !text.is_empty() && text.len() <= 253 && text.bytes().all(fits)
                };
                if !name(&namespace) || !name(&account) {
                    return Err(refused());
                }
                Ok(SubjectName::Uri(format!(
                    "https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{account}"
                )))
            }
            Self::Spiffe { domain } => {
                let rest = subject.strip_prefix("spiffe://").ok_or_else(refused)?;
                let (own, path) = rest.split_once('/').ok_or_else(refused)?;
                let segment = |part: &str| {
                    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
                    !matches!(part, "" | "." | "..") && part.bytes().all(fits)
                };
                if spiffe_domain(own) != Some(domain.as_str()) || !path.split('/').all(segment) {
                    return Err(refused());
                }
                Ok(SubjectName::Uri(subject.to_owned()))
            }
            Self::Uri { domain } => {
                let url = Url::parse(subject).map_err(|_| refused())?;
                let same = url.scheme() == domain.scheme() && url.host() == domain.host();
                if !same || url.host().is_none() || !url.username().is_empty() || is_email(subject)
                {
                    return Err(refused());
                }
                Ok(SubjectName::Uri(uri(subject)?))
            }
            Self::Username { domain } => {
                if subject.contains('!') || is_email(subject) || subject.len() > NAME_BYTES {
                    return Err(refused());
                }
                Ok(SubjectName::Username(format!("{subject}!{domain}")))
            }
            _ => Err(refused()),
        }
    }
}

fn subject(claims: &Claims) -> Result<&str, PrincipalError> {
    match claims.subject.as_str() {
        "" => Err(PrincipalError::Subject),
        subject => Ok(subject),
    }
}

/// A verified address, with a dot in its domain as Fulcio wants.
fn email(claims: &Claims, verified: bool) -> Result<String, PrincipalError> {
    let address = claims.email.as_deref().filter(|address| {
        let domain = address.split_once('@').map_or("", |(_, domain)| domain);
        is_email(address) && domain.contains('.')
    });
    if verified && !claims.email_verified {
        return Err(PrincipalError::Email);
    }
    address.map(str::to_owned).ok_or(PrincipalError::Email)
}

/// Claims of a token, and the values that the file gives to those it lacks.
struct Filled<'a> {
    claims: &'a Claims,
    defaults: &'a BTreeMap<String, String>,
}

impl template::Claims for Filled<'_> {
    fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
        let default = || {
            self.defaults
                .get(name)
                .map(|value| Cow::Borrowed(value.as_str()))
        };
        self.claims.all.text(name).or_else(default)
    }
}

fn provided(
    provider: &Provider,
    claims: &Claims,
    mut extensions: FulcioExtensions,
) -> Result<(SubjectName, FulcioExtensions), PrincipalError> {
    let filled = Filled {
        claims,
        defaults: &provider.defaults,
    };
    let name = uri(&provider.name.render_name(&filled)?)?;
    for (extension, template) in &provider.extensions {
        extensions = extensions.with(*extension, template.render(&filled)?);
    }
    Ok((SubjectName::Uri(name), extensions))
}

/// A URI as a certificate writes it: what is not ASCII, and what a URI may not
/// hold, in percent form.
fn uri(text: &str) -> Result<String, PrincipalError> {
    let url = Url::parse(text).map_err(|_| PrincipalError::Name)?;
    let controls = text.chars().any(char::is_control);
    if controls || text.len() > NAME_BYTES || url.cannot_be_a_base() && url.path().is_empty() {
        return Err(PrincipalError::Name);
    }
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x7f.. => {
                written.push_str(&format!("%{byte:02X}"));
            }
            byte => written.push(char::from(byte)),
        }
    }
    Ok(written)
}

/// Why a token that is valid names nobody whom we certify.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrincipalError {
    /// What is to be signed is not there.
    #[error("the token has no claim {0:?} to prove possession over")]
    Challenge(String),
    /// No address, or nobody verified it.
    #[error("the token has no verified email address")]
    Email,
    /// The issuer behind it is not named.
    #[error("the token does not name the issuer behind it where the issuer file says")]
    IssuerClaim,
    /// What was made of it is no URI.
    #[error("what the token says makes no URI")]
    Name,
    /// The subject is of another form or domain.
    #[error("the token's subject is not one of its issuer's")]
    Subject,
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Diagnose for PrincipalError {
    fn code(&self) -> Code {
        match self {
            Self::Challenge(_) => Code("AUTH-0408"),
            Self::Email => Code("AUTH-0409"),
            Self::IssuerClaim => Code("AUTH-0410"),
            Self::Name => Code("AUTH-0411"),
            Self::Subject => Code("AUTH-0412"),
            Self::Template(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Template(error) => error.hint(),
            _ => None,
        }
    }
}
