use super::*;
use crate::http::{Egress, HttpClient, HttpOptions};

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn peer() -> Peer {
    Peer::at(&url("https://registry.example:5000/v2/")).unwrap()
}

/// Nothing of what is for one server is for another one.
#[test]
fn it_is_one_host_and_port() {
    assert!(peer().is_at(&url("https://registry.example:5000/v2/a/b")));
    assert!(peer().is_at(&url("https://REGISTRY.example:5000/")));
    for other in [
        "https://registry.example/v2/",
        "https://registry.example:5001/v2/",
        "https://blobs.registry.example:5000/v2/",
        "https://registry.example.org:5000/",
    ] {
        assert!(!peer().is_at(&url(other)), "{other}");
    }
    let usual = Peer::at(&url("https://tsa.example/")).unwrap();
    assert!(usual.is_at(&url("https://tsa.example:443/api")));
    assert!(!usual.is_at(&url("http://tsa.example/api")));
    assert!(Peer::at(&url("data:text/plain,x")).is_err());
}

#[test]
fn only_names_are_expected() {
    assert!(peer().named("registry.internal").is_ok());
    for bad in [
        "",
        "10.0.0.1",
        "[::1]",
        "a b",
        "x:5000",
        "registry/",
        "*.example",
        "0x7f.1",
    ] {
        let refused = peer().named(bad);
        assert!(
            matches!(refused, Err(HttpError::ServerName { .. })),
            "{bad}"
        );
    }
}

/// The connection is for the expected name; the server hears the host of the address.
#[tokio::test]
async fn the_name_goes_where_the_address_is() {
    let named = Peer::at(&url("https://127.0.0.1:5000/")).unwrap();
    let named = named.named("registry.internal").unwrap();
    let sent = named
        .address(Request::get(url("https://127.0.0.1:5000/v2/a")))
        .unwrap();
    assert_eq!(sent.url().as_str(), "https://registry.internal:5000/v2/a");
    let any = named.resolver(Addresses::Any).unwrap();
    let found = any.resolve("registry.internal".parse().unwrap()).await;
    let found: Vec<String> = found.unwrap().map(|at| at.ip().to_string()).collect();
    assert_eq!(found, ["127.0.0.1"]);
    let public = named.resolver(Addresses::Public).unwrap();
    let found = public.resolve("registry.internal".parse().unwrap()).await;
    assert!(found.is_err());
    assert!(peer().resolver(Addresses::Any).is_none());
}

/// A certificate is of no use without TLS; nothing is sent then.
#[tokio::test]
async fn plain_http_is_refused() {
    let plain = url("http://127.0.0.1:9/v2/");
    let options = HttpOptions::new(Egress::LoopbackOnly).meeting(Peer::at(&plain).unwrap());
    let refused = HttpClient::new(options).send(Request::get(plain)).await;
    let Err(HttpError::Url { why, .. }) = refused else {
        panic!("it was sent");
    };
    assert!(why.contains("TLS only"), "{why}");
}

#[test]
fn a_certificate_needs_its_key() {
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (chain, key) in [(&b""[..], &b""[..]), (pem, b""), (b"", pem), (pem, pem)] {
        let refused = TlsIdentity::from_pem(chain, key);
        assert!(matches!(refused, Err(HttpError::Identity(_))));
    }
}
