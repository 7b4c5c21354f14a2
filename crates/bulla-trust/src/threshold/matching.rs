//! Filling places with signers, each signer once: a largest matching.
//!
//! Augmenting paths; the work is bounded by places × places × signers.

/// For each place the signer that takes it, so that as many as possible are
/// taken. `fits` lists for each place who may take it, out of `signers` many.
pub(super) fn fill(fits: &[Vec<usize>], signers: usize) -> Vec<Option<usize>> {
    let mut place_of: Vec<Option<usize>> = vec![None; signers];
    for place in 0..fits.len() {
        let mut seen = vec![false; signers];
        seat(place, fits, &mut place_of, &mut seen);
    }
    let mut taken = vec![None; fits.len()];
    for (signer, place) in place_of.iter().enumerate() {
        if let Some(slot) = place.and_then(|place| taken.get_mut(place)) {
            *slot = Some(signer);
        }
    }
    taken
}

/// Finds a signer for `place`, moving others on where that makes room. The depth
/// is bounded by the number of places.
fn seat(
    place: usize,
    fits: &[Vec<usize>],
    place_of: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &signer in fits.get(place).into_iter().flatten() {
        match seen.get_mut(signer) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let holder = place_of.get(signer).copied().flatten();
        if holder.is_none_or(|holder| seat(holder, fits, place_of, seen)) {
            if let Some(slot) = place_of.get_mut(signer) {
                *slot = Some(place);
            }
            return true;
        }
    }
    false
}
