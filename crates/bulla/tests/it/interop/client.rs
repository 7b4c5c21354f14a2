//! Every way in which a real client is pointed at the instance: by documents, by
//! service addresses, or by our TUF repository. Each signs a file in Erin's name and
//! verifies it, refuses its twins, and what it signed is verified by all the others.

mod cosign;
mod javascript;
mod python;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bulla_testkit::Outcome;
use serde_json::Value;

use super::stage::{self, DANA, ERIN};

/// Which face of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    V1,
    V2,
}

/// A client, and how it is told of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// bulla itself.
    Bulla,
    /// `--signing-config`, `--trusted-root`.
    Cosign3Documents(Log),
    /// `--fulcio-url` and its like, `--trusted-root`.
    Cosign3Addresses,
    /// `cosign initialize`, then not a flag.
    Cosign3Tuf,
    /// `--fulcio-url` and its like, the root by `cosign initialize`.
    Cosign2Addresses,
    /// `--trust-config`.
    PythonDocuments(Log),
    /// `trust-instance`, then `--instance`.
    PythonTuf(Log),
    /// A signing config in its library; `verify` by our TUF repository.
    JavaScript(Log),
}

/// Who must have signed.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    pub identity: &'a str,
    pub issuer: &'a str,
}

/// A client with a folder of its own for what it keeps.
pub struct Client {
    way: Way,
    folder: PathBuf,
}

impl Client {
    /// Made ready; `None` after saying `SKIP`.
    #[track_caller]
    pub fn new(way: Way, folder: &str) -> Option<Self> {
        let client = Self {
            way,
            folder: stage::shared().folder(folder),
        };
        match way {
            Way::Bulla => {}
            Way::Cosign3Documents(_) | Way::Cosign3Addresses | Way::Cosign3Tuf => {
                client.start_cosign("cosign")?;
            }
            Way::Cosign2Addresses => client.start_cosign("cosign2")?,
            Way::PythonDocuments(_) | Way::PythonTuf(_) => client.start_python()?,
            Way::JavaScript(_) => client.start_javascript()?,
        }
        Some(client)
    }

    /// Signs a file for Erin.
    pub fn sign(&self, file: &Path, bundle: &Path) -> Outcome {
        let token = stage::shared().instance().token(stage::world(), ERIN);
        match self.way {
            Way::Bulla => {
                let mut command = stage::world().command(stage::world().binary());
                command.args(["sign-blob", "--email", ERIN, "--bundle"]);
                command.arg(bundle).arg(file);
                stage::run(command)
            }
            Way::PythonDocuments(log) | Way::PythonTuf(log) => {
                self.sign_with_python(log, &token, file, bundle)
            }
            Way::JavaScript(log) => {
                self.sign_with_javascript(log, &token, "messageSignature", file, bundle)
            }
            _ => self.sign_with_cosign(&token, file, bundle),
        }
    }

    /// Verifies a file against its bundle.
    pub fn verify(&self, file: &Path, bundle: &Path, signer: Signer) -> Outcome {
        match self.way {
            Way::Bulla => {
                let mut command = stage::world().command(stage::world().binary());
                command.arg("verify-blob");
                signer.name_in(&mut command);
                command.arg("--bundle").arg(bundle).arg(file);
                stage::run(command)
            }
            Way::PythonDocuments(_) | Way::PythonTuf(_) => {
                self.verify_with_python(file, bundle, signer)
            }
            Way::JavaScript(_) => self.verify_with_javascript(Some(file), bundle, signer),
            _ => self.verify_with_cosign(file, bundle, signer),
        }
    }

    /// A file of its folder.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Signer<'static> {
    fn erin() -> Self {
        Self {
            identity: ERIN,
            issuer: stage::issuer(),
        }
    }
}

impl Signer<'_> {
    /// In the words of cosign, which are bulla's too.
    fn name_in(self, command: &mut Command) {
        command
            .args(["--certificate-identity", self.identity])
            .args(["--certificate-oidc-issuer", self.issuer]);
    }
}

