//! Reading a template: text and actions, and the expressions inside an action.
//!
//! Bounded in nodes and nesting, so that evaluating what was read needs no
//! bounds of its own but that of the output.

use super::{
    Expression, Function, Node, TemplateError,
    token::{NODES, Token, syntax, tokens},
};

/// Nesting of `if` and of parentheses.
const DEPTH: usize = 16;

pub(super) fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser {
        actions: actions(text)?,
        at: 0,
        nodes: 0,
    };
    let nodes = parser.block(0)?;
    match parser.next() {
        None => Ok(nodes),
        Some(piece) => Err(syntax(piece.at, "there is an `else` or `end` too many")),
    }
}

/// A text, or what stands between `{{` and `}}`.
struct Piece<'a> {
    at: usize,
    what: What<'a>,
}

enum What<'a> {
    Text(&'a str),
    Action(&'a str),
}

fn actions(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let (mut rest, mut at, mut trim) = (text, 0, false);
    while !rest.is_empty() {
        let (before, action) = match rest.split_once("{{") {
            Some((before, action)) => (before, Some(action)),
            None => (rest, None),
        };
        let left = action.and_then(|action| action.strip_prefix('-'));
        let left = left.filter(|action| action.starts_with(char::is_whitespace));
        let mut shown = before;
        if trim {
            shown = shown.trim_start();
        }
        if left.is_some() {
            shown = shown.trim_end();
        }
        if !shown.is_empty() {
            let what = What::Text(shown);
            pieces.push(Piece { at, what });
        }
        let Some(action) = action else { break };
        at += before.len() + 2;
        let end = end_of(action).ok_or(syntax(at, "an action is not closed by `}}`"))?;
        let (inside, after) = action.split_at_checked(end).unwrap_or((action, ""));
        let inside = if left.is_some() {
            inside.get(1..).unwrap_or_default()
        } else {
            inside
        };
        let right = inside.strip_suffix('-');
        let right = right.filter(|inside| inside.ends_with(char::is_whitespace));
        trim = right.is_some();
        let inside = right.unwrap_or(inside).trim();
        let comment = inside.starts_with("/*") && inside.ends_with("*/") && inside.len() >= 4;
        if !comment {
            let what = What::Action(inside);
            pieces.push(Piece { at, what });
        }
        at += end + 2;
        rest = after.get(2..).unwrap_or_default();
    }
    Ok(pieces)
}

/// Where the `}}` of an action is: not inside of a string.
fn end_of(action: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in action.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if action.get(at..)?.starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}

struct Parser<'a> {
    actions: Vec<Piece<'a>>,
    at: usize,
    nodes: usize,
}

/// What ended a block.
#[derive(PartialEq, Eq)]
enum Word<'a> {
    If(&'a str),
    Else,
    ElseIf(&'a str),
    End,
    Print,
}

fn word(action: &str) -> Word<'_> {
    let (first, rest) = match action.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim()),
        None => (action, ""),
    };
    match (first, rest) {
        ("if", rest) => Word::If(rest),
        ("else", "") => Word::Else,
        ("end", "") => Word::End,
        ("else", rest) => match rest.strip_prefix("if") {
            Some(condition) if condition.starts_with(char::is_whitespace) => {
                Word::ElseIf(condition.trim())
            }
            _ => Word::Print,
        },
        _ => Word::Print,
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Piece<'a>> {
        self.actions.get(self.at)
    }

    fn next(&mut self) -> Option<&Piece<'a>> {
        self.at += 1;
        self.actions.get(self.at - 1)
    }

    fn count(&mut self) -> Result<(), TemplateError> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(TemplateError::Limit("it has more than 256 parts"));
        }
        Ok(())
    }

    /// Everything up to an `else` or `end`, which stays.
    fn block(&mut self, depth: usize) -> Result<Vec<Node>, TemplateError> {
        if depth > DEPTH {
            return Err(TemplateError::Limit("it is nested deeper than 16 levels"));
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.peek() {
            let at = piece.at;
            let node = match piece.what {
                What::Text(text) => Node::Text(text.to_owned()),
                What::Action(action) => match word(action) {
                    Word::Else | Word::ElseIf(_) | Word::End => break,
                    Word::If(condition) => {
                        self.at += 1;
                        nodes.push(self.condition(condition, at, depth)?);
                        continue;
                    }
                    Word::Print => Node::Print(self.expression(action, at)?),
                },
            };
            self.at += 1;
            self.count()?;
            nodes.push(node);
        }
        Ok(nodes)
    }

    /// What follows `if CONDITION`, its `end` included.
    fn condition(
        &mut self,
        condition: &'a str,
        at: usize,
        depth: usize,
    ) -> Result<Node, TemplateError> {
        self.count()?;
        let condition = self.expression(condition, at)?;
        let then = self.block(depth + 1)?;
        let unclosed = syntax(at, "an `if` has no `end`");
        let after = self.next().map(|piece| match piece.what {
            What::Action(action) => word(action),
            What::Text(_) => Word::Print,
        });
        let otherwise = match after {
            Some(Word::End) => Vec::new(),
            Some(Word::ElseIf(next)) => vec![self.condition(next, at, depth + 1)?],
            Some(Word::Else) => {
                let otherwise = self.block(depth + 1)?;
                let end = self.next().map(|piece| match piece.what {
                    What::Action(action) => word(action) == Word::End,
                    What::Text(_) => false,
                });
                if end != Some(true) {
                    return Err(unclosed);
                }
                otherwise
            }
            _ => return Err(unclosed),
        };
        Ok(Node::If {
            condition,
            then,
            otherwise,
        })
    }

    fn expression(&mut self, action: &str, at: usize) -> Result<Expression, TemplateError> {
        let tokens = tokens(action, at)?;
        let mut tokens = tokens.into_iter().peekable();
        let expression = self.pipeline(&mut tokens, at, 0)?;
        match tokens.next() {
            None => Ok(expression),
            Some(_) => Err(syntax(at, "something follows the expression")),
        }
    }

    /// `command | command …`: each gets the one before as its last argument.
    fn pipeline(
        &mut self,
        tokens: &mut std::iter::Peekable<std::vec::IntoIter<Token>>,
        at: usize,
        depth: usize,
    ) -> Result<Expression, TemplateError> {
        if depth > DEPTH {
            return Err(TemplateError::Limit("it is nested deeper than 16 levels"));
        }
        let mut piped = None;
        loop {
            let mut words = Vec::new();
            while let Some(token) =
                tokens.next_if(|token| !matches!(token, Token::Close | Token::Pipe))
            {
                self.count()?;
                words.push(match token {
                    Token::Open => {
                        let inner = self.pipeline(tokens, at, depth + 1)?;
                        match tokens.next() {
                            Some(Token::Close) => Operand::Expression(inner),
                            _ => return Err(syntax(at, "a parenthesis is not closed")),
                        }
                    }
                    Token::Dot => Operand::Dot,
                    Token::Claim(name) => Operand::Expression(Expression::Claim(name)),
                    Token::Text(text) => Operand::Expression(Expression::Literal(text)),
                    Token::Name(name) => Operand::Name(name),
                    Token::Close | Token::Pipe => return Err(syntax(at, "nothing to pipe")),
                });
            }
            words.extend(piped.take().map(Operand::Expression));
            let command = command(words, at)?;
            match tokens.peek() {
                Some(Token::Pipe) => {
                    tokens.next();
                    piped = Some(command);
                }
                _ => return Ok(command),
            }
        }
    }
}

