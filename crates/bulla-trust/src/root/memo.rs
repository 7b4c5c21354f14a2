//! Signatures that were found good: of certificates, SCTs and checkpoints.
//!
//! Chains and checkpoints repeat from bundle to bundle. What is remembered is a
//! pure fact — these bytes carry a good signature by this key in this scheme —
//! under a SHA-256 over all of it. Neither a failure nor anything that depends
//! on time, policy or root is ever remembered: validity, path and purpose are
//! checked anew each time. Bounded: two generations, the older one is dropped.

use sha2::{Digest as _, Sha256};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Facts in one generation of one part.
const GENERATION: usize = 512;
/// Parts, each with a lock of its own.
const PARTS: usize = 16;

type Fact = [u8; 32];

/// Good signatures, by digest.
#[derive(Default)]
pub(crate) struct Memo {
    parts: [Mutex<Generations>; PARTS],
}

#[derive(Default)]
struct Generations {
    young: HashSet<Fact>,
    old: HashSet<Fact>,
}

impl Memo {
    /// Whether `check` succeeds, or did with exactly these `inputs`, which must
    /// be all that its outcome depends on.
    ///
    /// # Errors
    /// What `check` says.
    pub(crate) fn once<E>(
        &self,
        inputs: &[&[u8]],
        check: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let fact = fact(inputs);
        if self.holds(&fact) {
            return Ok(());
        }
        check()?;
        self.remember(fact);
        Ok(())
    }

    fn holds(&self, fact: &Fact) -> bool {
        self.with(fact, |part| {
            part.young.contains(fact) || part.old.contains(fact)
        })
    }

    fn remember(&self, fact: Fact) {
        self.with(&fact, |part| {
            if part.young.len() >= GENERATION {
                part.old = std::mem::take(&mut part.young);
            }
            part.young.insert(fact);
        });
    }

    fn with<T>(&self, fact: &Fact, act: impl FnOnce(&mut Generations) -> T) -> T {
        let [first, ..] = *fact;
        let index = usize::from(first) % PARTS;
        // A panic elsewhere leaves a set of true facts, at worst a smaller one.
        match self.parts.get(index) {
            Some(part) => act(&mut part.lock().unwrap_or_else(PoisonError::into_inner)),
            None => act(&mut Generations::default()),
        }
    }
}

/// Each input with its length before it, so that no two lists read the same.
fn fact(inputs: &[&[u8]]) -> Fact {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update((input.len() as u64).to_be_bytes());
        hash.update(input);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Result<(), ()> {
        Ok(())
    }

    #[test]
    fn remembers_what_held_and_only_that() {
        let memo = Memo::default();
        assert!(memo.once(&[b"a", b"b"], || Err(())).is_err());
        assert!(memo.once(&[b"a", b"b"], || Err(())).is_err(), "a failure");
        memo.once(&[b"a", b"b"], good).unwrap();
        memo.once(&[b"a", b"b"], || Err(())).unwrap();
        for other in [
            &[b"ab".as_slice()] as &[&[u8]],
            &[b"a", b"b", b""],
            &[b"", b"ab"],
            &[b"b", b"a"],
        ] {
            assert!(memo.once(other, || Err(())).is_err(), "{other:?}");
        }
    }

    #[test]
    fn is_bounded() {
        let memo = Memo::default();
        for number in 0..100_000_u32 {
            memo.once(&[&number.to_be_bytes()], good).unwrap();
        }
        let held: usize = memo
            .parts
            .iter()
            .map(|part| {
                let part = part.lock().unwrap();
                part.young.len() + part.old.len()
            })
            .sum();
        assert!(held <= 2 * PARTS * GENERATION, "{held}");
        assert!(memo.once(&[&99_999_u32.to_be_bytes()], || Err(())).is_ok());
        assert!(memo.once(&[&0_u32.to_be_bytes()], || Err(())).is_err());
    }
}
