//! Commands beside signing and verifying: files pushed, payloads printed, words
//! completed, tokens listed.

use super::{Pair, images::Stage, keyless};
use bulla_testkit::{Outcome, World, require};
use serde_json::Value;
use std::path::Path;

/// The manifest that a tag names, as the registry gives it.
fn manifest(stage: &Stage, reference: &str) -> Value {
    let crane = require("crane").unwrap();
    let mut command = stage.pair.world.command(crane);
    command.args(["manifest", "--insecure", reference]);
    stage.pair.world.run(&mut command).success().json()
}

/// What is pushed as a file is the same for both: media types, layers, annotations,
/// configuration.
#[test]
fn a_file_is_pushed_as_the_same_image() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let (world, host) = (&stage.pair.world, stage.registry.host());
    world.write("notes.txt", "all there\n");
    world.write("page", "\n<html><body>");
    world.write("module", b"\0asm\x01\0\0\0");
    world.write("archive", b"PK\x03\x04rest");
    world.write("what", b"\x7fELF\x02\x01\x01\0");
    let cases: [&[&str]; 7] = [
        &["blob", "-f", "notes.txt"],
        &["blob", "-f", "page", "-a", "a=b", "-a", "c=d,e=f"],
        &["blob", "-f", "module:wasip1/wasm"],
        &["blob", "-f", "archive"],
        &["blob", "-f", "what", "--ct", "application/x-what"],
        &["blob", "-f", "what"],
        &["wasm", "-f", "module"],
    ];
    for (at, case) in cases.iter().enumerate() {
        let pushed = [true, false].map(|ours| {
            let to = format!("{host}/pushed-{at}:{ours}");
            let outcome = stage.run(ours, &[&["upload"], *case, &[to.as_str()]].concat());
            outcome.success();
            (manifest(&stage, &to), outcome, to)
        });
        let [(ours, told, to), (theirs, ..)] = pushed;
        let parts = |manifest: &Value| {
            ["mediaType", "layers", "annotations"].map(|name| manifest[name].clone())
        };
        assert_eq!(parts(&ours), parts(&theirs), "{case:?}");
        assert_eq!(ours["config"]["mediaType"], theirs["config"]["mediaType"]);
        if case[0] == "blob" {
            let (name, _) = to.rsplit_once(':').unwrap();
            let line = told.stdout.trim();
            assert!(line.starts_with(&format!("{name}@sha256:")), "{line}");
            // The digest is that of what was pushed: either reads it back by it.
            let by_digest = manifest(&stage, line);
            assert_eq!(by_digest, ours);
            stage.run(false, &["triangulate", line]).success();
        }
    }
    // Configurations are the same bytes but for the order of their fields.
    let config = |to: &str| {
        let crane = require("crane").unwrap();
        let mut command = world.command(crane);
        command.args(["config", "--insecure", to]);
        world.run(&mut command).success().json()
    };
    let [ours, theirs] = [true, false].map(|ours| config(&format!("{host}/pushed-0:{ours}")));
    assert_eq!(ours, theirs);
}

#[test]
fn several_files_are_pushed_under_one_index() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let (world, host) = (&stage.pair.world, stage.registry.host());
    world.write("one", "1\n");
    world.write("two", "2\n");
    let index = [true, false].map(|ours| {
        let to = format!("{host}/tools:{ours}");
        let args = [
            "upload",
            "blob",
            "-f",
            "one:darwin",
            "-f",
            "two:linux/amd64",
            &to,
        ];
        stage
            .run(ours, &args)
            .success()
            .says("Uploading multi-platform index to");
        let mut index = manifest(&stage, &to);
        for entry in index["manifests"].as_array_mut().unwrap() {
            // Not the same bytes, and cosign adds the configuration's type.
            for name in ["artifactType", "digest", "size"] {
                entry.as_object_mut().unwrap().remove(name);
            }
        }
        index
    });
    assert_eq!(index[0], index[1]);
    let to = format!("{host}/tools:bad");
    for (args, words) in [
        (
            &["-f", "one", "-f", "two"] as &[&str],
            "one had no platform",
        ),
        (&["-f", "nowhere"], "open nowhere"),
        (&[], ""),
    ] {
        let args = [&["upload", "blob"], args, &[to.as_str()]].concat();
        let [ours, theirs] = [true, false].map(|ours| stage.run(ours, &args));
        ours.exit(1).says(words);
        theirs.exit(1).says(words);
    }
    let other = format!("{host}/tools@sha256:{}", "0".repeat(64));
    stage
        .run(true, &["upload", "blob", "-f", "one", &other])
        .exit(1)
        .says("OCI-0070");
    stage.run(true, &["upload", "wasm", &to]).exit(1);
}

