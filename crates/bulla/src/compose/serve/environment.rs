//! `BULLA_SERVE_…`: variables that take the place of keys of the configuration.
//!
//! The rest of the name is the key's path in capitals, sections parted by two
//! underscores: `BULLA_SERVE_LISTEN__PUBLIC` is `public` in `[listen]`. Values
//! that read as TOML numbers, booleans, arrays or tables are taken as such, all
//! others as text. A variable that names no key is an error like the key itself.

use std::ffi::OsString;
use toml::{Table, Value};

use super::config::refuse;
use crate::failure::Failure;

const PREFIX: &str = "BULLA_SERVE_";
/// Keys whose own form has dashes.
const DASHED: [&str; 3] = ["base_url", "rekor_v1", "rekor_v2"];
/// How deep sections lie.
const DEPTH: usize = 4;

/// Applies them; tells whether there was one.
///
/// # Errors
/// If one is not text, or names a section where a value stands.
pub fn apply(
    table: &mut Table,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<bool, Failure> {
    let mut changed = false;
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let value = value
            .to_str()
            .ok_or_else(|| refuse(format!("{name} is not text")))?;
        let path = name.trim_start_matches(PREFIX).to_ascii_lowercase();
        let path: Vec<String> = path.split("__").map(dashed).collect();
        if path.len() > DEPTH || path.iter().any(String::is_empty) {
            return Err(refuse(format!("{name} names no key"))
                .hint("part sections by two underscores: BULLA_SERVE_LISTEN__PUBLIC"));
        }
        set(table, &path, read(value))
            .ok_or_else(|| refuse(format!("{name} names a section where the file has a value")))?;
        changed = true;
    }
    Ok(changed)
}

fn dashed(part: &str) -> String {
    match DASHED.contains(&part) {
        true => part.replace('_', "-"),
        false => part.into(),
    }
}

fn set(table: &mut Table, path: &[String], value: Value) -> Option<()> {
    let (last, sections) = path.split_last()?;
    let mut table = table;
    for section in sections {
        let entry = table
            .entry(section.clone())
            .or_insert_with(|| Value::Table(Table::new()));
        table = entry.as_table_mut()?;
    }
    table.insert(last.clone(), value);
    Some(())
}

fn read(text: &str) -> Value {
    let parsed = format!("value = {text}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    match parsed {
        Some(
            value @ (Value::Integer(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_)),
        ) => value,
        _ => Value::String(text.into()),
    }
}

/// The configuration as it is in force, for a person: PINs in references are left out.
pub fn shown(table: &Table) -> String {
    fn hide(value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(start) = text.find("pin-value=") {
                    let from = start + "pin-value=".len();
                    let end = text[from..].find('&').map_or(text.len(), |end| from + end);
                    text.replace_range(from..end, "…");
                }
            }
            Value::Array(values) => values.iter_mut().for_each(hide),
            Value::Table(table) => table.iter_mut().for_each(|(_, value)| hide(value)),
            _ => {}
        }
    }
    let mut value = Value::Table(table.clone());
    hide(&mut value);
    value.to_string()
}