enum Operand {
    Dot,
    Expression(Expression),
    Name(String),
}

fn command(words: Vec<Operand>, at: usize) -> Result<Expression, TemplateError> {
    let mut words = words.into_iter();
    let name = match words.next() {
        None => return Err(syntax(at, "an action is empty")),
        Some(Operand::Dot) => return Err(syntax(at, "`.` alone is all claims, not one")),
        Some(Operand::Expression(expression)) => {
            return match words.next() {
                None => Ok(expression),
                Some(_) => Err(syntax(at, "only functions take arguments")),
            };
        }
        Some(Operand::Name(name)) => name,
    };
    if name == "index" {
        return match (words.next(), words.next(), words.next()) {
            (Some(Operand::Dot), Some(Operand::Expression(Expression::Literal(claim))), None) => {
                Ok(Expression::Index(claim))
            }
            _ => Err(syntax(at, "`index` is used as `index . \"claim\"` only")),
        };
    }
    let (function, least, most) = match name.as_str() {
        "and" => (Function::And, 1, usize::MAX),
        "or" => (Function::Or, 1, usize::MAX),
        "not" => (Function::Not, 1, 1),
        "eq" => (Function::Equal, 2, usize::MAX),
        "ne" => (Function::NotEqual, 2, 2),
        "printf" => (Function::Printf, 1, usize::MAX),
        _ => {
            return Err(syntax(
                at,
                "this function or keyword of Go is not known here",
            ));
        }
    };
    let arguments = words
        .map(|word| match word {
            Operand::Expression(expression) => Ok(expression),
            Operand::Dot | Operand::Name(_) => {
                Err(syntax(at, "an argument is neither a claim nor a text"))
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    if !(least..=most).contains(&arguments.len()) {
        return Err(syntax(at, "a function has too few or too many arguments"));
    }
    if function == Function::Printf {
        check_format(&arguments, at)?;
    }
    Ok(Expression::Call(function, arguments))
}

/// Only `%s`, `%v` and `%%`, as many as there are arguments.
fn check_format(arguments: &[Expression], at: usize) -> Result<(), TemplateError> {
    let Some(Expression::Literal(format)) = arguments.first() else {
        return Err(syntax(at, "the format of `printf` must be a text"));
    };
    let (mut verbs, mut characters) = (0, format.chars());
    while let Some(c) = characters.next() {
        if c == '%' {
            match characters.next() {
                Some('s' | 'v') => verbs += 1,
                Some('%') => {}
                _ => return Err(syntax(at, "`printf` knows %s, %v and %% only")),
            }
        }
    }
    match verbs + 1 == arguments.len() {
        true => Ok(()),
        false => Err(syntax(
            at,
            "`printf` has another number of arguments than verbs",
        )),
    }
}
