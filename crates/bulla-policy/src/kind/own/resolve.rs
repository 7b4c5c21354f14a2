//! From the document to the internal form and back: names are filled in, every
//! list that must not be empty is looked at, thresholds must be reachable.

use bulla_core::{Digest, RootId, Severity};
use std::collections::BTreeSet;

use super::{AuthorityEntry, Document, IdentityEntry, PolicyError, RuleEntry};
use crate::{
    InstanceNames,
    ir::{Authority, IdentityPattern, IsolationLevel, Policy, Requirement, Rule, SubjectRule},
    pattern::SubjectPattern,
    text::clean,
};

/// Entries of any one list.
const LIST: usize = 1_000;
const INSTANCE: &str = "instance";

type Result<T> = std::result::Result<T, PolicyError>;

pub(super) fn resolve(document: Document, instance: Option<&InstanceNames>) -> Result<Policy> {
    let Document { metadata, spec, .. } = document;
    name("metadata.name", &metadata.name)?;
    list("spec.images", &spec.images)?;
    list("spec.rules", &spec.rules)?;
    let mut authorities = spec
        .authorities
        .into_iter()
        .map(|entry| authority(entry, instance))
        .collect::<Result<Vec<_>>>()?;
    at_most("spec.authorities", &authorities)?;
    unique("authority", authorities.iter().map(|a| a.name.as_str()))?;
    let rules = spec
        .rules
        .into_iter()
        .map(|entry| rule(entry, instance, &mut authorities))
        .collect::<Result<Vec<_>>>()?;
    unique("rule", rules.iter().map(|r| r.name.as_str()))?;
    authorities.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Policy {
        name: metadata.name,
        mode: spec.mode,
        images: spec.images.into_iter().map(|image| image.glob).collect(),
        authorities,
        rules,
    })
}

fn authority(entry: AuthorityEntry, instance: Option<&InstanceNames>) -> Result<Authority> {
    if entry.name.starts_with("instance/") && instance.is_some() {
        return Err(PolicyError::contradiction(
            &entry.name,
            format!("the name {:?} belongs to the instance", clean(&entry.name)),
        ));
    }
    name("an authority's name", &entry.name)?;
    list(
        &format!("authority {}: identities", entry.name),
        &entry.keyless.identities,
    )?;
    let root = root(&entry.keyless.root, instance)?;
    let identities = entry
        .keyless
        .identities
        .into_iter()
        .map(|identity| identity_pattern(&entry.name, identity))
        .collect::<Result<_>>()?;
    Ok(Authority {
        name: entry.name,
        root,
        identities,
    })
}

fn root(text: &str, instance: Option<&InstanceNames>) -> Result<RootId> {
    if text == INSTANCE {
        return Ok(names(text, instance)?.root.clone());
    }
    text.parse::<Digest>().map(RootId).map_err(|_| {
        PolicyError::contradiction(
            text,
            format!(
                "root {:?} is neither sha256:HEX nor \"instance\"",
                clean(text)
            ),
        )
    })
}

fn identity_pattern(owner: &str, entry: IdentityEntry) -> Result<IdentityPattern> {
    if entry.issuer.is_empty() {
        return Err(PolicyError::contradiction(
            owner,
            format!("authority {owner}: an identity needs its issuer"),
        ));
    }
    let subject = match (entry.subject, entry.subject_pattern) {
        (Some(exact), None) if !exact.is_empty() => SubjectRule::Exact(exact),
        (None, Some(pattern)) => SubjectRule::Pattern(pattern),
        _ => {
            return Err(PolicyError::contradiction(
                owner,
                format!("authority {owner}: an identity has either subject or subjectPattern"),
            ));
        }
    };
    Ok(IdentityPattern {
        issuer: entry.issuer,
        subject,
    })
}

