//! Key pairs in a cluster's secret and in a project's variables: either program
//! makes them, signs and verifies with them, and asks the server in the same words.

use super::Pair;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use bulla_testkit::{Outcome, World};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const TOKEN: &str = "secret-token";

#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Value>,
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Kept>>;

/// A server that keeps what is posted, under the name that it has in itself.
struct Server {
    address: String,
    kept: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let kept = Shared::default();
        let router = Router::new().fallback(answer).with_state(kept.clone());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            kept,
            _runtime: runtime,
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.kept.lock().unwrap().asked)
    }

    fn forget(&self) {
        *self.kept.lock().unwrap() = Kept::default();
    }
}

async fn answer(
    State(kept): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut kept = kept.lock().unwrap();
    let path = uri.path().to_owned();
    kept.asked.push(format!("{method} {path}"));
    let shown = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Over plain HTTP the real program shows a cluster no token.
    let known = shown("private-token") == Some(TOKEN)
        || shown("authorization") == Some(&format!("Bearer {TOKEN}"))
        || (!path.starts_with("/api/v4") && shown("authorization").is_none());
    let status = |code: StatusCode| {
        let kind = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code.as_u16(),
            "reason": if code == StatusCode::NOT_FOUND { "NotFound" } else { "Unauthorized" },
        });
        (code, Json(kind))
    };
    if !known {
        return status(StatusCode::UNAUTHORIZED);
    }
    if path == "/version" {
        let version = json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"});
        return (StatusCode::OK, Json(version));
    }
    // The real program asks first what the reference names.
    if path == "/api/v4/projects/group%2Fproject" {
        return (StatusCode::OK, Json(json!({"id": 7})));
    }
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    match method.as_str() {
        "POST" => {
            let name = sent.get("key").or_else(|| sent.pointer("/metadata/name"));
            let name = name.and_then(Value::as_str).unwrap_or_default();
            kept.objects.insert(format!("{path}/{name}"), sent.clone());
            (StatusCode::CREATED, Json(sent))
        }
        "PUT" => {
            kept.objects.insert(path, sent.clone());
            (StatusCode::OK, Json(sent))
        }
        _ => match kept.objects.get(&path) {
            Some(object) => (StatusCode::OK, Json(object.clone())),
            None => status(StatusCode::NOT_FOUND),
        },
    }
}

fn run(pair: &Pair, server: &Server, ours: bool, args: &[&str]) -> Outcome {
    let program = match ours {
        true => pair.world.binary(),
        false => pair.cosign.clone(),
    };
    let mut command = pair.world.command(program);
    command.args(ours.then_some("cosign")).args(args);
    command
        .env("COSIGN_PASSWORD", "hunter2")
        .env("KUBECONFIG", "kubeconfig")
        .env("GITLAB_TOKEN", TOKEN)
        .env("GITLAB_HOST", &server.address);
    pair.world.run(&mut command)
}

fn prepared(world: &World, server: &Server) {
    world.write("notes.txt", "all there\n");
    world.write("other.txt", "all gone\n");
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         contexts:\n- name: here\n  context: {{cluster: mine, user: me}}\n\
         clusters:\n- name: mine\n  cluster: {{server: \"{}\"}}\n\
         users:\n- name: me\n  user: {{token: {TOKEN}}}\n",
        server.address
    );
    world.write("kubeconfig", &config);
}

#[test]
fn a_kept_pair_serves_both_programs() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let server = Server::start();
    prepared(&pair.world, &server);
    // To a cluster the real program writes in a form of Kubernetes' own, which this
    // server does not read.
    for (reference, makers) in [
        ("k8s://signing/pair", &[true] as &[bool]),
        ("gitlab://group/project", &[true, false]),
    ] {
        let mut asked = Vec::new();
        for &maker in makers {
            server.forget();
            let made = run(&pair, &server, maker, &["generate-key-pair", reference]);
            made.success().says("cosign.pub");
            let is_written = |line: &String| line.starts_with("POST");
            let written = server.asked().into_iter().filter(is_written);
            asked.push(written.collect::<Vec<_>>());
            for signer in [true, false] {
                let mut args = vec!["sign-blob", "--key", reference, "--bundle", "b.json"];
                args.extend(["-y", "--use-signing-config=false", "--tlog-upload=false"]);
                args.push("notes.txt");
                run(&pair, &server, signer, &args).success();
                for verifier in [true, false] {
                    for key in [reference, "cosign.pub"] {
                        let check = |file: &str| {
                            let args = ["verify-blob", "--insecure-ignore-tlog", "--key", key];
                            let args = [&args[..], &["--bundle", "b.json", file]].concat();
                            run(&pair, &server, verifier, &args)
                        };
                        check("notes.txt").success();
                        check("other.txt").exit(1);
                    }
                }
            }
            let shown = run(&pair, &server, true, &["public-key", "--key", reference]);
            assert!(shown.success().stdout.starts_with("-----BEGIN PUBLIC KEY"));
        }
        let same = |two: &[Vec<String>]| two[0] == two[1];
        assert!(asked.windows(2).all(same), "{asked:?}");
    }
}

#[test]
fn what_is_not_there_or_not_allowed_ends_as_in_the_real_program() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let server = Server::start();
    prepared(&pair.world, &server);
    pair.world.write("b.json", "{}");
    for reference in [
        "k8s://signing/absent",
        "k8s://signing",
        "gitlab://group/absent",
        "github://owner/repository",
    ] {
        for args in [
            &["public-key", "--key", reference] as &[&str],
            &[
                "sign-blob",
                "--key",
                reference,
                "--bundle",
                "c.json",
                "-y",
                "notes.txt",
            ],
            &[
                "verify-blob",
                "--key",
                reference,
                "--bundle",
                "b.json",
                "notes.txt",
            ],
        ] {
            let (ours, theirs) = (
                run(&pair, &server, true, args),
                run(&pair, &server, false, args),
            );
            let told = format!("{args:?}\n{}\n{}", ours.account(), theirs.account());
            assert_eq!((ours.code, theirs.code), (1, 1), "{told}");
            assert!(!ours.stderr.contains(TOKEN), "{told}");
        }
    }
    for wrong in ["k8s://signing", "github://owner/repository", "nonsense"] {
        run(&pair, &server, true, &["generate-key-pair", wrong]).exit(1);
    }
}

/// The native commands sign with such a key, and not offline.
#[test]
fn the_native_commands_sign_with_it() {
    let world = World::new();
    let server = Server::start();
    prepared(&world, &server);
    let command = |args: &[&str]| {
        let mut command = world.command(world.binary());
        command.args(args).env("COSIGN_PASSWORD", "hunter2");
        command
            .env("GITLAB_TOKEN", TOKEN)
            .env("GITLAB_HOST", &server.address);
        world.run(&mut command)
    };
    let reference = "gitlab://group/project";
    command(&["cosign", "generate-key-pair", reference]).success();
    let sign = [
        "sign-blob",
        "--key",
        reference,
        "--no-log",
        "--no-timestamp",
    ];
    let sign = [&sign[..], &["--bundle", "b.json", "notes.txt"]].concat();
    command(&sign).success();
    let verify = [
        "verify-blob",
        "--key",
        "cosign.pub",
        "--insecure-ignore-tlog",
    ];
    let verify = [&verify[..], &["--bundle", "b.json", "notes.txt"]].concat();
    command(&verify).success();
    let offline = [&["--offline"], &sign[..]].concat();
    let refused = command(&offline);
    assert_ne!(refused.code, 0);
    refused.says("--offline");
}
