use super::*;
use proptest::prelude::*;

fn next(header: &str) -> Option<String> {
    let current = Url::parse("https://r.example/v2/app/referrers/sha256:00?n=2").unwrap();
    next_page(&current, header).map(|url| url.to_string())
}

#[test]
fn the_next_page_is_at_the_same_place() {
    let path = "/v2/app/referrers/sha256:00?last=x";
    let whole = format!("https://r.example{path}");
    assert_eq!(
        next(&format!("<{path}>; rel=\"next\"")),
        Some(whole.clone())
    );
    assert_eq!(next(&format!("<{whole}>; rel=next")), Some(whole));
    for header in [
        "",
        "<",
        "</v2/app/referrers/sha256:00?last=x>",
        "</v2/app/referrers/sha256:00?last=x>; rel=\"prev\"",
        "</v2/app/referrers/sha256:00?n=2>; rel=\"next\"",
        "</v2/other/referrers/sha256:00?last=x>; rel=\"next\"",
        "<https://evil.test/v2/app/referrers/sha256:00?last=x>; rel=\"next\"",
        "<http://r.example/v2/app/referrers/sha256:00?last=x>; rel=\"next\"",
        "<https://a:b@r.example/v2/app/referrers/sha256:00?last=x>; rel=\"next\"",
    ] {
        assert_eq!(next(header), None, "{header}");
    }
}

proptest! {
    #[test]
    fn any_header_is_answered(header in any::<String>()) {
        let _ = next(&header);
    }
}
