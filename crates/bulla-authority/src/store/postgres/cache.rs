//! Objects that were read lately, by digest: they never change.

use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

/// What is kept, in bytes.
const CACHE_BYTES: usize = 32 << 20;

#[derive(Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    objects: HashMap<[u8; 32], Bytes>,
    /// Oldest first.
    order: VecDeque<[u8; 32]>,
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&self, digest: &[u8; 32]) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.objects.get(digest).cloned()
    }

    pub(super) fn keep(&self, digest: [u8; 32], bytes: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes.len();
        match kept.objects.insert(digest, bytes) {
            None => kept.order.push_back(digest),
            Some(same) => kept.bytes -= same.len(),
        }
        while kept.bytes > CACHE_BYTES {
            let Some(oldest) = kept.order.pop_front() else {
                return;
            };
            if let Some(gone) = kept.objects.remove(&oldest) {
                kept.bytes -= gone.len();
            }
        }
    }
}
