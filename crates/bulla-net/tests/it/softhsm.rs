//! A real token: SoftHSM holds keys that OpenSSL's format brought in, and we
//! sign with them through PKCS #11.
//!
//! The module reads its configuration from the environment of the process that
//! loads it, so each test runs itself once more with that set.

use bulla_core::{Code, Diagnose};
use bulla_crypto::{Scheme, Signer, SigningKey, key::file};
use bulla_net::kms::{
    self, Ask, Environment, KmsError, PublicSource,
    pkcs11::{self, Pkcs11Error},
};
use bulla_testkit::{World, require, skip};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use zeroize::Zeroizing;

const CONFIGURATION: &str = "SOFTHSM2_CONF";
const PIN: &str = "1234";
const MESSAGE: &[u8] = b"what is signed";
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];
const KINDS: [Scheme; 6] = [
    Scheme::EcdsaP256,
    Scheme::EcdsaP384,
    Scheme::EcdsaP521,
    Scheme::Rsa2048,
    Scheme::Rsa3072,
    Scheme::Rsa4096,
];

/// In the outer run makes a token and runs the test `name` within; in the inner
/// one answers the module.
fn within(name: &str) -> Option<PathBuf> {
    let tool = require("softhsm2-util")?;
    let module = MODULES
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file());
    let Some(module) = module else {
        skip("no libsofthsm2.so where distributions keep it");
        return None;
    };
    if std::env::var_os(CONFIGURATION).is_some() {
        return Some(module);
    }
    let world = World::new();
    let tokens = world.dir().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    let configuration = world.write("softhsm2.conf", text);
    let run = |args: &str| {
        let mut command = world.command(&tool);
        command.env(CONFIGURATION, &configuration);
        command.args(args.split('|'));
        world.run(&mut command).success();
    };
    run("--init-token|--free|--label|Test token|--pin|1234|--so-pin|5678");
    run("--init-token|--free|--label|Other|--pin|1234|--so-pin|5678");
    for (number, scheme) in KINDS.into_iter().enumerate() {
        let key = SigningKey::generate(scheme).unwrap();
        world.write("key.pem", key.to_pkcs8_pem());
        world.write(format!("{scheme:?}.pub"), key.public().to_pem());
        run(&format!(
            "--import|key.pem|--token|Test token|--label|{scheme:?}|--id|0{number}|--pin|1234"
        ));
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("softhsm::{name}"), "--nocapture"])
        .current_dir(world.dir())
        .env(CONFIGURATION, &configuration)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
    None
}

fn uri(module: &Path, key: &str) -> String {
    let module = module.display();
    format!("pkcs11:token=Test%20token;{key}?module-path={module}")
}

fn no_pin(_: Ask<'_>) -> Option<Zeroizing<Vec<u8>>> {
    None
}

fn environment() -> Environment {
    Environment::of([("COSIGN_PKCS11_PIN", PIN)])
}

fn open(uri: &str) -> Result<Box<dyn Signer>, KmsError> {
    kms::open(uri, Scheme::Ed25519, &environment(), &mut no_pin)
}

#[test]
fn signs_with_every_kind() {
    let Some(module) = within("signs_with_every_kind") else {
        return;
    };
    for (number, scheme) in KINDS.into_iter().enumerate() {
        let public = std::fs::read(format!("{scheme:?}.pub")).unwrap();
        let public = file::read_public(&public).unwrap();
        for name in [format!("id=%0{number}"), format!("object={scheme:?}")] {
            let uri = uri(&module, &name);
            let signer = open(&uri).unwrap();
            assert_eq!(signer.public(), &public, "{uri}");
            // Several, for a number that begins with zeros shortens a signature.
            for _ in 0..20 {
                let signature = signer.sign(MESSAGE).unwrap();
                public.verify(MESSAGE, &signature).unwrap();
            }
            let shown = kms::open_public(&uri, &Environment::default()).unwrap();
            assert_eq!(shown, PublicSource::Key(public.clone()));
        }
    }
}