/// Tags of the local instance's registry are written once: several files take one
/// writing of ours, where cosign moves the tag from file to file.
#[test]
fn the_local_registry_takes_files() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let shared = &*keyless::SHARED;
    let folder = shared.folder("uploads");
    let file = |name: &str| {
        let path = folder.join(name);
        std::fs::write(&path, name).unwrap();
        path.display().to_string()
    };
    let (one, two) = (file("one"), file("two"));
    let several = [format!("{one}:linux/amd64"), format!("{two}:linux/arm64")];
    for ours in [true, false] {
        let to = format!("{}/uploads-{ours}", shared.instance().registry());
        let upload = |args: &[&str]| {
            let args = [&["upload", "blob"], args].concat();
            shared
                .world()
                .run(&mut keyless::program(ours, &cosign, &args))
        };
        let (single, index) = (format!("{to}:one"), format!("{to}:both"));
        let pushed = upload(&["-f", &one, &single]);
        let line = pushed.success().stdout.trim().to_owned();
        assert!(line.starts_with(&format!("{to}@sha256:")), "{line}");
        let both = upload(&["-f", &several[0], "-f", &several[1], &index]);
        both.exit(if ours { 0 } else { 1 });
        // Another file under the same name is refused to either.
        upload(&["-f", &two, &single]).exit(1);
        let generated = ["generate", &single];
        let payload = shared
            .world()
            .run(&mut keyless::program(true, &cosign, &generated));
        let (_, digest) = line.split_once('@').unwrap();
        payload.success().says(digest);
    }
}

/// The payload that is printed is the one that would be signed: signed by another
/// tool and attached, both programs verify it.
#[test]
fn a_payload_is_signed_with_another_tool() {
    let Some(stage) = Stage::new() else {
        return;
    };
    if require("openssl").is_none() {
        return;
    }
    let world = &stage.pair.world;
    let image = stage.image("elsewhere");
    let tagged = format!("{}/elsewhere:v1", stage.registry.host());
    let tagged = tagged.as_str();
    let args = ["generate", "-a", "env=prod", tagged];
    let [ours, theirs] = [true, false].map(|ours| stage.run(ours, &args));
    assert_eq!(ours.success().stdout, theirs.success().stdout);
    world.write("payload", &ours.stdout);
    let mut sign = world.command("sh");
    sign.args([
        "-c",
        "openssl ecparam -name prime256v1 -genkey -noout -out k.pem && openssl ec -in k.pem -pubout -out k.pub &&
         openssl dgst -sha256 -sign k.pem payload | openssl base64 -A > signature",
    ]);
    world.run(&mut sign).success();
    let attach = [
        "attach",
        "signature",
        "--payload",
        "payload",
        "--signature",
        "signature",
    ];
    stage
        .run(true, &[&attach[..], &[tagged]].concat())
        .success();
    let verify = [
        "verify",
        "--insecure-ignore-tlog",
        "--key",
        "k.pub",
        "-a",
        "env=prod",
    ];
    for ours in [true, false] {
        stage
            .run(ours, &[&verify[..], &[&image]].concat())
            .success();
    }
    stage.run(true, &["generate", "127.0.0.1:9/app:v1"]).exit(1);
}

/// Both programs' scripts load in bash; ours completes what is there.
#[test]
fn words_are_completed() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let world = &pair.world;
    let folder = world.dir();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let (theirs, ours) = pair.both(&["completion", shell]);
        assert!(theirs.success().stdout.contains("cosign"));
        assert!(ours.stdout.contains("registry-client-cert"), "{shell}");
        let own = world.bulla(["completion", shell]);
        assert!(own.success().stdout.contains("pkcs11-tool"), "{shell}");
        let json = world.bulla(["completion", shell, "-o", "json"]).json();
        assert_eq!(json["script"], own.stdout.as_str(), "{shell}");
        assert_eq!(json["shell"], shell);
    }
    for wrong in [&["completion"] as &[&str], &["completion", "nosh"]] {
        pair.both(wrong).1.exit(1);
    }
    world.bulla(["completion", "nosh"]).exit(2);
    let script = pair.ours(&folder, &["completion", "bash"]).stdout;
    world.write("face.bash", script);
    world.write("own.bash", world.bulla(["completion", "bash"]).stdout);
    let ask = |file: &str, function: &str, words: &str| -> Vec<String> {
        let line = format!(
            ". ./{file} && COMP_WORDS=({words}) && COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) && {function} && echo \"${{COMPREPLY[*]}}\""
        );
        let mut bash = world.command("bash");
        bash.args(["--norc", "-c", &line]);
        let told = world.run(&mut bash);
        let words = told.success().stdout.split_whitespace();
        words.map(str::to_owned).collect()
    };
    let face = |words: &str| ask("face.bash", "_cosign", words);
    assert_eq!(
        face("cosign attach ''"),
        ["attestation", "sbom", "signature"]
    );
    assert_eq!(
        face("cosign sign --key k --registry-c"),
        [
            "--registry-cacert",
            "--registry-client-cert",
            "--registry-client-key"
        ]
    );
    assert_eq!(face("cosign completion p"), ["powershell"]);
    let own = |words: &str| ask("own.bash", "_bulla", words);
    assert_eq!(own("bulla verify-blob-"), ["verify-blob-attestation"]);
    assert_eq!(own("bulla --color ''"), ["auto", "always", "never"]);
    assert_eq!(own("bulla cosign trusted-root ''"), ["create"]);
}

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

