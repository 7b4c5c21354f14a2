//! The chain as text: the last screen of `ship`, and `bulla explain`.

use std::fmt::Write;

use super::chain::{Chain, Link, Stage};
use crate::output::talk::Mark;

/// The two lines that show the chain at a glance, under 100 columns.
pub fn picture(chain: &Chain) -> String {
    let commit = chain
        .link(Stage::Source)
        .filter(|link| link.mark == Mark::Ok)
        .and_then(|link| link.what.split_whitespace().nth(1))
        .and_then(|commit| commit.get(..12))
        .map_or_else(
            || "no commit".to_owned(),
            |commit| format!("commit {commit}"),
        );
    let cut = |text: String| match text.chars().count() {
        0..=26 => text,
        _ => text.chars().take(25).chain(['…']).collect(),
    };
    let provenance = if is_there(chain, Stage::Build) {
        "provenance"
    } else {
        "no provenance"
    };
    let fate = if chain.decision.outcome.is_allowed() {
        "pod"
    } else {
        "no pod"
    };
    let image = format!("image {}", chain.digest.short());
    let who = |stage| {
        chain
            .link(stage)
            .and_then(|link| link.who.clone())
            .unwrap_or_else(|| "nobody".into())
    };
    let logged = chain
        .link(Stage::Log)
        .filter(|link| link.mark == Mark::Ok)
        .map_or_else(
            || "not logged".to_owned(),
            |link| {
                let first = link
                    .what
                    .trim_start_matches("entries ")
                    .split([',', ' '])
                    .next();
                format!("log #{}", first.unwrap_or_default())
            },
        );
    let mut seals = vec![];
    for (stage, name) in [(Stage::Inventory, "SBOM"), (Stage::Scan, "scan")] {
        seals.push(if is_there(chain, stage) {
            name.to_owned()
        } else {
            format!("no {name}")
        });
    }
    seals.push(logged);
    let builder = short_service(&who(Stage::Build));
    let columns = [
        (commit, cut(who(Stage::Sign))),
        (provenance.to_owned(), builder),
        (image, seals.join(" · ")),
        (
            fate.to_owned(),
            if fate == "pod" {
                "digest pinned".into()
            } else {
                "refused".into()
            },
        ),
    ];
    let (mut top, mut bottom) = (String::from("  "), String::from("  "));
    for (index, (above, below)) in columns.iter().enumerate() {
        if index + 1 == columns.len() {
            top.push_str(above);
            bottom.push_str(below);
            break;
        }
        let width = above.chars().count().max(below.chars().count());
        let dashes = "─".repeat(width - above.chars().count() + 2);
        let _ = write!(top, "{above} {dashes}▶ ");
        let _ = write!(bottom, "{below:<width$}     ", width = width);
    }
    format!("{}\n{}", top.trim_end(), bottom.trim_end())
}

/// Every link, from the workload back to the commit.
pub fn tree(chain: &Chain, only: Option<Stage>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", chain.reference);
    let _ = writeln!(out, "{} · as of {}", chain.digest, when(chain.as_of));
    for link in chain.links.iter().rev() {
        if only.is_some_and(|stage| stage != link.stage) {
            continue;
        }
        let _ = writeln!(
            out,
            "\n {:<10} {} {}",
            link.stage.name(),
            link.mark.glyph(),
            link.what
        );
        details(link, &mut out);
        if link.stage == Stage::Admission {
            rules(chain, &mut out);
        }
    }
    if !chain.rejections.is_empty() && only.is_none() {
        let _ = writeln!(out, "\n not accepted: {} bundles", chain.rejections.len());
        for rejection in &chain.rejections {
            let envelope = rejection
                .envelope
                .as_ref()
                .map_or("", |digest| digest.short());
            let _ = writeln!(
                out,
                "   ✗ {envelope} {}   [{}]",
                rejection.text, rejection.code
            );
        }
    }
    out
}

fn details(link: &Link, out: &mut String) {
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "              {name:<9} {text}");
    };
    if let Some(who) = &link.who {
        line("who", who.clone());
    }
    if let Some(time) = link.when {
        line("when", when(time));
    }
    if !link.how.is_empty() {
        line("how", link.how.join(" · "));
    }
    if let Some(evidence) = &link.evidence {
        line("evidence", evidence.to_string());
    }
    if !link.needed_by.is_empty() {
        line("needed by", link.needed_by.join(", "));
    }
    if let Some(mend) = &link.mend {
        line("mend it", mend.clone());
    }
}

fn rules(chain: &Chain, out: &mut String) {
    for rule in &chain.decision.rules {
        let glyph = if rule.outcome.is_allowed() {
            '✓'
        } else {
            '✗'
        };
        let mut reasons = rule.reasons.iter();
        let first = reasons
            .next()
            .map_or(String::new(), |reason| reason.text.clone());
        let _ = writeln!(out, "              {glyph} {:<24} {first}", rule.rule);
        for reason in reasons {
            let _ = writeln!(out, "                {:<24} {}", "", reason.text);
        }
    }
}

fn is_there(chain: &Chain, stage: Stage) -> bool {
    chain
        .link(stage)
        .is_some_and(|link| link.evidence.is_some())
}

/// `http://127.0.0.1:5620/oidc/service/builder` → `builder@127.0.0.1`
pub fn short_service(subject: &str) -> String {
    let Some((base, name)) = subject.rsplit_once('/') else {
        return subject.to_owned();
    };
    let host = base
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split([':', '/']).next());
    match host {
        Some(host) => format!("{name}@{host}"),
        None => subject.to_owned(),
    }
}

fn when(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
