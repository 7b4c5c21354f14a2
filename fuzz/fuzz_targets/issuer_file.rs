//! Fulcio's issuer file, and the patterns in it: what matches one is an https address
//! whose host ends as the pattern's does.
#![no_main]

use bulla_authority::ca::issuer::IssuerFile;
use libfuzzer_sys::fuzz_target;
use url::Url;

/// What tokens might name.
const ISSUERS: [&str; 6] = [
    "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6",
    "https://oidc.eks.x.amazonaws.com.evil.example/id/B02C",
    "https://evil.example/https://oidc.eks.x.amazonaws.com/id/B02C",
    "https://evil.example#.amazonaws.com/id/B02C",
    "http://127.0.0.1:8080/id/x",
    "https://a@b.example.com/",
];

fuzz_target!(init: {
    bulla_fuzz::sow("issuer_file", &bulla_fuzz::requests::issuer_files());
}, |bytes: &[u8]| {
    let Ok(file) = IssuerFile::parse(bytes) else {
        return;
    };
    for (pattern, _) in &file.meta {
        let host = pattern.as_str().trim_start_matches("https://");
        let host = host.split('/').next().unwrap_or_default();
        let end = host.rsplit_once('.').map_or(host, |(_, end)| end);
        for issuer in ISSUERS {
            if pattern.matches(issuer) {
                let url = Url::parse(issuer).expect("an address");
                assert_eq!((url.scheme(), url.username()), ("https", ""));
                let found = url.host_str().expect("a host");
                let end = end.split(':').next().unwrap_or_default();
                assert!(found.ends_with(&end.to_ascii_lowercase()), "{found} {end}");
            }
        }
    }
});
