//! Templates of Fulcio's issuer file: how claims of a token become a name or an
//! extension of its certificate.
//!
//! The part of Go's text/template that such files use: `{{ .claim }}`,
//! `{{ index . "any/claim" }}`, `if`/`else if`/`else`/`end`, `eq`, `ne`, `and`,
//! `or`, `not`, `printf` with `%s` and `%v`, pipes, comments and trim marks. A
//! text without `{{` is the name of one claim. No loops, no variables, no other
//! functions: whatever else Go knows is refused when the file is read. As with
//! Fulcio, `.claim` without such a claim is an error, and `index` gives nothing.

mod parse;
mod token;

use bulla_core::{Code, Diagnose};
use std::borrow::Cow;

/// Longest template, in bytes.
const TEMPLATE_BYTES: usize = 4096;
/// Longest result, in bytes: what a certificate carries.
const OUTPUT_BYTES: usize = 2048;

/// A template that was read and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Text(String),
    Print(Expression),
    If {
        condition: Expression,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    /// `.claim`: must be there.
    Claim(String),
    /// `index . "claim"`: empty if it is not there.
    Index(String),
    Literal(String),
    Call(Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    And,
    Equal,
    Not,
    NotEqual,
    Or,
    Printf,
}

/// What an expression gives: Go prints truth as `true` and `false`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Truth(bool),
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Truth(truth) => *truth,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Truth(true) => "true",
            Self::Truth(false) => "false",
        }
    }
}

/// Where a template finds its claims.
pub trait Claims {
    /// The claim of that name as text.
    fn claim(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`] for what is not understood,
    /// [`TemplateError::Limit`] if it is too long, too deep or too large.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_BYTES {
            return Err(TemplateError::Limit("it is longer than 4096 bytes"));
        }
        if !text.contains("{{") {
            let name = text.trim().to_owned();
            return Ok(Self {
                nodes: vec![Node::Print(Expression::Claim(name))],
            });
        }
        Ok(Self {
            nodes: parse::parse(text)?,
        })
    }

    /// Fills it in.
    ///
    /// # Errors
    /// [`TemplateError::Missing`] without a claim that it names,
    /// [`TemplateError::Output`] if the result is longer than 2048 bytes.
    pub fn render(&self, claims: &dyn Claims) -> Result<String, TemplateError> {
        let mut output = String::new();
        render(&self.nodes, claims, &mut output)?;
        Ok(output)
    }

    /// Fills it in as a name: every claim that is used must have a value, since
    /// two names may not become one by what they lack.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_name(&self, claims: &dyn Claims) -> Result<String, TemplateError> {
        struct Filled<'a>(&'a dyn Claims);
        impl Claims for Filled<'_> {
            fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
                self.0.claim(name).filter(|value| !value.is_empty())
            }
        }
        let strict = Filled(claims);
        if let Some(name) = self.names().find(|name| strict.claim(name).is_none()) {
            return Err(TemplateError::Missing(name.to_owned()));
        }
        self.render(&strict)
    }

    /// The claims that are printed wherever no condition decides.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Print(Expression::Claim(name) | Expression::Index(name)) => Some(name.as_str()),
            _ => None,
        })
    }
}

fn render(nodes: &[Node], claims: &dyn Claims, output: &mut String) -> Result<(), TemplateError> {
    for node in nodes {
        match node {
            Node::Text(text) => output.push_str(text),
            Node::Print(expression) => output.push_str(evaluate(expression, claims)?.text()),
            Node::If {
                condition,
                then,
                otherwise,
            } => {
                let branch = match evaluate(condition, claims)?.is_true() {
                    true => then,
                    false => otherwise,
                };
                render(branch, claims, output)?;
            }
        }
        if output.len() > OUTPUT_BYTES {
            return Err(TemplateError::Output);
        }
    }
    Ok(())
}

fn evaluate(expression: &Expression, claims: &dyn Claims) -> Result<Value, TemplateError> {
    let text = |text: Cow<'_, str>| Value::Text(text.into_owned());
    Ok(match expression {
        Expression::Claim(name) => {
            let claim = claims.claim(name).map(text);
            claim.ok_or_else(|| TemplateError::Missing(name.clone()))?
        }
        Expression::Index(name) => claims.claim(name).map_or(Value::Text(String::new()), text),
        Expression::Literal(literal) => Value::Text(literal.clone()),
        Expression::Call(function, arguments) => call(*function, arguments, claims)?,
    })
}

fn call(
    function: Function,
    arguments: &[Expression],
    claims: &dyn Claims,
) -> Result<Value, TemplateError> {
    // The parser has counted the arguments.
    let mut values = arguments.iter().map(|argument| evaluate(argument, claims));
    let mut first = values.next().transpose()?.unwrap_or(Value::Truth(false));
    let rest = values;
    Ok(match function {
        Function::Not => Value::Truth(!first.is_true()),
        Function::Equal => {
            let rest = rest.collect::<Result<Vec<_>, _>>()?;
            Value::Truth(rest.contains(&first))
        }
        Function::NotEqual => {
            let rest = rest.collect::<Result<Vec<_>, _>>()?;
            Value::Truth(!rest.contains(&first))
        }
        Function::And | Function::Or => {
            // Go stops at the first that decides, and gives that one.
            for value in rest {
                if first.is_true() == (function == Function::Or) {
                    break;
                }
                first = value?;
            }
            first
        }
        Function::Printf => {
            let rest = rest.collect::<Result<Vec<_>, _>>()?;
            let mut rest = rest.iter();
            let mut parts = first.text().split('%');
            let mut output = parts.next().unwrap_or_default().to_owned();
            let mut literal = false;
            for part in parts {
                if std::mem::take(&mut literal) {
                    output.push_str(part);
                } else if part.is_empty() {
                    output.push('%');
                    literal = true;
                } else {
                    output.push_str(rest.next().map_or("", Value::text));
                    output.push_str(part.get(1..).unwrap_or_default());
                }
                if output.len() > OUTPUT_BYTES {
                    return Err(TemplateError::Output);
                }
            }
            Value::Text(output)
        }
    })
}

/// What is wrong with a template, or with filling it in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// Too much of it.
    #[error("the template is not read: {0}")]
    Limit(&'static str),
    /// The token lacks a claim, and there is no default.
    #[error("the token has no claim {0:?}, and the issuer file no default for it")]
    Missing(String),
    /// Too much came of it.
    #[error("the template gives more than {OUTPUT_BYTES} bytes")]
    Output,
    /// Not understood.
    #[error("the template is not understood at byte {at}: {why}")]
    Syntax {
        /// Where.
        at: usize,
        /// Why.
        why: &'static str,
    },
}

impl Diagnose for TemplateError {
    fn code(&self) -> Code {
        match self {
            Self::Limit(_) => Code("AUTH-0400"),
            Self::Missing(_) => Code("AUTH-0401"),
            Self::Output => Code("AUTH-0402"),
            Self::Syntax { .. } => Code("AUTH-0403"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(claim) => Some(format!(
                "let the issuer put {claim:?} into its tokens, or give it a value in \
                 default-template-values"
            )),
            Self::Syntax { .. } => Some(
                "use {{ .claim }}, {{ index . \"claim\" }}, if/else/end, eq, ne, and, or, not, printf"
                    .into(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
