//! Rust source as a flat list of tokens: just enough to find words and literals.
//!
//! Knows comments, doc comments, strings (raw and byte too), characters and
//! lifetimes, so that a word inside a string is never taken for code. It does
//! not parse: the rules that use it look at neighbouring tokens only.

/// One token and the line it starts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The line, from 1.
    pub line: usize,
}

/// The kinds of token that the rules tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A `///` line, without the slashes.
    Doc(String),
    /// A `//!` line, without the slashes.
    InnerDoc(String),
    /// A word or number.
    Word(String),
    /// Any other single character.
    Mark(char),
    /// The value of a string literal (escapes other than `\"`, `\\`, `\n` kept).
    Text(String),
}

impl Token {
    /// Whether it is this word.
    pub fn is(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(w) if w == word)
    }

    /// Whether it is this mark.
    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// The word it is.
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The literal it is.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The tokens of `source`.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        out: Vec::new(),
    };
    lexer.run();
    lexer.out
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    out: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn next(&mut self) -> char {
        let c = self.peek(0);
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        c
    }

    fn push(&mut self, line: usize, kind: Kind) {
        self.out.push(Token { kind, line });
    }

    fn run(&mut self) {
        while self.at < self.chars.len() {
            let line = self.line;
            match self.peek(0) {
                '/' if self.peek(1) == '/' => self.line_comment(line),
                '/' if self.peek(1) == '*' => self.block_comment(),
                '"' => {
                    self.next();
                    let text = self.string();
                    self.push(line, Kind::Text(text));
                }
                '\'' => self.quote(line),
                c if c.is_alphanumeric() || c == '_' => self.word(line),
                c if c.is_whitespace() => {
                    self.next();
                }
                c => {
                    self.next();
                    self.push(line, Kind::Mark(c));
                }
            }
        }
    }

    fn line_comment(&mut self, line: usize) {
        let mut text = String::new();
        while self.at < self.chars.len() && self.peek(0) != '\n' {
            text.push(self.next());
        }
        if let Some(doc) = text.strip_prefix("//!") {
            self.push(line, Kind::InnerDoc(doc.trim().to_owned()));
        } else if let Some(doc) = text.strip_prefix("///") {
            self.push(line, Kind::Doc(doc.trim().to_owned()));
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => {
                    depth += 1;
                    self.next();
                }
                ('*', '/') => {
                    depth -= 1;
                    self.next();
                }
                _ => {}
            }
            self.next();
            if depth == 0 {
                return;
            }
        }
    }

    /// The rest of a string whose opening quote is consumed.
    fn string(&mut self) -> String {
        let mut text = String::new();
        while self.at < self.chars.len() {
            match self.next() {
                '"' => break,
                '\\' => match self.next() {
                    'n' => text.push('\n'),
                    '\n' => {
                        while self.peek(0).is_whitespace() {
                            self.next();
                        }
                    }
                    c @ ('"' | '\\' | '\'') => text.push(c),
                    c => {
                        text.push('\\');
                        text.push(c);
                    }
                },
                c => text.push(c),
            }
        }
        text
    }

    fn raw_string(&mut self) -> String {
        let mut hashes = 0;
        while self.peek(0) == '#' {
            hashes += 1;
            self.next();
        }
        self.next();
        let mut text = String::new();
        while self.at < self.chars.len() {
            if self.peek(0) == '"' && (1..=hashes).all(|i| self.peek(i) == '#') {
                self.at += 1 + hashes;
                break;
            }
            text.push(self.next());
        }
        text
    }

    /// A character literal or a lifetime.
    fn quote(&mut self, line: usize) {
        self.next();
        if self.peek(0) == '\\' {
            self.next();
            self.next();
            while self.at < self.chars.len() && self.next() != '\'' {}
        } else if self.peek(1) == '\'' {
            self.next();
            self.next();
        } else {
            self.push(line, Kind::Mark('\''));
        }
    }

    fn word(&mut self, line: usize) {
        let mut word = String::new();
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            word.push(self.next());
        }
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        if raw
            && (self.peek(0) == '"' || (self.peek(0) == '#' && matches!(self.peek(1), '#' | '"')))
        {
            let text = self.raw_string();
            self.push(line, Kind::Text(text));
        } else if matches!(word.as_str(), "b" | "c") && self.peek(0) == '"' {
            self.next();
            let text = self.string();
            self.push(line, Kind::Text(text));
        } else if word == "b" && self.peek(0) == '\'' {
            self.quote(line);
        } else if word == "r" && self.peek(0) == '#' {
            // A keyword used as a name: `r#type`.
            self.next();
            self.word(line);
        } else {
            self.push(line, Kind::Word(word));
        }
    }
}

#[cfg(test)]
mod tests;
