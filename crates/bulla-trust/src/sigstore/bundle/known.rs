//! Bundles with words that the parser does not know, though signers write them.
//!
//! They are read once more as plain JSON, by a reader that refuses what the parser
//! refuses, too: a name that stands twice in one object, which two readers would
//! understand differently.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, json};
use sigstore_types::Bundle;
use std::fmt;

use super::kinds;
use crate::sigstore::evidence::Kind;

/// A bundle in words that the parser knows, with the kinds of its entries.
///
/// Two things are written that it does not take. cosign 3 writes an empty
/// `messageDigest` beside a signature by Ed25519, which means none: it is only a
/// hint. And Rekor v2 logs dsse 0.0.2, which is read as 0.0.1 and named here.
pub(super) fn read(bytes: &[u8]) -> Option<(Bundle, Vec<Option<Kind>>)> {
    let Distinct(mut json) = serde_json::from_slice(bytes).ok()?;
    if let Some(message) = json.get_mut("messageSignature") {
        let message = message.as_object_mut()?;
        if message
            .get("messageDigest")
            .and_then(|digest| digest.as_object())
            .is_some_and(Map::is_empty)
        {
            message.remove("messageDigest");
        }
    }
    let mut seconds = Vec::new();
    if let Some(entries) = json.pointer_mut("/verificationMaterial/tlogEntries") {
        for (place, entry) in entries.as_array_mut()?.iter_mut().enumerate() {
            let named = entry.get_mut("kindVersion")?;
            if *named == json!({"kind": "dsse", "version": "0.0.2"}) {
                named["version"] = "0.0.1".into();
                seconds.push(place);
            }
        }
    }
    let bundle = serde_json::from_value(json).ok()?;
    let mut kinds = kinds(&bundle);
    for place in seconds {
        *kinds.get_mut(place)? = Some(Kind::Dsse2);
    }
    Some((bundle, kinds))
}

/// JSON in which no object has a name twice.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a name that stands twice")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Distinct(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Distinct(value))) = entries.next_entry::<String, _>()? {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
        }
        Ok(map.into())
    }
}
