//! Licences as packages state them, told apart: an SPDX identifier, an SPDX
//! expression, or some other text.
//!
//! Knows the identifiers that packages really use, not the whole SPDX list; an
//! identifier that is missing here is written as a plain name, never guessed.

/// Identifiers of the SPDX licence list, in its spelling.
const IDS: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BlueOak-1.0.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "CDLA-Permissive-2.0",
    "curl",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ISC",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "libpng-2.0",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "OFL-1.1",
    "OpenSSL",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Ruby",
    "Sleepycat",
    "TCL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "UPL-1.0",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "Zlib",
    "zlib-acknowledgement",
    "ZPL-2.1",
];

/// Exceptions that may follow `WITH`.
const EXCEPTIONS: &[&str] = &[
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "OpenSSL-exception",
];

/// What a licence text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum License {
    /// An SPDX expression of more than one word.
    Expression(String),
    /// One SPDX identifier.
    Id(&'static str),
    /// Anything else, as found.
    Name(String),
}

impl License {
    /// Reads a licence as a package states it.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(id) = known(IDS, text) {
            return Self::Id(id);
        }
        // The old spelling of crates: `MIT/Apache-2.0`.
        let spaced = text
            .replace('/', " OR ")
            .replace('(', " ( ")
            .replace(')', " ) ");
        match expression(&spaced) {
            Some(expression) => Self::Expression(expression),
            None => Self::Name(text.to_owned()),
        }
    }
}

fn known(list: &'static [&'static str], word: &str) -> Option<&'static str> {
    list.iter()
        .copied()
        .find(|id| id.eq_ignore_ascii_case(word))
}

/// The text in canonical spelling, if every word of it is known and in its place.
fn expression(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut depth = 0usize;
    // Whether a licence (or an opening bracket) comes next.
    let mut operand = true;
    let mut exception = false;
    for word in text.split_whitespace() {
        let piece = match word {
            _ if exception => known(EXCEPTIONS, word)?,
            "(" if operand => {
                depth += 1;
                "("
            }
            ")" if !operand => {
                depth = depth.checked_sub(1)?;
                ")"
            }
            "AND" | "OR" | "WITH" | "and" | "or" | "with" if !operand => match word {
                "AND" | "and" => "AND",
                "OR" | "or" => "OR",
                _ => "WITH",
            },
            word if operand => known(IDS, word)?,
            _ => return None,
        };
        let joins = matches!(piece, "AND" | "OR" | "WITH");
        exception = piece == "WITH";
        operand = (joins && !exception) || piece == "(";
        if !out.is_empty() && !out.ends_with('(') && piece != ")" {
            out.push(' ');
        }
        out.push_str(piece);
    }
    (depth == 0 && !operand && !exception && !out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_identifiers_expressions_and_names_apart() {
        let expression = |text: &str| License::Expression(text.to_owned());
        assert_eq!(License::parse("mit"), License::Id("MIT"));
        assert_eq!(
            License::parse("MIT/Apache-2.0"),
            expression("MIT OR Apache-2.0")
        );
        let nested = "(MIT OR Apache-2.0 WITH LLVM-exception) AND Zlib";
        assert_eq!(License::parse(nested), expression(nested));
        for name in [
            "Proprietary",
            "MIT AND",
            "MIT Zlib",
            "(MIT",
            "MIT)",
            "OR MIT",
            "MIT WITH MIT",
            "",
        ] {
            assert_eq!(License::parse(name), License::Name(name.to_owned()));
        }
    }
}
