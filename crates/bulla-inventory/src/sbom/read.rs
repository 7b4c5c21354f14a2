//! Reads CycloneDX (1.2 to 1.7, JSON) and SPDX (2.2 and 2.3, JSON) documents of
//! any tool as an [`Inventory`].
//!
//! A component counts as a package if it has a purl, or if it is one of ours.
//! What a document does not say is not invented; a purl that cannot be read is a
//! problem of the inventory, so that it is seen.

use bulla_core::{Code, Diagnose, Digest, limits};
use serde_json::Value;

use crate::{
    Component, Ecosystem, FileEntry, Inventory, Origin, Purl, binary::Format,
    inventory::SourcePackage,
};

/// The largest document, in bytes.
pub(super) const MAX_DOCUMENT_BYTES: u64 = 256 << 20;
/// Nesting of components in components.
const MAX_DEPTH: usize = 16;

/// Reads a document.
///
/// # Errors
/// [`SbomError`] if it is too large, not JSON, or of another kind.
pub fn read(bytes: &[u8]) -> Result<Inventory, SbomError> {
    let document: Value = limits::parse_json(bytes, MAX_DOCUMENT_BYTES, "SBOM")?;
    let mut inventory = Inventory::default();
    if text(&document, "bomFormat") == "CycloneDX" {
        if !document.get("components").is_none_or(Value::is_array) {
            return Err(SbomError::Malformed { part: "components" });
        }
        read_components(&document, &mut inventory, 0)?;
    } else if text(&document, "spdxVersion").starts_with("SPDX-2.") {
        read_packages(&document, &mut inventory)?;
    } else {
        return Err(SbomError::Unknown);
    }
    inventory.normalize();
    Ok(inventory)
}

fn read_components(parent: &Value, out: &mut Inventory, depth: usize) -> Result<(), SbomError> {
    if depth > MAX_DEPTH {
        return Err(SbomError::Malformed { part: "components" });
    }
    for item in list(parent, "components") {
        match text(item, "type") {
            "" => return Err(SbomError::Malformed { part: "components" }),
            "file" if text(item, "purl").is_empty() => out.files.extend(cyclonedx_file(item)),
            "operating-system" => {
                out.distribution = Some(crate::Distribution {
                    id: text(item, "name").to_owned(),
                    version: text(item, "version").to_owned(),
                    name: text(item, "description").to_owned(),
                });
            }
            _ => cyclonedx_package(item, out),
        }
        read_components(item, out, depth + 1)?;
    }
    Ok(())
}

fn cyclonedx_package(item: &Value, out: &mut Inventory) {
    let property = |name: &str| {
        let found = list(item, "properties").find(|p| text(p, "name") == name);
        found
            .map(|p| text(p, "value").to_owned())
            .filter(|v| !v.is_empty())
    };
    let origin = match property("bulla:origin").as_deref() {
        Some("build") => Origin::Build,
        _ => Origin::Image,
    };
    let ours = property("bulla:ecosystem").and_then(|e| Ecosystem::of_purl_type(&e));
    let Some(mut component) = package(item, text(item, "purl"), "version", ours, origin, out)
    else {
        return;
    };
    // CycloneDX of others keeps the scope of npm and Maven names in `group`.
    let group = text(item, "group");
    if !group.is_empty() && ours.is_none() && component.purl.is_none() {
        component.name = format!("{group}/{}", component.name);
    }
    component.digests = hashes(item, "hashes", "alg", "content");
    component.licenses = list(item, "licenses")
        .filter_map(cyclonedx_license)
        .collect();
    let places = item
        .get("evidence")
        .into_iter()
        .flat_map(|e| list(e, "occurrences"));
    component.found_in = places
        .map(|place| text(place, "location").to_owned())
        .collect();
    component.release = property("bulla:release").or(component.release);
    if let (Some(name), Some(version)) = (property("bulla:source"), property("bulla:sourceVersion"))
    {
        component.source = Some(SourcePackage { name, version });
    }
    component.part_of = property("bulla:partOf").and_then(|purl| Purl::parse(&purl).ok());
    out.components.push(component);
}

