use std::process::Command;

use der::Decode;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    PublicKey, Scheme, SigningKey,
    sct::{PrecertEntry, Sct, parse_sct_list},
};

fn key(scheme: Scheme) -> SigningKey {
    SigningKey::generate(scheme).unwrap()
}

fn authorities(validity: Validity) -> (Issuer, Issuer) {
    let root = Issuer::create_root(key(Scheme::EcdsaP384), "bulla test", "root", validity).unwrap();
    let intermediate = root
        .create_intermediate(
            key(Scheme::EcdsaP256),
            CaProfile::CodeSigning,
            "code",
            validity,
        )
        .unwrap();
    (root, intermediate)
}

fn validity() -> Validity {
    Validity::seconds(Timestamp::now(), 600).unwrap()
}

#[test]
fn code_signing_certificate_carries_what_fulcio_writes() {
    let (_, issuer) = authorities(validity());
    let leaf_key = PublicKey::from_spki_der(key(Scheme::EcdsaP256).public().spki_der()).unwrap();
    let subject = SubjectName::Email("dev@example.com".into());
    let issuer_url = "http://127.0.0.1:1/oidc/asserted";
    let extensions = FulcioExtensions::issued_by(issuer_url);
    let profile = CodeSigningProfile {
        subject: &subject,
        extensions: &extensions,
        key: &leaf_key,
        validity: validity(),
    };
    let precert = issuer.precertificate(&profile).unwrap();
    let ct = key(Scheme::EcdsaP256);
    let tbs = precert.tbs_der().to_vec();
    let entry = PrecertEntry {
        issuer_key_hash: precert.issuer_key_hash(),
        tbs: &tbs,
    };
    let sct = Sct::sign(&ct, &entry, 5, 7).unwrap();
    let submitted =
        Precertificate::from_submission(precert.certificate().clone(), issuer.certificate())
            .unwrap();
    assert_eq!(submitted.tbs_der(), tbs);
    assert_eq!(submitted.issuer_key_hash(), precert.issuer_key_hash());
    let certificate = issuer.finish(precert, std::slice::from_ref(&sct)).unwrap();

    let parsed = parse_certificate(certificate.der()).unwrap();
    let tbs_certificate = &parsed.parsed().tbs_certificate;
    assert!(tbs_certificate.subject.is_empty());
    let extensions = tbs_certificate.extensions.as_ref().unwrap();
    let find = |oid: &str| {
        let found: Vec<_> = extensions
            .iter()
            .filter(|e| e.extn_id.to_string() == oid)
            .collect();
        assert_eq!(found.len(), 1, "{oid}");
        found[0]
    };
    assert!(find(extension::SUBJECT_ALT_NAME).critical);
    assert_eq!(
        find("1.3.6.1.4.1.57264.1.1").extn_value.as_bytes(),
        issuer_url.as_bytes()
    );
    let v2 = String::from_der(find("1.3.6.1.4.1.57264.1.8").extn_value.as_bytes()).unwrap();
    assert_eq!(v2, issuer_url);
    assert!(
        !extensions
            .iter()
            .any(|e| e.extn_id.to_string() == extension::POISON)
    );
    let list =
        der::asn1::OctetString::from_der(find(extension::SCT_LIST).extn_value.as_bytes()).unwrap();
    assert_eq!(parse_sct_list(list.as_bytes()).unwrap(), [sct]);
    // Without the SCTs it is the very certificate that the log saw.
    let mut bare = parsed.parsed().tbs_certificate.clone();
    bare.extensions
        .as_mut()
        .unwrap()
        .retain(|e| e.extn_id.to_string() != extension::SCT_LIST);
    assert_eq!(der::Encode::to_der(&bare).unwrap(), tbs);
}

#[test]
fn every_extension_has_the_form_of_its_number() {
    let (_, issuer) = authorities(validity());
    let leaf_key = PublicKey::from_spki_der(key(Scheme::EcdsaP256).public().spki_der()).unwrap();
    let subject = SubjectName::Username("jörg!example.com".into());
    let mut extensions = FulcioExtensions::issued_by("http://i");
    for extension in FulcioExtension::ALL {
        extensions = extensions.with(*extension, format!("é {}", *extension as u8));
    }
    extensions = extensions.with(FulcioExtension::DeploymentEnvironment, "");
    let profile = CodeSigningProfile {
        subject: &subject,
        extensions: &extensions,
        key: &leaf_key,
        validity: validity(),
    };
    let leaf = issuer.precertificate(&profile).unwrap();
    let leaf = leaf.certificate().parsed().tbs_certificate.clone();
    let found: Vec<(u8, Vec<u8>)> = leaf
        .extensions
        .unwrap()
        .iter()
        .filter_map(|e| {
            let oid = e.extn_id.to_string();
            let number = oid.strip_prefix("1.3.6.1.4.1.57264.1.")?.parse().unwrap();
            assert!(!e.critical);
            Some((number, e.extn_value.as_bytes().to_vec()))
        })
        .collect();
    let numbers: Vec<u8> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=6).chain(8..=24).collect::<Vec<_>>());
    for (number, value) in found {
        let text = match number {
            1..=6 => String::from_utf8(value).unwrap(),
            _ => String::from_der(&value).unwrap(),
        };
        let expected = match number {
            1 | 8 => "http://i".to_owned(),
            _ => format!("é {number}"),
        };
        assert_eq!(text, expected);
    }
    let long = FulcioExtensions::issued_by("i").with(FulcioExtension::Subject, "x".repeat(2049));
    let profile = CodeSigningProfile {
        extensions: &long,
        ..profile
    };
    assert!(issuer.precertificate(&profile).is_err());
}

