use super::*;
use crate::{Inventory, Origin, cataloger, testing};
use std::process::Command;

fn whole() -> Inventory {
    let lock = b"[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\n[[package]]\nname = \"itoa\"\n\
        version = \"1.0.1\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let build = cataloger::catalog_lock_file("Cargo.lock", lock).unwrap();
    cataloger::catalog(&cataloger::tests::image()).merge(build)
}

fn about() -> About {
    About {
        name: "hello".into(),
        digest: Digest::sha256(b"manifest"),
        kind: SubjectKind::Image,
        created: "2026-11-21T10:00:00.5Z".parse().unwrap(),
    }
}

#[test]
fn cyclonedx_comes_back_as_it_was() {
    let inventory = whole();
    let document = to_bytes(&cyclonedx16::render(&inventory, &about())).unwrap();
    let back = read(&document).unwrap();
    assert_eq!(back.components, inventory.components);
    assert_eq!(back.distribution, inventory.distribution);
    let own: Vec<_> = inventory.own_files().cloned().collect();
    assert_eq!(back.files, own);
}

#[test]
fn spdx_comes_back_with_what_it_has_room_for() {
    let inventory = whole();
    let document = to_bytes(&spdx23::render(&inventory, &about())).unwrap();
    let back = read(&document).unwrap();
    // Packages without a purl (ours) are nobody's business outside.
    let published: Vec<_> = inventory
        .components
        .iter()
        .filter(|c| c.purl.is_some())
        .collect();
    assert_eq!(back.components.len(), published.len());
    for (got, expected) in back.components.iter().zip(published) {
        assert_eq!(
            (&got.purl, &got.version, got.origin),
            (&expected.purl, &expected.version, expected.origin)
        );
        assert_eq!(
            (&got.source, &got.release),
            (&expected.source, &expected.release)
        );
        assert_eq!(
            (&got.part_of, &got.found_in),
            (&expected.part_of, &expected.found_in)
        );
        assert_eq!(
            (&got.licenses, &got.digests),
            (&expected.licenses, &expected.digests)
        );
    }
    assert_eq!(back.files.len(), inventory.own_files().count());
}

#[test]
fn documents_are_deterministic_and_named_by_their_content() {
    let (inventory, about) = (whole(), about());
    for render in [cyclonedx16::render, spdx23::render] {
        let first = render(&inventory, &about);
        assert_eq!(
            to_bytes(&first).unwrap(),
            to_bytes(&render(&inventory, &about)).unwrap()
        );
        let mut less = inventory.clone();
        less.components.pop();
        let name = |d: &Value| [d["serialNumber"].clone(), d["documentNamespace"].clone()];
        assert_ne!(name(&first), name(&render(&less, &about)));
        assert!(!first.to_string().contains("00.5Z"), "whole seconds only");
    }
}

/// CVE-less, but a class of reports: identifiers must be unique in a document.
#[test]
fn references_are_unique() {
    let cyclonedx = cyclonedx16::render(&whole(), &about());
    let spdx = spdx23::render(&whole(), &about());
    for (list, key) in [
        (&cyclonedx["components"], "bom-ref"),
        (&spdx["packages"], "SPDXID"),
    ] {
        let mut refs: Vec<&str> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c[key].as_str().unwrap())
            .collect();
        let count = refs.len();
        refs.sort_unstable();
        refs.dedup();
        assert_eq!(refs.len(), count);
    }
}

#[test]
fn cyclonedx_is_valid_by_its_schema() {
    let Some(schema) = testing::suite("cyclonedx/schema") else {
        return;
    };
    let script = "import json,sys,pathlib\n\
        from jsonschema import Draft7Validator, RefResolver\n\
        base=pathlib.Path(sys.argv[1])\n\
        load=lambda n: json.loads((base/n).read_text())\n\
        main=load('bom-1.6.schema.json')\n\
        store={json.loads(p.read_text()).get('$id'): json.loads(p.read_text()) for p in base.glob('*.schema.json')}\n\
        resolver=RefResolver.from_schema(main, store=store)\n\
        errors=list(Draft7Validator(main, resolver=resolver).iter_errors(json.load(open(sys.argv[2]))))\n\
        [print(list(e.absolute_path), e.message[:200]) for e in errors]\n\
        sys.exit(1 if errors else 0)\n";
    let Some(python) = python_with("jsonschema") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let check = |document: &Value| {
        let path = folder.path().join("bom.json");
        std::fs::write(&path, to_bytes(document).unwrap()).unwrap();
        let mut command = Command::new(&python);
        command
            .args(["-W", "ignore", "-c", script])
            .arg(&schema)
            .arg(&path);
        command.output().unwrap()
    };
    let mut document = cyclonedx16::render(&whole(), &about());
    let output = check(&document);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    document["components"][0]["type"] = "no such type".into();
    assert!(
        !check(&document).status.success(),
        "the validator accepts everything"
    );
}

#[test]
fn spdx_is_valid_by_its_own_tools() {
    let Some(python) = python_with("spdx_tools") else {
        return;
    };
    let script = "import sys\n\
        from spdx_tools.spdx.parser.parse_anything import parse_file\n\
        from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document\n\
        errors=validate_full_spdx_document(parse_file(sys.argv[1]))\n\
        [print(e.validation_message) for e in errors]\n\
        sys.exit(1 if errors else 0)\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.spdx.json");
    std::fs::write(
        &path,
        to_bytes(&spdx23::render(&whole(), &about())).unwrap(),
    )
    .unwrap();
    let output = Command::new(python)
        .args(["-c", script])
        .arg(&path)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// A Python that has that module; `BULLA_PYTHON` names another than `python3`.
fn python_with(module: &str) -> Option<String> {
    let python = std::env::var("BULLA_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    testing::skip(module, "python3 has no such module");
    None
}

#[test]
fn documents_of_other_tools_are_read() {
    let cyclonedx = br#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[
        {"type":"library","name":"libssl3","version":"3.0.11-1",
         "purl":"pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12&upstream=openssl",
         "components":[{"type":"library","group":"@s","name":"p","version":"1","purl":"pkg:npm/%40s/p@1"}]},
        {"type":"library","name":"x","version":"1","purl":"not a purl"},
        {"type":"library","name":"Masterminds/goutils","version":"v1.1.0","purl":"pkg:golang/github.com/Masterminds/goutils@v1.1.0"}]}"#;
    let inventory = read(cyclonedx).unwrap();
    let names: Vec<&str> = inventory
        .components
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["libssl3", "github.com/masterminds/goutils", "@s/p"]);
    let source = inventory.components[0].source.as_ref().unwrap();
    assert_eq!(
        (source.name.as_str(), source.version.as_str()),
        ("openssl", "3.0.11-1")
    );
    assert_eq!(inventory.components[0].origin, Origin::Image);
    assert_eq!(
        inventory.problems.len(),
        1,
        "a purl that cannot be read is said"
    );
}

#[test]
fn what_is_no_sbom_is_refused() {
    for bytes in [&b"{}"[..], b"[]", b"{\"spdxVersion\":\"SPDX-3.0\"}", b"x"] {
        assert!(read(bytes).is_err());
    }
    let odd = br#"{"bomFormat":"CycloneDX","components":{}}"#;
    assert!(matches!(read(odd), Err(SbomError::Malformed { .. })));
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(text in "[{}\\[\\]\":,a-zA-Z0-9.@/ -]{0,120}") {
        let _ = read(text.as_bytes());
        let _ = read(format!("{{\"bomFormat\":\"CycloneDX\",\"components\":[{text}]}}").as_bytes());
    }
}
