//! For bash: one function for each question, and the one that bash calls. `=` ends
//! a word there, so `--flag=value` comes in three.

use std::fmt::Write as _;

use super::{Tree, quoted};

const MAIN: &str = r#"_@() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local path='' skip='' word words i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == = ]]; then
            skip=1
        elif [[ -n $skip ]]; then
            skip=''
        elif [[ $word == -* ]]; then
            [[ " $(_@_takes "$path") " == *" $word "* ]] && skip=1
        elif [[ " $(_@_commands "$path") " == *" $word "* ]]; then
            path=${path:+$path }$word
        fi
    done
    if [[ $current == = ]]; then
        current='' skip=1
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    if [[ -n $skip ]]; then
        words=$(_@_values "$path" "$before")
    elif [[ $current == -* ]]; then
        words=$(_@_flags "$path")
    else
        words="$(_@_commands "$path") $(_@_values "$path" '')"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _@ %
"#;

pub(super) fn script(tree: &Tree) -> String {
    let (ident, program) = (tree.ident(), &tree.program);
    let mut out = format!(
        "# bash completion for {program}; to load it: source <({program} completion bash)\n"
    );
    let commands = tree.words(|node| node.commands.iter().map(|one| one.word.clone()).collect());
    question(&mut out, &format!("_{ident}_commands"), commands);
    let flags = tree.words(|node| node.flags.iter().flat_map(super::Flag::written).collect());
    question(&mut out, &format!("_{ident}_flags"), flags);
    question(&mut out, &format!("_{ident}_takes"), tree.takers());
    let _ = writeln!(out, "_{ident}_values() {{\n    case \"$1 $2\" in");
    for (path, flag, values) in tree.fixed() {
        let at = single(&format!("{path} {flag}"));
        let _ = writeln!(out, "    {at}) echo {} ;;", single(&values.join(" ")));
    }
    out.push_str("    esac\n}\n");
    out.push_str(&MAIN.replace('@', &ident).replace('%', program));
    out
}

/// A function that answers for a path.
fn question<'a>(
    out: &mut String,
    name: &str,
    answers: impl Iterator<Item = (&'a str, Vec<String>)>,
) {
    let _ = writeln!(out, "{name}() {{\n    case \"$1\" in");
    for (path, words) in answers {
        let _ = writeln!(
            out,
            "    {}) echo {} ;;",
            single(path),
            single(&words.join(" "))
        );
    }
    out.push_str("    esac\n}\n");
}

fn single(text: &str) -> String {
    quoted(text, r"'\''")
}
