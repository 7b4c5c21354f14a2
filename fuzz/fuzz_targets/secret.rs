//! The search for secrets in any file.
#![no_main]

use std::sync::LazyLock;

use bulla_scan::secret::Scanner;
use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::default);

fuzz_target!(|bytes: &[u8]| {
    let _ = SCANNER.scan("config/settings.env", bytes);
});
