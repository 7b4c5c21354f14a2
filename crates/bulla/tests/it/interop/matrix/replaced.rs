//! `bulla cosign` in cosign's place: the same command lines end with the same
//! codes, and print the same where scripts read.

use std::process::Command;

use bulla_testkit::Outcome;
use serde_json::Value;

use super::super::stage;
use super::{
    Act, Cell, Layout, Place,
    Program::{self, Bulla, Cosign3},
    Who,
    program::KIND,
    site::{Image, Site},
};

/// An image that cosign signed and attested with its key, and one that nobody did.
struct Scene {
    signed: Image,
    bare: Image,
    layout: Layout,
}

impl Scene {
    #[track_caller]
    fn new(layout: Layout) -> Option<Self> {
        let cell = |act| Cell {
            signer: Cosign3,
            verifier: Cosign3,
            act,
            who: Who::Key,
            layout,
            place: Place::Distribution,
        };
        let site: Site = cell(Act::Sign).site()?;
        let name = format!("replaced/{}", layout.name());
        let signed = site.image(&name, &name);
        for act in [Act::Sign, Act::Attest] {
            let cell = cell(act);
            Cosign3
                .seal(&cell.want(), cell.who, &signed.pinned(), &[])
                .success();
        }
        let bare = site.image(&format!("{name}/bare"), "bare");
        Some(Self {
            signed,
            bare,
            layout,
        })
    }

    /// The same words to both.
    fn both(&self, words: &[&str]) -> [Outcome; 2] {
        [Cosign3, Bulla].map(|program| {
            let mut command = cosign(program);
            command.args(words);
            command.args(["--trusted-root", &stage::trust_file("trusted_root")]);
            if self.layout == Layout::Tags {
                command.arg("--new-bundle-format=false");
            }
            stage::run(command)
        })
    }

    /// They end with this code.
    #[track_caller]
    fn ends(&self, code: i32, words: &[&str]) -> [Outcome; 2] {
        let outcomes = self.both(words);
        outcomes[0].exit(code);
        outcomes[1].exit(code);
        outcomes
    }

    /// What is signed with a key has no identity: 13 is documented, and ours. cosign
    /// 3.1.3 stumbles over the missing certificate earlier, where it has a trusted root.
    #[track_caller]
    fn has_no_certificate(&self, words: &[&str]) {
        let [theirs, ours] = self.both(words);
        let (allowed, documented): (&[i32], i32) = match self.layout {
            Layout::Tags => (&[12, 13], 13),
            _ => (&[1], 1),
        };
        assert!(allowed.contains(&theirs.code), "{}", theirs.account());
        ours.exit(documented);
    }

    /// They also print the same.
    #[track_caller]
    fn prints(&self, words: &[&str]) {
        let [theirs, ours] = self.ends(0, words);
        assert_eq!(printed(&theirs), printed(&ours));
    }
}

/// cosign, or bulla under its name.
fn cosign(program: Program) -> Command {
    let mut command = program
        .start()
        .expect("a program that this test already had");
    if program == Bulla {
        command.arg("cosign");
    }
    command
}

fn key(program: Program) -> String {
    let keys = program.keys().expect("keys");
    keys.public.display().to_string()
}

/// `denied`: the code for signatures of which none is good, which cosign gives in
/// the old layout alone.
#[track_caller]
fn every_code(layout: Layout, denied: i32) {
    let Some(scene) = Scene::new(layout) else {
        return;
    };
    let (signed, bare) = (&*scene.signed.pinned(), &*scene.bare.pinned());
    let absent = &*format!("{}/absent:v1", scene.signed.site.host);
    let (right, wrong) = (&*key(Cosign3), &*key(Bulla));
    let dana = ["--certificate-identity", "dana@example.com"];
    let issuer = ["--certificate-oidc-issuer", "https://issuer.example"];

    scene.prints(&["verify", "--key", right, signed]);
    scene.prints(&["verify", "--key", right, "-a", "stage=tested", signed]);
    let released = ["verify", "--key", right, "-a", "stage=released", signed];
    scene.ends(denied, &released);
    scene.ends(denied, &["verify", "--key", wrong, signed]);
    let keyless = [&["verify"], &dana[..], &issuer[..], &[signed]].concat();
    scene.has_no_certificate(&keyless);
    scene.ends(10, &["verify", "--key", right, bare]);
    scene.ends(11, &["verify", "--key", right, absent]);
    scene.ends(1, &["verify", signed]);
    scene.ends(1, &["verify", "--key", right]);
    scene.ends(1, &["verify", "--key", right, "--bogus", signed]);

    let attested = ["verify-attestation", "--type", KIND, "--key"];
    scene.prints(&[&attested[..], &[right, signed]].concat());
    scene.ends(1, &[&attested[..], &[wrong, signed]].concat());
    scene.ends(1, &[&attested[..], &[right, bare]].concat());
    let other = ["verify-attestation", "--type", "vuln", "--key", right];
    scene.ends(1, &[&other[..], &[signed]].concat());
}

/// What is printed on standard output, line by line, as JSON.
#[track_caller]
fn printed(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.stdout.lines().filter(|line| !line.is_empty());
    let values: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
    match values {
        Ok(values) if !values.is_empty() => values,
        other => panic!("no JSON: {other:?}\n{}", outcome.account()),
    }
}

#[test]
fn the_old_layout_ends_with_the_same_codes() {
    every_code(Layout::Tags, 12);
}

#[test]
fn bundles_end_with_the_same_codes() {
    every_code(Layout::Referrers, 1);
}
