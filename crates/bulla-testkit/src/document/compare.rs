//! Compares printed lines with those of a page: `...` stands for anything.

/// `Err` with the first expected line that is not there.
pub(super) fn compare(expected: &str, actual: &str) -> Result<(), String> {
    let expected: Vec<String> = lines(expected);
    let actual: Vec<String> = lines(actual);
    match align(&expected, &actual) {
        true => Ok(()),
        false => Err(nearest(&expected, &actual)),
    }
}

/// Lines without blank ones, with single spaces.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn align(expected: &[String], actual: &[String]) -> bool {
    match (expected.split_first(), actual.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "..." => {
            (0..=actual.len()).any(|skip| align(rest, &actual[skip..]))
        }
        (Some((first, rest)), Some((line, others))) => matches(first, line) && align(rest, others),
        _ => false,
    }
}

/// Whether `line` has the pieces of `pattern` between `...`, in order.
fn matches(pattern: &str, line: &str) -> bool {
    let pieces: Vec<&str> = pattern.split("...").collect();
    let [first, middle @ .., last] = pieces.as_slice() else {
        return pattern == line;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The expected line to show: the first that no printed line matches.
fn nearest(expected: &[String], actual: &[String]) -> String {
    expected
        .iter()
        .filter(|line| *line != "...")
        .find(|line| !actual.iter().any(|other| matches(line, other)))
        .cloned()
        .unwrap_or_else(|| "all lines are there, but in another order or with more".to_owned())
}

#[cfg(test)]
#[test]
fn dots_stand_for_anything() {
    let actual = "one\ntwo 2 things\n\nthree";
    assert_eq!(compare("one\ntwo ... things\nthree", actual), Ok(()));
    assert_eq!(compare("...\nthree", actual), Ok(()));
    assert_eq!(compare("one\n...", actual), Ok(()));
    assert!(compare("one\nthree", actual).is_err());
    assert_eq!(compare("one\nfour\n...", actual), Err("four".to_owned()));
    assert_eq!(compare("two", "two").and(compare("", "")), Ok(()));
}
