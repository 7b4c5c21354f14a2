//! One flag of cosign's command line: its name, what it takes, whether it works.
//!
//! The tables in [`super::flags`] are made of these. They drive the parser, the
//! help text and the test that compares them with the real program, so a flag
//! cannot be accepted without being described.

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Values separated by commas; may be repeated.
    List,
    /// One value each time; may be repeated.
    Many,
    /// A whole number.
    Number,
    /// Nothing, or `=true` / `=false`.
    Switch,
    /// A length of time such as `3m0s`.
    Time,
    /// One value; the last one counts.
    Text,
}

/// Whether a flag does what it does in cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is accepted and changes nothing here; says why.
    NoEffect(&'static str),
    /// It is known, but what it asks for cannot be done here; says what to do instead.
    Refused(&'static str),
    /// It works.
    Works,
}

/// One flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its long name, without dashes.
    pub name: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// What counts when it is not given.
    pub default: &'static str,
    /// Whether it works.
    pub standing: Standing,
    /// Where it is deprecated: what to use instead.
    pub old: Option<&'static str>,
    /// What it is for.
    pub about: &'static str,
}

impl Flag {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            short: None,
            kind,
            default: "",
            standing: Standing::Works,
            old: None,
            about,
        }
    }

    /// A flag with one value.
    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }

    /// A flag that is on or off, off by default.
    pub const fn switch(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Switch, about).or("false")
    }

    /// A flag whose value is a list.
    pub const fn list(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::List, about)
    }

    /// A flag that may be repeated.
    pub const fn many(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Many, about)
    }

    /// A flag whose value is a whole number.
    pub const fn number(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Number, about)
    }

    /// A flag whose value is a length of time.
    pub const fn time(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Time, about)
    }

    /// Its letter.
    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// What counts when it is not given.
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// Deprecated by cosign, in favour of what is named.
    pub const fn old(mut self, instead: &'static str) -> Self {
        self.old = Some(instead);
        self
    }

    /// Accepted without an effect, because …
    pub const fn no_effect(mut self, why: &'static str) -> Self {
        self.standing = Standing::NoEffect(why);
        self
    }

    /// Known and refused; what to do instead.
    pub const fn refused(mut self, instead: &'static str) -> Self {
        self.standing = Standing::Refused(instead);
        self
    }
}
