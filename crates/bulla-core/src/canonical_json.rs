//! Canonical JSON: RFC 8785 (JCS) for log entries, OLPC's form for TUF.

use serde::Serialize;
use serde_json::Value;

/// RFC 8785 bytes of `value`.
///
/// # Errors
/// If a number cannot be represented or `value` fails to serialize.
pub fn jcs<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// The canonical JSON that TUF signs: keys sorted by bytes, no white space,
/// strings with only `"` and `\` escaped. Floating-point numbers are refused.
///
/// # Errors
/// If `value` fails to serialize or holds a number that is not an integer.
pub fn olpc<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    let mut out = Vec::new();
    write_olpc(&value, &mut out)?;
    Ok(out)
}

fn write_olpc(value: &Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_f64() => {
            return Err(serde::ser::Error::custom("canonical JSON has no fractions"));
        }
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => write_olpc_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_olpc(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_olpc_string(key, out);
                out.push(b':');
                write_olpc(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_olpc_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_keys_and_drops_space() {
        let value = serde_json::json!({"b": [1, true, null], "a": "x\"y\n"});
        assert_eq!(
            olpc(&value).unwrap(),
            b"{\"a\":\"x\\\"y\n\",\"b\":[1,true,null]}"
        );
        assert_eq!(jcs(&value).unwrap(), br#"{"a":"x\"y\n","b":[1,true,null]}"#);
        assert!(olpc(&serde_json::json!(1.5)).is_err());
    }
}
