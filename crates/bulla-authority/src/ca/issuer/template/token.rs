//! The words of an action: claims, functions, texts, parentheses and pipes.

use super::TemplateError;

/// Texts, actions and operands of one template.
pub(super) const NODES: usize = 256;

pub(super) fn syntax(at: usize, why: &'static str) -> TemplateError {
    TemplateError::Syntax { at, why }
}

/// One word.
pub(super) enum Token {
    Claim(String),
    Close,
    Dot,
    Name(String),
    Open,
    Pipe,
    Text(String),
}

/// The words of an action that begins at byte `at`.
pub(super) fn tokens(action: &str, at: usize) -> Result<Vec<Token>, TemplateError> {
    let mut tokens = Vec::new();
    let mut rest = action.trim_start();
    let named = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let end = after.find(|c| !named(c)).unwrap_or(after.len());
        let (name, beyond) = after.split_at_checked(end).unwrap_or((after, ""));
        let (token, next) = match first {
            '(' => (Token::Open, after),
            ')' => (Token::Close, after),
            '|' => (Token::Pipe, after),
            '.' if name.is_empty() => (Token::Dot, after),
            '.' if beyond.starts_with('.') => {
                return Err(syntax(at, "claims have no members here"));
            }
            '.' => (Token::Claim(name.to_owned()), beyond),
            '`' => {
                let (text, after) = after
                    .split_once('`')
                    .ok_or(syntax(at, "a text is not closed"))?;
                (Token::Text(text.to_owned()), after)
            }
            '"' => {
                quoted(after).ok_or(syntax(at, "a text is not closed, or has unknown escapes"))?
            }
            c if c.is_alphabetic() => (Token::Name(format!("{c}{name}")), beyond),
            _ => return Err(syntax(at, "this part of Go's templates is not known here")),
        };
        tokens.push(token);
        if tokens.len() > NODES {
            return Err(TemplateError::Limit("it has more than 256 parts"));
        }
        rest = next.trim_start();
    }
    Ok(tokens)
}

/// A text up to its closing quote, and what follows.
fn quoted(rest: &str) -> Option<(Token, &str)> {
    let mut text = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((Token::Text(text), rest.get(at + 1..)?)),
            '\\' => text.push(match characters.next()?.1 {
                '"' => '"',
                '\\' => '\\',
                _ => return None,
            }),
            c => text.push(c),
        }
    }
    None
}
