//! The three programs of the matrix and the command lines that make them do the
//! same thing: sign or attest an image, and verify it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use bulla_testkit::{Outcome, World, require};

use super::super::stage::{self, DANA, ERIN};
use super::{Act, Layout, Program, Who};

/// What attestations of the matrix say.
pub const KIND: &str = "https://example.com/review/v1";
const PASSWORD: &str = "matrix";

/// What a verification insists on.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    pub act: Act,
    pub layout: Layout,
    pub by: By<'a>,
    pub kind: &'a str,
    pub annotation: Option<&'a str>,
    /// The signature carries a timestamp.
    pub stamped: bool,
}

/// Whose signature counts.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    Key(&'a Path),
    Identity(&'a str),
}

/// A key pair that one of the programs made.
#[derive(Debug)]
pub struct Keys {
    pub private: PathBuf,
    pub public: PathBuf,
}

impl Keys {
    fn generate(maker: Program, name: &str) -> Option<Self> {
        let folder = stage::shared().folder(name);
        let mut command = maker.start()?;
        command.current_dir(&folder);
        match maker {
            Program::Bulla => command.args(["generate-key-pair", "--output-key-prefix", "cosign"]),
            Program::Cosign2 | Program::Cosign3 => command.arg("generate-key-pair"),
        };
        stage::run(command).success();
        Some(Self {
            private: folder.join("cosign.key"),
            public: folder.join("cosign.pub"),
        })
    }
}

static BULLA_KEYS: LazyLock<Option<Keys>> =
    LazyLock::new(|| Keys::generate(Program::Bulla, "bulla-keys"));
static COSIGN2_KEYS: LazyLock<Option<Keys>> =
    LazyLock::new(|| Keys::generate(Program::Cosign2, "cosign2-keys"));
static COSIGN3_KEYS: LazyLock<Option<Keys>> =
    LazyLock::new(|| Keys::generate(Program::Cosign3, "cosign3-keys"));
/// cosign 2 asks its own trust store even where it is told whom to trust.
static COSIGN2_TRUST: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = stage::shared().folder("cosign2-trust");
    let mut command = stage::client("cosign2").expect("cosign2, which this test already had");
    command
        .env("TUF_ROOT", &folder)
        .args([
            "initialize",
            "--mirror",
            stage::shared().instance().url("tuf"),
        ])
        .args(["--root", &stage::trust_file("tuf_root")]);
    stage::run(command).success();
    folder
});

