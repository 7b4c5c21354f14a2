//! Cookies of the login pages, and the token that ties a form to its browser.
//!
//! Over HTTPS they are `Secure` and carry the `__Host-` prefix, so that neither a
//! plain page nor a sibling host can set them. Over plain HTTP (loopback) their
//! names carry the port, since browsers share cookies between ports; no session is
//! kept there at all. A cookie that comes twice counts as absent.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::Digest;
use bulla_crypto::{KeyError, random};
use subtle::ConstantTimeEq as _;
use url::Url;

/// Bytes of cookies that are looked at.
const BYTES: usize = 16 << 10;

/// How cookies of one issuer are written.
#[derive(Clone, Debug)]
pub struct Jar {
    secure: bool,
    port: u16,
    path: String,
}

/// What cookies are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ties forms to the browser.
    Form,
    /// Remembers a login.
    Session,
    /// Ties an upstream login to the browser.
    Upstream,
}

impl Jar {
    /// For the issuer at `url`.
    pub fn new(url: &str) -> Self {
        let parsed = Url::parse(url).ok();
        let parsed = parsed.as_ref();
        Self {
            secure: parsed.is_some_and(|url| url.scheme() == "https"),
            port: parsed
                .and_then(Url::port_or_known_default)
                .unwrap_or_default(),
            path: parsed.map(|url| url.path().to_owned()).unwrap_or_default(),
        }
    }

    /// Whether cookies stay with this issuer, so that a session may be kept.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    fn name(&self, kind: Kind) -> String {
        let name = match kind {
            Kind::Form => "form",
            Kind::Session => "session",
            Kind::Upstream => "upstream",
        };
        if self.secure {
            format!("__Host-bulla-{name}")
        } else {
            format!("bulla-{name}-{}", self.port)
        }
    }

    /// The cookie's value in a request.
    pub fn get(&self, headers: &HeaderMap, kind: Kind) -> Option<String> {
        let name = self.name(kind);
        let mut found = None;
        let mut seen = 0;
        for header in headers.get_all(header::COOKIE) {
            seen += header.len();
            if seen > BYTES {
                return None;
            }
            for pair in header.to_str().ok()?.split(';') {
                let Some((key, value)) = pair.trim().split_once('=') else {
                    continue;
                };
                if key == name {
                    if found.is_some() {
                        return None;
                    }
                    found = Some(value.to_owned());
                }
            }
        }
        found
    }

    /// A `Set-Cookie` of `seconds`; 0 removes it. `value` needs no quoting. `Lax`,
    /// since programs and upstream issuers of other sites send people here; nothing
    /// is ever done by such a visit alone.
    pub fn set(&self, kind: Kind, value: &str, seconds: i64) -> Option<HeaderValue> {
        let (path, secure) = match self.secure {
            true => ("/", "; Secure"),
            false => (self.path.as_str(), ""),
        };
        let name = self.name(kind);
        let cookie = format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::from_str(&cookie).ok()
    }
}

/// A form's browser: a random cookie, and the token that its forms carry.
pub struct FormCookie {
    value: String,
    /// Whether the browser has it already.
    pub is_new: bool,
}

impl FormCookie {
    /// The browser's, or a new one.
    ///
    /// # Errors
    /// Without randomness.
    pub fn of(jar: &Jar, headers: &HeaderMap) -> Result<Self, KeyError> {
        let known = jar.get(headers, Kind::Form).filter(|value| formed(value));
        Ok(match known {
            Some(value) => Self {
                value,
                is_new: false,
            },
            None => Self {
                value: URL_SAFE_NO_PAD.encode(random::bytes::<32>()?),
                is_new: true,
            },
        })
    }

    /// For the cookie.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// For the form: not the cookie itself.
    pub fn token(&self) -> String {
        let text = format!("bulla form {}", self.value);
        URL_SAFE_NO_PAD.encode(Digest::sha256(text.as_bytes()).bytes())
    }

    /// Whether a form came from a page that we gave to this browser.
    pub fn vouches_for(&self, token: Option<&str>) -> bool {
        let token = token.unwrap_or_default();
        !self.is_new && bool::from(self.token().as_bytes().ct_eq(token.as_bytes()))
    }
}

fn formed(value: &str) -> bool {
    value.len() == 43
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for cookie in cookies {
            map.append(header::COOKIE, cookie.parse().unwrap());
        }
        map
    }

    #[test]
    fn cookies_stay_with_their_issuer() {
        let plain = Jar::new("http://127.0.0.1:5555/oidc/login");
        let set = plain.set(Kind::Form, "v", 60).unwrap();
        assert_eq!(
            set,
            "bulla-form-5555=v; Path=/oidc/login; Max-Age=60; HttpOnly; SameSite=Lax"
        );
        let https = Jar::new("https://sign.example/oidc/login");
        let set = https.set(Kind::Session, "v", 60).unwrap();
        assert_eq!(
            set,
            "__Host-bulla-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        let get = |cookies: &[&str]| plain.get(&headers(cookies), Kind::Form);
        assert_eq!(get(&["a=b; bulla-form-5555=x"]).unwrap(), "x");
        assert_eq!(get(&["bulla-form-5556=x"]), None);
        assert_eq!(get(&["bulla-form-5555=x", "bulla-form-5555=y"]), None);
        let long = format!("bulla-form-5555=x; b={}", "y".repeat(BYTES));
        assert_eq!(get(&[&long]), None);
    }

    #[test]
    fn a_form_is_vouched_for_by_its_own_browser() {
        let jar = Jar::new("http://127.0.0.1:5555/oidc/login");
        let first = FormCookie::of(&jar, &HeaderMap::new()).unwrap();
        assert!(
            !first.vouches_for(Some(&first.token())),
            "never without the cookie"
        );
        let cookie = format!("bulla-form-5555={}", first.value());
        let back = FormCookie::of(&jar, &headers(&[&cookie])).unwrap();
        assert!(back.vouches_for(Some(&first.token())));
        assert!(!back.vouches_for(Some(back.value())));
        assert!(!back.vouches_for(None));
        let other = FormCookie::of(&jar, &HeaderMap::new()).unwrap();
        assert!(!back.vouches_for(Some(&other.token())));
    }
}
