//! Regular expressions as cosign takes them: RE2's syntax, bounded (rule R17).
//!
//! The engine is linear in the value. Names are compared as bytes and classes
//! are ASCII, as in Go; whatever both languages accept but read differently is
//! refused, because a policy must not change its meaning with the verifier.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::{
    ast::{self, AssertionKind, Ast, ClassSetItem, Flag, FlagsItemKind, GroupKind, parse},
    hir::Look,
};

use super::matcher::{Anchoring, PatternError};

/// Bytes of a compiled expression, and of what is remembered while matching.
const MEMORY: usize = 1 << 20;
/// Groups within groups.
const NESTING: u32 = 32;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    anchoring: Anchoring,
    anchored: bool,
    compiled: Regex,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.anchoring == other.anchoring
    }
}

impl Eq for Expression {}

impl Expression {
    pub(super) fn new(text: &str, anchoring: Anchoring) -> Result<Self, PatternError> {
        let unreadable = |detail: String| PatternError::Regex { detail };
        let ast = parse::ParserBuilder::new()
            .nest_limit(NESTING)
            .build()
            .parse(text)
            .map_err(|error| unreadable(error.kind().to_string()))?;
        ast::visit(&ast, Foreign)?;
        let meaning = regex_syntax::ParserBuilder::new()
            .nest_limit(NESTING)
            .unicode(false)
            .utf8(false)
            .build()
            .parse(text)
            .map_err(|error| unreadable(error.to_string()))?;
        let meaning = meaning.properties();
        let anchored = anchoring == Anchoring::Whole
            || (meaning.look_set_prefix().contains(Look::Start)
                && meaning.look_set_suffix().contains(Look::End));
        // The text alone was read above, so the group cannot end early.
        let whole = match anchoring {
            Anchoring::AsWritten => text.to_owned(),
            Anchoring::Whole => format!(r"\A(?:{text})\z"),
        };
        let compiled = RegexBuilder::new(&whole)
            .unicode(false)
            .nest_limit(NESTING + 2)
            .size_limit(MEMORY)
            .dfa_size_limit(MEMORY)
            .build()
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            anchoring,
            anchored,
            compiled,
        })
    }

    pub(super) fn matches(&self, value: &str) -> bool {
        self.compiled.is_match(value.as_bytes())
    }

    pub(super) fn is_anchored(&self) -> bool {
        self.anchored
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Looks for what Go reads otherwise.
struct Foreign;

impl Foreign {
    fn flags(items: &[ast::FlagsItem]) -> Result<(), PatternError> {
        let strange = |item: &ast::FlagsItem| {
            matches!(
                item.kind,
                FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace)
            )
        };
        if items.iter().any(strange) {
            return Err(PatternError::Foreign {
                what: "the flag x, u or R",
            });
        }
        Ok(())
    }
}

impl ast::Visitor for Foreign {
    type Output = ();
    type Err = PatternError;

    fn finish(self) -> Result<(), PatternError> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), PatternError> {
        match ast {
            Ast::Flags(flags) => Self::flags(&flags.flags.items),
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(flags) => Self::flags(&flags.items),
                _ => Ok(()),
            },
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary => Ok(()),
                _ => Err(PatternError::Foreign {
                    what: "an edge of a word such as \\<",
                }),
            },
            _ => Ok(()),
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), PatternError> {
        match item {
            ClassSetItem::Bracketed(_) => Err(PatternError::Foreign {
                what: "a set within a set",
            }),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(
        &mut self,
        _: &ast::ClassSetBinaryOp,
    ) -> Result<(), PatternError> {
        Err(PatternError::Foreign {
            what: "&&, -- or ~~ in a set",
        })
    }
}
