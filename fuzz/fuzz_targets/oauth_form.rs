//! Forms of the token issuer, and where one may send a browser: whatever is allowed
//! beside what was registered lies on the same loopback address, under the same path.
#![no_main]

use bulla_authority::oidc::{
    cookie::Jar,
    form::Form,
    redirect::{OUT_OF_BAND, allows, check},
};
use libfuzzer_sys::fuzz_target;
use url::Url;

const REGISTERED: [&str; 4] = [
    "https://app.example/callback",
    "http://localhost/auth/callback",
    "http://127.0.0.1:8080/",
    OUT_OF_BAND,
];
const FIELDS: [&str; 12] = [
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_verifier",
    "device_code",
    "grant_type",
    "nonce",
    "redirect_uri",
    "scope",
    "state",
    "subject_token",
];

fuzz_target!(init: {
    bulla_fuzz::sow("oauth_form", &bulla_fuzz::requests::forms());
}, |bytes: &[u8]| {
    let Ok(form) = Form::parse(bytes) else {
        return;
    };
    for name in FIELDS {
        if let Ok(Some(value)) = form.short(name, 64) {
            assert!(!value.is_empty() && value.len() <= 64);
            assert!(!value.chars().any(char::is_control));
        }
    }
    let Ok(Some(asked)) = form.one("redirect_uri") else {
        return;
    };
    for registered in REGISTERED {
        if asked != registered && allows(registered, asked) {
            let url = Url::parse(asked).expect("an allowed address");
            let own = Url::parse(registered).expect("an address");
            assert_eq!((url.scheme(), url.host()), ("http", own.host()));
            assert_eq!((url.path(), url.query()), (own.path(), None));
            assert!(matches!(own.host_str(), Some("localhost" | "127.0.0.1")));
        }
    }
    if check(asked).is_ok() {
        assert!(allows(asked, asked));
    }
    let _ = Jar::new(asked);
});
