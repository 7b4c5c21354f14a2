//! The list of error codes, read from the sources.
//!
//! A code is said either by a `Diagnose` implementation (its meaning is the
//! variant's documentation and `#[error("…")]` text, its remedy the arm of
//! `fn hint`) or beside its text, as in `Reason::new("CODE", "text").hint("…")`.
//! Each code belongs to one crate and, in `Diagnose`, to one variant.

mod read;

use std::{collections::BTreeMap, fmt::Write, fs};

use crate::{
    Result,
    workspace::{crates, is_test, relative, walk},
};

/// One place that says a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mention {
    /// The code.
    pub code: String,
    /// `file:line`.
    pub place: String,
    /// The crate.
    pub krate: String,
    /// The variant, for a `Diagnose` implementation.
    pub variant: Option<String>,
    /// The message, with its placeholders.
    pub message: Option<String>,
    /// What the documentation says.
    pub meaning: Option<String>,
    /// What mends it.
    pub hint: Option<String>,
}

/// Codes that mean two things, belong to two crates, or are not explained.
pub fn check() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (code, mentions) in all()? {
        let first = &mentions[0];
        for other in &mentions[1..] {
            if other.krate != first.krate {
                complaints.push(format!(
                    "{code} belongs to {} ({}), and {} says it too",
                    first.krate, first.place, other.place
                ));
            }
        }
        let variants: Vec<&Mention> = mentions.iter().filter(|m| m.variant.is_some()).collect();
        if let [one, .., two] = variants.as_slice() {
            complaints.push(format!(
                "{code} means two things: {}, {}",
                one.place, two.place
            ));
        }
        if mentions
            .iter()
            .all(|m| m.message.is_none() && m.meaning.is_none())
        {
            complaints.push(format!("{code} is not explained: {}", first.place));
        }
    }
    Ok(complaints)
}

/// The page.
pub fn page() -> Result<String> {
    let mut page = String::from(
        "# Error codes\n\n\
         <!-- Made by `cargo xtask gen` from the sources: do not edit. -->\n\n\
         Every error ends with its code in brackets, and `bulla explain CODE` prints the entry \
         below. Words in braces stand for what was found.\n",
    );
    for (code, mentions) in all()? {
        write!(page, "\n## {code}\n\n")?;
        let mut said: Vec<&str> = Vec::new();
        for mention in &mentions {
            if let Some(meaning) = &mention.meaning {
                once(&mut said, meaning, |text| writeln!(page, "{text}\n"))?;
            }
        }
        for mention in &mentions {
            if let Some(message) = &mention.message {
                once(&mut said, message, |text| {
                    writeln!(
                        page,
                        "> {}\n",
                        text.replace('\n', "\n> ").replace('<', "\\<")
                    )
                })?;
            }
        }
        for mention in &mentions {
            if let Some(hint) = &mention.hint {
                once(&mut said, hint, |text| {
                    writeln!(page, "Mend it: {}\n", text.replace('<', "\\<"))
                })?;
            }
        }
        if page.ends_with("\n\n") {
            page.pop();
        }
    }
    Ok(page)
}

fn once<'a>(
    said: &mut Vec<&'a str>,
    text: &'a str,
    say: impl FnOnce(&str) -> std::fmt::Result,
) -> Result {
    if !said.contains(&text) {
        said.push(text);
        say(text)?;
    }
    Ok(())
}

/// Every code with the places that say it.
fn all() -> Result<BTreeMap<String, Vec<Mention>>> {
    let mut codes: BTreeMap<String, Vec<Mention>> = BTreeMap::new();
    for krate in crates()? {
        let mut files = Vec::new();
        walk(&krate.dir.join("src"), &mut files)?;
        files.sort();
        for file in files {
            if file.extension().is_none_or(|e| e != "rs") || is_test(&file) {
                continue;
            }
            for mut mention in read::mentions(&fs::read_to_string(&file)?) {
                mention.krate.clone_from(&krate.name);
                mention.place = format!("{}:{}", relative(&file), mention.place);
                codes.entry(mention.code.clone()).or_default().push(mention);
            }
        }
    }
    Ok(codes)
}
