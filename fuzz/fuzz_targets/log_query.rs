//! What the log is asked: by name, digest or key, by index and uuid, and the query
//! strings of its own search.
#![no_main]

use bulla_authority::{
    log::rekor_v1::{parse_index_query, parse_retrieve},
    search::parse_search,
};
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("log_query", &requests::log_queries());
}, |bytes: &[u8]| {
    let _ = parse_index_query(bytes);
    let _ = parse_retrieve(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok((_, query)) = parse_search(text)
    {
        assert!(!query.criteria.is_empty() || query.limit > 0);
    }
});
