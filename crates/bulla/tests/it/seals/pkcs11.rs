//! A key that never leaves its token: SoftHSM2 through PKCS #11.

use super::ALONE;
use crate::tamper::scene::shared;
use bulla_testkit::require;
use std::{fs, path::Path, process::Command};

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

#[test]
fn a_token_signs_and_its_public_key_verifies() {
    let (Some(softhsm), Some(openssl)) = (require("softhsm2-util"), require("openssl")) else {
        return;
    };
    let Some(module) = MODULES.iter().find(|path| Path::new(path).exists()) else {
        bulla_testkit::skip("libsofthsm2.so is at none of the usual places");
        return;
    };
    let scene = shared();
    let home = scene.world.dir().join(scene.name("tokens"));
    fs::create_dir_all(home.join("tokens")).unwrap();
    let config = home.join("softhsm2.conf");
    let tokens = home.join("tokens").display().to_string();
    fs::write(
        &config,
        format!("directories.tokendir = {tokens}\nobjectstore.backend = file\n"),
    )
    .unwrap();
    let pem = home.join("key.pem").display().to_string();
    let run = |program: &Path, args: &[&str]| {
        let done = Command::new(program)
            .args(args)
            .env("SOFTHSM2_CONF", &config)
            .output()
            .unwrap();
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
    let token = ["--token", "release", "--pin", "1234"];
    let init = ["--init-token", "--free", "--label", "release"];
    let pins = ["--pin", "1234", "--so-pin", "5678"];
    run(&softhsm, &[&init[..], &pins].concat());
    let import = ["--import", &pem, "--label", "signer", "--id", "01"];
    run(&softhsm, &[&import[..], &token].concat());
    let reference = "pkcs11:token=release;object=signer";
    let bulla = |args: &[&str], pin: &str| {
        let mut command = scene.world.command(scene.world.binary());
        command.args(args);
        command.env("SOFTHSM2_CONF", &config);
        command.env("COSIGN_PKCS11_MODULE_PATH", module);
        command.env("COSIGN_PKCS11_PIN", pin);
        scene.world.run(&mut command)
    };
    let public = bulla(&["public-key", "--key", reference], "1234");
    let public = scene.file(&public.success().stdout);
    let file = scene.file("notes\n");
    let args = ["sign-blob", &file, "--key", reference];
    let signed = bulla(&[&args[..], &ALONE].concat(), "1234");
    let bundle = scene.file(&signed.success().stdout);
    let args = ["verify-blob", &file, "--bundle", &bundle, "--key", &public];
    scene
        .bulla(&[&args[..], &["--insecure-ignore-tlog"]].concat())
        .success();
    bulla(&["sign-blob", &file, "--key", reference], "4321")
        .exit(7)
        .says("NET-03");
    let other = "pkcs11:token=release;object=nobody";
    bulla(&["public-key", "--key", other], "1234").exit(7);
}
