//! The pages of the error codes, as `bulla explain CODE` prints them.
//!
//! They are one chapter of the manual, carried in the binary; `cargo xtask
//! check` fails when a code of the sources has no page.

use crate::failure::{Exit, Failure};

const CHAPTER: &str = include_str!("../../../../docs/src/reference/error-codes.md");

/// Whether `text` has the form of an error code: `TRUST-0031`.
pub fn is_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        !area.is_empty()
            && area.bytes().all(|b| b.is_ascii_uppercase())
            && number.len() == 4
            && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The page of a code.
///
/// # Errors
/// If there is no such code.
pub fn page(code: &str) -> Result<String, Failure> {
    let heading = format!("## {code}");
    let mut lines = CHAPTER.lines().skip_while(|line| {
        !line
            .strip_prefix(&heading)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let Some(first) = lines.next() else {
        return Err(Failure::new(
            Exit::Usage,
            "CLI-0050",
            format!("there is no error code {code}"),
        )
        .hint("codes stand in brackets at the end of an error, for example [TRUST-0012]"));
    };
    let mut page = first.trim_start_matches("## ").to_owned();
    for line in lines.take_while(|line| !line.starts_with("## ")) {
        page.push('\n');
        page.push_str(line);
    }
    Ok(page.trim_end().to_owned() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_codes_from_references() {
        assert!(is_code("TRUST-0031"));
        assert!(!is_code("127.0.0.1:5610/hello:v1"));
        assert!(!is_code("trust-0031"));
        assert!(page("TRUST-9999").is_err());
    }
}