#[test]
fn a_user_name_is_an_other_name() {
    let (_, issuer) = authorities(validity());
    let leaf_key = PublicKey::from_spki_der(key(Scheme::EcdsaP256).public().spki_der()).unwrap();
    let extensions = FulcioExtensions::issued_by("http://i");
    let names = |name: &str| {
        let subject = SubjectName::Username(name.into());
        let profile = CodeSigningProfile {
            subject: &subject,
            extensions: &extensions,
            key: &leaf_key,
            validity: validity(),
        };
        let leaf = issuer.precertificate(&profile)?;
        let list = leaf
            .certificate()
            .parsed()
            .tbs_certificate
            .extensions
            .clone();
        let list = list.unwrap();
        let san = list
            .iter()
            .find(|e| e.extn_id.to_string() == extension::SUBJECT_ALT_NAME)
            .unwrap();
        Ok::<_, X509Error>(hex::encode(san.extn_value.as_bytes()))
    };
    // SEQUENCE { [0] { OID 1.3.6.1.4.1.57264.1.7, [0] { UTF8String "a!b" } } }
    assert_eq!(
        names("a!b").unwrap(),
        "3015a013060a2b0601040183bf300107a0050c03612162"
    );
    for bad in ["a", "a!b!c", "!b", "a!", "a b!c", "a!b\n"] {
        assert!(names(bad).is_err(), "{bad}");
    }
}

#[test]
fn openssl_accepts_the_chain() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(
            std::env::var("BULLA_NO_SKIP").is_err(),
            "openssl is missing"
        );
        println!("SKIP openssl_accepts_the_chain: no openssl");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (root, issuer) = authorities(validity());
    let leaf_key = PublicKey::from_spki_der(key(Scheme::EcdsaP384).public().spki_der()).unwrap();
    let subject = SubjectName::Uri("http://127.0.0.1:1/oidc/service/builder".into());
    let extensions = FulcioExtensions::issued_by("http://i");
    let profile = CodeSigningProfile {
        subject: &subject,
        extensions: &extensions,
        key: &leaf_key,
        validity: validity(),
    };
    let leaf = issuer
        .finish(issuer.precertificate(&profile).unwrap(), &[])
        .unwrap();
    let transport = Issuer::create_root(
        key(Scheme::EcdsaP256),
        "bulla test",
        "transport",
        validity(),
    )
    .unwrap();
    let hosts = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = issue_server_certificate(
        &transport,
        key(Scheme::EcdsaP256).public(),
        &hosts,
        validity(),
    )
    .unwrap();
    let rogue =
        issue_server_certificate(&issuer, key(Scheme::EcdsaP256).public(), &hosts, validity())
            .unwrap();
    for (name, certificate) in [
        ("root", root.certificate()),
        ("issuer", issuer.certificate()),
        ("leaf", &leaf),
        ("transport", transport.certificate()),
        ("server", &server),
        ("rogue", &rogue),
    ] {
        std::fs::write(dir.path().join(name), certificate.to_pem()).unwrap();
    }
    let verify = |args: &[&str]| {
        let mut command = Command::new("openssl");
        let output = command
            .current_dir(&dir)
            .arg("verify")
            .arg("-x509_strict")
            .args(args)
            .output();
        output.unwrap().status.success()
    };
    assert!(
        verify(&[
            "-purpose",
            "codesign",
            "-CAfile",
            "root",
            "-untrusted",
            "issuer",
            "leaf"
        ]) || verify(&[
            "-purpose",
            "any",
            "-CAfile",
            "root",
            "-untrusted",
            "issuer",
            "leaf"
        ])
    );
    assert!(verify(&[
        "-purpose",
        "sslserver",
        "-verify_ip",
        "127.0.0.1",
        "-CAfile",
        "transport",
        "server"
    ]));
    // The code-signing intermediate may not vouch for a server.
    assert!(!verify(&[
        "-purpose",
        "sslserver",
        "-CAfile",
        "root",
        "-untrusted",
        "issuer",
        "rogue"
    ]));
}

