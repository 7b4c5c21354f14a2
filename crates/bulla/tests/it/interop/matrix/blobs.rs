//! Files and their bundles: who signs or attests × who verifies × key or identity.
//! Erin's bundles of cosign 3 are in `interop/cosign.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bulla_testkit::Outcome;
use serde_json::Value;

use super::super::stage::{self, ERIN};
use super::{
    Act::{self, Attest, Sign},
    Program::{self, Bulla, Cosign2, Cosign3},
    Who::{self, Key, Keyless},
    program::{By, KIND, services, somebody_else},
    refused,
};

#[derive(Clone, Copy)]
struct Cell {
    signer: Program,
    verifier: Program,
    act: Act,
    who: Who,
}

impl Cell {
    fn by(&self) -> By<'static> {
        match self.who {
            Key => By::Key(&self.signer.keys().expect("keys").public),
            Keyless => By::Identity(ERIN),
        }
    }

    fn seal(&self, file: &Path, bundle: &Path) -> Outcome {
        let mut command = self.signer.start().expect("the signer");
        match self.act {
            Sign => command.arg("sign-blob"),
            Attest => {
                let predicate = stage::world().write("matrix.json", r#"{"reviewed": true}"#);
                command.args(["attest-blob", "--type", KIND, "--predicate"]);
                command.arg(predicate)
            }
        };
        match (self.signer, self.who) {
            (_, Key) => {
                let keys = self.signer.keys().expect("keys");
                command.arg("--key").arg(&keys.private);
            }
            (Bulla, Keyless) => {
                command.args(["--email", ERIN]);
            }
            (_, Keyless) => {
                let token = stage::shared().instance().token(stage::world(), ERIN);
                command.env("SIGSTORE_ID_TOKEN", token);
            }
        }
        match self.signer {
            Bulla => {}
            Cosign3 => {
                command.args([
                    "-y",
                    "--signing-config",
                    &stage::trust_file("signing_config"),
                ]);
                command.args(["--trusted-root", &stage::trust_file("trusted_root")]);
            }
            Cosign2 => {
                command.args(["-y", "--new-bundle-format"]);
                services(&mut command);
                self.signer.trusts_instance(&mut command);
            }
        }
        command.arg("--bundle").arg(bundle).arg(file);
        stage::run(command)
    }

    fn verify(&self, by: By, kind: &str, file: &Path, bundle: &Path) -> Outcome {
        let mut command: Command = self.verifier.start().expect("the verifier");
        match self.act {
            Sign => command.arg("verify-blob"),
            Attest => command.args(["verify-blob-attestation", "--type", kind]),
        };
        by.name_in(&mut command);
        command.args(["--trusted-root", &stage::trust_file("trusted_root")]);
        if self.verifier == Cosign2 {
            command.args(["--new-bundle-format", "--use-signed-timestamps"]);
        }
        command.arg("--bundle").arg(bundle).arg(file);
        stage::run(command)
    }

    #[track_caller]
    fn run(&self) {
        if self.signer.start().is_none() || self.verifier.start().is_none() {
            return;
        }
        let Self {
            signer,
            verifier,
            act,
            who,
        } = self;
        let name = format!("blobs-{signer:?}-{verifier:?}-{act:?}-{who:?}");
        let folder = stage::shared().folder(&name);
        let (file, bundle) = (folder.join("app.tar"), folder.join("app.sigstore.json"));
        fs::write(&file, &name).expect("a file");
        self.seal(&file, &bundle).success();

        let by = self.by();
        self.verify(by, KIND, &file, &bundle).success();
        let changed = stage::changed(&file);
        self.refused(&self.verify(by, KIND, &changed, &bundle));
        self.refused(&self.verify(somebody_else(by), KIND, &file, &bundle));
        for (what, edited) in edited(&bundle) {
            // Nothing signs the digest beside a signature, the file counts: cosign 2
            // does not look at it.
            if (*verifier, *act, what) != (Cosign2, Sign, "content") {
                self.refused(&self.verify(by, KIND, &file, &edited));
            }
        }
        if *act == Attest {
            let other = "https://example.com/other/v1";
            self.refused(&self.verify(by, other, &file, &bundle));
        }
    }

    #[track_caller]
    fn refused(&self, outcome: &Outcome) {
        refused(outcome);
        let codes: &[i32] = match self.verifier {
            Bulla => &[1, 3],
            _ => &[1],
        };
        assert!(codes.contains(&outcome.code), "{}", outcome.account());
    }
}

/// Copies of a bundle: another signature, and what was signed changed.
fn edited(bundle: &Path) -> [(&'static str, PathBuf); 2] {
    let whole = fs::read(bundle).expect("the bundle");
    let whole: Value = serde_json::from_slice(&whole).expect("a bundle");
    let (signature, content) = match whole.get("dsseEnvelope") {
        Some(_) => ("/dsseEnvelope/signatures/0/sig", "/dsseEnvelope/payload"),
        None => (
            "/messageSignature/signature",
            "/messageSignature/messageDigest/digest",
        ),
    };
    [("signature", signature), ("content", content)].map(|(what, pointer)| {
        let mut twin = whole.clone();
        super::site::flip(twin.pointer_mut(pointer).expect(what));
        let path = bundle.with_extension(format!("{what}.json"));
        fs::write(&path, twin.to_string()).expect("a file");
        (what, path)
    })
}

macro_rules! cells {
    ($($name:ident $signer:ident $verifier:ident $act:ident $who:ident;)*) => {$(
        #[test]
        fn $name() {
            let (signer, verifier, act, who) = ($signer, $verifier, $act, $who);
            Cell { signer, verifier, act, who }.run();
        }
    )*};
}

cells! {
    bulla_for_cosign2_sign_key Bulla Cosign2 Sign Key;
    bulla_for_cosign2_sign_keyless Bulla Cosign2 Sign Keyless;
    bulla_for_cosign2_attest_key Bulla Cosign2 Attest Key;
    bulla_for_cosign2_attest_keyless Bulla Cosign2 Attest Keyless;
    bulla_for_cosign3_sign_key Bulla Cosign3 Sign Key;
    bulla_for_cosign3_attest_key Bulla Cosign3 Attest Key;
    cosign2_for_bulla_sign_key Cosign2 Bulla Sign Key;
    cosign2_for_bulla_sign_keyless Cosign2 Bulla Sign Keyless;
    cosign2_for_bulla_attest_key Cosign2 Bulla Attest Key;
    cosign2_for_bulla_attest_keyless Cosign2 Bulla Attest Keyless;
    cosign3_for_bulla_sign_key Cosign3 Bulla Sign Key;
    cosign3_for_bulla_attest_key Cosign3 Bulla Attest Key;
}
