//! How old something may be: a whole number of days, hours or minutes (`14d`).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// A positive span of time, at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    minutes: u32,
}

impl Age {
    const LONGEST: u32 = 10 * 366 * 24 * 60;

    /// Whether `then` lies further back from `now` than this.
    pub fn is_exceeded(self, then: Timestamp, now: Timestamp) -> bool {
        now.duration_since(then) > SignedDuration::from_mins(i64::from(self.minutes))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            m if m % (24 * 60) == 0 => write!(f, "{}d", m / (24 * 60)),
            m if m % 60 == 0 => write!(f, "{}h", m / 60),
            m => write!(f, "{m}m"),
        }
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown = crate::text::clean(text);
            format!("{shown:?} is not a span of time such as 14d, 12h or 30m (at most ten years)")
        };
        let unit = text.chars().last().ok_or_else(wrong)?;
        let factor = match unit {
            'd' => 24 * 60,
            'h' => 60,
            'm' => 1,
            _ => return Err(wrong()),
        };
        let number = text.strip_suffix(unit).unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let minutes = number
            .parse::<u32>()
            .ok()
            .and_then(|n| n.checked_mul(factor))
            .filter(|m| (1..=Self::LONGEST).contains(m))
            .ok_or_else(wrong)?;
        Ok(Self { minutes })
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_days_hours_and_minutes_only() {
        for (text, shown) in [
            ("14d", "14d"),
            ("48h", "2d"),
            ("90m", "90m"),
            ("36h", "36h"),
        ] {
            assert_eq!(text.parse::<Age>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1",
            "1w",
            "1.5d",
            "99999999999d",
            "4000d",
            "1 d",
            "é",
        ] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_limit_itself_is_not_exceeded() {
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let age: Age = "2d".parse().unwrap();
        assert!(!age.is_exceeded("2026-11-19T00:00:00Z".parse().unwrap(), now));
        assert!(age.is_exceeded("2026-11-18T23:59:59Z".parse().unwrap(), now));
    }
}
