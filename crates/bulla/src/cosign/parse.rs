//! Reading cosign's command line, with the table as its grammar.
//!
//! As cosign does: `-key` is read as `--key`, `--o` as `-o`; flags may follow
//! arguments; `--flag=value` and `--flag value`; a switch may be `--flag=false`;
//! `--` ends the flags; a flag that is not given may stand in the environment as
//! `COSIGN_FLAG_NAME`. Unlike cosign, a value there that cannot be read is an
//! error too (rule R15).

use std::time::Duration;

use super::{
    commands::{self, Command, Run, Takes},
    failure::Failure,
    flag::{Flag, Kind, Standing},
    given::Given,
    say,
};

/// Commands whose flags cosign does not look for in the environment; for `login`,
/// `COSIGN_PASSWORD` is another password.
const NOT_FROM_ENVIRONMENT: [&str; 6] = [
    "bundle",
    "env",
    "login",
    "signing-config",
    "trusted-root",
    "version",
];

/// What is to be done.
pub enum Parsed {
    /// Show the help of a command.
    Help(&'static Command),
    /// Run a command.
    Run(Given),
}

/// Reads the arguments that follow the program's name. `env` answers for the
/// environment.
///
/// # Errors
/// If a command or flag is not known, or a value cannot be read.
pub fn parse(args: Vec<String>, env: &dyn Fn(&str) -> Option<String>) -> Result<Parsed, Failure> {
    let args: Vec<String> = args.into_iter().map(posix).collect();
    let (command, rest) = command(&args)?;
    if let Run::Parent = command.run {
        return Ok(Parsed::Help(command));
    }
    let Some(mut given) = flags(command, rest)? else {
        return Ok(Parsed::Help(command));
    };
    from_environment(&mut given, env)?;
    if let Some(old) = command.old {
        say::line(&format!(
            "Command \"{}\" is deprecated, use {old} instead",
            command.name()
        ));
    }
    if let Run::Not(instead) = command.run {
        return Err(Failure::coded(
            "CLI-0400",
            format!("`{}` is not offered by bulla", command.path),
        )
        .hint(instead));
    }
    judge(&given)?;
    count(&given)?;
    Ok(Parsed::Run(given))
}

/// `-key` was a flag of old cosign; it still means `--key`.
fn posix(arg: String) -> String {
    let letters = arg.chars().count();
    let doubled = arg.starts_with("--");
    if !arg.starts_with('-') || letters < 2 || (letters == 2 && !doubled) {
        return arg;
    }
    if doubled && letters == 3 {
        let short = arg.get(1..).unwrap_or_default().to_owned();
        say::warn(&format!("the flag {arg} is deprecated, please use {short}"));
        return short;
    }
    if doubled {
        return arg;
    }
    let new = match arg.as_str() {
        "-version" => "version".to_owned(),
        _ => format!("-{arg}"),
    };
    // What follows the name may be a secret.
    let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
    say::warn(&format!(
        "the {} flag is deprecated, please use {} instead",
        name(&arg),
        name(&new)
    ));
    new
}

/// The command, and what follows its name. Global flags may stand before it.
fn command(args: &[String]) -> Result<(&'static Command, Vec<String>), Failure> {
    let root = commands::find("").ok_or_else(|| Failure::new("no commands"))?;
    let mut command = root;
    let mut rest = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "--" || !matches!(command.run, Run::Parent) {
            rest.push(arg.clone());
            rest.extend(args.by_ref().cloned());
            break;
        }
        if arg.starts_with('-') {
            rest.push(arg.clone());
            if takes_next(root, arg) {
                rest.extend(args.next().cloned());
            }
            continue;
        }
        let child = command.children().find(|child| child.name() == arg);
        match child {
            Some(child) => command = child,
            None if arg == "help" => {
                let path: Vec<&str> = args.by_ref().map(String::as_str).collect();
                command = commands::find(&path.join(" ")).unwrap_or(root);
                return Ok((command, vec!["--help".into()]));
            }
            None => return Err(unknown_command(command, arg)),
        }
    }
    Ok((command, rest))
}

fn takes_next(command: &Command, arg: &str) -> bool {
    let flag = match arg.strip_prefix("--") {
        Some(name) => command.flag(name),
        None => arg
            .chars()
            .nth(1)
            .filter(|_| arg.len() == 2)
            .and_then(|c| command.letter(c)),
    };
    flag.is_some_and(|flag| flag.kind != Kind::Switch)
}

fn unknown_command(command: &Command, word: &str) -> Failure {
    let parent = match command.path {
        "" => "cosign".to_owned(),
        path => format!("cosign {path}"),
    };
    let near = command
        .children()
        .map(Command::name)
        .filter(|name| distance(name, word) <= 2 || name.starts_with(word))
        .collect::<Vec<_>>();
    let failure = Failure::new(format!("unknown command {word:?} for {parent:?}"));
    match near.as_slice() {
        [] => failure.hint(format!("{parent} --help lists the commands")),
        near => failure.hint(format!("did you mean {}?", near.join(" or "))),
    }
}

/// How many letters differ between two short words (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut before = i;
        let mut last = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let here = (before + usize::from(a != *b)).min(*cell + 1).min(last + 1);
            before = std::mem::replace(cell, here);
            last = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// The flags and arguments of a command; `None` if its help is asked for.
