//! What a program asks when it sends a browser to log in: what is taken returns to
//! an address that was registered, with the same state, and says itself again.
#![no_main]

use bulla_authority::oidc::{
    client::Client,
    form::Form,
    login::request::{AuthRequest, Destination},
};
use libfuzzer_sys::fuzz_target;
use url::{Url, form_urlencoded::Serializer};

fuzz_target!(init: {
    bulla_fuzz::sow("login_request", &bulla_fuzz::requests::forms());
}, |bytes: &[u8]| {
    let Ok(form) = Form::parse(bytes) else {
        return;
    };
    let client = Client::sigstore();
    let Ok(destination) = Destination::of(&form, &client) else {
        return;
    };
    if let Some(answer) = destination.with("https://bulla.example", &[("code", "c")]) {
        let asked = form.one("redirect_uri").ok().flatten().expect("an address");
        let (asked, answer) = (Url::parse(asked).expect("url"), Url::parse(&answer).expect("url"));
        assert_eq!(asked.origin(), answer.origin());
        assert_eq!(asked.path(), answer.path());
    }
    let Ok(request) = AuthRequest::parse(&form, client.clone(), &destination) else {
        return;
    };
    assert_eq!(request.challenge.len(), 43);
    let again = Serializer::new(String::new()).extend_pairs(request.fields()).finish();
    let again = Form::parse(again.as_bytes()).expect("our own form");
    let again = AuthRequest::parse(&again, client, &destination).expect("our own form");
    assert_eq!(again.fields(), request.fields());
});
