use super::*;

#[test]
fn writes_and_reads_the_oci_form() {
    let digest = Digest::sha256(b"");
    let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(digest.to_string(), text);
    assert_eq!(text.parse::<Digest>().unwrap(), digest);
    assert_eq!(digest.short(), "e3b0c44298fc");
}

#[test]
fn refuses_weak_upper_case_and_cut_digests() {
    for bad in [
        "",
        "sha256",
        "sha256:",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "sha224:d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
    ] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
    let upper = Digest::sha256(b"x")
        .to_string()
        .to_uppercase()
        .replace("SHA256", "sha256");
    assert!(upper.parse::<Digest>().is_err());
}

#[test]
fn every_algorithm_is_read_back_and_only_with_its_own_length() {
    for digest in [
        Digest::sha256(b"x"),
        Digest::sha384(b"x"),
        Digest::sha512(b"x"),
    ] {
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!(digest.matches(b"x") && !digest.matches(b"y"), "{digest}");
        for other in ["sha256", "sha384", "sha512"] {
            let text = format!("{other}:{}", digest.hex());
            let own = other == digest.algorithm().name();
            assert_eq!(text.parse::<Digest>().is_ok(), own, "{text}");
        }
    }
}

#[test]
fn a_stream_hashes_like_its_bytes() {
    let mut hasher = DigestHasher::new();
    hasher.update(b"ab");
    hasher.update(b"c");
    assert_eq!(hasher.finish(), (Digest::sha256(b"abc"), 3));
}

#[test]
fn the_fallback_tag_is_a_tag_for_every_algorithm() {
    let short = Digest::sha256(b"x");
    assert_eq!(short.fallback_tag(), format!("sha256-{}", short.hex()));
    let long = Digest::sha512(b"x").fallback_tag();
    assert_eq!(long.len(), "sha512-".len() + 64);
    assert!(crate::reference::is_tag(&format!("{long}.sbom")));
}
