//! A key service behind a plugin program: ours and cosign's protocol are one.
//!
//! The plugin is a script around OpenSSL; the key it is asked about is a file.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose};
use bulla_crypto::{Hash, Scheme, Signer};
use bulla_net::kms::{
    self, Environment, KmsError, PublicSource,
    plugin::{Plugin, PluginError},
};
use bulla_testkit::{World, require};
use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

const MESSAGE: &[u8] = b"what is signed";

const HONEST: &str = r#"
[ "$1" = v1 ] || exit 3
key=$(printf %s "$2" | sed 's/.*"keyResourceID":"\([^"]*\)".*/\1/')
public() { openssl pkey -in "$key" -pubout | openssl base64 -A; }
case "$2" in
*'"methodName":"publicKey"'*)
  printf '{"publicKey":{"publicKeyPEM":"%s"}}' "$(public)" ;;
*'"methodName":"signMessage"'*)
  case "$2" in
  *'"messageOptions":{"hashFunc":6}'*) hash=sha384 ;;
  *) hash=sha256 ;;
  esac
  printf '{"signMessage":{"signature":"%s"}}' \
    "$(openssl dgst -$hash -sign "$key" | openssl base64 -A)" ;;
*'"methodName":"createKey"'*)
  algorithm=$(printf %s "$2" | sed 's/.*"algorithm":"\([^"]*\)".*/\1/')
  openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$algorithm" -out "$key" 2>/dev/null
  printf '{"createKey":{"publicKeyPEM":"%s"}}' "$(public)" ;;
*'"methodName":"defaultAlgorithm"'*)
  printf '{"defaultAlgorithm":{"defaultAlgorithm":"P-256"}}' ;;
*'"methodName":"supportedAlgorithms"'*)
  printf '{"supportedAlgorithms":{"supportedAlgorithms":["P-256","P-384"]}}' ;;
*)
  printf '{"errorMessage":"no such method"}'; exit 1 ;;
esac
"#;

/// A world with plugins on its `PATH`.
struct Service {
    world: World,
}

impl Service {
    fn new() -> Option<Self> {
        require("openssl")?;
        let service = Self {
            world: World::new(),
        };
        service.plugin("honest", HONEST);
        Some(service)
    }

    fn plugin(&self, name: &str, script: &str) {
        // Moved into place by another process: a program that this one holds open
        // for writing, were it only in a fork, cannot be run.
        let file = format!("bin/sigstore-kms-{name}");
        self.world
            .write(format!("{file}.new"), format!("#!/bin/sh\n{script}"));
        let mut command = self.world.command("sh");
        command.args(["-c", "cat $0.new > $0 && chmod 755 $0", &file]);
        self.world.run(&mut command).success();
    }

    fn path(&self) -> String {
        let bin = self.world.dir().join("bin");
        format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display())
    }

    fn environment(&self) -> Environment {
        let path = self.path();
        Environment::of([
            ("PATH", path.as_str()),
            ("COSIGN_PASSWORD", "hunter2"),
            ("SIGSTORE_ID_TOKEN", "hunter2"),
            ("SERVICE_TOKEN", "given"),
        ])
    }

    fn reference(&self) -> String {
        format!("honest://{}/key.pem", self.world.dir().display())
    }

    fn find(&self, reference: &str) -> Plugin {
        Plugin::find(reference, &self.environment()).unwrap()
    }

    fn open(&self, reference: &str) -> Result<Box<dyn Signer>, KmsError> {
        kms::open(reference, Scheme::Ed25519, &self.environment(), &mut |_| {
            None
        })
    }
}

#[test]
fn makes_a_key_and_signs_with_it() {
    let Some(service) = Service::new() else {
        return;
    };
    let plugin = service.find(&service.reference());
    assert_eq!(plugin.algorithms().unwrap(), ["P-256", "P-384"]);
    for (algorithm, scheme) in [
        (None, Scheme::EcdsaP256),
        (Some("P-384"), Scheme::EcdsaP384),
    ] {
        let made = plugin.create_key(algorithm).unwrap();
        let signer = service.open(&service.reference()).unwrap();
        assert_eq!(signer.public(), &made);
        assert_eq!(signer.scheme(), scheme);
        let signature = signer.sign(MESSAGE).unwrap();
        made.verify(MESSAGE, &signature).unwrap();
        let public = kms::open_public(&service.reference(), &service.environment()).unwrap();
        assert_eq!(public, PublicSource::Key(made));
        // More than a pipe holds.
        let long = vec![7; 3 << 20];
        signer
            .public()
            .verify(&long, &signer.sign(&long).unwrap())
            .unwrap();
    }
}

