//! sigstore-python: by a trust config, and by our TUF repository as an instance.

use std::{path::Path, process::Command};

use bulla_testkit::Outcome;

use super::{Client, Log, Signer, Way};
use crate::interop::stage;

impl Client {
    /// `trust-instance`, where that is the way.
    #[track_caller]
    pub(super) fn start_python(&self) -> Option<()> {
        stage::client("sigstore")?;
        if let Way::PythonTuf(_) = self.way {
            let mut command = self.sigstore();
            command.arg("trust-instance");
            command.arg(stage::shared().instance().path("tuf_root"));
            stage::run(command).success();
        }
        Some(())
    }

    /// `sigstore`, which keeps what it learns in a folder of its own.
    fn sigstore(&self) -> Command {
        let mut command = stage::client("sigstore").expect("sigstore, which this test already had");
        command
            .env("XDG_DATA_HOME", self.file("data"))
            .env("XDG_CACHE_HOME", self.file("cache"));
        match self.way {
            Way::PythonTuf(_) => {
                command.args(["--instance", stage::shared().instance().url("tuf")])
            }
            _ => command.args(["--trust-config", &stage::trust_file("client_trust_config")]),
        };
        command
    }

    pub(super) fn sign_with_python(
        &self,
        log: Log,
        token: &str,
        file: &Path,
        bundle: &Path,
    ) -> Outcome {
        let mut command = self.sigstore();
        command.arg("sign").env("SIGSTORE_IDENTITY_TOKEN", token);
        // The second version is its own choice, the first it has to be told.
        if log == Log::V1 {
            command.args(["--rekor-version", "1"]);
        }
        command.arg("--bundle").arg(bundle).arg(file);
        stage::run(command)
    }

    pub(super) fn verify_with_python(&self, file: &Path, bundle: &Path, by: Signer) -> Outcome {
        let mut command = self.sigstore();
        command
            .args(["verify", "identity", "--cert-identity", by.identity])
            .args(["--cert-oidc-issuer", by.issuer, "--bundle"])
            .arg(bundle)
            .arg(file);
        stage::run(command)
    }
}