fn cyclonedx_license(item: &Value) -> Option<String> {
    let license = item.get("license");
    let of = |key: &str| license.and_then(|l| l.get(key)).and_then(Value::as_str);
    let expression = item.get("expression").and_then(Value::as_str);
    expression.or(of("id")).or(of("name")).map(str::to_owned)
}

fn cyclonedx_file(item: &Value) -> Option<FileEntry> {
    let digest = hashes(item, "hashes", "alg", "content")
        .into_iter()
        .next()?;
    let property = |name: &str| {
        let found = list(item, "properties").find(|p| text(p, "name") == name);
        found.map_or("", |p| text(p, "value"))
    };
    Some(FileEntry {
        path: text(item, "name").to_owned(),
        size: property("bulla:size").parse().unwrap_or(0),
        digest,
        owner: None,
        program: Format::parse(property("bulla:program")),
    })
}

fn read_packages(document: &Value, out: &mut Inventory) -> Result<(), SbomError> {
    let packages = document.get("packages");
    if !packages.is_none_or(Value::is_array) {
        return Err(SbomError::Malformed { part: "packages" });
    }
    let built: Vec<&str> = list(document, "relationships")
        .filter(|r| text(r, "relationshipType") == "BUILD_DEPENDENCY_OF")
        .map(|r| text(r, "spdxElementId"))
        .collect();
    let built: std::collections::HashSet<&str> = built.into_iter().collect();
    for item in list(document, "packages") {
        if text(item, "primaryPackagePurpose") == "FILE" {
            out.files.extend(spdx_file(item));
            continue;
        }
        let purl = list(item, "externalRefs")
            .find(|r| text(r, "referenceType") == "purl")
            .map_or("", |r| text(r, "referenceLocator"));
        let origin = if built.contains(text(item, "SPDXID")) {
            Origin::Build
        } else {
            Origin::Image
        };
        let Some(mut component) = package(item, purl, "versionInfo", None, origin, out) else {
            continue;
        };
        component.digests = hashes(item, "checksums", "algorithm", "checksumValue");
        component.licenses = spdx_licenses(document, text(item, "licenseDeclared"));
        let places = text(item, "sourceInfo")
            .strip_prefix("found in: ")
            .unwrap_or_default();
        component.found_in = places
            .split(", ")
            .filter(|place| !place.is_empty())
            .map(str::to_owned)
            .collect();
        let part_of = text(item, "comment").strip_prefix("part of: ");
        component.part_of = part_of.and_then(|purl| Purl::parse(purl).ok());
        out.components.push(component);
    }
    Ok(())
}

fn spdx_file(item: &Value) -> Option<FileEntry> {
    let digest = hashes(item, "checksums", "algorithm", "checksumValue")
        .into_iter()
        .next()?;
    let comment = text(item, "comment");
    let size = comment.split(' ').next().and_then(|n| n.parse().ok());
    Some(FileEntry {
        path: text(item, "packageFileName").to_owned(),
        size: size.unwrap_or(0),
        digest,
        owner: None,
        program: comment
            .split_once(" bytes, ")
            .and_then(|(_, rest)| Format::parse(rest.split(' ').next()?)),
    })
}

fn spdx_licenses(document: &Value, declared: &str) -> Vec<String> {
    if matches!(declared, "" | "NOASSERTION" | "NONE") {
        return Vec::new();
    }
    if !declared.contains("LicenseRef-") {
        return vec![declared.to_owned()];
    }
    let words = declared.split(' ').filter(|word| *word != "AND");
    let resolve = |word: &str| {
        list(document, "hasExtractedLicensingInfos")
            .find(|l| text(l, "licenseId") == word)
            .map_or(word, |l| text(l, "extractedText"))
            .to_owned()
    };
    words.map(resolve).collect()
}