#[test]
fn finds_the_pin_where_it_may_be() {
    let Some(module) = within("finds_the_pin_where_it_may_be") else {
        return;
    };
    let named = uri(&module, "id=%00");
    let none = Environment::default();
    let error = kms::open(&named, Scheme::Ed25519, &none, &mut no_pin).err();
    assert_eq!(error.unwrap().code(), Code("NET-0338"));
    let wrong = format!("{named}&pin-value=9999");
    let error = kms::open(&wrong, Scheme::Ed25519, &none, &mut no_pin).err();
    let error = error.unwrap();
    assert_eq!(error.code(), Code("NET-0340"), "{error}");
    assert!(!format!("{error}{error:?}").contains("9999"));
    let mut asked = Vec::new();
    let mut ask = |ask: Ask<'_>| {
        asked.push(format!("{ask:?}"));
        Some(Zeroizing::new(PIN.as_bytes().to_vec()))
    };
    let signer = kms::open(&named, Scheme::Ed25519, &none, &mut ask).unwrap();
    assert_eq!(asked, [r#"Pin("Test token")"#]);
    signer.sign(MESSAGE).unwrap();
    // A second one on the same token, while the first is logged in.
    let second = format!("{named}&pin-value={PIN}");
    let second = kms::open(&second, Scheme::Ed25519, &none, &mut no_pin).unwrap();
    drop(signer);
    second.sign(MESSAGE).unwrap();
}

#[test]
fn lists_tokens_and_keys() {
    let Some(module) = within("lists_tokens_and_keys") else {
        return;
    };
    let tokens = pkcs11::list_tokens(&module).unwrap();
    let mut labels: Vec<_> = tokens.iter().map(|token| token.label.as_str()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["Other", "Test token"]);
    let token = tokens
        .iter()
        .find(|token| token.label == "Test token")
        .unwrap();
    let keys = pkcs11::list_keys(&module, token.slot_id, Some(PIN)).unwrap();
    assert_eq!(keys.len(), KINDS.len());
    for key in keys {
        let scheme = key.object.clone().unwrap();
        let signer = open(&key.to_string()).unwrap();
        assert_eq!(format!("{:?}", signer.scheme()), scheme);
    }
    assert!(matches!(
        pkcs11::list_keys(&module, token.slot_id, None),
        Err(Pkcs11Error::NoPin(_))
    ));
}

#[test]
fn what_is_not_there_is_named() {
    let Some(module) = within("what_is_not_there_is_named") else {
        return;
    };
    let code = |uri: &str| open(uri).err().unwrap().code().0;
    let path = module.display();
    assert_eq!(code(&uri(&module, "id=%99")), "NET-0336");
    assert_eq!(code(&uri(&module, "id=%00;object=Rsa2048")), "NET-0336");
    assert_eq!(
        code(&format!("pkcs11:token=None;id=%00?module-path={path}")),
        "NET-0339"
    );
    assert_eq!(
        code(&format!(
            "pkcs11:manufacturer=x;serial=1;id=%00?module-path={path}"
        )),
        "NET-0339"
    );
    assert_eq!(code("pkcs11:token=Test%20token;id=%00"), "NET-0337");
    assert_eq!(
        code("pkcs11:token=Test%20token;id=%00?module-name=none"),
        "NET-0335"
    );
    for module in ["libsofthsm2.so", "/", "/none.so", "/etc/passwd"] {
        let uri = format!("pkcs11:token=Test%20token;id=%00?module-path={module}");
        assert_eq!(code(&uri), "NET-0334", "{module}");
    }
    let by_environment = Environment::of([
        ("COSIGN_PKCS11_MODULE_PATH", module.to_str().unwrap()),
        ("COSIGN_PKCS11_PIN", PIN),
    ]);
    let uri = "pkcs11:token=Test%20token;object=EcdsaP256";
    kms::open(uri, Scheme::Ed25519, &by_environment, &mut no_pin).unwrap();
}

#[test]
fn a_certificate_stands_for_the_public_key() {
    use bulla_crypto::x509::parse_certificate;
    use cryptoki::{
        context::Pkcs11,
        object::{Attribute, CertificateType, ObjectClass},
        session::UserType,
        types::AuthPin,
    };
    let Some(module) = within("a_certificate_stands_for_the_public_key") else {
        return;
    };
    let Some(openssl) = require("openssl") else {
        return;
    };
    let made = Command::new(openssl)
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(' '))
        .args("-keyout cert.key -subj /CN=x -outform DER -out cert.der -days 1".split(' '))
        .output()
        .unwrap();
    assert!(made.status.success());
    let der = std::fs::read("cert.der").unwrap();
    let named = uri(&module, "id=%77");
    let environment = environment();
    assert_eq!(pkcs11::certificate(&named, &environment).unwrap(), None);
    // The module is loaded and initialized by now.
    let slot = pkcs11::list_tokens(&module).unwrap();
    let slot = slot
        .iter()
        .find(|token| token.label == "Test token")
        .unwrap();
    let context = Pkcs11::new(&module).unwrap();
    let slots = context.get_slots_with_token().unwrap();
    let slot = slots.into_iter().find(|s| s.id() == slot.slot_id).unwrap();
    let session = context.open_rw_session(slot).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::from(PIN)))
        .unwrap();
    session
        .create_object(&[
            Attribute::Class(ObjectClass::CERTIFICATE),
            Attribute::CertificateType(CertificateType::X_509),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Subject(vec![0x30, 0]),
            Attribute::Id(vec![0x77]),
            Attribute::Value(der.clone()),
        ])
        .unwrap();
    let found = pkcs11::certificate(&named, &environment).unwrap();
    assert_eq!(found.as_deref(), Some(&der[..]));
    let PublicSource::Key(public) = kms::open_public(&named, &environment).unwrap() else {
        panic!("a token's key is not fetched");
    };
    let certificate = parse_certificate(&der).unwrap();
    assert_eq!(public.spki_der(), certificate.spki_der().unwrap());
}