/// Tokens and keys of a module, listed so that `--key` takes what is printed.
#[test]
fn tokens_and_their_keys_are_listed() {
    let (Some(softhsm), Some(openssl)) = (require("softhsm2-util"), require("openssl")) else {
        return;
    };
    let Some(module) = MODULES.iter().find(|path| Path::new(path).exists()) else {
        bulla_testkit::skip("libsofthsm2.so is at none of the usual places");
        return;
    };
    let world = World::new();
    let tokens = world.dir().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let config = world.write(
        "softhsm2.conf",
        format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        ),
    );
    let run = |program: &Path, args: &[&str]| {
        let mut command = world.command(program);
        command.args(args).env("SOFTHSM2_CONF", &config);
        world.run(&mut command).success();
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
            "key.pem",
        ],
    );
    let init = ["--init-token", "--free", "--label", "our release"];
    run(
        &softhsm,
        &[&init[..], &["--pin", "1234", "--so-pin", "5678"]].concat(),
    );
    let import = ["--import", "key.pem", "--label", "signer", "--id", "0a01"];
    run(
        &softhsm,
        &[&import[..], &["--token", "our release", "--pin", "1234"]].concat(),
    );
    let bulla = |args: &[&str], env: &[(&str, &str)]| -> Outcome {
        let mut command = world.command(world.binary());
        command
            .arg("cosign")
            .args(args)
            .env("SOFTHSM2_CONF", &config);
        command.envs(env.iter().copied());
        world.run(&mut command)
    };
    let by_flag = ["--module-path", module];
    let listed = bulla(
        &[&["pkcs11-tool", "list-tokens"], &by_flag[..]].concat(),
        &[],
    );
    listed
        .success()
        .says("\tLabel: our release\n")
        .says("\tModel: SoftHSM v2");
    assert!(
        listed
            .stdout
            .starts_with("\nListing tokens of PKCS11 module '/")
    );
    let slot = listed
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("Token in slot "));
    let slot = slot.unwrap_or_else(|| panic!("{}", listed.account()));
    let keys = ["pkcs11-tool", "list-keys-uris", "--slot-id", slot];
    let by_env = [
        ("COSIGN_PKCS11_MODULE_PATH", *module),
        ("COSIGN_PKCS11_PIN", "1234"),
    ];
    for listed in [
        bulla(&keys, &by_env),
        bulla(&[&keys[..], &by_flag, &["--pin", "1234"]].concat(), &[]),
    ] {
        listed
            .success()
            .says("Object 0\n")
            .says("\tLabel: signer\n")
            .says("\tID: 0a01\n");
        assert!(!listed.stdout.contains("1234"), "{}", listed.account());
        let uri = listed
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("\tURI: "));
        let uri = uri.unwrap_or_else(|| panic!("{}", listed.account()));
        let pin = [("COSIGN_PKCS11_PIN", "1234")];
        bulla(&["public-key", "--key", uri], &pin)
            .success()
            .says("BEGIN PUBLIC KEY");
    }
    let wrong = [
        ("COSIGN_PKCS11_MODULE_PATH", *module),
        ("COSIGN_PKCS11_PIN", "4321"),
    ];
    bulla(&keys, &wrong).exit(1).says("NET-0340");
    bulla(&keys, &by_env[..1]).exit(1).says("CLI-0434");
    bulla(&["pkcs11-tool", "list-tokens"], &[])
        .exit(1)
        .says("CLI-0487");
    for bad in ["libsofthsm2.so", "/nowhere/libsofthsm2.so", "/etc/passwd"] {
        bulla(&["pkcs11-tool", "list-tokens", "--module-path", bad], &[])
            .exit(1)
            .says("NET-0334");
    }
    let other = ["pkcs11-tool", "list-keys-uris", "--slot-id", "4294967000"];
    bulla(&other, &by_env).exit(1).says("NET-0339");
}
