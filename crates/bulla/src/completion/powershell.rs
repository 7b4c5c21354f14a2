//! For PowerShell: tables, and one block that looks into them. A word and what it
//! is for stand in one text, parted by a tab.

use std::fmt::Write as _;

use super::{Tree, quoted};

const MAIN: &str = r#"    $at = ''
    $before = ''
    $skip = $false
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $before = $element.Extent.Text
        if ($skip) {
            $skip = $false
        } elseif ($before.StartsWith('-')) {
            $skip = $takes[$at] -ccontains $before
        } elseif (($commands[$at] | ForEach-Object { ($_ -split "`t")[0] }) -ccontains $before) {
            $at = "$at $before".Trim()
        }
    }
    if ($skip) {
        $choices = $values["$at $before"]
    } elseif ($wordToComplete.StartsWith('-')) {
        $choices = $flags[$at]
    } else {
        $choices = @($commands[$at]) + @($values["$at "])
    }
    $choices | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
"#;

pub(super) fn script(tree: &Tree) -> String {
    let program = &tree.program;
    let mut out = format!(
        "# PowerShell completion for {program}; to load it: {program} completion powershell | Out-String | Invoke-Expression\nRegister-ArgumentCompleter -Native -CommandName {} -ScriptBlock {{\n    param($wordToComplete, $commandAst, $cursorPosition)\n",
        single(program)
    );
    let told = |word: &str, about: &str| match about {
        "" => word.to_owned(),
        about => format!("{word}\t{about}"),
    };
    let commands = tree.words(|node| {
        let each = node.commands.iter();
        each.map(|one| told(&one.word, &one.about)).collect()
    });
    table(&mut out, "commands", commands);
    let flags = tree.words(|node| {
        let each = node.flags.iter();
        let each = each.flat_map(|flag| {
            flag.written()
                .into_iter()
                .map(|name| told(&name, &flag.about))
        });
        each.collect()
    });
    table(&mut out, "flags", flags);
    table(&mut out, "takes", tree.takers());
    let fixed = tree
        .fixed()
        .map(|(path, flag, values)| (format!("{path} {flag}"), values.to_vec()));
    table(&mut out, "values", fixed);
    out.push_str(MAIN);
    out
}

fn table<P: AsRef<str>>(
    out: &mut String,
    name: &str,
    rows: impl Iterator<Item = (P, Vec<String>)>,
) {
    // Case matters: -d and -D are two flags.
    let _ = writeln!(
        out,
        "    ${name} = [hashtable]::new([StringComparer]::Ordinal)"
    );
    for (path, words) in rows {
        let words: Vec<String> = words.iter().map(|word| single(word)).collect();
        let path = single(path.as_ref());
        let _ = writeln!(out, "    ${name}[{path}] = @({})", words.join(", "));
    }
}

fn single(text: &str) -> String {
    quoted(text, "''")
}
