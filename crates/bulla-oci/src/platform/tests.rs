use super::*;
use bulla_core::{Digest, descriptor::media_type};

#[test]
fn a_platform_is_read_and_compared_as_written() {
    for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
        assert_eq!(text.parse::<PlatformName>().unwrap().to_string(), text);
    }
    for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64"] {
        assert!(text.parse::<PlatformName>().is_err(), "{text}");
    }
    let mut entry = Descriptor::of("x", b"y");
    let arm: PlatformName = "linux/arm64".parse().unwrap();
    assert!(!arm.fits(&entry), "an entry without a platform is for none");
    entry.platform = Some(Platform {
        architecture: "arm64".into(),
        os: "linux".into(),
        variant: Some("v8".into()),
    });
    assert!(arm.fits(&entry));
    assert!(
        "linux/arm64/v8"
            .parse::<PlatformName>()
            .unwrap()
            .fits(&entry)
    );
    assert!(
        !"linux/arm64/v7"
            .parse::<PlatformName>()
            .unwrap()
            .fits(&entry)
    );
}

fn image(os: &str, architecture: &str, variant: Option<&str>) -> Child {
    let text = format!("{os}{architecture}{variant:?}");
    let mut descriptor = Descriptor::of(media_type::MANIFEST, text.as_bytes());
    descriptor.platform = Some(Platform {
        architecture: architecture.into(),
        os: os.into(),
        variant: variant.map(Into::into),
    });
    Child {
        descriptor,
        is_index: false,
        depth: 1,
    }
}

#[test]
fn exactly_one_image_is_chosen_and_what_there_is_is_told() {
    let top = Child {
        descriptor: Descriptor::of(media_type::INDEX, b"top"),
        is_index: true,
        depth: 0,
    };
    let children = [
        top,
        image("linux", "amd64", None),
        image("linux", "arm", Some("v6")),
        image("linux", "arm", Some("v7")),
        image("windows\u{1b}[2J", &"x".repeat(1000), None),
    ];
    let choose = |text: &str| {
        let platform: PlatformName = text.parse().unwrap();
        platform.choose(&children, "r.example/app:v1")
    };
    let digest = |found: Result<Descriptor, ClientError>| found.unwrap().digest;
    assert_eq!(digest(choose("linux/amd64")), children[1].descriptor.digest);
    assert_eq!(
        digest(choose("linux/arm/v7")),
        children[3].descriptor.digest
    );
    let none = choose("linux/s390x").unwrap_err();
    assert_eq!(none.code().0, "OCI-0205");
    let text = none.to_string();
    for there in ["linux/s390x", "linux/amd64 (", "linux/arm/v6 (", "arm/v7 ("] {
        assert!(text.contains(there), "{text}");
    }
    assert!(!text.contains('\u{1b}') && text.len() < 1000, "{text}");
    let several = choose("linux/arm").unwrap_err();
    assert_eq!(several.code().0, "OCI-0211");
    let text = several.to_string();
    assert!(
        text.contains("arm/v6 (") && text.contains("arm/v7 ("),
        "{text}"
    );
    assert!(!text.contains("amd64"), "{text}");
}

#[test]
fn one_image_is_what_it_says_and_many_are_not_all_named() {
    let wanted: PlatformName = "linux/amd64".parse().unwrap();
    let mut only = [image("linux", "amd64", None)];
    let found = wanted.choose(&only, "r.example/app:v1").unwrap();
    assert_eq!(found.digest, only[0].descriptor.digest);
    let other: PlatformName = "linux/arm64".parse().unwrap();
    let error = other.choose(&only, "r.example/app:v1").unwrap_err();
    assert!(error.to_string().contains("for linux/amd64"), "{error}");
    only[0].descriptor.platform = None;
    let error = wanted.choose(&only, "r.example/app:v1").unwrap_err();
    assert!(error.to_string().contains("for no platform"), "{error}");
    let many: Vec<Child> = (0..100)
        .map(|n| image("plan9", &n.to_string(), None))
        .collect();
    let error = wanted.choose(&many, "r.example/app:v1").unwrap_err();
    assert!(error.to_string().contains("and 88 more"), "{error}");
    let same: Digest = many[0].descriptor.digest.clone();
    assert!(error.to_string().contains(same.short()), "{error}");
}
