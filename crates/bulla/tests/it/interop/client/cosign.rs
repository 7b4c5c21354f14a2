//! cosign, both major versions: files, and images in the old layout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bulla_testkit::Outcome;

use super::{Client, Signer, Way, signing_config};
use crate::interop::{
    parts::Parts,
    stage::{self, DANA, ERIN},
};

impl Client {
    /// `cosign initialize` from our TUF repository, where that is the way.
    #[track_caller]
    pub(super) fn start_cosign(&self, program: &str) -> Option<()> {
        stage::client(program)?;
        if matches!(self.way, Way::Cosign3Tuf | Way::Cosign2Addresses) {
            let instance = stage::shared().instance();
            let mut command = self.cosign("initialize");
            command
                .args(["--mirror", instance.url("tuf"), "--root"])
                .arg(instance.path("tuf_root"));
            stage::run(command).success();
        }
        Some(())
    }

    /// `cosign VERB`, which keeps what it learns in a folder of its own.
    fn cosign(&self, verb: &str) -> Command {
        let program = match self.way {
            Way::Cosign2Addresses => "cosign2",
            _ => "cosign",
        };
        let mut command = stage::client(program).expect("cosign, which this test already had");
        command.arg(verb).env("TUF_ROOT", self.file("tuf"));
        command
    }

    pub(super) fn sign_with_cosign(&self, token: &str, file: &Path, bundle: &Path) -> Outcome {
        let mut command = self.cosign("sign-blob");
        command.arg("-y").env("SIGSTORE_ID_TOKEN", token);
        match self.way {
            Way::Cosign3Documents(log) => {
                command
                    .arg("--signing-config")
                    .arg(signing_config(log, &self.folder))
                    .args(["--trusted-root", &stage::trust_file("trusted_root")]);
            }
            Way::Cosign3Addresses => {
                command
                    .arg("--use-signing-config=false")
                    .args(["--trusted-root", &stage::trust_file("trusted_root")]);
                addresses(&mut command);
            }
            Way::Cosign2Addresses => {
                command.arg("--new-bundle-format");
                addresses(&mut command);
            }
            _ => {}
        }
        command.arg("--bundle").arg(bundle).arg(file);
        stage::run(command)
    }

    pub(super) fn verify_with_cosign(&self, file: &Path, bundle: &Path, by: Signer) -> Outcome {
        let mut command = self.cosign("verify-blob");
        by.name_in(&mut command);
        match self.way {
            Way::Cosign3Documents(_) | Way::Cosign3Addresses => {
                command.args(["--trusted-root", &stage::trust_file("trusted_root")]);
            }
            Way::Cosign2Addresses => {
                command.arg("--new-bundle-format");
            }
            _ => {}
        }
        command.arg("--bundle").arg(bundle).arg(file);
        stage::run(command)
    }
}

/// The services one by one, with the log of version 1.
fn addresses(command: &mut Command) {
    let instance = stage::shared().instance();
    command
        .args(["--fulcio-url", instance.url("ca")])
        .args(["--rekor-url", instance.url("log_v1")])
        .args(["--oidc-issuer", stage::issuer()]);
}

/// cosign 2 with the root in loose files, named by variables.
struct Loose {
    parts: Parts,
    folder: PathBuf,
}

impl Loose {
    #[track_caller]
    fn new(test: &str) -> Option<Self> {
        stage::client("cosign2")?;
        let folder = stage::shared().folder(test);
        let parts = Parts::write(&stage::shared().instance().path("trusted_root"), &folder);
        Some(Self { parts, folder })
    }

    fn sign(&self, verb: &str) -> Command {
        let mut command = self.command(verb);
        let token = stage::shared().instance().token(stage::world(), ERIN);
        command.arg("-y").env("SIGSTORE_ID_TOKEN", token);
        command.args([
            "--timestamp-server-url",
            stage::shared().instance().url("tsa"),
        ]);
        addresses(&mut command);
        command
    }

