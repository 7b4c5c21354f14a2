//! Who keeps the instance key: passphrases, and keys of a real token.

use super::*;
use bulla_crypto::{Scheme, SigningKey};
use bulla_testkit::{require, skip};

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

#[test]
fn a_wrong_passphrase_opens_nothing_and_a_new_one_takes_over() {
    let world = World::new();
    let configured = Configured::with_passphrase(&world);
    let served = Served::start(&world, &configured);
    let root = served.ready["root"].clone();
    assert_eq!(served.stop(), Some(0));
    let keys = names_in(&configured.data.join("keys"));
    assert!(keys.contains(&"instance.wrapped".to_owned()), "{keys:?}");
    assert!(!keys.contains(&"instance.key".to_owned()), "{keys:?}");

    let former = world.dir().join("passphrase");
    let new = private(&world, "new", "another horse entirely");
    let file = configured.path.to_str().unwrap();
    let mut command = world.command(world.binary());
    command.args(["serve", "--config", file]);
    command.env("BULLA_SERVE_KEY__PASSPHRASE_FILE", &new);
    world.run(&mut command).exit(7).says("CRYPTO-0065");

    for former in [Some(former), None] {
        let mut command = world.command(world.binary());
        command.args(["serve", "--config", file]);
        command.env("BULLA_SERVE_KEY__PASSPHRASE_FILE", &new);
        if let Some(former) = former {
            command.env("BULLA_SERVE_KEY__FORMER_PASSPHRASE_FILE", former);
        }
        let served = Served::spawn(&world, command);
        assert_eq!(served.ready["root"], root, "the same instance");
        assert_eq!(served.stop(), Some(0));
    }
    let mut command = world.command(world.binary());
    command.args(["serve", "--config", file]);
    world.run(&mut command).exit(7).says("CRYPTO-0065");
}

#[test]
fn a_token_keeps_the_instance_key_and_the_intermediate() {
    let Some(tool) = require("softhsm2-util") else {
        return;
    };
    let module = MODULES.iter().find(|path| Path::new(path).is_file());
    let Some(module) = module else {
        skip("no libsofthsm2.so where distributions keep it");
        return;
    };
    let world = World::new();
    let tokens = world.dir().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    let softhsm = world.write("softhsm2.conf", text);
    let run = |args: &str| {
        let mut command = world.command(&tool);
        command.env("SOFTHSM2_CONF", &softhsm).args(args.split('|'));
        world.run(&mut command).success();
    };
    run("--init-token|--free|--label|bulla|--pin|1234|--so-pin|5678");
    for (number, (name, scheme)) in [
        ("instance", Scheme::Rsa2048),
        ("intermediate", Scheme::EcdsaP256),
    ]
    .into_iter()
    .enumerate()
    {
        let key = SigningKey::generate(scheme).unwrap();
        world.write("key.pem", key.to_pkcs8_pem());
        run(&format!(
            "--import|key.pem|--token|bulla|--label|{name}|--id|0{number}|--pin|1234"
        ));
    }
    let pin = private(&world, "pin", "1234\n");
    let uri = |name: &str| format!("pkcs11:token=bulla;object={name}?module-path={module}");
    let key = format!(
        "[key]\nsigner = \"{}\"\npin_file = {pin:?}\n[key.slots]\nca-intermediate = \"{}\"",
        uri("instance"),
        uri("intermediate")
    );
    let configured = Configured::new(&world, &key);
    let serve = || {
        let mut command = world.command(world.binary());
        command.env("SOFTHSM2_CONF", &softhsm);
        command.args(["serve", "--config"]).arg(&configured.path);
        command
    };
    let mut command = world.command(world.binary());
    command.env("SOFTHSM2_CONF", &softhsm);
    command.args(["serve", "--check"]).arg(&configured.path);
    world.run(&mut command).success();

    let served = Served::spawn(&world, serve());
    let (_, first) = get(served.address("public"), "/api/v2/trustBundle");
    assert_eq!(served.stop(), Some(0));
    let keys = names_in(&configured.data.join("keys"));
    assert!(
        !keys.contains(&"ca-intermediate.sealed".to_owned()),
        "{keys:?}"
    );
    assert!(keys.contains(&"ca-root.sealed".to_owned()), "{keys:?}");
    let served = Served::spawn(&world, serve());
    let (_, again) = get(served.address("public"), "/api/v2/trustBundle");
    assert_eq!(first, again);
    assert_eq!(served.stop(), Some(0));

    // Without the token nothing opens; an ECDSA key cannot keep an instance.
    let mut command = serve();
    command.env(
        "SOFTHSM2_CONF",
        world.write("none.conf", "directories.tokendir = /nowhere\n"),
    );
    world.run(&mut command).exit(7);
    let mut command = serve();
    command.env("BULLA_SERVE_KEY__SIGNER", uri("intermediate"));
    world.run(&mut command).exit(7).says("CRYPTO-0064");
    let other = world.root().join("other");
    let mut command = serve();
    command.env("BULLA_SERVE_KEY__SIGNER", uri("intermediate"));
    command.env("BULLA_SERVE_DATA", &other);
    world.run(&mut command).exit(7).says("CRYPTO-0066");
}
