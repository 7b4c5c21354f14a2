//! Image layers: whatever the archive says, no path leads out of the tree.
#![no_main]

use bulla_inventory::{LayerStack, TreeLimits, catalog};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|layers: Vec<Vec<u8>>| {
    let limits = TreeLimits {
        entries: 1000,
        file_bytes: 1 << 20,
        total_bytes: 4 << 20,
        ..TreeLimits::default()
    };
    let mut stack = LayerStack::new(limits);
    for layer in &layers {
        let _ = stack.push(layer.as_slice());
    }
    let tree = stack.finish();
    for (path, _) in tree.nodes() {
        assert!(
            !path.starts_with('/') && !path.split('/').any(|part| part == ".."),
            "{path}"
        );
    }
    let _ = catalog(&tree);
});
