//! `bulla trust ceremony plan`: who signs what, and until when it holds.

use bulla_authority::ceremony::{Authorities, Export, Folder, Person, Plan, RolePlan, recipient};
use bulla_core::Digest;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{fs, path::PathBuf};

use super::OrRefused as _;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    output,
};

/// Arguments of `bulla trust ceremony plan`.
#[derive(Args)]
#[command(after_help = "\
A person is NAME, NAME=age1… (their key file is encrypted to that recipient) or NAME=pkcs11:… (their
key is in a token). Who is named with --former signs with a key of the present root and has none in
the next one. Without --ca-holder and --tsa-holder no certificate is signed.

Formats: text, json.

Examples:
  bulla trust ceremony plan root-2 --export export.json --person alice --person bob --threshold 2
  bulla trust ceremony plan root-2 --export export.json --person alice=age1qyq… --person bob \\
      --person carol=pkcs11:token=root --threshold 2 --ca-holder alice --tsa-holder bob
  bulla trust ceremony plan root-3 --export export.json --person alice --person dave --former bob \\
      --threshold 2 --targets-threshold 1 --root-days 365")]
pub struct PlanArgs {
    /// The folder of the ceremony; plan.toml and export.json are put there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What the instance gave: `bulla trust export --ceremony FILE`
    #[arg(long, value_name = "FILE")]
    export: PathBuf,
    /// Who holds a key: NAME, NAME=age1… or NAME=pkcs11:…
    #[arg(long = "person", value_name = "NAME[=KEY]", required = true)]
    people: Vec<String>,
    /// Who holds a key of the present root alone
    #[arg(long, value_name = "NAME")]
    former: Vec<String>,
    /// How many of them must sign the root
    #[arg(long, value_name = "K")]
    threshold: u32,
    /// How many must sign the targets; as many as for the root if not said
    #[arg(long, value_name = "K")]
    targets_threshold: Option<u32>,
    /// Who signs the targets, if not everybody
    #[arg(long, value_name = "NAME")]
    targets_person: Vec<String>,
    /// How long the root holds
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    root_days: u32,
    /// How long the targets hold
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    targets_days: u32,
    /// Who holds the root key of the certificate authority
    #[arg(long, value_name = "NAME", requires = "tsa_holder")]
    ca_holder: Option<String>,
    /// Who holds the root key of the timestamp authority
    #[arg(long, value_name = "NAME", requires = "ca_holder")]
    tsa_holder: Option<String>,
    /// How long the authorities' certificates hold; their roots three times as long
    #[arg(long, value_name = "DAYS", default_value_t = 1095)]
    authority_days: u32,
    /// What it is for, in words
    #[arg(long, value_name = "TEXT", default_value = "trust ceremony")]
    title: String,
}

/// Runs it.
///
/// # Errors
/// If the plan cannot be carried out, or there is one already.
pub fn run(args: PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let bytes = fs::read(&args.export).on_path("read", &args.export)?;
    let export = Export::parse(&bytes).or_refused()?;
    let now = Timestamp::now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let plan = plan(&args, &export, Digest::sha256(&bytes), now)?;
    let folder = Folder::create(&args.dir, &plan, &bytes).or_refused()?;
    context.talk.say(&format!(
        " ✓ root version {} and targets version {} are planned → {}",
        plan.root.version,
        plan.targets.version,
        args.dir.display()
    ));
    context.talk.say(&format!(
        " plan.toml is {}: everybody compares it",
        folder.digest().hex()
    ));
    context.talk.say(&format!(
        " next, each of {}: bulla trust ceremony init {} --as NAME",
        plan.people
            .iter()
            .map(|person| &*person.name)
            .collect::<Vec<_>>()
            .join(", "),
        args.dir.display()
    ));
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "plan": folder.digest(), "export": plan.export,
            "root": plan.root.version, "targets": plan.targets.version,
        })),
        _ => Ok(folder.digest().hex().as_bytes().to_vec()),
    })?;
    Ok(Exit::Allowed)
}

fn plan(args: &PlanArgs, export: &Export, digest: Digest, now: Timestamp) -> Result<Plan, Failure> {
    let after = |days: u32| {
        let life = SignedDuration::from_hours(24 * i64::from(days));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    };
    let mut people = args
        .people
        .iter()
        .map(|text| person(text))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = people.iter().map(|person| person.name.clone()).collect();
    people.extend(args.former.iter().map(|name| Person {
        name: name.clone(),
        recipients: Vec::new(),
        token: None,
    }));
    let listing = match args.targets_person.is_empty() {
        true => names.clone(),
        false => args.targets_person.clone(),
    };
    let authorities = match (&args.ca_holder, &args.tsa_holder) {
        (Some(ca), Some(tsa)) => Some(Authorities {
            ca_holder: ca.clone(),
            tsa_holder: tsa.clone(),
            not_before: now,
            root_expires: after(args.authority_days.saturating_mul(3)),
            expires: after(args.authority_days),
        }),
        _ => None,
    };
    let version = |present: Option<u64>| present.unwrap_or(0).saturating_add(1);
    Ok(Plan {
        version: 1,
        title: args.title.clone(),
        created: now,
        instance: export.instance.clone(),
        export: digest,
        root: RolePlan {
            version: version(export.root().or_refused()?.map(|root| root.version)),
            threshold: args.threshold,
            people: names,
            expires: after(args.root_days),
        },
        targets: RolePlan {
            version: version(
                export
                    .targets()
                    .or_refused()?
                    .map(|targets| targets.version),
            ),
            threshold: args.targets_threshold.unwrap_or(args.threshold),
            people: listing,
            expires: after(args.targets_days),
        },
        authorities,
        people,
    })
}

fn person(text: &str) -> Result<Person, Failure> {
    let (name, key) = text.split_once('=').unwrap_or((text, ""));
    let is_token = key.starts_with("pkcs11:");
    let recipients = match key {
        "" => Vec::new(),
        _ if is_token => Vec::new(),
        _ => {
            recipient(key).or_refused()?;
            vec![key.to_owned()]
        }
    };
    Ok(Person {
        name: name.to_owned(),
        recipients,
        token: is_token.then(|| key.to_owned()),
    })
}
