//! All cases of sigstore-conformance `bundle-verify` as `bulla cosign verify-blob`,
//! with the flags that cosign's own client of that suite gives: once with the
//! file, once with its digest.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_testkit::{World, require, suites};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Cases the assets had when this was written; fewer means that some vanished.
const CASES: usize = 140;
/// What cosign 3.1.3 accepts where it is not told to look at timestamps: one
/// that lies outside the certificate's validity.
const COSIGN_IS_LAX: &str = "intoto-tsa-timestamp-outside-cert-validity_fail";
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// One directory of the assets, in one of both forms.
struct Case {
    name: String,
    form: &'static str,
    bundle: Value,
    digest: String,
    /// The flags of cosign's client, and the artifact last.
    args: Vec<String>,
    own_root: bool,
}

impl Case {
    fn accepted_by_the_suite(&self) -> bool {
        !self.name.ends_with("_fail")
    }

    fn statement(&self) -> Option<Value> {
        let payload = self.bundle.pointer("/dsseEnvelope/payload")?.as_str()?;
        serde_json::from_slice(&STANDARD.decode(payload).ok()?).ok()
    }
}

fn cases(assets: &Path) -> Vec<Case> {
    let mut folders: Vec<PathBuf> = fs::read_dir(assets)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let forms = |folder: &PathBuf| ["PATH", "DIGEST"].map(|form| case(assets, folder, form));
    folders.iter().flat_map(forms).collect()
}

fn case(assets: &Path, folder: &Path, form: &'static str) -> Case {
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let text = |name: &str, default: &str| match file(name) {
        Some(path) => fs::read_to_string(path).unwrap().trim().to_owned(),
        None => default.to_owned(),
    };
    let bundle_path = folder.join("bundle.sigstore.json");
    let bundle: Value =
        serde_json::from_slice(&fs::read(&bundle_path).unwrap()).unwrap_or_default();
    let artifact = file("artifact").unwrap_or_else(|| assets.join("a.txt"));
    let digest = bulla_core::Digest::sha256(&fs::read(&artifact).unwrap()).to_string();
    let mut args: Vec<String> = Vec::new();
    let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let stamped = bundle.pointer(stamps).and_then(Value::as_array);
    if stamped.is_some_and(|stamps| !stamps.is_empty()) {
        args.push("--use-signed-timestamps".into());
    }
    let mut flag = |name: &str, value: String| args.extend([name.to_owned(), value]);
    flag("--bundle", bundle_path.display().to_string());
    match file("key.pub") {
        Some(key) => flag("--key", key.display().to_string()),
        None => {
            flag("--certificate-identity", text("identity", IDENTITY));
            flag("--certificate-oidc-issuer", text("issuer", ISSUER));
        }
    }
    let root = file("trusted_root.json");
    if let Some(root) = &root {
        flag("--trusted-root", root.display().to_string());
    }
    args.push(match form {
        "PATH" => artifact.display().to_string(),
        _ => digest.clone(),
    });
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        form,
        bundle,
        digest,
        args,
        own_root: root.is_some(),
    }
}

