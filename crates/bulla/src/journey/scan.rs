//! Scan: an inventory against the advisories, and the gate of the policy on it.

use bulla_core::Severity;
use bulla_inventory::Inventory;
use bulla_policy::{
    Policy,
    ir::{Requirement, UnknownSeverity},
};
use bulla_scan::{
    Database, Match, ScanReport,
    database::{Builder, import},
    vex::{self, OpenVex},
};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use super::inventory::Subject;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
};

/// Where an imported database lives in the instance's directory.
const IMPORTED: &str = "cache/advisories.bulladb";

/// Something to print, in both forms.
pub struct View {
    /// As data.
    pub json: Value,
    /// As text.
    pub text: String,
}

/// The database in `file`, else the imported one, else the embedded one.
///
/// # Errors
/// If it cannot be read.
pub fn database(context: &Context, file: Option<&Path>) -> Result<Database, Failure> {
    if let Some(file) = file {
        return Database::open(file).or_could_not_run();
    }
    match context
        .home()
        .ok()
        .map(|home| home.join(IMPORTED))
        .filter(|path| path.is_file())
    {
        Some(imported) => Database::open(&imported).or_could_not_run(),
        None => Database::embedded().or_could_not_run(),
    }
}

/// Scans, and applies what VEX documents settle.
///
/// # Errors
/// If the database is damaged or a document cannot be read.
pub fn scan(
    database: &Database,
    inventory: &Inventory,
    subject: &Subject,
    documents: &[PathBuf],
) -> Result<ScanReport, Failure> {
    let mut report =
        bulla_scan::scan(database, inventory, jiff::Timestamp::now()).or_could_not_run()?;
    let mut settled = Vec::new();
    for path in documents {
        let bytes = fs::read(path).on_path("read", path)?;
        settled.push(
            OpenVex::parse(&bytes)
                .or_could_not_run()
                .map_err(|failure| {
                    failure.on(format!("{} is not an OpenVEX document", path.display()))
                })?,
        );
    }
    vex::apply(&mut report, &settled, Some(&subject.digest));
    Ok(report)
}

/// The denial of what stands at or above the policy's gate, if anything does.
pub fn gate(policy: &Policy, report: &ScanReport) -> Option<Failure> {
    let findings = policy
        .rules()
        .iter()
        .find_map(|rule| match &rule.requirement {
            Requirement::Findings(findings) => Some((rule.name.clone(), findings)),
            _ => None,
        });
    let (rule, wanted) = findings?;
    let unknown = wanted.unknown_severity == UnknownSeverity::Deny;
    let above = |found: &&Match| {
        let severity = found.finding.severity;
        severity >= wanted.fail_on || (unknown && severity == Severity::Unknown)
    };
    let above: Vec<_> = report.findings.iter().filter(above).collect();
    let first = above.first()?;
    let what = format!(
        "DENIED by rule {rule} (policy {}): {} at or above {}",
        policy.name(),
        counted(above.len(), "finding"),
        wanted.fail_on
    );
    let mut failure = Failure::new(Exit::Denied, "SCAN-0090", what);
    for found in above.iter().take(3) {
        failure = failure.line(line(found));
    }
    Some(failure.hint(match &first.finding.fixed_in {
        Some(version) => format!(
            "raise {} to {version}; or, if it does not affect you: bulla ship --vex FILE",
            first.name
        ),
        None => "if it does not affect you, say so: bulla ship --vex FILE".into(),
    }))
}

/// Whether there is nothing to read: no finding, and data for everything.
pub fn is_clean(report: &ScanReport) -> bool {
    report.findings.is_empty() && report.uncovered().next().is_none()
}

/// The worst severity found.
pub fn worst(report: &ScanReport) -> Option<Severity> {
    report.worst()
}

/// One line about it.
pub fn summary(report: &ScanReport) -> String {
    report.summary()
}

/// Findings that a person should read although they do not stand in the way.
pub fn worth_reading(report: &ScanReport) -> Vec<String> {
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|found| std::cmp::Reverse(found.finding.severity));
    findings
        .into_iter()
        .take(5)
        .map(|found| format!("{}    bulla scan explain {}", line(found), found.finding.id))
        .collect()
}

/// The predicate that the scanner signs.
pub fn predicate(report: &ScanReport) -> Value {
    report.predicate()
}

fn line(found: &Match) -> String {
    let fix = match &found.finding.fixed_in {
        Some(version) => format!(": {version} mends it"),
        None => ": no version mends it yet".into(),
    };
    format!(
        "{} in {} {} ({}){fix}",
        found.finding.id, found.name, found.version, found.finding.severity
    )
}

