use super::*;

#[test]
fn seals_beyond_the_budget_are_left_out_and_counted() {
    let half = || Seal::Bundle(vec![0u8; SEALS_BYTES / 2]);
    let (kept, left_out) = within_bounds(vec![half(), half()]);
    assert_eq!((kept.len(), left_out), (2, 0));
    let (kept, left_out) = within_bounds(vec![half(), half(), Seal::Bundle(vec![0])]);
    assert_eq!((kept.len(), left_out), (2, 1));
}
