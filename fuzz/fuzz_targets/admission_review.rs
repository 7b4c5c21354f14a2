//! AdmissionReviews, and the workload inside.
#![no_main]

use bulla_admission::{parse_review, workload::workload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(review) = parse_review(bytes) {
        let _ = workload(&review.request);
    }
});
