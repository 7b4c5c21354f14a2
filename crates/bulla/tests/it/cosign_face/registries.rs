//! How a registry is reached: with a certificate, under another name, with a
//! token; and where evidence goes in it.

use super::{
    Pair,
    images::{Stage, UNLOGGED},
};
use bulla_testkit::{Distribution, Outcome, World, require};

/// An authority, a server's certificate for `name`, a client's, and a stranger's.
pub fn certificates(world: &World, name: &str) -> bool {
    if require("openssl").is_none() {
        return false;
    }
    let make = format!(
        "set -e
        new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        openssl req -x509 $new -keyout ca.key -out ca.pem -subj /CN=authority -days 9
        issue() {{
            openssl req $new -keyout $1.key -out $1.csr -subj /CN=$1
            printf \"$2\" > $1.ext
            openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile $1.ext -out $1.pem
        }}
        issue server 'subjectAltName={name}\\nextendedKeyUsage=serverAuth'
        issue client 'extendedKeyUsage=clientAuth'
        openssl req -x509 $new -keyout stranger.key -out stranger.pem -subj /CN=client -days 9"
    );
    let mut command = world.command("sh");
    command.args(["-c", &make]);
    world.run(&mut command).success();
    true
}

/// A registry that speaks TLS and lets nobody in without a certificate.
fn guarded(world: &World) -> Option<Distribution> {
    let file = |name: &str| world.dir().join(name).display().to_string();
    Distribution::start_with(&format!(
        "  tls:\n    certificate: {}\n    key: {}\n    clientcas:\n      - {}\n",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    ))
}

const SHOWN: [&str; 6] = [
    "--registry-cacert",
    "ca.pem",
    "--registry-client-cert",
    "client.pem",
    "--registry-client-key",
    "client.key",
];

/// Saves an image of the open registry, loads it into the guarded one as
/// `REPOSITORY:v1`, with these flags; where it is then.
fn loaded(stage: &Stage, guarded: &Distribution, ours: bool, flags: &[&str]) -> String {
    let name = format!("guarded-{ours}");
    let image = stage.image(&name);
    stage.run(ours, &["save", "--dir", &name, &image]).success();
    let there = format!("{}/{name}:v1", guarded.host());
    stage
        .run(ours, &[&["load", "--dir", &name, &there], flags].concat())
        .success();
    there
}

/// Signs with a key, in both layouts.
fn sign(stage: &Stage, ours: bool, flags: &[&str], image: &str) {
    for layout in ["--new-bundle-format=false", "--new-bundle-format=true"] {
        let own = ["sign", "--key", "a.key", layout, image];
        let args = [&own[..], &UNLOGGED, flags].concat();
        stage.run(ours, &args).success();
    }
}

/// Verifies with both programs; ours, theirs.
fn verify(stage: &Stage, flags: &[&str], image: &str) -> [Outcome; 2] {
    let own = ["verify", "--insecure-ignore-tlog", "--key", "a.pub", image];
    let args = [&own[..], flags].concat();
    [true, false].map(|ours| stage.run(ours, &args))
}

#[track_caller]
fn refused(stage: &Stage, flags: &[&str], image: &str) -> Outcome {
    let [ours, theirs] = verify(stage, flags, image);
    assert_ne!(theirs.code, 0, "{}", theirs.account());
    ours.exit(1);
    ours
}

#[test]
fn a_registry_that_asks_for_a_certificate_gets_it() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let world = &stage.pair.world;
    if !certificates(world, "IP:127.0.0.1") {
        return;
    }
    let Some(guarded) = guarded(world) else {
        return;
    };
    for ours in [true, false] {
        let image = loaded(&stage, &guarded, ours, &SHOWN);
        sign(&stage, ours, &SHOWN, &image);
        for outcome in verify(&stage, &SHOWN, &image) {
            outcome.success();
        }
        // Without one, with another's, under an authority that did not make the server's.
        refused(&stage, &SHOWN[..2], &image);
        let mut other = SHOWN;
        (other[3], other[5]) = ("stranger.pem", "stranger.key");
        refused(&stage, &other, &image);
        let mut other = SHOWN;
        other[1] = "stranger.pem";
        refused(&stage, &other, &image);
    }
    // What does not belong together is told before anything is sent.
    let image = format!("{}/nowhere:v1", guarded.host());
    let mut crossed = SHOWN;
    crossed[5] = "stranger.key";
    refused(&stage, &crossed, &image).says("NET-0011");
    crossed[5] = "nowhere.key";
    refused(&stage, &crossed, &image).says("nowhere.key");
    refused(&stage, &SHOWN[..4], &image).says("CLI-0485");
    let mut no_name = SHOWN.to_vec();
    no_name.extend(["--registry-server-name", "127.0.0.1"]);
    stage
        .run(true, &[&["triangulate", &image], &no_name[..]].concat())
        .exit(1)
        .says("NET-0012");
}

