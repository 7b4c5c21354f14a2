//! Signing as somebody: tokens that were given, found, or may not be used.

use crate::tamper::scene::{EMAIL, Scene, shared};
use bulla_testkit::Outcome;

fn sign(scene: &Scene, more: &[&str], variable: Option<(&str, &str)>) -> (Outcome, String, String) {
    let file = scene.file("notes\n");
    let bundle = scene.path(&scene.name("bundle"));
    let mut command = scene.world.command(scene.world.binary());
    command.args(["sign-blob", &file, "--bundle", &bundle]);
    command.args(more).envs(variable);
    (scene.world.run(&mut command), file, bundle)
}

#[test]
fn tokens_come_from_the_command_line_a_file_or_the_environment() {
    let scene = shared();
    let token = scene.bulla(&["token", "--email", EMAIL]);
    let token = token.success().stdout.trim_end();
    let file = scene.file(token);
    let config = scene.instance.path("client_trust_config");
    let config = config.display().to_string();
    let dana = scene.somebody(EMAIL);
    let variable = Some(("SIGSTORE_ID_TOKEN", token));
    for (more, variable) in [
        (&["--identity-token", token] as &[&str], None),
        (&["--identity-token", &file], None),
        (&["--oidc-provider", "envvar"], variable),
        // The documents of an instance do for signing, too.
        (&["--sigstore", &config], variable),
        (&["--sigstore", &config, "--identity-token", &file], None),
    ] {
        let (signed, file, bundle) = sign(&scene, more, variable);
        signed.success().says(EMAIL);
        let args = ["verify-blob", &file, "--bundle", &bundle];
        scene
            .bulla(&[&args[..], &["--identity", &dana]].concat())
            .success();
    }
}

#[test]
fn what_is_no_token_is_not_sent_anywhere() {
    let scene = shared();
    let (refused, ..) = sign(&scene, &["--identity-token", "nonsense"], None);
    refused.exit(4).says("TRUST-0307");
    let (refused, ..) = sign(&scene, &["--oidc-provider", "envvar"], None);
    refused.exit(4).says("NET-0248");
    let (refused, ..) = sign(&scene, &["--oidc-provider", "nobody"], None);
    assert_ne!(refused.code, 0, "{}", refused.account());
    for both in [
        ["--oidc-provider", "envvar", "--email", EMAIL],
        ["--key", "some.key", "--email", EMAIL],
        ["--key", "some.key", "--identity-token", "x"],
    ] {
        sign(&scene, &both, None).0.exit(2);
    }
    // Without a key there is no signature that nobody witnessed.
    sign(&scene, &["--no-log"], None).0.exit(2);
}

#[test]
fn nobody_is_published_without_consent() {
    let scene = shared();
    let public = ["--sigstore", "public"];
    let (refused, ..) = sign(&scene, &public, None);
    refused.exit(2).says("CLI-0301").says("--yes");
    let (refused, ..) = sign(&scene, &[&public[..], &["--email", EMAIL]].concat(), None);
    refused.exit(2).says("CLI-0300");
    // With consent, and without a way there: nothing is signed, and that is told.
    let token = scene.bulla(&["token", "--email", EMAIL]);
    let token = token.success().stdout.trim_end().to_owned();
    let more = ["--yes", "--offline", "--identity-token", &token];
    let (refused, _, bundle) = sign(&scene, &[&public[..], &more].concat(), None);
    assert_ne!(refused.code, 0, "{}", refused.account());
    assert!(!std::path::Path::new(&bundle).exists());
}