    fn verify(&self, verb: &str, identity: &str) -> Command {
        let mut command = self.command(verb);
        let signer = Signer {
            identity,
            issuer: stage::issuer(),
        };
        signer.name_in(&mut command);
        command.args(["--rekor-url", stage::shared().instance().url("log_v1")]);
        command
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = stage::client("cosign2").expect("cosign2, which this test already had");
        command
            .arg(verb)
            .envs(self.parts.variables())
            .env("TUF_ROOT", self.folder.join("nothing"));
        command
    }
}

/// No bundle: the log is asked for the entry, by what it holds.
#[test]
fn cosign2_by_addresses_and_variables() {
    let Some(cosign) = Loose::new("cosign2-variables") else {
        return;
    };
    let file = |name: &str| cosign.folder.join(name);
    let notes = file("notes.txt");
    fs::write(&notes, "notes of erin\n").expect("a file");
    let mut command = cosign.sign("sign-blob");
    command
        .arg("--rfc3161-timestamp")
        .arg(file("stamp.json"))
        .arg("--output-signature")
        .arg(file("notes.sig"))
        .arg("--output-certificate")
        .arg(file("notes.pem"))
        .arg(&notes);
    stage::run(command).success();

    let verify = |what: &Path, identity: &str, stamped: bool| {
        let mut command = cosign.verify("verify-blob", identity);
        command.arg("--signature").arg(file("notes.sig"));
        command.arg("--certificate").arg(file("notes.pem"));
        if stamped {
            command.arg("--rfc3161-timestamp").arg(file("stamp.json"));
            command
                .arg("--timestamp-certificate-chain")
                .arg(&cosign.parts.tsa);
        }
        command.arg(what);
        stage::run(command)
    };
    for stamped in [false, true] {
        verify(&notes, ERIN, stamped).success().says("Verified OK");
        stage::refused(&verify(&stage::changed(&notes), ERIN, stamped));
        stage::refused(&verify(&notes, DANA, stamped));
    }
    // Without its entry in the log a signature is nothing.
    let mut command = cosign.verify("verify-blob", ERIN);
    command
        .arg("--signature")
        .arg(file("notes.sig"))
        .arg("--certificate")
        .arg(file("notes.pem"))
        .env("SIGSTORE_REKOR_PUBLIC_KEY", &cosign.parts.ctfe)
        .arg(&notes);
    stage::refused(&stage::run(command));
}

/// `.sig` beside the image; cosign 3 and bulla read it too.
#[test]
fn cosign2_signs_an_image_by_addresses_and_variables() {
    let Some(cosign) = Loose::new("cosign2-image") else {
        return;
    };
    let Some(shipped) = stage::image_for("cosign") else {
        return;
    };
    let image = stage::copy_image(shipped, "by-cosign2", Some("signed by cosign 2"));
    let other = stage::copy_image(shipped, "not-by-cosign2", Some("signed by nobody"));
    let mut command = cosign.sign("sign");
    command.arg(&image);
    stage::run(command).success();

    let verify = |image: &str, identity: &str| {
        let mut command = cosign.verify("verify", identity);
        command
            .arg("--timestamp-certificate-chain")
            .arg(&cosign.parts.tsa)
            .arg(image);
        stage::run(command)
    };
    verify(&image, ERIN)
        .success()
        .says("Existence of the claims in the transparency log");
    stage::refused(&verify(&image, DANA));
    stage::refused(&verify(&other, ERIN));

    let cosign3 = |identity: &str| {
        let mut command = stage::client("cosign").expect("cosign, which this test already had");
        command.args(["verify", "--new-bundle-format=false"]);
        command.args(["--trusted-root", &stage::trust_file("trusted_root")]);
        Signer {
            identity,
            ..Signer::erin()
        }
        .name_in(&mut command);
        command.arg(&image);
        stage::run(command)
    };
    cosign3(ERIN).success();
    stage::refused(&cosign3(DANA));
    let bulla = |identity: &str| {
        let mut command = stage::world().command(stage::world().binary());
        command.args(["verify", &image]);
        Signer {
            identity,
            ..Signer::erin()
        }
        .name_in(&mut command);
        stage::run(command)
    };
    bulla(ERIN).success().says(ERIN);
    bulla(DANA).exit(1);
}
