//! The help of a command, printed from the table.

use std::fmt::Write;

use super::{
    commands::{Command, Run},
    flag::{Flag, Kind, Standing},
};

/// The help of a command.
pub fn text(command: &Command) -> String {
    let mut out = format!("{}.\n\nUsage:\n", command.about);
    let name = ["cosign", command.path].join(" ");
    let name = name.trim_end();
    let _ = writeln!(out, "  {name} {}", command.usage);
    if let Run::Not(instead) = command.run {
        let _ = writeln!(out, "\nNot offered by bulla: {instead}.");
    }
    if let Some(old) = command.old {
        let _ = writeln!(out, "\nDeprecated by cosign; use {old}.");
    }
    let mut children = command.children().peekable();
    if children.peek().is_some() {
        out.push_str("\nCommands:\n");
        for child in children {
            let note = match (child.run, child.old) {
                (Run::Not(_), _) => " (not offered)",
                (_, Some(_)) => " (deprecated)",
                _ => "",
            };
            let _ = writeln!(out, "  {:<24} {}{note}", child.name(), child.about);
        }
    }
    let own: Vec<&Flag> = command
        .flags
        .iter()
        .flat_map(|group| group.iter())
        .collect();
    let pick = |keep: &dyn Fn(&Flag) -> bool| -> Vec<&Flag> {
        let mut flags: Vec<&Flag> = own.iter().copied().filter(|flag| keep(flag)).collect();
        flags.sort_by_key(|flag| flag.name);
        flags
    };
    let works = |flag: &Flag| flag.standing == Standing::Works;
    section(
        &mut out,
        "Flags",
        &pick(&|flag| works(flag) && flag.old.is_none()),
    );
    section(
        &mut out,
        "Deprecated by cosign, still working",
        &pick(&|flag| works(flag) && flag.old.is_some()),
    );
    section(
        &mut out,
        "Accepted without an effect",
        &pick(&|flag| matches!(flag.standing, Standing::NoEffect(_))),
    );
    section(
        &mut out,
        "Known, and refused",
        &pick(&|flag| matches!(flag.standing, Standing::Refused(_))),
    );
    section(
        &mut out,
        "Global flags",
        &super::flags::GLOBAL.iter().collect::<Vec<_>>(),
    );
    out.push_str("\nExit codes: 0 done · 1 failed · 10 no signature · 11 tag not found · 12 no matching signature · 13 no certificate on signature\n");
    out
}

fn section(out: &mut String, title: &str, flags: &[&Flag]) {
    if flags.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}:");
    for flag in flags {
        let short = flag
            .short
            .map_or("    ".to_owned(), |letter| format!("-{letter}, "));
        let value = match flag.kind {
            Kind::Switch => "",
            Kind::Time => " TIME",
            Kind::Number => " N",
            Kind::List => " A,B…",
            Kind::Many | Kind::Text => " VALUE",
        };
        let usage = format!("--{}{value}", flag.name);
        let mut about = flag.about.to_owned();
        match flag.standing {
            Standing::NoEffect(why) => about = format!("{about}: {why}"),
            Standing::Refused(instead) => about = format!("{about}: {instead}"),
            Standing::Works => {}
        }
        if let Some(old) = flag.old {
            let _ = write!(about, " (use {old})");
        }
        if !matches!(flag.default, "" | "false") {
            let _ = write!(about, " [default: {}]", flag.default);
        }
        let _ = writeln!(out, "  {short}{usage:<44} {about}");
    }
}
