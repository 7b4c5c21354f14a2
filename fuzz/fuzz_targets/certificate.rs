//! X.509 certificates: read alone, as chains, as the signer of a bundle. A
//! certificate that is not the bundle's own never makes it good.
#![no_main]

use bulla_crypto::x509::{parse_certificate, parse_pem_chain};
use bulla_fuzz::{ARTIFACT, fact_bytes, kept, sow};
use bulla_trust::sigstore::{Artifact, CertificateClaims, inspect, verify_signature};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(init: {
    let pem = |name| parse_certificate(&fact_bytes(name)).expect("kept").to_pem().into_bytes();
    let signer = base64(&kept().facts["blob"]["verificationMaterial"]["certificate"]["rawBytes"]);
    sow("certificate", &[
        ("leaf", fact_bytes("leaf")),
        ("intermediate", fact_bytes("intermediate")),
        ("signer", signer),
        ("pem", pem("leaf")),
    ]);
}, |bytes: &[u8]| {
    let _ = parse_pem_chain(bytes);
    let Ok(certificate) = parse_certificate(bytes) else {
        return;
    };
    assert_eq!(certificate.der(), bytes);
    let _ = CertificateClaims::from_certificate(certificate.parsed());
    let kept = kept();
    let mut bundle = kept.facts["blob"].clone();
    let own = base64(&bundle["verificationMaterial"]["certificate"]["rawBytes"]);
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = json!(encode(bytes));
    let bundle = bundle.to_string();
    let _ = inspect::inspect(bundle.as_bytes()).expect("a bundle").to_string();
    let verified = verify_signature(
        &kept.root,
        bundle.as_bytes(),
        Artifact::Bytes(ARTIFACT),
        kept.now,
    );
    assert_eq!(verified.is_ok(), own == bytes);
});

fn base64(text: &Value) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD
        .decode(text.as_str().expect("base64"))
        .expect("base64")
}

fn encode(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