impl Program {
    /// The key pair that it made and signs with.
    pub fn keys(self) -> Option<&'static Keys> {
        match self {
            Self::Bulla => BULLA_KEYS.as_ref(),
            Self::Cosign2 => COSIGN2_KEYS.as_ref(),
            Self::Cosign3 => COSIGN3_KEYS.as_ref(),
        }
    }

    /// Its command without arguments; `None` after saying `SKIP`.
    pub fn start(self) -> Option<Command> {
        let (world, instance) = (stage::world(), stage::shared().instance());
        let program = match self {
            Self::Bulla => World::binary(world),
            Self::Cosign2 => require("cosign2")?,
            Self::Cosign3 => require("cosign")?,
        };
        let mut command = instance.client(world, program);
        command.env("COSIGN_PASSWORD", PASSWORD);
        Some(command)
    }

    /// Signs or attests an image.
    pub fn seal(self, want: &Want, who: Who, image: &str, more: &[&str]) -> Outcome {
        let mut command = self.start().expect("a program that this test already had");
        match (self, want.act) {
            (_, Act::Sign) => {
                command.arg("sign");
                if let Some(annotation) = want.annotation {
                    command.args(["-a", annotation]);
                }
            }
            (_, Act::Attest) => {
                let predicate = stage::world().write("matrix.json", r#"{"reviewed": true}"#);
                command.args(["attest", "--type", want.kind, "--predicate"]);
                command.arg(predicate);
            }
        }
        match self {
            Self::Bulla => self.seal_as_bulla(&mut command, want.layout, who),
            Self::Cosign2 | Self::Cosign3 => self.seal_as_cosign(&mut command, want.layout, who),
        }
        command.args(more).arg(image);
        stage::run(command)
    }

    fn seal_as_bulla(self, command: &mut Command, layout: Layout, who: Who) {
        command.args(["--layout", layout.name()]);
        match who {
            Who::Key => command
                .arg("--key")
                .arg(&self.keys().expect("keys").private),
            Who::Keyless => command.args(["--email", ERIN]),
        };
    }

    fn seal_as_cosign(self, command: &mut Command, layout: Layout, who: Who) {
        let instance = stage::shared().instance();
        command.arg("-y");
        match who {
            Who::Key => {
                command
                    .arg("--key")
                    .arg(&self.keys().expect("keys").private);
            }
            Who::Keyless => {
                // cosign 2 takes a token on its command line for the name of a file.
                let token = instance.token(stage::world(), ERIN);
                command.env("SIGSTORE_ID_TOKEN", token);
            }
        }
        match (self, layout) {
            (Self::Cosign3, Layout::Referrers | Layout::Both) => {
                command
                    .args(["--signing-config", &stage::trust_file("signing_config")])
                    .args(["--trusted-root", &stage::trust_file("trusted_root")]);
            }
            (Self::Cosign3, Layout::Tags) => {
                command.args(["--use-signing-config=false", "--new-bundle-format=false"]);
                services(command);
            }
            (_, Layout::Tags) => {
                self.trusts_instance(command);
                services(command);
            }
            (_, Layout::Referrers | Layout::Both) => {
                self.trusts_instance(command);
                command.arg("--new-bundle-format");
                services(command);
            }
        }
    }

    /// cosign 2 gets a trust store of the instance.
    pub fn trusts_instance(self, command: &mut Command) {
        command.env("TUF_ROOT", &*COSIGN2_TRUST);
    }

    /// Verifies an image.
    pub fn verify(self, want: &Want, image: &str, more: &[&str]) -> Outcome {
        let mut command = self.start().expect("a program that this test already had");
        match (self, want.act) {
            (_, Act::Sign) => {
                command.arg("verify");
                if let Some(annotation) = want.annotation {
                    command.args(["-a", annotation]);
                }
            }
            (_, Act::Attest) => {
                command.args(["verify-attestation", "--type", want.kind]);
            }
        }
        want.by.name_in(&mut command);
        let root = stage::trust_file("trusted_root");
        match (self, want.layout) {
            (Self::Bulla, _) | (Self::Cosign3, Layout::Referrers | Layout::Both) => {
                command.args(["--trusted-root", &root]);
            }
            (Self::Cosign3, Layout::Tags) => {
                command.args(["--new-bundle-format=false", "--trusted-root", &root]);
            }
            // It takes no root for the old attestations: only its own trust store.
            (Self::Cosign2, Layout::Tags) => {
                self.trusts_instance(&mut command);
            }
            (Self::Cosign2, Layout::Referrers | Layout::Both) => {
                command.args(["--new-bundle-format", "--trusted-root", &root]);
                // Log entries of Rekor v2 carry no time of their own.
                if want.stamped {
                    command.arg("--use-signed-timestamps");
                }
            }
        }
        command.args(more).arg(image);
        stage::run(command)
    }
}

impl By<'_> {
    /// Says so on a command line: all three programs take the same words.
    pub fn name_in(&self, command: &mut Command) {
        match self {
            By::Key(file) => command.arg("--key").arg(file),
            By::Identity(identity) => command
                .args(["--certificate-identity", identity])
                .args(["--certificate-oidc-issuer", stage::issuer()]),
        };
    }
}

/// The instance's services, with the first version of the log.
pub fn services(command: &mut Command) {
    let instance = stage::shared().instance();
    command
        .args(["--fulcio-url", instance.url("ca")])
        .args(["--rekor-url", instance.url("log_v1")])
        .args(["--oidc-issuer", stage::issuer()]);
}

/// Somebody else than who signed, of the same kind.
pub fn somebody_else(by: By) -> By<'static> {
    match by {
        By::Key(file) => {
            let pairs = [Program::Cosign2, Program::Cosign3].map(Program::keys);
            let mut others = pairs.into_iter().flatten().map(|keys| &*keys.public);
            By::Key(others.find(|other| *other != file).expect("another key"))
        }
        By::Identity(_) => By::Identity(DANA),
    }
}
