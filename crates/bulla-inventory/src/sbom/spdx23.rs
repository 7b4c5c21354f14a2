//! Writes SPDX 2.3 JSON.
//!
//! Every component is a package. A file that no package owns is a package too,
//! of purpose `FILE`: SPDX files need a SHA-1, and bulla computes none. Licences
//! that are no SPDX expression become `LicenseRef-…` with their text.

use bulla_core::{Digest, digest::Algorithm};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::{About, SubjectKind, TOOL, TOOL_VERSION, uuid_of, written};
use crate::{Component, FileEntry, Inventory, Origin, license::License};

const NONE: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const SUBJECT: &str = "SPDXRef-subject";

/// The inventory as a document.
pub fn render(inventory: &Inventory, about: &About) -> Value {
    let mut licenses = BTreeMap::new();
    let mut packages = vec![subject(inventory, about)];
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", SUBJECT)];
    for component in &inventory.components {
        let id = id_of(
            "package",
            &component.name,
            &format!("{}:{}", component.origin, component.key()),
        );
        relationships.push(match component.origin {
            Origin::Build => relationship(&id, "BUILD_DEPENDENCY_OF", SUBJECT),
            Origin::Image => relationship(SUBJECT, "CONTAINS", &id),
        });
        packages.push(package(component, &id, &mut licenses));
    }
    for file in inventory.own_files() {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let id = id_of("file", name, &file.path);
        relationships.push(relationship(SUBJECT, "CONTAINS", &id));
        packages.push(own_file(file, &id));
    }
    let extracted: Vec<Value> = licenses
        .into_iter()
        .map(|(id, text)| json!({ "licenseId": id, "extractedText": text, "name": text }))
        .collect();
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": about.name,
        "creationInfo": {
            "created": written(about.created),
            "creators": [format!("Tool: {TOOL}-{TOOL_VERSION}")],
        },
        "packages": packages,
        "relationships": relationships,
    });
    let namespace = format!("https://bulla.dev/spdx/{}", uuid_of(&document));
    if let Some(map) = document.as_object_mut() {
        map.insert("documentNamespace".into(), namespace.into());
        if !extracted.is_empty() {
            map.insert("hasExtractedLicensingInfos".into(), extracted.into());
        }
    }
    document
}

fn subject(inventory: &Inventory, about: &About) -> Value {
    let accounting = inventory.accounting();
    let mut comment = format!(
        "{} files: {} owned by packages, {} listed by themselves",
        accounting.files, accounting.owned, accounting.listed
    );
    for problem in &inventory.problems {
        comment.push_str(&format!("\nproblem: {}: {}", problem.path, problem.reason));
    }
    if let Some(distribution) = &inventory.distribution {
        comment.push_str(&format!("\ndistribution: {}", distribution.release()));
    }
    let mut out = base(SUBJECT, &about.name);
    out.insert("versionInfo".into(), about.digest.to_string().into());
    out.insert("checksums".into(), json!([checksum(&about.digest)]));
    let purpose = match about.kind {
        SubjectKind::Image => "CONTAINER",
        SubjectKind::Source => "SOURCE",
    };
    out.insert("primaryPackagePurpose".into(), purpose.into());
    out.insert("comment".into(), comment.into());
    out.into()
}

fn package(component: &Component, id: &str, licenses: &mut BTreeMap<String, String>) -> Value {
    let mut out = base(id, &component.name);
    if let Some(version) = &component.version {
        out.insert("versionInfo".into(), version.clone().into());
    }
    if !component.digests.is_empty() {
        let sums: Vec<Value> = component.digests.iter().map(checksum).collect();
        out.insert("checksums".into(), sums.into());
    }
    if let Some(purl) = &component.purl {
        let reference = json!([{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl.to_string(),
        }]);
        out.insert("externalRefs".into(), reference);
    }
    if !component.found_in.is_empty() {
        let places = component.found_in.join(", ");
        out.insert("sourceInfo".into(), format!("found in: {places}").into());
    }
    if let Some(purl) = &component.part_of {
        out.insert("comment".into(), format!("part of: {purl}").into());
    }
    let declared = declared(&component.licenses, licenses);
    out.insert("licenseDeclared".into(), declared.into());
    out.into()
}

fn own_file(file: &FileEntry, id: &str) -> Value {
    let mut out = base(id, &file.path);
    out.insert("packageFileName".into(), file.path.clone().into());
    out.insert("primaryPackagePurpose".into(), "FILE".into());
    out.insert("checksums".into(), json!([checksum(&file.digest)]));
    let mut comment = format!("{} bytes", file.size);
    if let Some(format) = file.program {
        comment.push_str(&format!(", {} program", format.name()));
    }
    out.insert("comment".into(), comment.into());
    out.into()
}

fn base(id: &str, name: &str) -> Map<String, Value> {
    let Value::Object(map) = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": NONE,
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": NONE,
        "copyrightText": NONE,
    }) else {
        return Map::new();
    };
    map
}

/// All licences together as one expression; texts that are none get a reference.
fn declared(found: &[String], extracted: &mut BTreeMap<String, String>) -> String {
    let parts: Vec<String> = found
        .iter()
        .map(|text| match License::parse(text) {
            License::Expression(expression) if found.len() > 1 => format!("({expression})"),
            License::Expression(expression) => expression,
            License::Id(id) => id.to_owned(),
            License::Name(name) => {
                let digest = Digest::sha256(name.as_bytes());
                let id = format!("LicenseRef-{}", digest.short());
                extracted.insert(id.clone(), name);
                id
            }
        })
        .collect();
    if parts.is_empty() {
        return NONE.into();
    }
    parts.join(" AND ")
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({
        "spdxElementId": from,
        "relationshipType": kind,
        "relatedSpdxElement": to,
    })
}

fn checksum(digest: &Digest) -> Value {
    let name = match digest.algorithm() {
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
        _ => "SHA256",
    };
    json!({ "algorithm": name, "checksumValue": digest.hex() })
}

/// An identifier that a person can read and that no other element has.
fn id_of(kind: &str, name: &str, key: &str) -> String {
    let readable: String = name
        .chars()
        .take(40)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let digest = Digest::sha256(key.as_bytes());
    format!("SPDXRef-{kind}-{readable}-{}", digest.short())
}
