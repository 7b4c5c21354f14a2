//! RFC 3161 queries, in DER and in the JSON that one client sends.
#![no_main]

use bulla_crypto::timestamp::{parse_timestamp_query, parse_timestamp_query_json};
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("timestamp_query", &requests::timestamps());
}, |bytes: &[u8]| {
    let _ = parse_timestamp_query(bytes);
    let _ = parse_timestamp_query_json(bytes);
});
