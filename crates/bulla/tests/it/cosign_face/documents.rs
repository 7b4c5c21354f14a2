//! `trusted-root create` and `signing-config create`.

use super::Pair;
use jiff::Timestamp;
use serde_json::Value;

/// A document with its lists in an order of ours: logs come from a map there.
fn sorted(mut document: Value) -> Value {
    for value in document
        .as_object_mut()
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        if let Some(list) = value.as_array_mut() {
            list.sort_by_key(ToString::to_string);
        }
    }
    document
}

/// The document with the moment of its making in words: the two are made in turn,
/// and a second may end between them.
fn undated(mut document: Value, began: Timestamp) -> Value {
    match &mut document {
        Value::String(text) => {
            let made = text.parse::<Timestamp>().is_ok_and(|time| time >= began);
            if made {
                *text = "now".to_owned();
            }
        }
        Value::Array(list) => {
            for value in list {
                *value = undated(value.take(), began);
            }
        }
        Value::Object(map) => {
            for value in map.values_mut() {
                *value = undated(value.take(), began);
            }
        }
        _ => {}
    }
    document
}

/// Keys and a chain for both programs, made by openssl.
fn material(pair: &Pair) -> bool {
    let make = "set -e
        openssl ecparam -name prime256v1 -genkey -noout -out k.pem
        openssl ec -in k.pem -pubout -out k.pub
        openssl req -x509 -new -key k.pem -subj '/O=org/CN=root' -days 9 -out root.pem
        openssl req -new -key k.pem -subj /CN=leaf | openssl x509 -req -CA root.pem -CAkey k.pem -days 9 -out leaf.pem
        cat leaf.pem root.pem > chain.pem
        openssl genpkey -algorithm ed25519 -out e.pem
        openssl pkey -in e.pem -pubout -out e.pub
        openssl genrsa -out r.pem 2048
        openssl rsa -in r.pem -pubout -out r.pub";
    if bulla_testkit::require("openssl").is_none() {
        return false;
    }
    let mut command = pair.world.command("sh");
    command.args(["-c", make]);
    pair.world.run(&mut command).success();
    true
}

#[test]
fn a_trust_root_is_the_same_document() {
    let Some(pair) = Pair::new() else {
        return;
    };
    if !material(&pair) {
        return;
    }
    let create = ["trusted-root", "create"];
    let start = "start-time=2025-01-01T00:00:00Z";
    let new = [
        "--fulcio=url=https://f,certificate-chain=chain.pem".to_owned(),
        "--fulcio=url=https://g,certificate-chain=root.pem,start-time=2025-01-01T00:00:00Z,end-time=2027-01-01T00:00:00Z".to_owned(),
        format!("--rekor=url=https://r.example,public-key=e.pub,{start},origin=r.example"),
        format!("--ctfe=url=https://c,public-key=r.pub,{start},end-time=2027-01-01T00:00:00Z"),
        "--tsa=url=https://t/api,certificate-chain=chain.pem".to_owned(),
    ];
    let old = [
        "--certificate-chain=chain.pem",
        "--fulcio-uri=https://f",
        "--rekor-key=e.pub,r.example",
        "--rekor-url=https://r.example",
        "--rekor-start-time=2025-01-01T00:00:00Z",
        "--ctfe-key=k.pub",
        "--timestamp-certificate-chain=chain.pem",
    ]
    .map(str::to_owned);
    for flags in [&new as &[String], &old, &[]] {
        let args: Vec<&str> = create
            .into_iter()
            .chain(flags.iter().map(String::as_str))
            .collect();
        // Both write whole seconds.
        let began = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let (theirs, ours) = pair.both(&args);
        let same = |document| sorted(undated(document, began));
        assert_eq!(same(theirs.success().json()), same(ours.json()), "{args:?}");
    }
    for wrong in [
        "--rekor=url=https://r,public-key=k.pub",
        "--rekor=url=https://r",
        "--rekor=nonsense",
        "--fulcio=url=https://f,certificate-chain=nowhere.pem",
        "--tsa=url=https://t,certificate-chain=root.pem",
        "--ctfe=url=https://c,public-key=k.pem,start-time=2025-01-01T00:00:00Z",
        "--rekor=url=https://r,public-key=k.pub,start-time=yesterday",
    ] {
        pair.both(&["trusted-root", "create", wrong]).1.exit(1);
    }
    pair.both(&["trusted-root", "create", &new[0], &old[0]])
        .1
        .exit(1);
}

#[test]
fn a_signing_config_is_the_same_document() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let spec = |url: &str, version: u8| {
        format!("url={url},api-version={version},start-time=2025-01-01T00:00:00Z,operator=me")
    };
    let (ca, log, tsa) = (
        format!("--fulcio={}", spec("https://f", 1)),
        format!(
            "--rekor={},end-time=2030-01-01T00:00:00Z",
            spec("https://r", 2)
        ),
        format!("--tsa={}", spec("https://t/api/v1/timestamp", 1)),
    );
    let oidc = format!("--oidc-provider={}", spec("https://o", 1));
    for flags in [
        &[] as &[&str],
        &[&ca, &oidc],
        &[
            &ca,
            &log,
            "--rekor-config=any",
            &tsa,
            "--tsa-config",
            "EXACT:1",
        ],
        &[&log, &log, "--rekor-config=ALL"],
    ] {
        let args: Vec<&str> = ["signing-config", "create"]
            .into_iter()
            .chain(flags.iter().copied())
            .collect();
        let (theirs, ours) = pair.both(&args);
        assert_eq!(theirs.success().json(), ours.json(), "{args:?}");
    }
    // One made of another, with a part left out.
    let base = [
        "signing-config",
        "create",
        &ca,
        &log,
        "--rekor-config=ANY",
        "--out",
        "base.json",
    ];
    pair.both(&base).1.success();
    let from = ["signing-config", "create", "--base-config", "base.json"];
    for more in [
        &[] as &[&str],
        &["--no-default-rekor"],
        &[&log, "--rekor-config=ALL"],
    ] {
        let args: Vec<&str> = from.into_iter().chain(more.iter().copied()).collect();
        let (theirs, ours) = pair.both(&args);
        assert_eq!(theirs.success().json(), ours.json(), "{args:?}");
    }
    for wrong in [
        &[log.as_str()] as &[&str],
        &[&log, "--rekor-config=SOME"],
        &[&log, "--rekor-config=EXACT"],
        &[&log, "--rekor-config=ANY:1"],
        &["--fulcio=url=https://f"],
        &["--base-config=nowhere.json"],
    ] {
        let args: Vec<&str> = ["signing-config", "create"]
            .into_iter()
            .chain(wrong.iter().copied())
            .collect();
        pair.both(&args).1.exit(1);
    }
}