fn flags(command: &'static Command, args: Vec<String>) -> Result<Option<Given>, Failure> {
    let mut given = Given {
        command,
        values: Vec::new(),
        args: Vec::new(),
    };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            given.args.extend(args.by_ref());
        } else if arg == "--help" || arg == "-h" {
            return Ok(None);
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let flag = command
                .flag(name)
                .ok_or_else(|| unknown_flag(command, &format!("unknown flag: --{name}"), name))?;
            let value = match (value, flag.kind) {
                (Some(value), _) => value,
                (None, Kind::Switch) => "true".to_owned(),
                (None, _) => args.next().ok_or_else(|| {
                    Failure::coded("CLI-0401", format!("flag needs an argument: --{name}"))
                })?,
            };
            accept(&mut given, flag, value)?;
        } else if arg.starts_with('-') && arg.len() > 1 {
            let letters = arg.get(1..).unwrap_or_default();
            for (at, letter) in letters.char_indices() {
                let flag = command.letter(letter).ok_or_else(|| {
                    let text = format!("unknown shorthand flag: '{letter}' in {arg}");
                    unknown_flag(command, &text, "")
                })?;
                let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
                if flag.kind == Kind::Switch && !rest.starts_with('=') {
                    accept(&mut given, flag, "true".into())?;
                    continue;
                }
                let value = match rest.strip_prefix('=').unwrap_or(rest) {
                    "" => args.next().ok_or_else(|| {
                        let text = format!("flag needs an argument: '{letter}' in {arg}");
                        Failure::coded("CLI-0401", text)
                    })?,
                    rest => rest.to_owned(),
                };
                accept(&mut given, flag, value)?;
                break;
            }
        } else {
            given.args.push(arg);
        }
    }
    Ok(Some(given))
}

fn unknown_flag(command: &Command, text: &str, name: &str) -> Failure {
    let near = command
        .all_flags()
        .find(|flag| !name.is_empty() && distance(flag.name, name) <= 2);
    let hint = match near {
        Some(flag) => format!("did you mean --{}?", flag.name),
        None => format!("cosign {} --help lists the flags", command.path),
    };
    Failure::coded("CLI-0402", text).hint(hint)
}

fn accept(given: &mut Given, flag: &'static Flag, value: String) -> Result<(), Failure> {
    let bad = |why: &str| {
        let text = format!(
            "invalid argument {value:?} for \"--{}\" flag: {why}",
            flag.name
        );
        Failure::coded("CLI-0403", text)
    };
    let value = match flag.kind {
        Kind::Switch => match value.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => "true".to_owned(),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => "false".to_owned(),
            _ => return Err(bad("it is neither true nor false")),
        },
        Kind::Number if value.parse::<u64>().is_err() => {
            return Err(bad("it is no whole number"));
        }
        Kind::Time if duration(&value).is_none() => {
            return Err(bad("it is no length of time, such as 90s or 3m0s"));
        }
        Kind::List => {
            let parts = value.split(',').filter(|part| !part.is_empty());
            given
                .values
                .extend(parts.map(|part| (flag.name, part.to_owned())));
            return Ok(());
        }
        _ => value,
    };
    given.values.push((flag.name, value));
    Ok(())
}

/// A flag that is not given may stand in the environment.
fn from_environment(
    given: &mut Given,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let command = given.command;
    let first = command.path.split(' ').next().unwrap_or_default();
    if NOT_FROM_ENVIRONMENT.contains(&first) {
        return Ok(());
    }
    for flag in command.all_flags() {
        if given.has(flag.name) {
            continue;
        }
        let name = format!("COSIGN_{}", flag.name.to_uppercase().replace('-', "_"));
        if let Some(value) = env(&name).filter(|value| !value.is_empty()) {
            accept(given, flag, value)?;
        }
    }
    Ok(())
}

/// Warns of deprecated flags, says which have no effect, refuses what cannot be done.
fn judge(given: &Given) -> Result<(), Failure> {
    for flag in given.command.all_flags() {
        if !given.has(flag.name) {
            continue;
        }
        if let Some(instead) = flag.old {
            say::line(&format!(
                "Flag --{} has been deprecated, use {instead}",
                flag.name
            ));
        }
        let idle = given.text(flag.name) == Some(flag.default) || given.text(flag.name).is_none();
        if let Standing::Refused(instead) = flag.standing
            && !idle
        {
            return Err(
                Failure::coded("CLI-0404", format!("--{} is not supported", flag.name))
                    .hint(instead),
            );
        }
    }
    Ok(())
}

fn count(given: &Given) -> Result<(), Failure> {
    let got = given.args.len();
    let text = match given.command.takes {
        Takes::Exactly(n) if got != n => format!("accepts {n} arg(s), received {got}"),
        Takes::AtLeast(n) if got < n => {
            format!("requires at least {n} arg(s), only received {got}")
        }
        Takes::AtMost(n) if got > n => format!("accepts at most {n} arg(s), received {got}"),
        _ => return Ok(()),
    };
    Err(Failure::coded("CLI-0405", text).hint(format!(
        "cosign {} {}",
        given.command.path, given.command.usage
    )))
}

/// A length of time as Go writes it: `90s`, `3m0s`, `1.5h`, `0`.
pub fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests;
