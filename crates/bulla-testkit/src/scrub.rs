//! Placeholders for what differs from run to run: paths, ports, digests, times.

use std::{path::Path, sync::LazyLock};

use regex::Regex;

/// Patterns in order; an earlier one eats what a later one would see.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?",
            "[TIME]",
        ),
        (r"\b20\d\d-\d\d-\d\d\b", "[DATE]"),
        (r"\b(127\.0\.0\.1|localhost|\[::1\]):\d{2,5}\b", "$1:[PORT]"),
        (r"\bsha(256|512):[0-9a-f]{12,128}", "sha$1:[DIGEST]"),
        (r"\bgit-[0-9a-f]{12}\b", "git-[COMMIT]"),
        (r"\b[0-9a-f]{64}\b", "[SHA256]"),
        (r"\b[0-9a-f]{40}\b", "[SHA1]"),
        (r"\b[0-9a-f]{12}\b", "[HEX]"),
        (r"@[0-9a-f]{6}\b", "@[HEX]"),
        (r" *\b\d+(\.\d+)? (ms|s|min)\b", " [DURATION]"),
        (r"\b\d+(\.\d+)? (KiB|MiB|GiB|bytes)\b", "[SIZE]"),
        (r"\bpid \d+\b", "pid [PID]"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with))
    .collect()
});

/// `text` with placeholders; `root` is the folder of the test's world.
pub fn scrub(text: &str, root: &Path) -> String {
    let mut text = text.to_owned();
    let mut roots = vec![root.to_path_buf()];
    roots.extend(root.canonicalize());
    for root in roots {
        for (below, name) in [("home", "[HOME]"), ("work", "[DIR]"), ("run", "[RUN]")] {
            text = text.replace(&root.join(below).display().to_string(), name);
        }
        text = text.replace(&root.display().to_string(), "[ROOT]");
    }
    for (pattern, with) in PATTERNS.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
