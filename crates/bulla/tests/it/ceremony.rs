//! A ceremony on the command line: one key in a token, one encrypted to an age
//! recipient, one behind a passphrase; then the next root while the instance serves.

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use bulla_testkit::{Instance, Outcome, World, require, skip};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];
const TOKEN: &str = "pkcs11:token=root;object=carol";
struct Scene {
    world: World,
    /// To whom Bob's key is encrypted.
    recipient: String,
    config: PathBuf,
    module: &'static str,
}

impl Scene {
    /// With a token that holds a key of Carol's.
    fn new() -> Option<Self> {
        let (softhsm, openssl) = (require("softhsm2-util")?, require("openssl")?);
        let Some(module) = MODULES.into_iter().find(|path| Path::new(path).exists()) else {
            skip("libsofthsm2.so is at none of the usual places");
            return None;
        };
        let world = World::new();
        let tokens = world.dir().join("tokens");
        fs::create_dir_all(&tokens).unwrap();
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        );
        let config = world.write("softhsm2.conf", text);
        let pem = world.dir().join("carol.pem").display().to_string();
        let run = |program: &Path, args: &[&str]| {
            let done = Command::new(program)
                .args(args)
                .env("SOFTHSM2_CONF", &config)
                .output();
            let done = done.unwrap();
            assert!(done.status.success(), "{args:?}: {done:?}");
        };
        let curve = "ec_paramgen_curve:P-256";
        run(
            &openssl,
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                curve,
                "-out",
                &pem,
            ],
        );
        let (pin, label) = (["--pin", "1234"], ["--label", "root"]);
        run(
            &softhsm,
            &[
                &["--init-token", "--free", "--so-pin", "5678"][..],
                &pin,
                &label,
            ]
            .concat(),
        );
        let import = [
            "--import", &pem, "--label", "carol", "--id", "01", "--token", "root",
        ];
        run(&softhsm, &[&import[..], &pin].concat());
        world.write("alice.txt", "four words of alice\n");
        let bob = Identity::generate();
        world.write(
            "bob.key",
            format!("# bob\n{}\n", bob.to_string().expose_secret()),
        );
        let recipient = bob.to_public().to_string();
        Some(Self {
            world,
            recipient,
            config,
            module,
        })
    }

    fn bulla(&self, args: &[&str]) -> Outcome {
        let mut command = self.world.command(self.world.binary());
        command
            .args(args)
            .env("SOFTHSM2_CONF", &self.config)
            .env("COSIGN_PKCS11_MODULE_PATH", self.module)
            .env("COSIGN_PKCS11_PIN", "1234");
        self.world.run(&mut command)
    }

    fn ceremony(&self, args: &[&str]) -> Outcome {
        self.bulla(&[&["trust", "ceremony"][..], args].concat())
    }

    /// Signs what this folder shows.
    fn sign(&self, dir: &str, name: &str, key: &[&str]) {
        let shown = self.ceremony(&["sign", dir, "--as", name, "--show"]);
        let digest = shown.success().stdout.trim().to_owned();
        let args = ["sign", dir, "--as", name, "--yes", &digest];
        self.ceremony(&[&args[..], key].concat()).success();
    }
}

