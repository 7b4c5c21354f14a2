//! `verify-attestation --policy`: the same attestation and the same Rego files give
//! the same verdict, and the same lines about it, in both programs.

use super::images::{Stage, UNLOGGED, verify};
use bulla_testkit::Outcome;

const KIND: &str = "https://cosign.sigstore.dev/attestation/v1";

/// Files of policies: name, text, and how a verification with it ends.
const POLICIES: [(&str, &str, i32); 12] = [
    (
        "allows",
        "package signature\nimport data.signature.verified\ndefault allow = false\n\
         allow { input.predicateType == \"https://cosign.sigstore.dev/attestation/v1\"\n\
         predicate := json.unmarshal(input.predicate.Data)\npredicate.reviewed }",
        0,
    ),
    (
        "denies",
        "package signature\ndefault allow = false\nallow { input.predicateType == \"another\" }",
        1,
    ),
    (
        "says-nothing",
        "package signature\nallow { input.predicateType == \"another\" }",
        1,
    ),
    ("without-the-rule", "package signature\nallowed = true", 1),
    ("of-another-package", "package other\nallow = true", 1),
    ("is-no-rego", "package signature\nallow {", 1),
    ("is-empty", "", 1),
    ("gives-a-text", "package signature\nallow = \"true\"", 1),
    (
        "gives-two-values",
        "package signature\nallow = true\nallow = false { input.subject }",
        1,
    ),
    (
        "calls-what-is-not-there",
        "package signature\nallow = true { not unknown(input) } else = true",
        1,
    ),
    (
        "recurses",
        "package signature\nallow { f(1) }\nf(x) = y { y := f(x) }",
        1,
    ),
    (
        "is-of-version-1",
        "package signature\nimport rego.v1\nallow if { some one in input.subject; \
         startswith(one.name, \"127.0.0.1\") }",
        0,
    ),
];

/// What is said about the policy itself.
fn told(outcome: &Outcome) -> Vec<String> {
    let of_policy = |line: &&str| {
        line.starts_with("will be") || line.starts_with("There are") || line.starts_with("- ")
    };
    let lines = outcome.stderr.lines().filter(of_policy);
    lines.map(str::to_owned).collect()
}

#[test]
fn a_policy_has_one_verdict() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let world = &stage.pair.world;
    world.write("predicate.json", "{\"reviewed\": true}");
    for (name, text, _) in POLICIES {
        world.write(format!("{name}.rego"), text);
    }
    world.write(
        "lib.rego",
        "package lib\nis_good(x) { x == input.predicateType }",
    );
    world.write(
        "uses.rego",
        format!("package signature\nimport data.lib\nallow {{ lib.is_good(\"{KIND}\") }}"),
    );
    world.write("x.txt", "package signature\nallow = true");
    for (signer, layout) in [
        (true, "true"),
        (false, "true"),
        (true, "false"),
        (false, "false"),
    ] {
        let image = stage.image(&format!("policy-{signer}-{layout}"));
        let format = format!("--new-bundle-format={layout}");
        let mut args = vec!["attest", "--key", "a.key", &format];
        args.extend(["--type", "custom", "--predicate", "predicate.json"]);
        args.extend(UNLOGGED);
        args.push(&image);
        stage.run(signer, &args).success();
        let judged = |policies: &[&str]| {
            let mut more = vec!["--key", "a.pub", "--type", "custom"];
            for policy in policies {
                more.extend(["--policy", policy]);
            }
            verify(&stage, "verify-attestation", &more, &image)
        };
        judged(&[]).0.success();
        for (name, _, code) in POLICIES {
            let file = format!("{name}.rego");
            let (ours, theirs) = judged(&[&file]);
            ours.exit(code);
            // What does not compile is told in each engine's own words.
            if matches!(
                name,
                "allows" | "denies" | "says-nothing" | "without-the-rule"
            ) {
                assert_eq!(told(&ours), told(&theirs), "{name}");
            }
            if code != 0 {
                assert_eq!(ours.stdout, "", "{name}: {}", ours.account());
            }
        }
        // Several are one policy.
        judged(&["uses.rego", "lib.rego"]).0.success();
        judged(&["uses.rego"]).0.exit(1);
        judged(&["allows.rego", "denies.rego"]).0.exit(1);
        judged(&["x.txt"]).0.exit(1).says("expected .cue or .rego");
        judged(&["not-there.rego"]).0.exit(1);
        // Of another type there is nothing to judge.
        let more = [
            "--key",
            "a.pub",
            "--type",
            "spdx",
            "--policy",
            "allows.rego",
        ];
        verify(&stage, "verify-attestation", &more, &image)
            .0
            .exit(1);
    }
}

/// CUE has no engine here; that is said, and nothing is accepted.
#[test]
fn a_cue_policy_is_refused_by_name() {
    let world = bulla_testkit::World::new();
    world.write("p.cue", "predicateType: \"x\"");
    let mut command = world.command(world.binary());
    command.args(["cosign", "verify-attestation", "--key", "nowhere.pub"]);
    command.args(["--policy", "p.cue", "127.0.0.1:1/x:v1"]);
    let outcome = world.run(&mut command);
    outcome.exit(1).says("no CUE engine");
}
