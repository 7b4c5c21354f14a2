//! Who somebody is after a login, and the ID token that says so.
//!
//! OpenID Connect Core 1.0 §2. `sub` is the address of a person; what has no
//! address — clients with an identity of their own, workloads of other issuers —
//! has a URI below the issuer's, so that neither can pass for the other.

use bulla_core::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::user::User;

/// The connector of users who log in here.
pub const LOCAL: &str = "local";

/// Somebody who has proven who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// `sub`
    pub subject: String,
    /// Their address, verified.
    pub email: Option<String>,
    /// What to call them.
    pub name: Option<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// Who vouched: [`LOCAL`], or the id of an upstream issuer.
    pub connector: String,
    /// Their `sub` there.
    pub user_id: String,
    /// When they proved it, in seconds since 1970.
    pub auth_time: i64,
}

impl Identity {
    /// A local user who has just logged in.
    pub fn local(user: User, now: Timestamp) -> Self {
        Self {
            subject: user.email.clone(),
            user_id: user.email.clone(),
            email: Some(user.email),
            name: user.name,
            groups: user.groups,
            connector: LOCAL.into(),
            auth_time: now.as_second(),
        }
    }
}

/// What a client asked to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scope {
    /// An ID token at all.
    pub openid: bool,
    /// The address.
    pub email: bool,
    /// The name.
    pub profile: bool,
    /// The groups.
    pub groups: bool,
}

impl Scope {
    /// Reads scopes; those that are not known are not granted (RFC 6749 §3.3).
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut scope = Self::default();
        for word in texts.into_iter().flat_map(str::split_ascii_whitespace) {
            match word {
                "openid" => scope.openid = true,
                "email" => scope.email = true,
                "profile" => scope.profile = true,
                "groups" => scope.groups = true,
                _ => {}
            }
        }
        scope
    }

    /// As it is told to the client.
    pub fn text(self) -> String {
        let words = [
            (self.openid, "openid"),
            (self.email, "email"),
            (self.profile, "profile"),
            (self.groups, "groups"),
        ];
        let granted: Vec<_> = words
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, w)| *w)
            .collect();
        granted.join(" ")
    }

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self {
            openid: self.openid && other.openid,
            email: self.email && other.email,
            profile: self.profile && other.profile,
            groups: self.groups && other.groups,
        }
    }
}

/// The claims of an ID token.
#[derive(Clone, Debug, Serialize)]
pub struct IdToken {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    federated_claims: Federated,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Value>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug, Serialize)]
struct Federated {
    connector_id: String,
    user_id: String,
}

/// What a token is made from.
pub struct Grant<'a> {
    /// The issuer's URL.
    pub issuer: &'a str,
    /// Who it is about.
    pub identity: &'a Identity,
    /// The client that gets it.
    pub client: &'a str,
    /// Whom it is for; one at least.
    pub audiences: Vec<String>,
    /// What it may say.
    pub scope: Scope,
    /// Of the request, to be echoed.
    pub nonce: Option<String>,
    /// Who acts for the subject (RFC 8693 §4.1).
    pub act: Option<Value>,
    /// Its end.
    pub expires: Timestamp,
    /// A name that no other token has.
    pub id: [u8; 16],
}

impl Grant<'_> {
    /// The claims.
    pub fn token(self, now: Timestamp) -> IdToken {
        let identity = self.identity;
        let email = identity.email.clone().filter(|_| self.scope.email);
        let several = self.audiences.len() > 1;
        let audiences = self.audiences;
        let other = audiences.first().is_some_and(|one| one != self.client);
        IdToken {
            iss: self.issuer.to_owned(),
            sub: identity.subject.clone(),
            azp: (several || other).then(|| self.client.to_owned()),
            aud: match <[String; 1]>::try_from(audiences) {
                Ok([one]) => Audience::One(one),
                Err(many) => Audience::Many(many),
            },
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: self.expires.as_second(),
            jti: hex::encode(self.id),
            auth_time: identity.auth_time,
            nonce: self.nonce,
            email_verified: email.is_some().then_some(true),
            email,
            name: identity.name.clone().filter(|_| self.scope.profile),
            groups: match self.scope.groups {
                true => identity.groups.clone(),
                false => Vec::new(),
            },
            federated_claims: Federated {
                connector_id: identity.connector.clone(),
                user_id: identity.user_id.clone(),
            },
            act: self.act,
        }
    }
}

/// The challenge of a verifier (RFC 7636 §4.2, S256), and whether they fit.
pub fn pkce_fits(challenge: &str, verifier: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use subtle::ConstantTimeEq as _;
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    let hash = URL_SAFE_NO_PAD.encode(Digest::sha256(verifier.as_bytes()).bytes());
    formed && bool::from(hash.as_bytes().ct_eq(challenge.as_bytes()))
}

/// Whether a text can be an S256 challenge: 32 bytes in base64url.
pub fn is_challenge(text: &str) -> bool {
    let url = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    text.len() == 43 && text.bytes().all(url)
}
