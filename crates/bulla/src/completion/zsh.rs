//! For zsh: the words with what they are for. A colon parts the two, so one inside
//! a word is escaped. The script works when it is sourced, and as a file in `fpath`.

use std::fmt::Write as _;

use super::{Tree, quoted};

const MAIN: &str = r#"_@() {
    local at='' skip='' word choice i
    local -a choices takers
    for ((i = 2; i < CURRENT; i++)); do
        word=${words[i]}
        takers=() choices=()
        if [[ -n $skip ]]; then
            skip=''
        elif [[ $word == -* ]]; then
            _@_takes "$at"
            (( ${takers[(Ie)$word]} )) && skip=1
        else
            _@_commands "$at"
            for choice in $choices; do
                if [[ ${choice%%:*} == $word ]]; then
                    at=${at:+$at }$word
                    break
                fi
            done
        fi
    done
    choices=()
    if [[ -n $skip ]]; then
        _@_values "$at" "${words[CURRENT-1]}"
    elif [[ ${words[CURRENT]} == -* ]]; then
        _@_flags "$at"
    else
        _@_commands "$at"
        _@_values "$at" ''
    fi
    if (( ${#choices} )); then
        _describe -t choices '%' choices
    else
        _files
    fi
}
if [[ ${funcstack[1]} == _@ ]]; then
    _@ "$@"
else
    compdef _@ %
fi
"#;

pub(super) fn script(tree: &Tree) -> String {
    let (ident, program) = (tree.ident(), &tree.program);
    let mut out = format!(
        "#compdef {program}\n# zsh completion for {program}; to load it: source <({program} completion zsh)\n"
    );
    let commands = tree.words(|node| {
        let each = node.commands.iter();
        each.map(|one| told(&one.word, &one.about)).collect()
    });
    question(
        &mut out,
        &format!("_{ident}_commands"),
        "choices+=",
        commands,
    );
    let flags = tree.words(|node| {
        let each = node.flags.iter();
        let each = each.flat_map(|flag| {
            flag.written()
                .into_iter()
                .map(|name| told(&name, &flag.about))
        });
        each.collect()
    });
    question(&mut out, &format!("_{ident}_flags"), "choices+=", flags);
    question(
        &mut out,
        &format!("_{ident}_takes"),
        "takers=",
        tree.takers(),
    );
    let _ = writeln!(out, "_{ident}_values() {{\n    case \"$1 $2\" in");
    for (path, flag, values) in tree.fixed() {
        let list: Vec<String> = values
            .iter()
            .map(|value| single(&told(value, "")))
            .collect();
        let at = single(&format!("{path} {flag}"));
        let _ = writeln!(out, "    ({at}) choices+=({}) ;;", list.join(" "));
    }
    out.push_str("    esac\n}\n");
    out.push_str(&MAIN.replace('@', &ident).replace('%', program));
    out
}

/// A function that fills a list for a path.
fn question<'a>(
    out: &mut String,
    name: &str,
    fill: &str,
    answers: impl Iterator<Item = (&'a str, Vec<String>)>,
) {
    let _ = writeln!(out, "{name}() {{\n    case \"$1\" in");
    for (path, words) in answers {
        let _ = writeln!(out, "    ({}) {fill}(", single(path));
        for word in words {
            let _ = writeln!(out, "        {}", single(&word));
        }
        out.push_str("        ) ;;\n");
    }
    out.push_str("    esac\n}\n");
}

fn told(word: &str, about: &str) -> String {
    let word = word.replace(':', r"\:");
    match about {
        "" => word,
        about => format!("{word}:{about}"),
    }
}

fn single(text: &str) -> String {
    quoted(text, r"'\''")
}