#[test]
fn cosign_asks_the_same_plugin_the_same_way() {
    let Some(service) = Service::new() else {
        return;
    };
    let Some(cosign) = require("cosign") else {
        return;
    };
    let reference = service.reference();
    let public = service.find(&reference).create_key(None).unwrap();
    service.world.write("message", MESSAGE);
    let run = |args: &str| {
        let mut command = service.world.command(&cosign);
        command.env("PATH", service.path());
        command.args(args.split_whitespace());
        command.args(["--key", &reference]);
        service.world.run(&mut command)
    };
    let shown = run("public-key");
    assert_eq!(shown.success().stdout.trim(), public.to_pem().trim());
    run(
        "sign-blob --use-signing-config=false --tlog-upload=false --new-bundle-format=false \
         --output-signature sig --yes message",
    )
    .success();
    let signature = fs::read(service.world.dir().join("sig")).unwrap();
    let signature = STANDARD.decode(signature.trim_ascii()).unwrap();
    public
        .verify_with(Hash::Sha256, MESSAGE, &signature)
        .unwrap();
    // And the other way round, by the key that cosign makes.
    let mut command = service.world.command(&cosign);
    command.env("PATH", service.path());
    command.args(["generate-key-pair", "--kms", &reference]);
    service.world.run(&mut command).success();
    let signer = service.open(&reference).unwrap();
    assert_ne!(signer.public(), &public);
    let cosigns = fs::read_to_string(service.world.dir().join("cosign.pub")).unwrap();
    assert_eq!(signer.public().to_pem().trim(), cosigns.trim());
}

#[test]
fn says_which_program_was_looked_for() {
    let Some(service) = Service::new() else {
        return;
    };
    let refusal = |reference: &str| service.open(reference).err().unwrap();
    let error = refusal("awskms:///alias/key");
    assert_eq!(error.code(), Code("NET-0322"));
    assert!(error.to_string().contains("sigstore-kms-awskms"), "{error}");
    for reference in ["../x://key", "a b://key", "://key"] {
        assert_eq!(refusal(reference).code(), Code("NET-0324"), "{reference}");
    }
    // Not executable, or in a folder that is only relative: not there.
    let file = service.world.dir().join("bin/sigstore-kms-honest");
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(refusal(&service.reference()).code(), Code("NET-0322"));
    let relative = Environment::of([("PATH", ".:bin")]);
    let missing = Plugin::find("honest://key", &relative);
    assert!(matches!(missing, Err(PluginError::Missing(_))));
}

#[test]
fn a_plugin_gets_no_secret_of_ours() {
    let Some(service) = Service::new() else {
        return;
    };
    service.plugin(
        "nosy",
        r#"printf '{"errorMessage":"%s"}' "$(env | tr '\n' ' ')"; exit 1"#,
    );
    let error = service.find("nosy://key").public().unwrap_err().to_string();
    assert!(error.contains("SERVICE_TOKEN=given"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn misbehaving_plugins_are_refused() {
    let Some(service) = Service::new() else {
        return;
    };
    let public = service.find(&service.reference()).create_key(None).unwrap();
    let pem = STANDARD.encode(public.to_pem());
    for (name, script, code) in [
        ("endless", "yes".to_owned(), "NET-0327"),
        ("silent", String::new(), "NET-0320"),
        ("chatty", "echo hello".to_owned(), "NET-0320"),
        ("empty", "echo '{}'".to_owned(), "NET-0320"),
        (
            "deep",
            "printf '%0100000d' 0 | tr 0 '['".to_owned(),
            "NET-0320",
        ),
        ("dying", "kill -9 $$".to_owned(), "NET-0325"),
        (
            "refusing",
            r#"echo '{"errorMessage":"no"}'; exit 1"#.to_owned(),
            "NET-0323",
        ),
        (
            "keyless",
            r#"echo '{"publicKey":{"publicKeyPEM":"AAAA"}}'"#.to_owned(),
            "NET-0321",
        ),
    ] {
        service.plugin(name, &script);
        let error = service.find(&format!("{name}://key")).public().unwrap_err();
        assert_eq!(error.code(), Code(code), "{name}: {error}");
        assert!(error.hint().is_some());
    }
    service.plugin("hanging", "sleep 30 & sleep 30");
    let hanging = service.find("hanging://key");
    let hanging = hanging.time_limit(Duration::from_millis(300));
    assert!(matches!(hanging.public(), Err(PluginError::Time { .. })));
    service.plugin(
        "lying",
        &format!(
            r#"case "$2" in
               *'"publicKey"'*) printf '{{"publicKey":{{"publicKeyPEM":"{pem}"}}}}' ;;
               *) printf '{{"signMessage":{{"signature":"AAAA"}}}}' ;;
               esac"#
        ),
    );
    let error = service
        .open("lying://key")
        .unwrap()
        .sign(MESSAGE)
        .unwrap_err();
    assert_eq!(error.code(), Code("NET-0326"), "{error}");
}
