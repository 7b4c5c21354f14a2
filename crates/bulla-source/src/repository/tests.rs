use super::*;
use proptest::prelude::*;

proptest! {
    /// Whatever stands before the host never comes out again.
    #[test]
    fn credentials_never_appear(user in "[a-z]{3,8}", secret in "[A-Z0-9]{12,20}") {
        for url in [
            format!("https://{user}:{secret}@example.com/a.git"),
            format!("https://{secret}@example.com/a.git"),
            format!("https://example.com/a.git?token={secret}"),
            format!("https://example.com/a.git#{secret}"),
            format!("ssh://{secret}@example.com/a.git"),
            format!("{secret}@example.com:a.git"),
        ] {
            let public = public_url(url.as_str().into()).unwrap();
            prop_assert!(!public.contains(&secret), "{public}");
            prop_assert!(public.ends_with("//example.com/a.git"), "{public}");
        }
    }

    #[test]
    fn nothing_panics(url in ".{0,60}") {
        let _ = public_url(url.as_str().into());
    }
}
