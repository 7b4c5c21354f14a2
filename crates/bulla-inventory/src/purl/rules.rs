//! What the type definitions of the package-url specification add: which parts
//! are case-insensitive, which are required, which are forbidden.
//!
//! Only rules that change identity or validity are here; types without an arm
//! have none.

use super::{Purl, PurlError};

/// Normalizes `purl` by its type and checks what the type demands.
pub(super) fn apply(purl: &mut Purl) -> Result<(), PurlError> {
    match purl.kind.as_str() {
        "alpm" | "apk" | "bitbucket" | "bitnami" | "brew" | "composer" | "deb" | "git"
        | "github" | "golang" | "hex" | "npm" | "vscode-extension" => {
            lower_namespace(purl);
            lower_name(purl);
        }
        "rpm" => lower_namespace(purl),
        "oci" => lower_name(purl),
        "pypi" => purl.name = purl.name.to_lowercase().replace('_', "-"),
        "huggingface" => {
            if let Some(version) = &mut purl.version {
                version.make_ascii_lowercase();
            }
        }
        "mlflow" => {
            let databricks = purl
                .qualifier("repository_url")
                .is_some_and(|url| url.contains("databricks"));
            if databricks {
                lower_name(purl);
            }
        }
        _ => {}
    }
    match purl.kind.as_str() {
        "cargo" | "cran" | "hackage" | "julia" | "nuget" | "otp" | "pypi" | "vcpkg" => {
            demand(purl, purl.namespace.is_none(), "there is no namespace")?;
        }
        "swift" | "vscode-extension" => {
            demand(purl, purl.namespace.is_some(), "a namespace is needed")?;
        }
        "cpan" => {
            let plain = !purl.name.contains("::");
            demand(purl, plain, "the name is a distribution, not a module")?;
        }
        "chrome-extension" => {
            let letters =
                purl.name.len() == 32 && purl.name.bytes().all(|b| (b'a'..=b'p').contains(&b));
            demand(purl, letters, "the name is 32 letters from a to p")?;
            let numbers = purl.version.as_deref().is_none_or(|version| {
                version.split('.').count() <= 4
                    && version
                        .split('.')
                        .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            });
            demand(purl, numbers, "the version is up to four numbers")?;
        }
        _ => {}
    }
    if purl.kind == "julia" {
        demand(
            purl,
            purl.qualifiers.contains_key("uuid"),
            "a uuid is needed",
        )?;
    }
    Ok(())
}

fn demand(purl: &Purl, holds: bool, rule: &'static str) -> Result<(), PurlError> {
    if holds {
        return Ok(());
    }
    Err(PurlError::Rule {
        kind: purl.kind.clone(),
        rule,
    })
}

fn lower_name(purl: &mut Purl) {
    purl.name = purl.name.to_lowercase();
}

fn lower_namespace(purl: &mut Purl) {
    purl.namespace = purl.namespace.as_ref().map(|n| n.to_lowercase());
}
