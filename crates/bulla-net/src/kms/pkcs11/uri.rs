//! `pkcs11:` URIs (RFC 7512), as far as they name a key: which token, which
//! object, which module. An attribute that is not known is refused, for it may
//! be what tells two keys apart.

use std::{fmt, path::PathBuf, str::FromStr};

use cryptoki::types::AuthPin;

const MAX_BYTES: usize = 4096;

/// What a `pkcs11:` URI says. `Debug` does not show the PIN; `Display` leaves
/// it out.
#[derive(Clone, Debug, Default)]
pub struct KeyUri {
    /// The token's label.
    pub token: Option<String>,
    /// The token's manufacturer.
    pub manufacturer: Option<String>,
    /// The token's model.
    pub model: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// The slot.
    pub slot_id: Option<u64>,
    /// The key's label.
    pub object: Option<String>,
    /// The key's id.
    pub id: Option<Vec<u8>>,
    /// The module's absolute path.
    pub module_path: Option<PathBuf>,
    /// The module's name, without `lib` and suffix.
    pub module_name: Option<String>,
    pub(super) pin: Option<AuthPin>,
}

/// Why a text is not the URI of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriFlaw {
    /// An attribute that is not known here.
    #[error("the attribute {0:?} is not supported")]
    Attribute(String),
    /// Neither `object` nor `id`, or neither `token` nor `slot-id`.
    #[error("it must name a token (token or slot-id) and a key (object or id)")]
    Incomplete,
    /// Not of the form.
    #[error("it is malformed")]
    Malformed,
    /// The same attribute twice.
    #[error("the attribute {0:?} stands there twice")]
    Twice(String),
}

impl FromStr for KeyUri {
    type Err = UriFlaw;

    fn from_str(text: &str) -> Result<Self, UriFlaw> {
        let rest = text.strip_prefix("pkcs11:").ok_or(UriFlaw::Malformed)?;
        if rest.len() > MAX_BYTES {
            return Err(UriFlaw::Malformed);
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        // cosign takes both separators in the query.
        let attributes = path.split(';').chain(query.split(['&', ';']));
        for attribute in attributes.filter(|attribute| !attribute.is_empty()) {
            let (name, value) = attribute.split_once('=').ok_or(UriFlaw::Malformed)?;
            let value = decode(value).filter(|value| !value.is_empty());
            uri.set(name, value.ok_or(UriFlaw::Malformed)?)?;
        }
        let token = uri.token.is_some() || uri.serial.is_some() || uri.slot_id.is_some();
        if !token || uri.object.is_none() && uri.id.is_none() {
            return Err(UriFlaw::Incomplete);
        }
        Ok(uri)
    }
}

impl KeyUri {
    fn set(&mut self, name: &str, value: Vec<u8>) -> Result<(), UriFlaw> {
        let twice = |there: bool| match there {
            true => Err(UriFlaw::Twice(name.to_owned())),
            false => Ok(()),
        };
        if name == "id" {
            twice(self.id.is_some())?;
            self.id = Some(value);
            return Ok(());
        }
        let value = String::from_utf8(value).map_err(|_| UriFlaw::Malformed)?;
        let place = match name {
            "token" => &mut self.token,
            "manufacturer" => &mut self.manufacturer,
            "model" => &mut self.model,
            "serial" => &mut self.serial,
            "object" => &mut self.object,
            "module-name" => &mut self.module_name,
            "slot-id" => {
                twice(self.slot_id.is_some())?;
                self.slot_id = Some(value.parse().map_err(|_| UriFlaw::Malformed)?);
                return Ok(());
            }
            "module-path" => {
                twice(self.module_path.is_some())?;
                self.module_path = Some(value.into());
                return Ok(());
            }
            "pin-value" => {
                twice(self.pin.is_some())?;
                self.pin = Some(AuthPin::from(value));
                return Ok(());
            }
            // All of a key's objects are looked for whatever it says.
            "type" if matches!(value.as_str(), "private" | "public" | "cert") => return Ok(()),
            _ => return Err(UriFlaw::Attribute(name.chars().take(64).collect())),
        };
        twice(place.is_some())?;
        *place = Some(value);
        Ok(())
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.slot_id.map(|slot| slot.to_string());
        let texts = [
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("serial", &self.serial),
            ("slot-id", &slot),
            ("object", &self.object),
        ];
        let mut path = Vec::new();
        for (name, value) in texts {
            if let Some(value) = value {
                path.push(format!("{name}={}", encode(value.as_bytes())));
            }
        }
        if let Some(id) = &self.id {
            let id: String = id.iter().map(|byte| format!("%{byte:02x}")).collect();
            path.push(format!("id={id}"));
        }
        write!(f, "pkcs11:{}", path.join(";"))?;
        match (&self.module_path, &self.module_name) {
            (Some(path), _) => {
                let path = encode(path.as_os_str().as_encoded_bytes());
                write!(f, "?module-path={path}")
            }
            (None, Some(name)) => write!(f, "?module-name={}", encode(name.as_bytes())),
            (None, None) => Ok(()),
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
