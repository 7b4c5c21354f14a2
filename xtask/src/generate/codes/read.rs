//! Finds the error codes of one source file.

use std::collections::BTreeMap;

use super::Mention;
use crate::lexer::{Kind, Token, tokens};

/// What documentation and attributes say about a variant or struct.
#[derive(Clone, Debug, Default)]
struct Entry {
    message: Option<String>,
    meaning: Option<String>,
}

/// Every code that `source` says outside its tests; `place` is the line.
pub fn mentions(source: &str) -> Vec<Mention> {
    let mut tokens = tokens(source);
    if let Some(end) = tokens.windows(10).position(is_test_module) {
        tokens.truncate(end);
    }
    let entries = entries(&tokens);
    let bodies = diagnose_bodies(&tokens);
    let mut found = Vec::new();
    for (name, start, end) in &bodies {
        diagnose(name, &tokens[*start..*end], &entries, &mut found);
    }
    for at in 0..tokens.len() {
        if !bodies
            .iter()
            .any(|(_, start, end)| (*start..*end).contains(&at))
        {
            found.extend(beside_text(&tokens, at));
        }
    }
    found
}

/// `#[cfg(test)]` before a module that is written here; one of its own file stands
/// between the others, with everything of this file behind it.
fn is_test_module(w: &[Token]) -> bool {
    let is_test = w[0].is_mark('#') && w[2].is("cfg") && w[4].is("test") && w[6].is_mark(']');
    is_test && w[7].is("mod") && w[9].is_mark('{')
}

fn is_code(text: &str) -> bool {
    let Some((area, number)) = text.split_once('-') else {
        return false;
    };
    (2..=10).contains(&area.len())
        && area.bytes().all(|b| b.is_ascii_uppercase())
        && number.len() == 4
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// The index after the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Mark('{' | '(' | '[') => depth += 1,
            Kind::Mark('}' | ')' | ']') => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Documentation and messages of every struct (`Name`) and variant (`Name::Variant`).
fn entries(tokens: &[Token]) -> BTreeMap<String, Entry> {
    let mut map = BTreeMap::new();
    let mut pending = Entry::default();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let name = tokens.get(at + 1).and_then(Token::word);
        match (&token.kind, name) {
            (Kind::Doc(doc), _) => add_doc(&mut pending, doc),
            (Kind::Mark('#'), _) => at = attribute(tokens, at, &mut pending) - 1,
            (Kind::Word(word), Some(name)) if word == "enum" => {
                let open = (at..tokens.len()).find(|i| tokens[*i].is_mark('{'));
                if let Some(open) = open {
                    variants(name, &tokens[open + 1..closing(tokens, open) - 1], &mut map);
                }
                pending = Entry::default();
            }
            (Kind::Word(word), Some(name)) if word == "struct" => {
                map.insert(name.to_owned(), std::mem::take(&mut pending));
            }
            (Kind::Word(word), _) if word == "pub" => {}
            (Kind::Mark('(' | ')'), _) => {}
            (Kind::Word(word), _) if word == "crate" || word == "super" => {}
            _ => pending = Entry::default(),
        }
        at += 1;
    }
    map
}

fn add_doc(entry: &mut Entry, doc: &str) {
    let text = entry.meaning.get_or_insert_default();
    if !text.is_empty() {
        text.push(' ');
    }
    // Links of rustdoc lead nowhere in the book.
    text.push_str(&doc.replace("[`", "`").replace("`]", "`"));
}

/// Reads the attribute at `at`; answers the index after it.
fn attribute(tokens: &[Token], at: usize, entry: &mut Entry) -> usize {
    let end = closing(tokens, at + 1);
    if tokens.get(at + 2).is_some_and(|t| t.is("error")) {
        let text = tokens[at..end].iter().find_map(Token::text);
        entry.message = text.map(str::to_owned);
    }
    end
}