/// Runs `judge` over the cases on a few threads; the answers in their order.
fn each<T: Send>(cases: &[Case], judge: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((at, case)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(at).map(|case| (at, case))
                } {
                    let answer = judge(case);
                    answers.lock().unwrap().push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap();
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn assets() -> Option<PathBuf> {
    suites("sigstore-conformance/test/assets/bundle-verify")
}

#[test]
fn verify_blob_judges_every_case_as_the_suite_says() {
    let Some(assets) = assets() else {
        return;
    };
    let (world, cases) = (World::new(), cases(&assets));
    let outcomes = each(&cases, |case| {
        let args = ["cosign", "verify-blob"].map(str::to_owned);
        world.bulla(args.into_iter().chain(case.args.clone()))
    });
    let mut wrong = String::new();
    for (case, outcome) in cases.iter().zip(&outcomes) {
        let said = outcome.stderr.lines().next().unwrap_or_default();
        println!("{:<62} {:<6} {} {said}", case.name, case.form, outcome.code);
        let accepted = outcome.code == 0;
        let told = outcome.stderr.lines().any(|line| line == "Verified OK");
        let right = accepted == case.accepted_by_the_suite() && accepted == told;
        // Refused, but not for a reason that has nothing to do with the case.
        if !right || !(accepted || outcome.code == 1) || outcome.stderr.contains("unknown flag") {
            let _ = writeln!(wrong, "{} {}\n{}", case.name, case.form, outcome.account());
        }
        assert_eq!(outcome.stdout, "", "{}", outcome.account());
    }
    assert!(wrong.is_empty(), "judged otherwise:\n{wrong}");
    assert!(
        cases.len() >= CASES,
        "only {} of {CASES} cases",
        cases.len()
    );
}

/// The bundles that carry an attestation, with the statement's own type, once
/// with the file and once with `--digest`; and none of them with another type.
#[test]
fn verify_blob_attestation_judges_the_attestations_likewise() {
    let Some(assets) = assets() else {
        return;
    };
    let world = World::new();
    let mut cases = cases(&assets);
    cases.retain(|case| case.statement().is_some());
    let outcomes = each(&cases, |case| {
        let kind = case.statement().unwrap()["predicateType"].to_string();
        let run = |kind: &str| {
            let mut args = vec!["cosign", "verify-blob-attestation", "--type", kind];
            let (last, flags) = case.args.split_last().unwrap();
            args.extend(flags.iter().map(String::as_str));
            match case.form {
                "PATH" => args.push(last),
                _ => args.extend([
                    "--digestAlg",
                    "sha256",
                    "--digest",
                    case.digest.strip_prefix("sha256:").unwrap(),
                ]),
            }
            world.bulla(args)
        };
        (
            run(kind.trim_matches('"')),
            run("https://example.com/other"),
        )
    });
    let mut accepted = 0;
    for (case, (own, other)) in cases.iter().zip(&outcomes) {
        println!("{:<62} {:<6} {}", case.name, case.form, own.code);
        own.exit(i32::from(!case.accepted_by_the_suite()));
        other.exit(1);
        accepted += usize::from(own.code == 0);
    }
    assert!(accepted >= 4, "only {accepted} attestations were accepted");
}

/// The real program gets the same flags, and the embedded root where the case
/// has none of its own; both end alike. Without `--use-signed-timestamps` it
/// does not look at timestamps: there bulla is stricter.
#[test]
fn cosign_itself_judges_every_case_likewise() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let Some(assets) = assets() else {
        return;
    };
    let (world, cases) = (World::new(), cases(&assets));
    let embedded = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    let root = world
        .write("public-good.json", embedded)
        .display()
        .to_string();
    let run = |case: &Case, args: &[String]| {
        let mut command: Command = world.command(&cosign);
        command.arg("verify-blob");
        if !case.own_root {
            command.args(["--trusted-root", &root]);
        }
        command.args(args);
        world.run(&mut command).code
    };
    let codes = each(&cases, |case| run(case, &case.args));
    let differ: Vec<&str> = cases
        .iter()
        .zip(codes)
        .filter(|(case, code)| (*code == 0) != case.accepted_by_the_suite())
        .map(|(case, _)| case.name.as_str())
        .collect();
    assert_eq!(differ, Vec::<&str>::new());
    for case in cases.iter().filter(|case| case.name == COSIGN_IS_LAX) {
        let mut args = case.args.clone();
        args.retain(|arg| arg != "--use-signed-timestamps");
        assert_eq!(run(case, &args), 0, "{} is no longer lax", case.name);
        let bulla = ["cosign", "verify-blob"].map(str::to_owned);
        world.bulla(bulla.into_iter().chain(args)).exit(1);
    }
}
