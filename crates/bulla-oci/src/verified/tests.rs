use super::*;
use proptest::prelude::*;

fn read(content: &[u8], descriptor: &Descriptor) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    VerifiedReader::new(content, descriptor).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn ends_well_only_if_the_content_is_the_promised_one() {
    let content = b"content";
    for digest in [Digest::sha256(content), Digest::sha512(content)] {
        let sized = |size| Descriptor::new("m", digest.clone(), size);
        assert_eq!(read(content, &sized(7)).unwrap(), content);
        assert!(read(content, &sized(6)).is_err());
        assert!(read(content, &sized(8)).is_err());
        assert!(read(b"Content", &sized(7)).is_err());
    }
    assert!(
        VerifiedReader::new(&b"x"[..], &Descriptor::of("m", b"y"))
            .finish()
            .is_err()
    );
}

proptest! {
    #[test]
    fn any_change_is_seen(content in proptest::collection::vec(any::<u8>(), 1..300), at in any::<usize>()) {
        let descriptor = Descriptor::of("m", &content);
        prop_assert_eq!(read(&content, &descriptor).unwrap(), content.clone());
        let mut changed = content.clone();
        let at = at % changed.len();
        changed[at] ^= 1;
        prop_assert!(read(&changed, &descriptor).is_err());
        changed.pop();
        prop_assert!(read(&changed, &descriptor).is_err());
    }
}