#[test]
fn names_that_cannot_stand_in_a_certificate() {
    let (_, issuer) = authorities(validity());
    let leaf_key = PublicKey::from_spki_der(key(Scheme::EcdsaP256).public().spki_der()).unwrap();
    let refused = [
        SubjectName::Email("no-at".into()),
        SubjectName::Email("a@b@c".into()),
        SubjectName::Email("@b".into()),
        SubjectName::Email("a b@c".into()),
        SubjectName::Email("ä@b".into()),
        SubjectName::Email("a\0@b".into()),
        SubjectName::Uri("no colon".into()),
    ];
    for subject in &refused {
        let profile = CodeSigningProfile {
            subject,
            extensions: &FulcioExtensions::issued_by("http://i"),
            key: &leaf_key,
            validity: validity(),
        };
        assert!(
            matches!(issuer.precertificate(&profile), Err(X509Error::Name(_))),
            "{subject:?}"
        );
    }
    let server = key(Scheme::EcdsaP256);
    for host in ["", "a b", "*.example", "exa_mple/"] {
        let issued = issue_server_certificate(&issuer, server.public(), &[host.into()], validity());
        assert!(issued.is_err(), "{host}");
    }
    let odd = Issuer::create_root(key(Scheme::EcdsaP256), "a,CN=b", "c", validity());
    assert!(odd.is_err());
}

#[test]
fn requests_prove_possession() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("SKIP requests_prove_possession: no openssl");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for algorithm in ["EC:prime256v1", "EC:secp384r1", "RSA:2048", "ED25519"] {
        let mut args = vec![
            "req",
            "-new",
            "-nodes",
            "-subj",
            "/CN=ignored",
            "-keyout",
            "k",
            "-outform",
            "PEM",
        ];
        let curve;
        match algorithm.split_once(':') {
            Some(("EC", name)) => {
                curve = format!("ec_paramgen_curve:{name}");
                args.extend(["-newkey", "ec", "-pkeyopt", &curve]);
                if name == "secp384r1" {
                    args.push("-sha384");
                }
            }
            Some((_, bits)) => {
                curve = format!("rsa:{bits}");
                args.extend(["-newkey", &curve]);
            }
            None => args.extend(["-newkey", "ed25519"]),
        }
        let output = Command::new("openssl")
            .current_dir(&dir)
            .args(&args)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        parse_csr_pem(&output.stdout).unwrap().verify().unwrap();
        let (label, mut der) = der::pem::decode_vec(&output.stdout).unwrap();
        *der.last_mut().unwrap() ^= 1;
        let forged = der::pem::encode_string(label, der::pem::LineEnding::LF, &der).unwrap();
        let forged = parse_csr_pem(forged.as_bytes()).unwrap();
        assert!(matches!(forged.verify(), Err(X509Error::Possession)));
    }
}

#[test]
fn pem_chains_come_back() {
    let (root, issuer) = authorities(validity());
    let chain = [issuer.certificate().clone(), root.certificate().clone()];
    let text = format!("some words\n{}more", to_pem_chain(&chain));
    assert_eq!(parse_pem_chain(text.as_bytes()).unwrap(), chain);
    assert!(parse_pem_chain(b"nothing").is_err());
    let mut trailing = root.certificate().der().to_vec();
    trailing.push(0);
    assert!(parse_certificate(&trailing).is_err());
    let stranger = Issuer::from_parts(key(Scheme::EcdsaP256), root.certificate().clone());
    assert!(matches!(stranger, Err(X509Error::Possession)));
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_certificate(&bytes);
        let _ = parse_pem_chain(&bytes);
        let _ = parse_csr_pem(&bytes);
    }
}

/// What SPIFFE asks of a leaf (X509-SVID §4), and of whoever reads one.
#[test]
fn an_svid_names_one_workload_and_is_no_authority() {
    let (root, _) = authorities(validity());
    let id = "spiffe://example.com/authority/one";
    let leaf = issue_svid(&root, key(Scheme::EcdsaP256).public(), id, validity()).unwrap();
    assert_eq!(svid_id(&leaf).unwrap(), id);
    for bad in ["https://example.com/a", "", "spiffe://exämple.com"] {
        let refused = issue_svid(&root, key(Scheme::EcdsaP256).public(), bad, validity());
        assert!(matches!(refused, Err(X509Error::Name(_))), "{bad}");
    }
    let host = ["example.com".to_owned()];
    let server = key(Scheme::EcdsaP256);
    let server = issue_server_certificate(&root, server.public(), &host, validity()).unwrap();
    for nobody in [root.certificate(), &server] {
        assert!(
            matches!(svid_id(nobody), Err(X509Error::Svid(_))),
            "{nobody:?}"
        );
    }
}