#[test]
fn people_with_every_kind_of_key() {
    let Some(scene) = Scene::new() else { return };
    let (alice, bob) = (
        ["--passphrase-file", "alice.txt"],
        ["--identity", "bob.key"],
    );
    let nothing = scene.bulla(&["trust", "export", "--ceremony", "export.json"]);
    nothing.exit(7).says("CLI-0341");
    Instance::create(&scene.world);
    scene
        .bulla(&["trust", "export", "--ceremony", "export.json"])
        .success();

    let bob_key = format!("bob={}", scene.recipient);
    let carol_key = format!("carol={TOKEN}");
    let people = [
        "--person", "alice", "--person", &bob_key, "--person", &carol_key,
    ];
    let plan = |dir: &str, more: &[&str]| {
        let args = ["plan", dir, "--export", "export.json"];
        scene.ceremony(&[&args[..], &people, more].concat())
    };
    // Plans that nobody can carry out.
    plan("none", &["--threshold", "0"])
        .exit(2)
        .says("AUTH-0628");
    plan("many", &["--threshold", "4"])
        .exit(2)
        .says("AUTH-0628");
    plan("odd", &["--threshold", "1", "--person", "dave=ssh-ed25519"])
        .exit(2)
        .says("AUTH-0629");
    let holders = ["--ca-holder", "alice", "--tsa-holder", "bob"];
    plan("one", &[&["--threshold", "3"][..], &holders].concat()).success();
    plan("one", &["--threshold", "1"]).exit(7).says("AUTH-0621");

    scene
        .ceremony(&["sign", "one", "--as", "alice", "--show"])
        .exit(3)
        .says("init");
    scene
        .ceremony(&[&["init", "one", "--as", "alice"][..], &alice].concat())
        .success();
    scene
        .ceremony(&[&["init", "one", "--as", "bob"][..], &bob].concat())
        .success();
    scene.ceremony(&["init", "one", "--as", "carol"]).success();
    scene
        .ceremony(&["init", "one", "--as", "carol"])
        .exit(3)
        .says("CLI-0348");
    scene
        .ceremony(&["init", "one", "--as", "mallory"])
        .exit(2)
        .says("AUTH-0630");
    let public = fs::read_to_string(scene.world.dir().join("one/keys/carol.json")).unwrap();
    assert!(
        public.contains(TOKEN) && !public.contains("1234"),
        "{public}"
    );

    scene.sign("one", "alice", &alice);
    scene.sign("one", "bob", &bob);
    scene.sign("one", "carol", &[]);
    scene.sign("one", "alice", &alice);
    scene.ceremony(&["verify", "one"]).exit(3).says("2 of 3");
    scene.ceremony(&["publish", "one"]).exit(3).says("CLI-0352");
    // Bob's file with Alice's passphrase, and a digest that nobody agreed to.
    let digest = scene
        .ceremony(&["sign", "one", "--as", "bob", "--show"])
        .success()
        .stdout
        .clone();
    let args = ["sign", "one", "--as", "bob", "--yes", digest.trim()];
    scene
        .ceremony(&[&args[..], &alice].concat())
        .exit(4)
        .says("AUTH-0620");
    let args = ["sign", "one", "--as", "bob", "--yes", "00"];
    scene
        .ceremony(&[&args[..], &bob].concat())
        .exit(1)
        .says("CLI-0351");
    scene.sign("one", "bob", &bob);
    scene.ceremony(&["verify", "one"]).exit(0);

    // A root key that is online signs its last root while nobody serves.
    let instance = Instance::start(&scene.world);
    scene.ceremony(&["publish", "one"]).exit(7).says("CLI-0355");
    instance.stop();
    scene.ceremony(&["publish", "one"]).success();
    let keys = scene.world.data().join("keys");
    for slot in ["tuf-root", "tuf-targets", "ca-root", "tsa-root"] {
        assert!(!keys.join(format!("{slot}.sealed")).exists(), "{slot}");
    }
    // What was signed by the instance's new authorities is believed.
    let instance = Instance::start(&scene.world);
    scene.world.write("notes.txt", "all there\n");
    let args = [
        "sign-blob",
        "notes.txt",
        "--bundle",
        "notes.json",
        "--email",
        "dana@example.com",
    ];
    scene.bulla(&args).success();
    let issuer = instance.url("oidc").to_owned();
    let args = [
        "verify-blob",
        "notes.txt",
        "--bundle",
        "notes.json",
        "--certificate-identity",
        "dana@example.com",
        "--certificate-oidc-issuer",
        &issuer,
    ];
    scene.bulla(&args).success();
    instance.stop();
}
