//! What a failed step wanted and could not have, so that the error names it.
//!
//! At level `namespaces` the sandbox itself saw the hosts and addresses. At level
//! `landlock`, and for files at every level, the step's own last words are read:
//! a path counts only if it names something outside that the machine has.

use std::path::{Component, Path};

use super::BuildError;
use crate::{
    fetch::last_lines,
    recipe::Limits,
    sandbox::{Isolation, Limit, Spec, Status},
};

const TAIL_LINES: usize = 12;

/// The error for a step that failed.
pub(super) fn explain(
    step: String,
    status: Status,
    attempts: &[String],
    output: &str,
    spec: &Spec,
) -> BuildError {
    let tail = last_lines(output, TAIL_LINES);
    let host = match attempts {
        [] if spec.level == Isolation::Landlock => host_outside(&tail),
        [] => None,
        attempts => Some(attempts.join(", ")),
    };
    if let Some(target) = host {
        return BuildError::Network {
            step,
            target,
            status,
            tail,
        };
    }
    let inside = inside(spec);
    let exists = |path: &Path| match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    };
    let known = |path: &Path| !inside.iter().any(|place| path.starts_with(place)) && exists(path);
    match file_outside(&tail, known) {
        Some(target) => BuildError::OutsideInput {
            step,
            target,
            status,
            tail,
        },
        None => BuildError::Step { step, status, tail },
    }
}

/// Places that a step sees; a failure there is the step's own affair. (A private
/// `/tmp` is none of them: what the machine's holds under that name is outside.)
fn inside(spec: &Spec) -> Vec<std::path::PathBuf> {
    let places = Spec::places(spec.level, &spec.scratch);
    let mut inside = vec![places.work, places.home];
    if spec.level != Isolation::Namespaces {
        inside.push(places.tmp);
    }
    for system in ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/dev"] {
        inside.push(system.into());
    }
    for bind in &spec.binds {
        inside.push(match spec.level {
            Isolation::Namespaces => bind.target.clone(),
            Isolation::Landlock | Isolation::None => bind.source.clone(),
        });
    }
    inside
}

const FILE_WORDS: [&str; 9] = [
    "no such file",
    "enoent",
    "not found",
    "permission denied",
    "eacces",
    "cannot open",
    "can't open",
    "can't read",
    "couldn't read",
];

/// The first path in `text` that a line complains about and that is outside: an
/// absolute one for which `known` says so, or one that climbs out with `..`.
pub fn file_outside(text: &str, known: impl Fn(&Path) -> bool) -> Option<String> {
    let complains = |line: &&str| {
        let line = line.to_ascii_lowercase();
        FILE_WORDS.iter().any(|word| line.contains(word))
    };
    let separator = |c: char| c.is_whitespace() || "\"'`:,;()<>[]{}=‘’".contains(c);
    text.lines()
        .filter(complains)
        .flat_map(|line| line.split(separator))
        .map(|word| word.trim_end_matches('.'))
        .find(|word| {
            let path = Path::new(word);
            word.len() < 4096
                && if path.is_absolute() {
                    path.components().count() > 1 && known(path)
                } else {
                    path.components().next() == Some(Component::ParentDir)
                }
        })
        .map(str::to_owned)
}

const HOST_WORDS: [&str; 11] = [
    "failed to connect",
    "resolve host",
    "resolving host",
    "name resolution",
    "name or service not known",
    "network is unreachable",
    "address family not supported",
    "getaddrinfo",
    "eai_again",
    "dial tcp",
    "unable to resolve",
];

/// The first host in `text` that a line says could not be reached.
pub fn host_outside(text: &str) -> Option<String> {
    let complains = |line: &&str| {
        let line = line.to_ascii_lowercase();
        HOST_WORDS.iter().any(|word| line.contains(word))
    };
    let separator = |c: char| c.is_whitespace() || "\"'`,;()<>[]{}=‘’".contains(c);
    let host = |word: &str| {
        let word = word.split_once("://").map_or(word, |(_, rest)| rest);
        let word = word
            .split(['/', '@'])
            .next()?
            .trim_matches(|c: char| c == '.' || c == ':');
        let name = word.rsplit_once(':').map_or(word, |(name, _)| name);
        let labels: Vec<&str> = name.split('.').collect();
        let plain = |label: &&str| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let address = name.parse::<std::net::IpAddr>().ok();
        // Nobody but the step itself is on its own loopback.
        let outside = address.is_none_or(|address| !address.is_loopback());
        let is_host = outside
            && labels.len() > 1
            && name.len() < 254
            && labels.iter().all(plain)
            && labels.last().is_some_and(|last| {
                address.is_some()
                    || (last.len() > 1 && last.chars().all(|c| c.is_ascii_alphabetic()))
            });
        is_host.then(|| word.to_owned())
    };
    text.lines().filter(complains).find_map(|line| {
        let words: Vec<&str> = line.split(separator).collect();
        let (at, host) = words
            .iter()
            .enumerate()
            .find_map(|(at, word)| Some((at, host(word)?)))?;
        // curl writes `192.0.2.1 port 80`.
        match words.get(at + 1..at + 3) {
            Some(&["port", port]) if port.parse::<u16>().is_ok() => Some(format!("{host}:{port}")),
            _ => Some(host),
        }
    })
}

/// A bound as people write it.
pub(super) fn bound(limits: &Limits, limit: Limit) -> String {
    let size = |bytes: u64| match bytes {
        bytes if bytes % (1 << 30) == 0 => format!("{} GiB", bytes >> 30),
        bytes => format!("{} MiB", bytes >> 20),
    };
    match limit {
        Limit::Disk => size(limits.disk),
        Limit::Memory => size(limits.memory),
        Limit::Processes => format!("{} processes and threads", limits.processes),
        Limit::Time => format!("{} s", limits.time),
    }
}

#[cfg(test)]
mod tests;
