//! The rules that an entry of the issuer file must keep, as Fulcio states them
//! (`validateConfig` in its `pkg/config`), and a few that it should.

use std::{collections::BTreeMap, net::IpAddr};

use url::Url;

use super::{
    file::{Entry, IssuerFileError, Provider, refused},
    kind::{Kind, spiffe_domain},
    path::ClaimPath,
};

/// Checks one entry; `meta` for a pattern.
pub(super) fn entry(
    name: &str,
    entry: &Entry,
    providers: &BTreeMap<String, Provider>,
    meta: bool,
) -> Result<(), IssuerFileError> {
    let refuse = |why| Err(refused(name, why));
    let Some(kind) = Kind::from_name(&entry.kind) else {
        return refuse("its type is not one of Fulcio's issuer types");
    };
    if entry.client_id.is_empty() {
        return refuse("it has no client-id, the audience of its tokens");
    }
    if !entry.issuer_claim.is_empty() {
        if kind != Kind::Email {
            return refuse("only issuers of type email have an issuer-claim");
        }
        if ClaimPath::parse(&entry.issuer_claim).is_none() {
            return refuse("its issuer-claim is not a path like $.federated_claims.connector_id");
        }
    }
    if entry.skip_email_verification && kind != Kind::Email {
        return refuse("skip-email-verification is for the type email");
    }
    if kind == Kind::CiProvider && !providers.contains_key(&entry.ci_provider) {
        return refuse("its ci-provider is not in ci-issuer-metadata");
    }
    if kind != Kind::CiProvider && !entry.ci_provider.is_empty() {
        return refuse("ci-provider is for the type ci-provider");
    }
    if !meta && parse_issuer(name).is_none() {
        return refuse("it is not an https URL, or http on this machine");
    }
    match kind {
        Kind::Spiffe if meta => refuse("a pattern cannot stand for SPIFFE trust domains"),
        Kind::Spiffe if spiffe_domain(&entry.spiffe_trust_domain).is_none() => {
            refuse("its spiffe-trust-domain is missing or not a trust domain")
        }
        Kind::Uri if meta && entry.subject_domain.is_empty() => {
            refuse("an issuer of type uri needs a subject-domain")
        }
        Kind::Uri | Kind::Username if !meta => domain(kind, name, &entry.subject_domain),
        Kind::Username if entry.subject_domain.is_empty() => {
            refuse("an issuer of type username needs a subject-domain")
        }
        _ => Ok(()),
    }
}

/// An issuer's URL, if it is one that can be asked: https, or this machine.
pub(super) fn parse_issuer(text: &str) -> Option<Url> {
    let plain = text.len() <= 2048 && text.bytes().all(|b| b.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|_| plain)?;
    let bare = url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    let safe =
        url.scheme() == "https" || url.scheme() == "http" && bulla_net::http::is_loopback(&url);
    (bare && nobody && safe && url.host().is_some()).then_some(url)
}

/// A subject's domain must be the issuer's, or share its last two labels.
fn domain(kind: Kind, issuer: &str, domain: &str) -> Result<(), IssuerFileError> {
    let refuse = |why| Err(refused(issuer, why));
    let Some(url) = parse_issuer(issuer) else {
        return refuse("it is not a URL");
    };
    let host = match kind {
        Kind::Uri => match Url::parse(domain) {
            Ok(subject) if subject.scheme() == url.scheme() => {
                subject.host_str().unwrap_or_default().to_owned()
            }
            Ok(_) => return refuse("its subject-domain has another scheme"),
            Err(_) => return refuse("an issuer of type uri needs a subject-domain that is a URL"),
        },
        _ if domain.is_empty() || domain.contains(['/', ':', '!']) => {
            return refuse("an issuer of type username needs a subject-domain that is a host name");
        }
        _ => domain.to_owned(),
    };
    match related(&host, url.host_str().unwrap_or_default()) {
        true => Ok(()),
        false => refuse("its subject-domain is not of the issuer's own domain"),
    }
}

fn related(subject: &str, issuer: &str) -> bool {
    if subject == issuer {
        return true;
    }
    let address = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let tail = |host: &str| {
        let mut labels = host.rsplit('.').map(str::to_owned);
        Some((
            labels.next()?,
            labels.next().filter(|label| !label.is_empty())?,
        ))
    };
    !address(subject)
        && !address(issuer)
        && tail(subject).is_some()
        && tail(subject) == tail(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_related_by_their_last_two_labels() {
        assert!(related("users.example.com", "accounts.example.com"));
        assert!(related("example.com", "accounts.example.com"));
        assert!(related("localhost", "localhost"));
        assert!(!related("example.org", "accounts.example.com"));
        assert!(!related("com", "accounts.example.com"));
        assert!(!related("9.9.0.1", "127.0.0.1"));
    }

    #[test]
    fn issuers_that_cannot_be_asked_are_none() {
        for good in [
            "https://a.example/x",
            "http://127.0.0.1:1/x",
            "http://localhost/",
        ] {
            assert!(parse_issuer(good).is_some(), "{good}");
        }
        for bad in [
            "http://a.example",
            "https://u@a.example",
            "https://a.example?x",
            "https://a.example#x",
            "ftp://a.example",
            "a.example",
        ] {
            assert!(parse_issuer(bad).is_none(), "{bad}");
        }
    }
}
