//! Key files of every format, and what a `pkcs11:` URI names.
#![no_main]

use bulla_crypto::key::file::{self, PrivateKeyFile};
use bulla_net::kms::pkcs11::KeyUri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // An encrypted key is not opened: that is scrypt's work, not a parser's.
    if let Ok(PrivateKeyFile::Plain(_, key)) = PrivateKeyFile::parse(bytes) {
        let again = file::read_private(key.to_pkcs8_der(), None).expect("what we wrote");
        assert_eq!(again.public(), key.public());
    }
    let _ = file::read_public(bytes);
    if let Some(uri) = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse::<KeyUri>().ok())
    {
        let again: KeyUri = uri.to_string().parse().expect("what we wrote");
        assert_eq!(again.to_string(), uri.to_string());
    }
});