/// The instance's signing config as a document that names only that log.
fn signing_config(log: Log, folder: &Path) -> PathBuf {
    let document = fs::read(stage::trust_file("signing_config")).expect("the signing config");
    let mut document: Value = serde_json::from_slice(&document).expect("a document");
    let number = match log {
        Log::V1 => 1,
        Log::V2 => 2,
    };
    let logs = document["rekorTlogUrls"].as_array_mut().expect("logs");
    logs.retain(|log| log["majorApiVersion"] == number);
    assert_eq!(logs.len(), 1, "{logs:?}");
    let path = folder.join("signing_config.json");
    fs::write(&path, document.to_string()).expect("a file");
    path
}

/// The kind and version of the one log entry in a bundle.
fn entry(bundle: &Path) -> (String, String) {
    let bundle = fs::read(bundle).expect("the bundle");
    let bundle: Value = serde_json::from_slice(&bundle).expect("a bundle");
    let entries = &bundle["verificationMaterial"]["tlogEntries"];
    assert_eq!(entries.as_array().map(Vec::len), Some(1), "{entries}");
    let kind = &entries[0]["kindVersion"];
    let text = |name: &str| kind[name].as_str().expect(name).to_owned();
    (text("kind"), text("version"))
}

/// Who verifies what each way signed; all share one folder per test.
fn verifiers() -> [Way; 4] {
    [
        Way::Bulla,
        Way::Cosign3Documents(Log::V2),
        Way::PythonDocuments(Log::V2),
        Way::JavaScript(Log::V2),
    ]
}

/// Signs that way into that version of the log; then everybody verifies.
#[track_caller]
fn signs_and_verifies(way: Way, log: Log) {
    let name = format!("{way:?}").replace(['(', ')'], "-");
    let Some(client) = Client::new(way, &name) else {
        return;
    };
    let (file, bundle) = (client.file("notes.txt"), client.file("notes.sigstore.json"));
    fs::write(&file, format!("notes of {name}\n")).expect("a file");
    client.sign(&file, &bundle).success();
    let version = match log {
        Log::V1 => "0.0.1",
        Log::V2 => "0.0.2",
    };
    assert_eq!(entry(&bundle), ("hashedrekord".into(), version.into()));

    let (erin, changed) = (Signer::erin(), stage::changed(&file));
    client.verify(&file, &bundle, erin).success();
    stage::refused(&client.verify(&changed, &bundle, erin));
    let dana = Signer {
        identity: DANA,
        ..erin
    };
    stage::refused(&client.verify(&file, &bundle, dana));
    let elsewhere = Signer {
        issuer: "https://issuer.example",
        ..erin
    };
    stage::refused(&client.verify(&file, &bundle, elsewhere));

    for verifier in verifiers().into_iter().filter(|one| *one != way) {
        let Some(other) = Client::new(verifier, &format!("{name}-for-{verifier:?}")) else {
            continue;
        };
        other.verify(&file, &bundle, erin).success();
        stage::refused(&other.verify(&changed, &bundle, erin));
        stage::refused(&other.verify(&file, &bundle, dana));
    }
}

macro_rules! ways {
    ($($name:ident $way:expr, $log:ident;)*) => {$(
        #[test]
        fn $name() {
            signs_and_verifies($way, Log::$log);
        }
    )*};
}

ways! {
    bulla_itself Way::Bulla, V2;
    cosign3_by_documents Way::Cosign3Documents(Log::V2), V2;
    cosign3_by_documents_and_the_first_log Way::Cosign3Documents(Log::V1), V1;
    cosign3_by_addresses Way::Cosign3Addresses, V1;
    cosign3_by_our_tuf_repository Way::Cosign3Tuf, V2;
    cosign2_by_addresses Way::Cosign2Addresses, V1;
    python_by_documents Way::PythonDocuments(Log::V2), V2;
    python_by_documents_and_the_first_log Way::PythonDocuments(Log::V1), V1;
    python_by_our_tuf_repository Way::PythonTuf(Log::V2), V2;
    python_by_our_tuf_repository_and_the_first_log Way::PythonTuf(Log::V1), V1;
    javascript_by_documents Way::JavaScript(Log::V2), V2;
    javascript_by_documents_and_the_first_log Way::JavaScript(Log::V1), V1;
}