/// What both formats say about a package; `None` if it is none.
fn package(
    item: &Value,
    purl: &str,
    version_key: &str,
    ours: Option<Ecosystem>,
    origin: Origin,
    out: &mut Inventory,
) -> Option<Component> {
    let name = text(item, "name");
    let parsed = match Purl::parse(purl) {
        Ok(parsed) => Some(parsed),
        Err(_) if purl.is_empty() => None,
        Err(error) => {
            out.problems.push(crate::Problem {
                path: name.to_owned(),
                reason: format!("{error}: {}", purl.chars().take(200).collect::<String>()),
            });
            None
        }
    };
    let kind = parsed
        .as_ref()
        .and_then(|p| Ecosystem::of_purl_type(p.kind()));
    if parsed.is_none() && ours.is_none() {
        return None;
    }
    let full_name = match (&parsed, kind) {
        // Distribution packages are known without the name of the distribution.
        (Some(parsed), Some(kind)) if !kind.is_distribution() && ours.is_none() => {
            spelled_like(name, &parsed.full_name())
        }
        _ => name.to_owned(),
    };
    let version = parsed.as_ref().and_then(Purl::version);
    let version = version.unwrap_or_else(|| text(item, version_key));
    let qualifier = |key: &str| parsed.as_ref().and_then(|p| p.qualifier(key));
    let source = qualifier("upstream").map(|upstream| {
        let (source, source_version) = upstream.split_once('@').unwrap_or((upstream, version));
        SourcePackage {
            name: source.to_owned(),
            version: source_version.to_owned(),
        }
    });
    let distribution = kind.is_some_and(Ecosystem::is_distribution);
    let own_source = || SourcePackage {
        name: full_name.clone(),
        version: version.to_owned(),
    };
    Some(Component {
        ecosystem: ours.or(kind),
        source: source.or_else(|| distribution.then(own_source)),
        version: (!version.is_empty()).then(|| version.to_owned()),
        release: qualifier("distro").map(str::to_owned),
        name: full_name,
        purl: parsed,
        origin,
        licenses: Vec::new(),
        digests: Vec::new(),
        found_in: Vec::new(),
        part_of: None,
    })
}

/// The document's spelling if it is the same name (purls are lower-case for Go).
fn spelled_like(name: &str, full_name: &str) -> String {
    if name.eq_ignore_ascii_case(full_name) {
        name.to_owned()
    } else {
        full_name.to_owned()
    }
}

/// SHA-256 and SHA-512; weaker ones are left out.
fn hashes(item: &Value, key: &str, algorithm: &str, content: &str) -> Vec<Digest> {
    list(item, key)
        .filter_map(|hash| {
            let name = text(hash, algorithm).replace('-', "").to_ascii_lowercase();
            let hex = text(hash, content).to_ascii_lowercase();
            format!("{name}:{hex}").parse().ok()
        })
        .collect()
}

fn text<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(item: &'a Value, key: &str) -> std::slice::Iter<'a, Value> {
    item.get(key)
        .and_then(Value::as_array)
        .map_or([].iter(), |list| list.iter())
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SbomError {
    /// Too large, too deep or not JSON.
    #[error(transparent)]
    Limit(#[from] limits::LimitError),
    /// A part is not what the format says.
    #[error("the {part} of the SBOM are malformed")]
    Malformed {
        /// The part.
        part: &'static str,
    },
    /// Neither CycloneDX nor SPDX 2.
    #[error("the document is neither CycloneDX JSON nor SPDX 2 JSON")]
    Unknown,
}

impl Diagnose for SbomError {
    fn code(&self) -> Code {
        match self {
            Self::Limit(error) => error.code(),
            Self::Malformed { .. } => Code("INVENTORY-0040"),
            Self::Unknown => Code("INVENTORY-0041"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("make one with `bulla sbom REF -o cyclonedx` or `-o spdx`".into())
    }
}
