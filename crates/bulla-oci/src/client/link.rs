//! Pages of a list: `Link: <…>; rel="next"`, RFC 8288, as far as the
//! distribution specification uses it.

use url::Url;

/// The next page after the answer of `current`; `None` if there is none, or if
/// it is not at the same place: a list never leads to another host or path.
pub fn next_page(current: &Url, header: &str) -> Option<Url> {
    let (target, parameters) = header.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters
        .split(';')
        .map(str::trim)
        .any(|parameter| matches!(parameter, "rel=\"next\"" | "rel=next"));
    let next = current.join(target).ok()?;
    let same_place = next.origin() == current.origin()
        && next.path() == current.path()
        && next.username().is_empty()
        && next.password().is_none();
    (is_next && same_place && next != *current).then_some(next)
}

#[cfg(test)]
mod tests;
