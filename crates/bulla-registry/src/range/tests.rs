use super::*;
use proptest::prelude::*;

#[test]
fn reads_ranges_as_rfc_9110_does() {
    let part = |offset, length| Wanted::Part { offset, length };
    for (header, expected) in [
        ("bytes=0-4", part(0, 5)),
        ("bytes=5-", part(5, 5)),
        ("bytes=-3", part(7, 3)),
        ("bytes=-30", part(0, 10)),
        ("bytes=8-99", part(8, 2)),
        ("bytes=10-", Wanted::Unsatisfiable),
        ("bytes=-0", Wanted::Unsatisfiable),
        ("bytes=4-2", Wanted::Whole),
        ("bytes=0-1,4-5", Wanted::Whole),
        ("bytes=x-1", Wanted::Whole),
        ("bytes=-", Wanted::Whole),
        ("lines=0-1", Wanted::Whole),
    ] {
        assert_eq!(wanted(Some(header), 10), expected, "{header}");
    }
    assert_eq!(wanted(None, 10), Wanted::Whole);
    assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Unsatisfiable);
}

#[test]
fn reads_chunks() {
    assert_eq!(chunk("0-9"), Some((0, 10)));
    assert_eq!(chunk("10-10"), Some((10, 1)));
    for text in [
        "",
        "-",
        "5-",
        "-5",
        "9-8",
        "a-b",
        "0-18446744073709551615",
        "+1-2",
        "bytes 0-9/10",
    ] {
        assert_eq!(chunk(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_part_is_never_empty_and_never_past_the_end(
        header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size in any::<u64>()
    ) {
        if let Wanted::Part { offset, length } = wanted(Some(&header), size) {
            prop_assert!(length > 0);
            prop_assert!(offset.checked_add(length).unwrap() <= size);
        }
    }
}
