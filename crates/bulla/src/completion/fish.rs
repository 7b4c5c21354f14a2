//! For fish: one line for each word, under the condition that its command stands
//! there.

use std::fmt::Write as _;

use super::{Tree, quoted};

const MAIN: &str = r#"function __@_at
    set -l at ''
    set -l skip 0
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            if contains -- $word (__@_takes $at)
                set skip 1
            end
        else if contains -- $word (__@_commands $at)
            set at (string trim -- "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end
"#;

pub(super) fn script(tree: &Tree) -> String {
    let (ident, program) = (tree.ident(), &tree.program);
    let mut out = format!(
        "# fish completion for {program}; to load it: {program} completion fish | source\n"
    );
    let commands = tree.words(|node| node.commands.iter().map(|one| one.word.clone()).collect());
    question(&mut out, &format!("__{ident}_commands"), commands);
    question(&mut out, &format!("__{ident}_takes"), tree.takers());
    out.push_str(&MAIN.replace('@', &ident));
    for node in &tree.nodes {
        let at = single(&format!("__{ident}_at {}", single(&node.path)));
        let line = format!("complete -c {program} -n {at}");
        for one in &node.commands {
            let (word, about) = (single(&one.word), single(&one.about));
            let _ = writeln!(out, "{line} -f -a {word} -d {about}");
        }
        if !node.values.is_empty() {
            let _ = writeln!(out, "{line} -f -a {}", single(&node.values.join(" ")));
        }
        for flag in &node.flags {
            let mut line = format!("{line} -l {}", single(&flag.long));
            if let Some(letter) = flag.short {
                let _ = write!(line, " -s {letter}");
            }
            match (flag.takes, flag.values.is_empty()) {
                (true, false) => {
                    let _ = write!(line, " -x -a {}", single(&flag.values.join(" ")));
                }
                (true, true) => line.push_str(" -r"),
                (false, _) => {}
            }
            let _ = writeln!(out, "{line} -d {}", single(&flag.about));
        }
    }
    out
}

/// A function that prints the words for a path, one for each line.
fn question<'a>(
    out: &mut String,
    name: &str,
    answers: impl Iterator<Item = (&'a str, Vec<String>)>,
) {
    let _ = writeln!(out, "function {name}\n    switch \"$argv[1]\"");
    for (path, words) in answers {
        let words: Vec<String> = words.iter().map(|word| single(word)).collect();
        let _ = writeln!(
            out,
            "        case {}\n            printf '%s\\n' {}",
            single(path),
            words.join(" ")
        );
    }
    out.push_str("    end\nend\n");
}

/// In single quotes fish reads `\\` and `\'`.
fn single(text: &str) -> String {
    quoted(&text.replace('\\', r"\\"), r"\'")
}
