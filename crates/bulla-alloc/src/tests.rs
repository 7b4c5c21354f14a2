#![allow(clippy::unwrap_used)]

use super::*;
use std::{sync::mpsc, thread};

/// Of this test program too: all of it runs on what is tested.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const SIZES: [usize; 8] = [1, 15, 64, 700, 1_033, 8_192, 70_000, 300_000];

fn pattern(n: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + n) as u8).collect()
}

fn made(n: usize) -> Vec<u8> {
    pattern(n, SIZES[n % SIZES.len()])
}

/// One test: the change is for the whole process and for good.
#[test]
fn memory_goes_back_to_where_it_came_from() {
    let (early, from_elsewhere) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    // A thread that is there before and allocates on both sides of the change.
    let other = thread::spawn(move || {
        (0..100).for_each(|n| early.send((n, made(n))).unwrap());
        wait.recv().unwrap();
        (100..200).for_each(|n| early.send((n, made(n))).unwrap());
    });
    let mut kept: Vec<(usize, Vec<u8>)> = (0..100).map(|n| (n, made(n))).collect();
    kept.extend(from_elsewhere.iter().take(100));
    let zeroed = vec![0_u8; 50_000];
    assert!(
        kept.iter()
            .all(|(_, bytes)| !is_of_mimalloc(bytes.as_ptr().cast_mut()))
    );

    serve();
    go.send(()).unwrap();
    kept.extend(from_elsewhere.iter());
    other.join().unwrap();
    kept.extend((200..300).map(|n| (n, made(n))));
    assert!(!is_of_mimalloc(zeroed.as_ptr().cast_mut()));
    for (n, bytes) in &mut kept {
        let is_late = is_of_mimalloc(bytes.as_ptr().cast_mut());
        assert_eq!(is_late, *n >= 100, "{n}");
        // It grows and shrinks where it is.
        let length = bytes.len();
        bytes.extend_from_slice(&pattern(*n, 100_000));
        bytes.truncate(length);
        bytes.shrink_to_fit();
        assert_eq!(*bytes, made(*n), "{n}");
        assert_eq!(is_of_mimalloc(bytes.as_ptr().cast_mut()), is_late, "{n}");
    }
    assert!(vec![0_u8; 50_000].iter().all(|byte| *byte == 0));
    // Everything is given back, half of it by another thread.
    let rest = kept.split_off(kept.len() / 2);
    thread::spawn(move || drop(rest)).join().unwrap();
    drop(kept);
    // What needs more than the usual alignment.
    for align in [64, 128, 4096] {
        let layout = Layout::from_size_align(10_000, align).unwrap();
        // SAFETY: the layout is not empty; the memory is given back as it was got.
        unsafe {
            let memory = ALLOCATOR.alloc(layout);
            assert_eq!(memory as usize % align, 0);
            ALLOCATOR.dealloc(memory, layout);
        }
    }
}
