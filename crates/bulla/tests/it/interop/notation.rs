//! notation signs an image of our registry, with a timestamp of our authority, and
//! verifies it by a `tsa` trust store that holds our root.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use bulla_testkit::Outcome;
use serde_json::json;

use super::{
    parts::Parts,
    stage::{self, run},
};

/// notation with a configuration of its own, and the instance's root in files.
struct Notation {
    folder: PathBuf,
    parts: Parts,
}

impl Notation {
    /// With a key and a trust policy; `None` after saying `SKIP`.
    #[track_caller]
    fn new(test: &str) -> Option<Self> {
        stage::client("notation")?;
        let folder = stage::shared().folder(test);
        let parts = Parts::write(&stage::shared().instance().path("trusted_root"), &folder);
        let notation = Self { folder, parts };
        run(notation.command(&["cert", "generate-test", "--default", "tester"])).success();
        // Our timestamps are exact to a second, and notation wants all of that second
        // to lie in the certificate's life, which has just begun.
        std::thread::sleep(Duration::from_secs(2));
        for (store, root) in [
            ("ours", &notation.parts.tsa_root),
            // The signing authority's root: no timestamp comes from there.
            ("other", &notation.parts.fulcio_root),
        ] {
            let mut command = notation.command(&["cert", "add", "--type", "tsa", "--store", store]);
            command.arg(root);
            run(command).success();
        }
        notation.trusts(&["ca:tester", "tsa:ours"]);
        Some(notation)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = stage::client("notation").expect("notation, which this test already had");
        command
            .env("XDG_CONFIG_HOME", self.folder.join("config"))
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .args(args);
        command
    }

    fn trusts(&self, stores: &[&str]) {
        let policy = json!({"version": "1.0", "trustPolicies": [{
            "name": "all", "registryScopes": ["*"],
            "signatureVerification": {"level": "strict", "verifyTimestamp": "always"},
            "trustStores": stores, "trustedIdentities": ["*"],
        }]});
        let file = self.folder.join("policy.json");
        fs::write(&file, policy.to_string()).expect("a file");
        let mut command = self.command(&["policy", "import", "--force"]);
        command.arg(file);
        run(command).success();
    }

    fn sign(&self, image: &str, stamped: bool) -> Outcome {
        let mut command = self.command(&["sign", "--insecure-registry"]);
        if stamped {
            command
                .args(["--timestamp-url", stage::shared().instance().url("tsa")])
                .arg("--timestamp-root-cert")
                .arg(&self.parts.tsa_root);
        }
        command.arg(image);
        run(command)
    }

    fn verify(&self, image: &str) -> Outcome {
        run(self.command(&["verify", "--insecure-registry", image]))
    }
}

#[test]
fn notation_takes_a_timestamp_from_our_authority() {
    let Some(notation) = Notation::new("notation") else {
        return;
    };
    let Some(shipped) = stage::image() else {
        return;
    };
    let image = stage::copy_image(shipped, "by-notation", Some("signed by notation"));
    notation.sign(&image, true).success();
    notation
        .verify(&image)
        .success()
        .says("Successfully verified signature");
    let inspected = run(notation.command(&["inspect", "--insecure-registry", &image]));
    inspected.success();
    assert!(
        inspected.stdout.contains("timestamp authority"),
        "{}",
        inspected.account()
    );

    // The timestamp counts: the same signature where another root is trusted.
    notation.trusts(&["ca:tester", "tsa:other"]);
    stage::refused(&notation.verify(&image));
    notation.trusts(&["ca:tester", "tsa:ours"]);

    // Without one it is not enough; another image has none at all.
    let plain = stage::copy_image(shipped, "by-notation-plain", Some("without a timestamp"));
    notation.sign(&plain, false).success();
    stage::refused(&notation.verify(&plain));
    let other = stage::copy_image(shipped, "not-by-notation", Some("signed by nobody"));
    stage::refused(&notation.verify(&other));

    // A root of the same instance that is not the timestamp authority's.
    let mut command = notation.command(&["sign", "--insecure-registry"]);
    command
        .args(["--timestamp-url", stage::shared().instance().url("tsa")])
        .arg("--timestamp-root-cert")
        .arg(&notation.parts.fulcio_root)
        .arg(&other);
    stage::refused(&run(command));
}
