//! The inventories, as printed and as attested, by the schema of CycloneDX and
//! by the tools of SPDX; a broken document fails both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bulla_testkit::{Outcome, require, skip, suites};
use serde_json::Value;

use super::{cosign, stage};

/// Prints what the schema does not allow.
const CYCLONEDX: &str = "\
import json, pathlib, sys
from jsonschema import Draft7Validator, RefResolver
base = pathlib.Path(sys.argv[1])
schemas = [json.loads(path.read_text()) for path in base.glob('*.schema.json')]
main = json.loads((base / 'bom-1.6.schema.json').read_text())
resolver = RefResolver.from_schema(main, store={schema.get('$id'): schema for schema in schemas})
document = json.load(open(sys.argv[2]))
errors = list(Draft7Validator(main, resolver=resolver).iter_errors(document))
for error in errors:
    print(list(error.absolute_path), error.message[:200])
sys.exit(1 if errors else 0)
";

/// Prints what the specification does not allow.
const SPDX: &str = "\
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
from spdx_tools.spdx.parser.error import SPDXParsingError
try:
    errors = [e.validation_message for e in validate_full_spdx_document(parse_file(sys.argv[1]))]
except SPDXParsingError as error:
    errors = error.get_messages()
print('\\n'.join(errors))
sys.exit(1 if errors else 0)
";

/// The Python of the spdx-tools peer, else `BULLA_PYTHON` or `python3`, if it has the module.
fn python_with(module: &str) -> Option<PathBuf> {
    let beside = require("pyspdxtools")?.with_file_name("python");
    let named = std::env::var_os("BULLA_PYTHON").map(PathBuf::from);
    let candidates = [named, Some(beside), Some("python3".into())];
    let found = candidates.into_iter().flatten().find(|python| {
        let tried = Command::new(python)
            .args(["-c", &format!("import {module}")])
            .output();
        tried.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        skip(&format!("no Python here has the module {module}"));
    }
    found
}

fn check(python: &Path, script: &str, args: &[&Path]) -> Outcome {
    let mut command = stage::world().command(python);
    command.args(["-W", "ignore", "-c", script]).args(args);
    stage::run(command)
}

/// `bulla sbom REF -o FORMAT`, and the document that the scanner attested.
fn documents(test: &str, image: &str, format: &str, kind: &str) -> Vec<PathBuf> {
    let folder = stage::shared().folder(test);
    let printed = folder.join("printed.json");
    let mut command = stage::world().command(stage::world().binary());
    command
        .args(["sbom", image, "-o"])
        .arg(format!("{format}={}", printed.display()));
    stage::run(command).success();
    let mut documents = vec![printed];
    if stage::client("cosign").is_some() {
        let attested = folder.join("attested.json");
        fs::write(&attested, cosign::attested(image, kind).to_string()).expect("a file");
        documents.push(attested);
    }
    documents
}

/// A copy with one value replaced.
fn broken(document: &Path, pointer: &str, value: Value) -> PathBuf {
    let bytes = fs::read(document).expect("the document");
    let mut twin: Value = serde_json::from_slice(&bytes).expect("a document");
    *twin.pointer_mut(pointer).expect(pointer) = value;
    let path = document.with_extension("broken.json");
    fs::write(&path, twin.to_string()).expect("a file");
    path
}

fn names(document: &Path) -> String {
    fs::read_to_string(document).expect("the document")
}

#[test]
fn cyclonedx_of_an_image_is_valid_by_its_schema() {
    let (Some(schema), Some(python)) = (suites("cyclonedx/schema"), python_with("jsonschema"))
    else {
        return;
    };
    let Some(image) = stage::image() else {
        return;
    };
    for document in documents("cyclonedx", image, "cyclonedx", "https://cyclonedx.org/bom") {
        assert!(names(&document).contains("pkg:pypi/tiny-words@1.2.3"));
        check(&python, CYCLONEDX, &[&schema, &document]).success();
        let twin = broken(&document, "/components/0/type", "no such type".into());
        check(&python, CYCLONEDX, &[&schema, &twin])
            .exit(1)
            .says("no such type");
    }
}

#[test]
fn spdx_of_an_image_is_valid_by_its_own_tools() {
    let Some(python) = python_with("spdx_tools") else {
        return;
    };
    let Some(image) = stage::image() else {
        return;
    };
    for document in documents("spdx", image, "spdx", "https://spdx.dev/Document") {
        assert!(names(&document).contains("pkg:pypi/tiny-words@1.2.3"));
        // The tools tell the format by the end of the name.
        let named = document.with_extension("spdx.json");
        fs::copy(&document, &named).expect("a copy");
        check(&python, SPDX, &[&named]).success();
        let twin = broken(&named, "/packages/0/SPDXID", "no id".into());
        let named = twin.with_file_name("twin.spdx.json");
        fs::rename(&twin, &named).expect("a name");
        check(&python, SPDX, &[&named]).exit(1).says("SPDXRef-");
    }
}