fn variants(name: &str, tokens: &[Token], map: &mut BTreeMap<String, Entry>) {
    let mut entry = Entry::default();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].kind {
            Kind::Doc(doc) => add_doc(&mut entry, doc),
            Kind::Mark('#') => {
                at = attribute(tokens, at, &mut entry);
                continue;
            }
            Kind::Word(variant) => {
                map.insert(format!("{name}::{variant}"), std::mem::take(&mut entry));
                while at < tokens.len() && !tokens[at].is_mark(',') {
                    let opens = matches!(tokens[at].kind, Kind::Mark('{' | '('));
                    at = if opens { closing(tokens, at) } else { at + 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Bodies of `impl … Diagnose for NAME { … }`: name, first token, end.
fn diagnose_bodies(tokens: &[Token]) -> Vec<(String, usize, usize)> {
    let mut bodies = Vec::new();
    for at in 0..tokens.len().saturating_sub(2) {
        if tokens[at].is("Diagnose") && tokens[at + 1].is("for") {
            let open = (at..tokens.len()).find(|i| tokens[*i].is_mark('{'));
            let Some(open) = open else { continue };
            let name = tokens[at + 2..open]
                .iter()
                .filter_map(Token::word)
                .next_back();
            if let Some(name) = name {
                bodies.push((name.to_owned(), open, closing(tokens, open)));
            }
        }
    }
    bodies
}

fn diagnose(name: &str, body: &[Token], entries: &BTreeMap<String, Entry>, out: &mut Vec<Mention>) {
    let mut hints: BTreeMap<String, String> = BTreeMap::new();
    for (variants, token) in arms(function(body, "hint")) {
        for variant in variants {
            let text = token.text().unwrap_or_default();
            let old = hints.entry(variant).or_default();
            if old.len() < text.len() {
                *old = text.to_owned();
            }
        }
    }
    for (variants, token) in arms(function(body, "code")) {
        let Some(code) = token.text().filter(|text| is_code(text)) else {
            continue;
        };
        let mut mention = Mention {
            code: code.to_owned(),
            place: token.line.to_string(),
            variant: Some(variants.join("|")),
            ..Mention::default()
        };
        for variant in &variants {
            let key = if variant.is_empty() {
                name.to_owned()
            } else {
                format!("{name}::{variant}")
            };
            if let Some(entry) = entries.get(&key) {
                mention.message = mention.message.or_else(|| entry.message.clone());
                mention.meaning = mention.meaning.or_else(|| entry.meaning.clone());
            }
            mention.hint = mention.hint.or_else(|| hints.get(variant).cloned());
        }
        out.push(mention);
    }
}

/// The body of `fn name` within an implementation.
fn function<'a>(body: &'a [Token], name: &str) -> &'a [Token] {
    for at in 0..body.len().saturating_sub(1) {
        if body[at].is("fn")
            && body[at + 1].is(name)
            && let Some(open) = (at..body.len()).find(|i| body[*i].is_mark('{'))
        {
            return &body[open..closing(body, open)];
        }
    }
    &[]
}

/// Each literal of a function, with the variants of its match arm ("" outside).
fn arms(body: &[Token]) -> Vec<(Vec<String>, &Token)> {
    let mut found = Vec::new();
    let mut pattern: Vec<String> = Vec::new();
    let mut arm: Vec<String> = vec![String::new()];
    let mut at = 0;
    while at < body.len() {
        let next = |ahead: usize| body.get(at + ahead);
        let is_path =
            next(1).is_some_and(|t| t.is_mark(':')) && next(2).is_some_and(|t| t.is_mark(':'));
        if body[at].is_mark('=') && next(1).is_some_and(|t| t.is_mark('>')) {
            arm = std::mem::take(&mut pattern);
        } else if is_path && let Some(Kind::Word(word)) = next(3).map(|t| &t.kind) {
            let ours = body[at].is("Self") || body[at].word().is_some_and(|w| w.ends_with("Error"));
            if ours && word.starts_with(char::is_uppercase) {
                pattern.push(word.clone());
            }
        } else if body[at].text().is_some() {
            found.push((arm.clone(), &body[at]));
        }
        at += 1;
    }
    found
}

/// A code that stands beside its text: `Code("X")`, `Reason::new("X", "text")`.
fn beside_text(tokens: &[Token], at: usize) -> Option<Mention> {
    let code = tokens[at].text().filter(|text| is_code(text))?;
    let before = at.checked_sub(1).map(|i| &tokens[i])?;
    let called = before.is_mark('(') || before.is_mark(',');
    let compared = at >= 2 && (tokens[at - 2].is_mark('=') || tokens[at - 2].is_mark('!'));
    let constant = (before.is_mark('=') && !compared) || before.is_mark(':');
    if !called && !constant {
        return None;
    }
    let mut mention = Mention {
        code: code.to_owned(),
        place: tokens[at].line.to_string(),
        ..Mention::default()
    };
    let rest = &tokens[at + 1..(at + 80).min(tokens.len())];
    let end = rest
        .iter()
        .position(|t| t.is_mark(';') || t.text().is_some_and(is_code))
        .unwrap_or(rest.len());
    let rest = &rest[..end];
    mention.message = rest.iter().find_map(Token::text).map(str::to_owned);
    for i in 0..rest.len() {
        if rest[i].is("hint") || rest[i].is("with_hint") {
            mention.hint = rest[i..].iter().find_map(Token::text).map(str::to_owned);
            break;
        }
    }
    if mention.hint == mention.message {
        mention.hint = None;
    }
    if mention.message.is_none() {
        mention.meaning = doc_above(tokens, at);
    }
    Some(mention)
}

/// The documentation of the constant or function that holds the token at `at`.
fn doc_above(tokens: &[Token], at: usize) -> Option<String> {
    let end = (0..at)
        .rev()
        .find(|i| matches!(tokens[*i].kind, Kind::Doc(_)))?;
    let start = (0..=end)
        .rev()
        .take_while(|i| matches!(tokens[*i].kind, Kind::Doc(_)))
        .last()?;
    let lines = tokens[start..=end].iter().filter_map(|t| match &t.kind {
        Kind::Doc(doc) => Some(doc.as_str()),
        _ => None,
    });
    Some(lines.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
