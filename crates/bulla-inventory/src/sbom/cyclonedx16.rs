//! Writes CycloneDX 1.6 JSON.
//!
//! Packages are `library` components, files that no package owns are `file`
//! components with their SHA-256, the distribution is an `operating-system`.
//! What CycloneDX has no field for stands in properties named `bulla:…`.

use bulla_core::{Digest, digest::Algorithm};
use serde_json::{Map, Value, json};

use super::{About, SubjectKind, TOOL, TOOL_VERSION, uuid_of, written};
use crate::{Component, FileEntry, Inventory, license::License};

/// The reference of the subject inside the document.
const SUBJECT: &str = "subject";

/// The inventory as a document.
pub fn render(inventory: &Inventory, about: &About) -> Value {
    let packages = inventory.components.iter().map(package);
    let files = inventory.own_files().map(file);
    let system = inventory.distribution.iter().map(|distribution| {
        json!({
            "type": "operating-system",
            "bom-ref": "distribution",
            "name": distribution.id,
            "version": distribution.version,
            "description": distribution.name,
        })
    });
    let components: Vec<Value> = system.chain(packages).chain(files).collect();
    let refs: Vec<String> = inventory.components.iter().map(reference).collect();
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata(inventory, about),
        "components": components,
        "dependencies": [{ "ref": SUBJECT, "dependsOn": refs }],
    });
    let serial = format!("urn:uuid:{}", uuid_of(&document));
    if let Some(map) = document.as_object_mut() {
        map.insert("serialNumber".into(), serial.into());
    }
    document
}

fn metadata(inventory: &Inventory, about: &About) -> Value {
    let kind = match about.kind {
        SubjectKind::Image => "container",
        SubjectKind::Source => "application",
    };
    let accounting = inventory.accounting();
    let mut properties = vec![
        property("bulla:files", accounting.files),
        property("bulla:files:owned", accounting.owned),
        property("bulla:files:listed", accounting.listed),
    ];
    for problem in &inventory.problems {
        let text = format!("{}: {}", problem.path, problem.reason);
        properties.push(property("bulla:problem", text));
    }
    json!({
        "timestamp": written(about.created),
        "tools": { "components": [{
            "type": "application",
            "name": TOOL,
            "version": TOOL_VERSION,
        }] },
        "component": {
            "type": kind,
            "bom-ref": SUBJECT,
            "name": about.name,
            "version": about.digest.to_string(),
            "hashes": [hash(&about.digest)],
        },
        "properties": properties,
    })
}

fn reference(component: &Component) -> String {
    format!("{}:{}", component.origin, component.key())
}

fn package(component: &Component) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), "library".into());
    out.insert("bom-ref".into(), reference(component).into());
    out.insert("name".into(), component.name.clone().into());
    if let Some(version) = &component.version {
        out.insert("version".into(), version.clone().into());
    }
    if !component.digests.is_empty() {
        let hashes: Vec<Value> = component.digests.iter().map(hash).collect();
        out.insert("hashes".into(), hashes.into());
    }
    if !component.licenses.is_empty() {
        out.insert("licenses".into(), licenses(&component.licenses));
    }
    if let Some(purl) = &component.purl {
        out.insert("purl".into(), purl.to_string().into());
    }
    if !component.found_in.is_empty() {
        let places: Vec<Value> = component
            .found_in
            .iter()
            .map(|path| json!({ "location": path }))
            .collect();
        out.insert("evidence".into(), json!({ "occurrences": places }));
    }
    let mut properties = vec![property("bulla:origin", component.origin)];
    if let Some(ecosystem) = component.ecosystem {
        properties.push(property("bulla:ecosystem", ecosystem));
    }
    if let Some(release) = &component.release {
        properties.push(property("bulla:release", release));
    }
    if let Some(source) = &component.source {
        properties.push(property("bulla:source", &source.name));
        properties.push(property("bulla:sourceVersion", &source.version));
    }
    if let Some(purl) = &component.part_of {
        properties.push(property("bulla:partOf", purl));
    }
    out.insert("properties".into(), properties.into());
    out.into()
}

fn file(file: &FileEntry) -> Value {
    let mut properties = vec![property("bulla:size", file.size)];
    if let Some(format) = file.program {
        properties.push(property("bulla:program", format.name()));
    }
    json!({
        "type": "file",
        "bom-ref": format!("file:{}", file.path),
        "name": file.path,
        "hashes": [hash(&file.digest)],
        "properties": properties,
    })
}

fn property(name: &str, value: impl ToString) -> Value {
    json!({ "name": name, "value": value.to_string() })
}

fn hash(digest: &Digest) -> Value {
    let name = match digest.algorithm() {
        Algorithm::Sha384 => "SHA-384",
        Algorithm::Sha512 => "SHA-512",
        _ => "SHA-256",
    };
    json!({ "alg": name, "content": digest.hex() })
}

/// Either one expression, or a list of identifiers and names.
fn licenses(found: &[String]) -> Value {
    if let [one] = found
        && let License::Expression(expression) = License::parse(one)
    {
        return json!([{ "expression": expression }]);
    }
    let list = found.iter().map(|text| match License::parse(text) {
        License::Id(id) => json!({ "license": { "id": id } }),
        License::Expression(text) | License::Name(text) => json!({ "license": { "name": text } }),
    });
    list.collect::<Vec<_>>().into()
}