#[test]
fn a_registry_may_have_another_name_than_its_address() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let world = &stage.pair.world;
    if !certificates(world, "DNS:registry.internal") {
        return;
    }
    let Some(guarded) = guarded(world) else {
        return;
    };
    let named = |name: &'static str| -> Vec<&str> {
        let mut flags = SHOWN.to_vec();
        flags.extend(["--registry-server-name", name]);
        flags
    };
    let right = named("registry.internal");
    for ours in [true, false] {
        let image = loaded(&stage, &guarded, ours, &right);
        sign(&stage, ours, &right, &image);
        for outcome in verify(&stage, &right, &image) {
            outcome.success();
        }
        refused(&stage, &SHOWN, &image);
        refused(&stage, &named("other.internal"), &image);
    }
}

/// cosign 2 meets the same registry with the same flags; it knows the old layout.
#[test]
fn cosign_2_is_met_alike() {
    let (Some(mut stage), Some(cosign2)) = (Stage::new(), require("cosign2")) else {
        return;
    };
    stage.pair.cosign = cosign2;
    let world = &stage.pair.world;
    if !certificates(world, "DNS:registry.internal") {
        return;
    }
    let Some(guarded) = guarded(world) else {
        return;
    };
    let mut flags = SHOWN.to_vec();
    flags.extend(["--registry-server-name", "registry.internal"]);
    flags.extend(["--attachment-tag-prefix", "ours-"]);
    for ours in [true, false] {
        let image = loaded(&stage, &guarded, ours, &flags);
        let own = [
            "sign",
            "--key",
            "a.key",
            "-y",
            "--tlog-upload=false",
            &image,
        ];
        let old = ["--new-bundle-format=false", "--use-signing-config=false"];
        let old = if ours { &old[..] } else { &[] };
        stage.run(ours, &[&own[..], old, &flags].concat()).success();
        for outcome in verify(&stage, &flags, &image) {
            outcome.success();
        }
        for outcome in verify(&stage, &flags[..8], &image) {
            outcome.exit(10);
        }
        refused(&stage, &SHOWN, &image);
    }
}

/// A token as the registry's token service would give it: for everything in `app`.
fn token(world: &World, key: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let make = format!(
        r#"set -e
        b64() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
        der=$(openssl x509 -in {key}.pem -outform der | openssl base64 -A)
        head=$(printf '{{"alg":"RS256","typ":"JWT","x5c":["%s"]}}' "$der" | b64)
        body=$(printf '{{"iss":"me","sub":"x","aud":"registry","jti":"1","nbf":{nbf},"iat":{nbf},"exp":{exp},"access":[{{"type":"repository","name":"app","actions":["pull","push"]}}]}}' | b64)
        sign=$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -sign {key}.key -binary | b64)
        printf '%s.%s.%s' "$head" "$body" "$sign""#,
        nbf = now - 60,
        exp = now + 3600,
    );
    let mut command = world.command("sh");
    command.args(["-c", &make]);
    world.run(&mut command).success().stdout.clone()
}

