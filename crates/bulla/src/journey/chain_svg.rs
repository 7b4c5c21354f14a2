//! The chain as a picture that a person would put into a report: stages from
//! left to right, seals on the edges, what is missing as an empty outline.
//!
//! Deterministic, without scripts, fonts or anything fetched; the same facts
//! stand in `<title>` and `<desc>` for readers who do not see it.

use std::fmt::Write;

use super::chain::{Chain, Link};
use crate::output::talk::Mark;

const WIDTH: usize = 150;
const GAP: usize = 26;
const TOP: usize = 74;
const HEIGHT: usize = 118;

/// Draws it.
pub fn render(chain: &Chain) -> String {
    let count = chain.links.len();
    let width = 20 + count * WIDTH + count.saturating_sub(1) * GAP + 20;
    let height = TOP + HEIGHT + 46;
    let outcome = if chain.decision.outcome.is_allowed() {
        "ALLOWED"
    } else {
        "DENIED"
    };
    let mut svg = String::new();
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-family="system-ui, sans-serif" font-size="12"><title>{}</title><desc>{}</desc><rect width="100%" height="100%" fill="#fff"/>"##,
        escape(&format!("{outcome}: {}", chain.reference)),
        escape(&description(chain)),
    );
    let _ = write!(
        svg,
        r##"<text x="20" y="28" font-size="16" font-weight="600" fill="#111">{}</text><text x="20" y="48" fill="#444">{} · as of {}</text>"##,
        escape(&chain.reference.to_string()),
        escape(&chain.digest.to_string()),
        chain.as_of.strftime("%Y-%m-%d %H:%M UTC"),
    );
    for (index, link) in chain.links.iter().enumerate() {
        let x = 20 + index * (WIDTH + GAP);
        if index > 0 {
            edge(&mut svg, x, link);
        }
        room(&mut svg, x, link);
    }
    let (color, y) = (
        if outcome == "ALLOWED" {
            "#166534"
        } else {
            "#991b1b"
        },
        TOP + HEIGHT + 30,
    );
    let reason = chain
        .links
        .last()
        .and_then(|link| link.how.first())
        .cloned()
        .unwrap_or_default();
    let _ = write!(
        svg,
        r#"<text x="20" y="{y}" font-size="14" font-weight="600" fill="{color}">{outcome}</text><text x="100" y="{y}" fill="{color}">{}</text></svg>"#,
        escape(&cut(&reason, 190)),
    );
    svg
}

/// The edge before a room, with a seal on it where there is evidence.
fn edge(svg: &mut String, x: usize, link: &Link) {
    let (from, to, y) = (x - GAP, x, TOP + HEIGHT / 2);
    let dash = if link.evidence.is_some() || link.mark == Mark::Ok {
        ""
    } else {
        r#" stroke-dasharray="3 3""#
    };
    let _ = write!(
        svg,
        r##"<path d="M{from} {y}H{to}" stroke="#555" stroke-width="1.5"{dash}/>"##
    );
    if link.who.is_some() {
        let middle = (from + to) / 2;
        let _ = write!(
            svg,
            r##"<circle cx="{middle}" cy="{y}" r="7" fill="#b45309" stroke="#78350f"><title>{}</title></circle>"##,
            escape(&format!(
                "sealed by {}",
                link.who.as_deref().unwrap_or_default()
            )),
        );
    }
}

fn room(svg: &mut String, x: usize, link: &Link) {
    let (fill, stroke, dash) = match link.mark {
        Mark::Ok => ("#f0fdf4", "#166534", ""),
        Mark::Warn => ("#fffbeb", "#b45309", ""),
        Mark::Failed => ("#fef2f2", "#991b1b", ""),
        Mark::Skipped => ("none", "#6b7280", r#" stroke-dasharray="5 4""#),
    };
    let _ = write!(
        svg,
        r##"<g><title>{}</title><rect x="{x}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="{stroke}"{dash}/><text x="{}" y="{}" font-weight="600" fill="#111">{} {}</text>"##,
        escape(&link.what),
        x + 10,
        TOP + 20,
        link.mark.glyph(),
        link.stage.name(),
    );
    let mut lines = wrap(&link.what, 21, 3);
    lines.extend(
        link.who
            .as_ref()
            .map(|who| cut(&super::chain_text::short_service(who), 21)),
    );
    lines.extend(
        link.evidence
            .as_ref()
            .map(|digest| digest.short().to_owned()),
    );
    for (index, line) in lines.iter().take(5).enumerate() {
        let _ = write!(
            svg,
            r##"<text x="{}" y="{}" font-size="11" fill="#333">{}</text>"##,
            x + 10,
            TOP + 40 + index * 16,
            escape(line),
        );
    }
    svg.push_str("</g>");
}

fn description(chain: &Chain) -> String {
    let links: Vec<_> = chain
        .links
        .iter()
        .map(|link| format!("{}: {}", link.stage.name(), link.what))
        .collect();
    links.join("; ")
}

fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let word = cut(&shorten(word), width);
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            *line = word;
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines.truncate(most);
    lines
}

/// Digests to 12 digits, service addresses to `NAME@HOST`.
fn shorten(word: &str) -> String {
    let (body, tail) = match word.strip_suffix(',') {
        Some(body) => (body, ","),
        None => (word, ""),
    };
    let hex = body.rsplit_once(':').map_or(body, |(_, hex)| hex);
    if hex.len() >= 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return hex.chars().take(12).collect::<String>() + tail;
    }
    if body.contains("://") {
        return super::chain_text::short_service(body) + tail;
    }
    word.to_owned()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars()
        .take(width.saturating_sub(1))
        .chain(['…'])
        .collect()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
