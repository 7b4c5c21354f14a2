//! The pages that people see: plain HTML without scripts, images or foreign parts.
//!
//! Text goes into a page through [`Html::text`] alone, which escapes. The policy
//! (CSP level 3) allows this one style sheet by its hash and forms to ourselves
//! and to the one address that the client registered: browsers apply
//! `form-action` to the redirect that follows a login, too.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use std::sync::OnceLock;
use url::Url;

const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
body{max-width:26rem;margin:10vh auto;padding:0 1rem}\
h1{font-size:1.25rem}\
label{display:block;margin-top:1rem}\
input{box-sizing:border-box;width:100%;padding:.5rem;font:inherit}\
button{margin:1rem .5rem 0 0;padding:.5rem 1rem;font:inherit}\
code{font-size:1.1rem;overflow-wrap:anywhere}\
.alert{border-left:.25rem solid #c0392b;padding-left:.75rem}\
.note{opacity:.8;font-size:.9rem}";

/// HTML under construction.
#[derive(Default)]
pub struct Html(String);

impl Html {
    /// Markup of ours.
    #[must_use]
    pub fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text of anybody, for content and for quoted attributes.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(c),
            }
        }
        self
    }

    /// A field that is not shown.
    #[must_use]
    pub fn hidden(self, name: &'static str, value: &str) -> Self {
        self.raw("<input type=\"hidden\" name=\"")
            .raw(name)
            .raw("\" value=\"")
            .text(value)
            .raw("\">")
    }

    /// Fields that are not shown.
    #[must_use]
    pub fn hidden_all(self, fields: &[(&'static str, String)]) -> Self {
        fields
            .iter()
            .fold(self, |html, (name, value)| html.hidden(name, value))
    }

    /// What went wrong, read out at once by screen readers.
    #[must_use]
    pub fn alert(self, message: Option<&str>) -> Self {
        match message {
            Some(message) => self
                .raw("<p class=\"alert\" role=\"alert\">")
                .text(message)
                .raw("</p>"),
            None => self,
        }
    }

    /// Address, password and one-time code.
    #[must_use]
    pub fn credentials(self, email: &str) -> Self {
        self.raw("<label>Email address<input name=\"email\" type=\"email\" autocomplete=\"username\" required autofocus maxlength=\"254\" value=\"")
            .text(email)
            .raw("\"></label><label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" required maxlength=\"1024\"></label>\
                <label>One-time code, if you use one<input name=\"otp\" inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"24\"></label>")
    }
}

/// A page and how it is answered.
pub struct Page {
    title: &'static str,
    status: StatusCode,
    body: Html,
    forms_to: Option<String>,
    leads_to: Option<String>,
    retry_after: Option<i64>,
}

impl Page {
    /// A page.
    pub fn new(title: &'static str, body: Html) -> Self {
        Self {
            title,
            status: StatusCode::OK,
            body,
            forms_to: None,
            leads_to: None,
            retry_after: None,
        }
    }

    /// A page that says one thing.
    pub fn message(status: StatusCode, title: &'static str, text: &str) -> Self {
        let body = Html::default().raw("<p>").text(text).raw("</p>");
        Self::new(title, body).status(status)
    }

    /// With another status than 200.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Its forms may end in a redirect to this address, which was checked.
    #[must_use]
    pub fn forms_to(mut self, redirect: &str) -> Self {
        self.forms_to = Url::parse(redirect)
            .ok()
            .map(|url| url.origin().ascii_serialization())
            .filter(|origin| origin != "null");
        self
    }

    /// It goes on by itself to this address, which was checked.
    #[must_use]
    pub fn leads_to(mut self, url: &str) -> Self {
        self.leads_to = Some(url.to_owned());
        self
    }

    /// Not before so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn policy(&self) -> String {
        static HASH: OnceLock<String> = OnceLock::new();
        let hash = HASH.get_or_init(|| STANDARD.encode(Digest::sha256(STYLE.as_bytes()).bytes()));
        let also = self.forms_to.as_deref().unwrap_or_default();
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self' {also}; base-uri 'none'; frame-ancestors 'none'"
        )
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = HeaderValue::from_str(&self.policy());
        let title = self.title;
        let onward = match &self.leads_to {
            Some(url) => Html::default()
                .raw("<meta http-equiv=\"refresh\" content=\"0;url=")
                .text(url)
                .raw("\">"),
            None => Html::default(),
        };
        let onward = onward.0;
        let html = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · bulla</title>\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">{onward}<style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1>{}</main></body></html>",
            self.body.0
        );
        let mut response = (self.status, html).into_response();
        let headers = response.headers_mut();
        let fixed = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            // Not "no-referrer": forms would come back with the origin "null".
            (header::REFERRER_POLICY, "same-origin"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // Without its policy a page is not shown at all.
        match policy {
            Ok(policy) => headers.insert(header::CONTENT_SECURITY_POLICY, policy),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_anybody_writes_stays_text() {
        let html = Html::default().text("<script>'\"&</script>");
        assert_eq!(html.0, "&lt;script&gt;&#39;&quot;&amp;&lt;/script&gt;");
    }

    #[test]
    fn the_policy_names_the_clients_origin_only() {
        let page = |redirect| Page::new("t", Html::default()).forms_to(redirect).policy();
        let policy = page("http://localhost:4711/auth/callback;script-src *");
        assert!(
            policy.contains("form-action 'self' http://localhost:4711;"),
            "{policy}"
        );
        assert!(page("urn:ietf:wg:oauth:2.0:oob").contains("form-action 'self' ;"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("script-src"));
    }
}