/// The output of `scan -o json`. Frozen, version 1.
pub fn view(report: &ScanReport, inventory: &Inventory) -> Value {
    let one = |found: &Match| {
        json!({
            "id": found.finding.id, "aliases": found.finding.aliases,
            "severity": found.finding.severity, "kind": found.kind.name(),
            "name": found.name, "installed": found.version,
            "purl": found.finding.purl, "fixedIn": found.finding.fixed_in,
        })
    };
    let suppressed: Vec<_> = report
        .suppressed
        .iter()
        .map(|(found, by)| json!({"finding": one(found), "by": by.document, "author": by.author, "justification": by.justification}))
        .collect();
    let coverage: Vec<_> = report
        .coverage
        .iter()
        .map(|c| json!({"ecosystem": c.ecosystem, "release": c.release, "name": c.name(), "components": c.components, "covered": c.covered, "dataDate": c.data_date.map(|d| d.to_string())}))
        .collect();
    json!({
        "version": 1,
        "findings": report.findings.iter().map(one).collect::<Vec<_>>(),
        "suppressed": suppressed, "coverage": coverage,
        "database": {"name": report.database.name, "digest": report.database.digest, "date": report.database.date.map(|d| d.to_string())},
        "problems": inventory.problems.iter().map(|p| json!({"path": p.path, "reason": p.reason})).collect::<Vec<_>>(),
    })
}

/// As text. What could not be listed could not be scanned either, so it is said here too.
pub fn text(report: &ScanReport, inventory: &Inventory) -> String {
    let mut out = String::new();
    for severity in Severity::ALL {
        for found in report
            .findings
            .iter()
            .filter(|found| found.finding.severity == severity)
        {
            let fixed = found.finding.fixed_in.as_deref().unwrap_or("-");
            let _ = writeln!(
                out,
                "{severity:<9} {:<20} {:<28} {:<14} fixed in {fixed}",
                found.finding.id, found.name, found.version
            );
        }
    }
    for (found, by) in &report.suppressed {
        let why = by.justification.as_deref().unwrap_or("no reason given");
        let _ = writeln!(
            out,
            "settled   {:<20} {:<28} {:<14} {why} ({})",
            found.finding.id, found.name, found.version, by.author
        );
    }
    if !out.is_empty() {
        out.push('\n');
    }
    for coverage in &report.coverage {
        let date = coverage
            .data_date
            .map_or_else(|| "NO DATA: not scanned".into(), |d| format!("data of {d}"));
        let _ = writeln!(
            out,
            "{:<16} {}, {date}",
            coverage.name(),
            counted(coverage.components, "component")
        );
    }
    if report.coverage.is_empty() {
        let _ = writeln!(out, "nothing that any advisory could be about");
    }
    for problem in &inventory.problems {
        let _ = writeln!(out, "! not scanned: {}: {}", problem.path, problem.reason);
    }
    let _ = writeln!(out, "{}", report.summary());
    out
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What an advisory says about versions.
///
/// # Errors
/// If the database does not know it.
pub fn explain(database: &Database, id: &str) -> Result<View, Failure> {
    let advisory = database.advisory(id).ok_or_else(|| {
        Failure::new(Exit::NothingToVerify, "SCAN-0091", format!("{id} is not in the database {}", database.name()))
            .hint("see what it covers: bulla scan db status; bring newer data: bulla scan db import FILE…")
    })?;
    let date = advisory
        .date
        .map_or_else(|| "unknown".into(), |date| date.to_string());
    let aliases = if advisory.aliases.is_empty() {
        "none".into()
    } else {
        advisory.aliases.join(", ")
    };
    Ok(View {
        json: json!({
            "version": 1, "id": advisory.id, "aliases": advisory.aliases,
            "severity": advisory.severity, "kind": advisory.kind.name(), "date": date,
        }),
        text: format!(
            "{}\n  also      {aliases}\n  severity  {}\n  kind      {}\n  date      {date}\n\
             The database holds facts alone; the text of the advisory is at its publisher.",
            advisory.id,
            advisory.severity,
            advisory.kind.name()
        ),
    })
}

/// What a database covers.
pub fn status(database: &Database) -> View {
    let sources: Vec<_> = database
        .sources()
        .iter()
        .map(|s| json!({"scope": s.scope.to_string(), "source": s.name, "date": s.date.to_string(), "advisories": s.advisories}))
        .collect();
    let mut text = format!(
        "database  {} ({})\nnewest    {}\n",
        database.name(),
        database.digest().short(),
        database
            .date()
            .map_or_else(|| "unknown".into(), |date| date.to_string())
    );
    for source in database.sources() {
        let _ = writeln!(
            text,
            "  {:<16} {:>6} advisories, {} of {}",
            source.scope.to_string(),
            source.advisories,
            source.name,
            source.date
        );
    }
    View {
        json: json!({
            "version": 1, "name": database.name(), "digest": database.digest(),
            "date": database.date().map(|date| date.to_string()), "sources": sources,
        }),
        text,
    }
}

/// Imports other people's advisories: everything that [`import::import`] reads.
///
/// # Errors
/// If a source cannot be read, or the database cannot be written.
pub fn import(context: &Context, paths: &[PathBuf], out: Option<PathBuf>) -> Result<View, Failure> {
    let mut builder = Builder::new();
    for path in paths {
        context.talk.say(&format!(" importing {}", path.display()));
        import::import(path, &mut builder).or_could_not_run()?;
    }
    let file = match out {
        Some(file) => file,
        None => {
            let home = context.home()?;
            home.ensure()?;
            home.join(IMPORTED)
        }
    };
    let name = file.file_stem().map_or_else(
        || "imported".into(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    let database = builder.build(&name).or_could_not_run()?;
    database.save(&file).or_could_not_run()?;
    context.talk.say(&format!(
        " ✓ {} advisories in {}",
        database.len(),
        file.display()
    ));
    Ok(status(&database))
}
