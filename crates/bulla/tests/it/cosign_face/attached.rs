//! `--attachment sbom` and `--payload`: what cosign 2 could sign beside an image.

use super::images::{Stage, UNLOGGED, verify};

/// The SBOM on an image, signed by either program and verified by both; and a
/// payload of the user's own.
#[test]
fn what_is_attached_is_signed_like_an_image() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let world = &stage.pair.world;
    world.write("sbom.json", "{\"spdxVersion\": \"SPDX-2.3\"}");
    for (signer, layout) in [(true, "false"), (false, "false")] {
        let image = stage.image(&format!("attached-{signer}-{layout}"));
        let bare = stage.image(&format!("bare-{signer}-{layout}"));
        stage
            .run(false, &["attach", "sbom", "--sbom", "sbom.json", &image])
            .success();
        let format = format!("--new-bundle-format={layout}");
        let sign = |image: &str| {
            let mut args = vec!["sign", "--key", "a.key", "--attachment", "sbom", &format];
            args.extend(UNLOGGED);
            args.push(image);
            stage.run(signer, &args)
        };
        sign(&image).success();
        sign(&bare).exit(1);
        let of = |key: &str, attachment: &str| {
            let more = ["--key", key, &format, "--attachment", attachment];
            verify(&stage, "verify", &more, &image).0
        };
        of("a.pub", "sbom").success();
        assert_ne!(of("b.pub", "sbom").code, 0);
        // The image itself is not signed by that.
        assert_ne!(
            verify(&stage, "verify", &["--key", "a.pub", &format], &image)
                .0
                .code,
            0
        );
        let wrong = [
            "verify",
            "--key",
            "a.pub",
            "--attachment",
            "nonsense",
            &image,
        ];
        assert_ne!(stage.run(true, &wrong).code, 0);
    }
    let image = stage.image("payload");
    let other = stage.image("payload-other");
    let digest = |image: &str| image.split_once('@').unwrap().1.to_owned();
    for (signer, of, code) in [(true, &image, 0), (false, &image, 0), (true, &other, 12)] {
        let payload = serde_json::json!({
            "critical": {
                "identity": {"docker-reference": "named/by/hand"},
                "image": {"docker-manifest-digest": digest(of)},
                "type": "cosign container image signature",
            },
            "optional": {"by": "hand"},
        });
        world.write("payload.json", payload.to_string());
        let target = stage.image(&format!("payload-target-{signer}-{code}"));
        let target = match code {
            0 => &image,
            _ => &target,
        };
        let mut args = vec!["sign", "--key", "a.key", "--payload", "payload.json"];
        args.push("--new-bundle-format=false");
        args.extend(UNLOGGED);
        args.push(target);
        stage.run(signer, &args).success();
        let more = [
            "--key",
            "a.pub",
            "-a",
            "by=hand",
            "--new-bundle-format=false",
        ];
        verify(&stage, "verify", &more, target).0.exit(code);
    }
    let mut args = vec!["sign", "--key", "a.key", "--payload", "payload.json"];
    args.extend(UNLOGGED);
    args.push(&image);
    stage.run(true, &args).exit(1).says("old layout only");
}
