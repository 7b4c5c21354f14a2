//! OpenSSL writes keys of every kind and format; we read them, and both verify
//! what the other signs.

use bulla_crypto::{
    PublicKey, Scheme, SigningKey,
    key::file::{self, Format, PrivateKeyFile},
};
use bulla_testkit::{World, require};
use std::path::PathBuf;

const MESSAGE: &[u8] = b"what is signed";

struct OpenSsl {
    world: World,
    program: PathBuf,
}

impl OpenSsl {
    fn new() -> Option<Self> {
        let program = require("openssl")?;
        let world = World::new();
        world.write("message", MESSAGE);
        Some(Self { world, program })
    }

    fn run(&self, args: &str) {
        let mut command = self.world.command(&self.program);
        command.args(args.split_whitespace());
        self.world.run(&mut command).success();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.world.dir().join(name)).unwrap()
    }

    fn digest(scheme: Scheme) -> &'static str {
        match scheme {
            Scheme::EcdsaP384 => "-sha384",
            Scheme::EcdsaP521 => "-sha512",
            _ => "-sha256",
        }
    }

    fn sign(&self, scheme: Scheme, key: &str) -> Vec<u8> {
        match scheme {
            Scheme::Ed25519 => self.run(&format!(
                "pkeyutl -sign -rawin -inkey {key} -in message -out sig"
            )),
            _ => self.run(&format!(
                "dgst {} -sign {key} -out sig message",
                Self::digest(scheme)
            )),
        }
        self.read("sig")
    }

    fn verify(&self, key: &SigningKey) {
        self.world.write("our.pub", key.public().to_pem());
        self.world.write("our.sig", key.sign(MESSAGE).unwrap());
        match key.scheme() {
            Scheme::Ed25519 => self
                .run("pkeyutl -verify -rawin -pubin -inkey our.pub -in message -sigfile our.sig"),
            scheme => self.run(&format!(
                "dgst {} -verify our.pub -signature our.sig message",
                Self::digest(scheme)
            )),
        }
    }
}

const KINDS: [(&str, Scheme); 7] = [
    ("EC -pkeyopt ec_paramgen_curve:P-256", Scheme::EcdsaP256),
    ("EC -pkeyopt ec_paramgen_curve:P-384", Scheme::EcdsaP384),
    ("EC -pkeyopt ec_paramgen_curve:P-521", Scheme::EcdsaP521),
    ("ED25519", Scheme::Ed25519),
    ("RSA -pkeyopt rsa_keygen_bits:2048", Scheme::Rsa2048),
    ("RSA -pkeyopt rsa_keygen_bits:3072", Scheme::Rsa3072),
    ("RSA -pkeyopt rsa_keygen_bits:4096", Scheme::Rsa4096),
];

#[test]
fn reads_what_openssl_writes() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    for (arguments, scheme) in KINDS {
        openssl.run(&format!("genpkey -algorithm {arguments} -out pkcs8.pem"));
        openssl.run("pkey -in pkcs8.pem -pubout -out pub.pem");
        openssl.run("pkey -in pkcs8.pem -outform DER -out key.der");
        openssl.run("pkey -in pkcs8.pem -pubout -outform DER -out pub.der");
        let public = file::read_public(&openssl.read("pub.pem")).unwrap();
        assert_eq!(public.scheme(), scheme);
        assert_eq!(public, file::read_public(&openssl.read("pub.der")).unwrap());
        let mut files = vec![("pkcs8.pem", Format::Pkcs8)];
        if scheme != Scheme::Ed25519 {
            openssl.run("pkey -in pkcs8.pem -traditional -out old.pem");
            openssl.run("pkey -in pkcs8.pem -traditional -outform DER -out old.der");
            let old = match scheme.is_rsa() {
                true => Format::Pkcs1,
                false => Format::Sec1,
            };
            files.extend([("old.pem", old), ("old.der", old)]);
        }
        for (name, format) in files {
            let read = PrivateKeyFile::parse(&openssl.read(name)).unwrap();
            assert_eq!(read.format(), format, "{name} {scheme:?}");
            let key = read.open(b"").unwrap();
            assert_eq!(key.public(), &public, "{name} {scheme:?}");
        }
        let signature = openssl.sign(scheme, "pkcs8.pem");
        public.verify(MESSAGE, &signature).unwrap();
        assert!(public.verify(b"something else", &signature).is_err());
        let key = file::read_private(&openssl.read("key.der"), None).unwrap();
        openssl.verify(&key);
    }
}

#[test]
fn openssl_verifies_by_every_key_we_make() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    for (_, scheme) in KINDS {
        let key = SigningKey::generate(scheme).unwrap();
        openssl.verify(&key);
        openssl.world.write("our.key", key.to_pkcs8_pem());
        let signature = openssl.sign(scheme, "our.key");
        key.public().verify(MESSAGE, &signature).unwrap();
    }
}

#[test]
fn reads_rsa_public_keys_of_pkcs1_and_refuses_odd_lengths() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    openssl.run("genrsa -traditional -out rsa.pem 2048");
    openssl.run("rsa -in rsa.pem -RSAPublicKey_out -out rsa.pub");
    let key = file::read_private(&openssl.read("rsa.pem"), None).unwrap();
    let text = String::from_utf8(openssl.read("rsa.pub")).unwrap();
    assert!(text.contains("BEGIN RSA PUBLIC KEY"));
    assert_eq!(&PublicKey::from_pem(&text).unwrap(), key.public());
    openssl.run("genrsa -out short.pem 1024");
    assert!(file::read_private(&openssl.read("short.pem"), None).is_err());
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k1.pem");
    assert!(file::read_private(&openssl.read("k1.pem"), None).is_err());
}

#[test]
fn reads_a_key_behind_its_parameters_and_names_openssls_encryption() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    openssl.run("ecparam -name prime256v1 -genkey -out ec.pem");
    let text = openssl.read("ec.pem");
    assert!(text.starts_with(b"-----BEGIN EC PARAMETERS"));
    file::read_private(&text, None).unwrap();
    for arguments in [
        "pkcs8 -topk8 -in ec.pem -passout pass:x -out locked.pem",
        "ec -in ec.pem -aes128 -passout pass:x -out locked.pem",
    ] {
        openssl.run(arguments);
        let error = file::read_private(&openssl.read("locked.pem"), Some(b"x")).unwrap_err();
        assert!(matches!(error, file::KeyFileError::OtherEncryption));
    }
}
