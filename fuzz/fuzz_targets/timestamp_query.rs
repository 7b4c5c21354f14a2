//! RFC 3161 queries, in DER and in the JSON that one client sends.
#![no_main]

use bulla_crypto::timestamp::{parse_timestamp_query, parse_timestamp_query_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_timestamp_query(bytes);
    let _ = parse_timestamp_query_json(bytes);
});