#[test]
fn a_bearer_token_is_used_as_it_is() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let world = &stage.pair.world;
    if require("openssl").is_none() {
        return;
    }
    let mut make = world.command("sh");
    make.args([
        "-c",
        "for one in issuer other; do
            openssl req -x509 -newkey rsa:2048 -nodes -keyout $one.key -out $one.pem -subj /CN=$one -days 9 || exit
        done",
    ]);
    world.run(&mut make).success();
    let bundle = world.dir().join("issuer.pem").display().to_string();
    let auth = format!(
        "auth:\n  token:\n    realm: https://tokens.example.com/token\n    service: registry\n    issuer: me\n    rootcertbundle: {bundle}\n    signingalgorithms:\n      - RS256\n"
    );
    let Some(registry) = Distribution::start_with(&auth) else {
        return;
    };
    let (good, bad) = (token(world, "issuer"), token(world, "other"));
    let open = stage.image("app");
    for ours in [true, false] {
        let folder = format!("token-{ours}");
        stage
            .run(ours, &["save", "--dir", &folder, &open])
            .success();
        let there = format!("{}/app:{ours}", registry.host());
        let flags = ["--registry-token", good.as_str()];
        stage
            .run(
                ours,
                &[&["load", "--dir", &folder, &there], &flags[..]].concat(),
            )
            .success();
        sign(&stage, ours, &flags, &there);
        for outcome in verify(&stage, &flags, &there) {
            outcome.success();
        }
        let told = refused(&stage, &["--registry-token", &bad], &there);
        let shown = told.account().replace(&told.command, "");
        assert!(!shown.contains(&bad), "{shown}");
        // In the environment, as every flag; a word of a header it has to be.
        let variable = [("COSIGN_REGISTRY_TOKEN", good.as_str())];
        let args = ["verify", "--insecure-ignore-tlog", "--key", "a.pub", &there];
        stage.run_with(true, &args, &variable).success();
        stage
            .run_with(true, &args, &[("COSIGN_REGISTRY_TOKEN", "a\nb")])
            .exit(1);
        stage.run(true, &args).exit(1);
    }
}

/// Evidence under tags with a prefix, and in a repository of its own: written by
/// either, found by both, and by nobody who looks elsewhere.
#[test]
fn evidence_is_where_it_was_put() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let host = stage.registry.host();
    let prefix = ["--attachment-tag-prefix", "ours-"];
    for ours in [true, false] {
        let name = format!("prefixed-{ours}");
        let image = stage.image(&name);
        let own = [
            "sign",
            "--key",
            "a.key",
            "--new-bundle-format=false",
            &image,
        ];
        stage
            .run(ours, &[&own[..], &UNLOGGED, &prefix].concat())
            .success();
        let (_, digest) = image.split_once("@sha256:").unwrap();
        let tag = format!("ours-sha256-{digest}.sig");
        let tags = stage.tags(&name);
        assert!(tags.contains(&tag) && tags.len() == 2, "{tags:?}");
        for outcome in verify(&stage, &prefix, &image) {
            outcome.success();
        }
        for outcome in verify(&stage, &[], &image) {
            outcome.exit(10);
        }
        let where_ = [&["triangulate", &image], &prefix[..]].concat();
        let [told, theirs] = [true, false].map(|ours| stage.run(ours, &where_));
        assert_eq!(told.success().stdout, theirs.success().stdout);
        // It goes along under the same tag.
        let copy = format!("{host}/copied-{name}:v1");
        let args = [&["copy", &image, &copy], &prefix[..]].concat();
        stage.run(true, &args).success();
        for outcome in verify(&stage, &prefix, &copy) {
            outcome.success();
        }
    }
    for (ours, layout) in [
        (true, "--new-bundle-format=false"),
        (false, "--new-bundle-format=false"),
        (true, "--new-bundle-format=true"),
        (false, "--new-bundle-format=true"),
    ] {
        let name = format!("apart-{ours}-{}", &layout[20..]);
        let image = stage.image(&name);
        let place = format!("{host}/evidence/{name}");
        let elsewhere = [("COSIGN_REPOSITORY", place.as_str())];
        let own = ["sign", "--key", "a.key", layout, &image];
        let args = [&own[..], &UNLOGGED].concat();
        stage.run_with(ours, &args, &elsewhere).success();
        assert_eq!(stage.tags(&name), ["v1"], "{layout}");
        let own = ["verify", "--insecure-ignore-tlog", "--key", "a.pub", &image];
        for program in [true, false] {
            stage.run_with(program, &own, &elsewhere).success();
            stage.run(program, &own).exit(10);
        }
    }
}

/// Both credentials at once: the name and password count, and it is said.
#[test]
fn two_credentials_are_told_apart() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let args = [
        "triangulate",
        "127.0.0.1:9/app:v1",
        "--registry-token",
        "t0ken",
        "--registry-username",
        "me",
    ];
    let folder = pair.world.dir();
    pair.ours(&folder, &args).exit(1).says("CLI-0441");
    let both = [&args[..], &["--registry-password", "p"]].concat();
    let told = pair.ours(&folder, &both);
    told.exit(1).says("--registry-token is not used");
    assert!(!told.stderr.contains("t0ken"), "{}", told.account());
}