fn rule(
    entry: RuleEntry,
    instance: Option<&InstanceNames>,
    authorities: &mut Vec<Authority>,
) -> Result<Rule> {
    name("a rule's name", &entry.name)?;
    let RuleEntry {
        name: rule_name,
        mode,
        attestation,
        coverage,
        findings,
        isolation,
        provenance,
        registry,
        sbom,
        signature,
        source,
    } = entry;
    let mut requirements: Vec<Requirement> = [
        attestation.map(Requirement::Attestation),
        coverage.map(Requirement::Coverage),
        findings.map(Requirement::Findings),
        isolation.map(Requirement::Isolation),
        provenance.map(Requirement::Provenance),
        registry.map(Requirement::Registry),
        sbom.map(Requirement::Sbom),
        signature.map(Requirement::Signature),
        source.map(Requirement::Source),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (Some(mut requirement), true) = (requirements.pop(), requirements.is_empty()) else {
        return Err(PolicyError::contradiction(
            &rule_name,
            format!(
                "rule {rule_name} must hold exactly one requirement (registry, signature, attestation, provenance, source, isolation, findings, coverage or sbom)"
            ),
        ));
    };
    fill_in(&mut requirement, instance)?;
    for wanted in authorities_of(&requirement) {
        know(&rule_name, wanted, instance, authorities)?;
    }
    sound(&rule_name, &requirement, authorities)?;
    Ok(Rule {
        name: rule_name,
        mode,
        requirement,
    })
}

/// Puts the instance's names where the document left them open.
fn fill_in(requirement: &mut Requirement, instance: Option<&InstanceNames>) -> Result<()> {
    match requirement {
        Requirement::Registry(registry) => {
            for host in registry.allow.iter_mut().filter(|host| *host == INSTANCE) {
                *host = names(INSTANCE, instance)?.registry.clone();
            }
        }
        Requirement::Provenance(provenance) => {
            for id in provenance.builders.iter_mut().flat_map(|b| &mut b.ids) {
                if id == "instance/builder" {
                    *id = names("instance/builder", instance)?.service("builder");
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// The authority of that name; those of the instance come into being when named.
fn know(
    rule: &str,
    wanted: &str,
    instance: Option<&InstanceNames>,
    authorities: &mut Vec<Authority>,
) -> Result<()> {
    if authorities.iter().any(|authority| authority.name == wanted) {
        return Ok(());
    }
    let Some(service) = wanted.strip_prefix("instance/") else {
        let known: Vec<_> = authorities.iter().map(|a| a.name.clone()).collect();
        return Err(PolicyError::contradiction(
            wanted,
            format!(
                "rule {rule} names the authority {:?}, which is not defined (defined: {})",
                clean(wanted),
                if known.is_empty() {
                    "none".into()
                } else {
                    known.join(", ")
                }
            ),
        ));
    };
    let unknown = || {
        PolicyError::contradiction(
            wanted,
            format!(
                "rule {rule}: the instance has asserted, builder and scanner, not {:?}",
                clean(service)
            ),
        )
    };
    if !matches!(service, "asserted" | "builder" | "scanner") {
        return Err(unknown());
    }
    let names = names(wanted, instance)?;
    let (issuer, subject) = match service {
        "asserted" => (
            names.asserted_issuer.clone(),
            SubjectRule::Pattern(SubjectPattern::parse("**").map_err(|_| unknown())?),
        ),
        _ => (
            names.service_issuer.clone(),
            SubjectRule::Exact(names.service(service)),
        ),
    };
    authorities.push(Authority {
        name: wanted.to_owned(),
        root: names.root.clone(),
        identities: vec![IdentityPattern { issuer, subject }],
    });
    Ok(())
}

/// Every authority that a requirement names.
fn authorities_of(requirement: &Requirement) -> Vec<&str> {
    let names: Vec<&String> = match requirement {
        Requirement::Attestation(r) => r.authorities.iter().collect(),
        Requirement::Coverage(r) => r.authorities.iter().collect(),
        Requirement::Findings(r) => r.authorities.iter().chain(&r.vex).collect(),
        Requirement::Isolation(r) => r.authorities.iter().collect(),
        Requirement::Provenance(r) => r.builders.iter().map(|b| &b.authority).collect(),
        Requirement::Registry(_) => Vec::new(),
        Requirement::Sbom(r) => r.authorities.iter().collect(),
        Requirement::Signature(r) => r.authorities.iter().collect(),
        Requirement::Source(r) => r.authorities.iter().collect(),
    };
    names.into_iter().map(String::as_str).collect()
}

/// Refuses rules that could never deny, or never be satisfied.
fn sound(rule: &str, requirement: &Requirement, authorities: &[Authority]) -> Result<()> {
    let say = |message: String| {
        Err(PolicyError::contradiction(
            rule,
            format!("rule {rule}: {message}"),
        ))
    };
    match requirement {
        Requirement::Registry(r) => list(&format!("rule {rule}: allow"), &r.allow)?,
        Requirement::Provenance(r) => {
            list(&format!("rule {rule}: builders"), &r.builders)?;
            for builder in &r.builders {
                list(&format!("rule {rule}: ids"), &builder.ids)?;
            }
        }
        Requirement::Findings(r) => {
            list(&format!("rule {rule}: authorities"), &r.authorities)?;
            if r.fail_on == Severity::Unknown {
                return say("failOn is critical, high, medium or low".into());
            }
        }
        other => list(&format!("rule {rule}: authorities"), &authorities_of(other))?,
    }
    match requirement {
        Requirement::Isolation(r) if r.minimum == IsolationLevel::None => {
            say("minimum: none asks for nothing; leave the rule out to say so".into())
        }
        Requirement::Sbom(r) if r.formats.is_empty() => say("formats is empty".into()),
        Requirement::Attestation(r) if r.predicate_type.is_empty() => {
            say("predicateType is empty".into())
        }
        Requirement::Attestation(r) => reachable(rule, r.at_least, &r.authorities, authorities),
        Requirement::Signature(r) => reachable(rule, r.at_least, &r.authorities, authorities),
        _ => Ok(()),
    }
}

/// A threshold is at least one, and no higher than the identities that exist.
fn reachable(rule: &str, at_least: usize, wanted: &[String], all: &[Authority]) -> Result<()> {
    if at_least == 0 {
        return Err(PolicyError::contradiction(
            rule,
            format!("rule {rule}: atLeast is at least 1"),
        ));
    }
    let mut exact = BTreeSet::new();
    for authority in all.iter().filter(|a| wanted.contains(&a.name)) {
        for identity in &authority.identities {
            match &identity.subject {
                SubjectRule::Exact(subject) => {
                    exact.insert((&authority.root, &identity.issuer, subject))
                }
                SubjectRule::Pattern(_) => return Ok(()),
            };
        }
    }
    if exact.len() < at_least {
        return Err(PolicyError::contradiction(
            rule,
            format!(
                "rule {rule}: atLeast is {at_least}, but only {} identities are named",
                exact.len()
            ),
        ));
    }
    Ok(())
}

fn names<'a>(value: &str, instance: Option<&'a InstanceNames>) -> Result<&'a InstanceNames> {
    let missing = || PolicyError::Instance {
        place: String::new(),
        value: value.to_owned(),
    };
    let names = instance.ok_or_else(missing)?;
    let whole = [
        &names.asserted_issuer,
        &names.service_issuer,
        &names.registry,
    ];
    if whole.iter().any(|name| name.is_empty()) || names.asserted_issuer == names.service_issuer {
        return Err(missing());
    }
    Ok(names)
}

fn name(what: &str, text: &str) -> Result<()> {
    let fits = (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
    if fits {
        return Ok(());
    }
    Err(PolicyError::contradiction(
        text,
        format!(
            "{what} {:?}: letters, digits, - _ . and / only, at most 128",
            clean(text)
        ),
    ))
}

fn list<T>(what: &str, items: &[T]) -> Result<()> {
    if items.is_empty() {
        return Err(PolicyError::contradiction("", format!("{what} is empty")));
    }
    at_most(what, items)
}

fn at_most<T>(what: &str, items: &[T]) -> Result<()> {
    if items.len() > LIST {
        return Err(PolicyError::contradiction(
            "",
            format!("{what} holds more than {LIST} entries"),
        ));
    }
    Ok(())
}

fn unique<'a>(what: &str, all: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in all {
        if !seen.insert(name) {
            return Err(PolicyError::contradiction(
                "",
                format!("the {what} {name} is defined twice"),
            ));
        }
    }
    Ok(())
}
