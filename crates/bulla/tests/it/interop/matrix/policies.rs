//! Policies: what somebody signed or attested under the instance's root counts for
//! a policy, and so for admission, whichever program did it and wherever it lies.

use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_testkit::Outcome;

use super::super::stage::{self, DANA, ERIN};
use super::{
    Act, Cell, Layout, Place,
    Program::{self, Bulla, Cosign2, Cosign3},
    Who,
    program::KIND,
    site::Image,
};
use crate::tamper::scene::{pinned, review};

static NEXT: AtomicUsize = AtomicUsize::new(1);

fn write(text: &str) -> String {
    let name = format!("policies-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let file = stage::world().write(name, text);
    file.display().to_string()
}

/// A policy that asks for one thing by one person.
fn policy(act: Act, person: &str) -> String {
    let root = stage::shared().instance().url("root").to_owned();
    let issuer = stage::issuer();
    let rule = match act {
        Act::Sign => "signature: {authorities: [them]}".to_owned(),
        Act::Attest => format!("attestation: {{authorities: [them], predicateType: \"{KIND}\"}}"),
    };
    write(&format!(
        "apiVersion: policy.bulla.dev/v1alpha1\nkind: ArtifactPolicy\nmetadata: {{name: theirs}}\n\
         spec:\n  images: [{{glob: \"**\"}}]\n  authorities:\n    - name: them\n      keyless: \
         {{root: \"sha256:{root}\", identities: [{{issuer: \"{issuer}\", subject: \"{person}\"}}]}}\n  \
         rules:\n    - {{name: theirs, {rule}}}\n"
    ))
}

fn admit(image: &Image, policy: &str) -> Outcome {
    let review = write(&review(&image.pinned()).to_string());
    let mut command = Bulla.start().expect("bulla");
    command.args(["admit", "--review", &review, "--policy", policy]);
    stage::run(command)
}

#[track_caller]
fn check(signer: Program, layout: Layout, place: Place) {
    for act in [Act::Sign, Act::Attest] {
        let cell = Cell {
            signer,
            verifier: Bulla,
            act,
            who: Who::Keyless,
            layout,
            place,
        };
        let Some(site) = cell.site() else {
            return;
        };
        let name = format!("{}/policy", cell.repository());
        let image = site.image(&name, &name);
        let (theirs, other) = (policy(act, ERIN), policy(act, DANA));
        admit(&image, &theirs).exit(3).says("POLICY-0012");
        let sealed = signer.seal(&cell.want(), cell.who, &image.pinned(), &[]);
        sealed.success();
        let admitted = admit(&image, &theirs);
        let json = admitted.success().json();
        assert_eq!(json["response"]["allowed"], true, "{json}");
        if json["response"]["patch"].is_string() {
            assert!(pinned(&json).ends_with(&image.digest()), "{json}");
        }
        admit(&image, &other).exit(1).says("POLICY-0013").says(ERIN);
        // A signature is no review, nor the other way round.
        let neither = match act {
            Act::Sign => policy(Act::Attest, ERIN),
            Act::Attest => policy(Act::Sign, ERIN),
        };
        admit(&image, &neither).exit(3).says("POLICY-0012");
    }
}

macro_rules! policies {
    ($($name:ident $signer:ident $layout:ident $place:ident;)*) => {$(
        #[test]
        fn $name() {
            check($signer, Layout::$layout, Place::$place);
        }
    )*};
}

policies! {
    bulla_tags_ours Bulla Tags Bulla;
    bulla_tags_distribution Bulla Tags Distribution;
    cosign2_tags_ours Cosign2 Tags Bulla;
    cosign2_tags_distribution Cosign2 Tags Distribution;
    cosign2_referrers_distribution Cosign2 Referrers Distribution;
    cosign3_tags_distribution Cosign3 Tags Distribution;
    cosign3_referrers_ours Cosign3 Referrers Bulla;
}
