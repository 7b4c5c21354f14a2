//! `key=value,key=value`: how cosign's flags describe one service.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::failure::Failure;

/// One service, as a flag describes it.
pub struct Spec<'a> {
    flag: &'static str,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Spec<'a> {
    /// Reads a description; `known` are the keys it may have, and each only once.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(flag: &'static str, text: &'a str, known: &[&str]) -> Result<Self, Failure> {
        let mut spec = Self {
            flag,
            pairs: Vec::new(),
        };
        for pair in text.split(',') {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| spec.wrong(&format!("invalid key-value pair: {pair}")))?;
            let key = key.trim();
            if !known.contains(&key) || spec.get(key).is_some() {
                let text = format!("the key {key} is not known, or given twice");
                return Err(spec
                    .wrong(&text)
                    .hint(format!("its keys: {}", known.join(", "))));
            }
            spec.pairs.push((key, value.trim()));
        }
        Ok(spec)
    }

    /// A value, where it is given and not empty.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let found = self.pairs.iter().find(|(own, _)| *own == key);
        found
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    }

    /// A value that must be given.
    ///
    /// # Errors
    /// If it is not.
    pub fn need(&self, key: &str) -> Result<&'a str, Failure> {
        self.get(key)
            .ok_or_else(|| self.wrong(&format!("missing or empty required key '{key}'")))
    }

    /// From when and until when it counts; `start` where the flag says nothing.
    ///
    /// # Errors
    /// If a time cannot be read, or there is no start.
    pub fn valid_for(&self, start: Option<Timestamp>) -> Result<Value, Failure> {
        let time = |key: &str| -> Result<Option<Timestamp>, Failure> {
            let Some(text) = self.get(key) else {
                return Ok(None);
            };
            let time = text
                .parse()
                .map_err(|_| self.wrong(&format!("{key} is no RFC 3339 time: {text}")))?;
            Ok(Some(time))
        };
        let start = match time("start-time")?.or(start) {
            Some(start) => start,
            None => return Err(self.wrong("missing or empty required key 'start-time'")),
        };
        let Some(end) = time("end-time")? else {
            return Ok(json!({"start": start.to_string()}));
        };
        if end < start {
            return Err(self.wrong("it ends before it starts"));
        }
        Ok(json!({"start": start.to_string(), "end": end.to_string()}))
    }

    /// A failure that names the flag.
    pub fn wrong(&self, why: &str) -> Failure {
        Failure::coded("CLI-0420", format!("parsing {} spec: {why}", self.flag))
    }
}
