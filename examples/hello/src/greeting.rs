//! Greetings by language, and a frame to put around them.

/// A language that can greet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Akkadian,
    English,
    French,
    German,
    Japanese,
}

impl Language {
    const ALL: [Self; 5] = [
        Self::Akkadian,
        Self::English,
        Self::French,
        Self::German,
        Self::Japanese,
    ];

    /// The language of an ISO 639 code; `any` picks one.
    pub fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "akk" => Self::Akkadian,
            "en" => Self::English,
            "fr" => Self::French,
            "de" => Self::German,
            "ja" => Self::Japanese,
            "any" => Self::ALL[fastrand::usize(..Self::ALL.len())],
            _ => return None,
        })
    }

    /// The greeting.
    pub fn greet(self, name: &str, year: &str) -> String {
        match self {
            Self::Akkadian => format!("Šulmu, {name}! (some 5,000 years after the first bulla)"),
            Self::English => format!("Hello, {name}, in {year}!"),
            Self::French => format!("Bonjour, {name}, en {year} !"),
            Self::German => format!("Hallo, {name}, im Jahr {year}!"),
            Self::Japanese => format!("こんにちは、{name}さん、{year}年です！"),
        }
    }
}

/// `text` wrapped at `width` columns, with a frame around it.
pub fn frame(text: &str, width: usize) -> String {
    let lines = textwrap::wrap(text, width);
    let inner = lines
        .iter()
        .map(|line| textwrap::core::display_width(line))
        .max()
        .unwrap_or(0);
    let mut framed = format!("╭{}╮\n", "─".repeat(inner + 2));
    for line in &lines {
        let gap = " ".repeat(inner - textwrap::core::display_width(line));
        framed.push_str(&format!("│ {line}{gap} │\n"));
    }
    framed.push_str(&format!("╰{}╯", "─".repeat(inner + 2)));
    framed
}

#[cfg(test)]
mod tests {
    use super::{Language, frame};

    #[test]
    fn every_language_names_the_person() {
        for language in Language::ALL {
            assert!(language.greet("Dana", "2026").contains("Dana"));
        }
    }

    #[test]
    fn a_frame_is_straight() {
        let framed = frame(&Language::Japanese.greet("Dana", "2026"), 20);
        let widths: Vec<usize> = framed.lines().map(textwrap::core::display_width).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{framed}");
    }
}
