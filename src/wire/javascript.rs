//! What JavaScript makes of a JSON text: Nest compares and prints values, not bytes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Whether `if (value)` would be taken: all but `false`, `null`, `""`, and what reads as zero.
pub fn is_truthy(json: &RawValue) -> bool {
    match json.get().as_bytes() {
        [b'f' | b'n', ..] | b"\"\"" => false,
        [b'-' | b'0'..=b'9', ..] => number(json) != 0.0,
        _ => true,
    }
}

/// The number that a JSON number is: too large is infinite, as in JavaScript.
pub(super) fn number(json: &RawValue) -> f64 {
    // RawValue holds valid JSON, whose numbers are all numbers to Rust.
    json.get().parse().unwrap_or(f64::NAN)
}

/// What a JSON string says; `None` for anything else, and for a string with a lone surrogate.
pub fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    match unescaped(json)? {
        Cow::Borrowed(text) => Some(Cow::Borrowed(std::str::from_utf8(text).ok()?)),
        Cow::Owned(text) => Some(Cow::Owned(String::from_utf8(text).ok()?)),
    }
}

/// What a JSON string says, lone surrogates as U+FFFD: the bytes Node would write.
pub(super) fn lossy_text(json: &RawValue) -> Option<Cow<'_, str>> {
    Some(match unescaped(json)? {
        Cow::Borrowed(text) => String::from_utf8_lossy(text),
        Cow::Owned(text) => Cow::Owned(replace_surrogates(text)),
    })
}

/// The bytes of a JSON string, lone surrogates as three bytes each (WTF-8).
fn unescaped(json: &RawValue) -> Option<Cow<'_, [u8]>> {
    let inner = json.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner.as_bytes()));
    }
    let mut parser = serde_json::Deserializer::from_str(json.get());
    parser.deserialize_byte_buf(Bytes).ok().map(Cow::Owned)
}

/// UTF-8 from WTF-8. A surrogate has three bytes there, and so has U+FFFD.
fn replace_surrogates(mut text: Vec<u8>) -> String {
    for at in 0..text.len().saturating_sub(2) {
        if text[at] == 0xED && text[at + 1] >= 0xA0 {
            text[at..at + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

/// What an object or an array holds, in the order of the text; an array's keys are its indices.
pub(super) struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MembersVisitor).map(Self)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        // A key is taken raw, because as text serde refuses a lone surrogate.
        while let Some((key, value)) = map.next_entry()? {
            members.push((lossy_text(key).unwrap_or_default().into_owned(), value));
        }
        Ok(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(value) = items.next_element()? {
            members.push((members.len().to_string(), value));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn truth_is_javascripts() {
        for falsy in ["null", "false", "0", "-0", "0.0", "-0.0e5", "1e-400", r#""""#] {
            assert!(!is_truthy(raw(falsy)), "{falsy}");
        }
        for truthy in ["true", "1", "-1", "1e400", "5e-324", "{}", "[]", r#"" ""#, r#""false""#, r#""0""#] {
            assert!(is_truthy(raw(truthy)), "{truthy}");
        }
    }

    #[test]
    fn a_string_says_what_its_escapes_mean() {
        assert_eq!(text(raw(r#""a\"\u00e9\ud83d\ude00""#)).as_deref(), Some("a\"é😀"));
        assert!(matches!(text(raw(r#""plain é""#)), Some(Cow::Borrowed("plain é"))));
        assert_eq!(text(raw(r#""a\ud83d""#)), None);
        assert_eq!(text(raw("5")), None);
        let lossy = |json| lossy_text(raw(json)).map(Cow::into_owned);
        assert_eq!(lossy(r#""a\ud83d""#).as_deref(), Some("a\u{fffd}"));
        // A pair that follows half a pair is whole, and U+D7FF, whose bytes begin like a surrogate's, stays.
        assert_eq!(lossy(r#""\ud83d\ud83d\ude00\ude00""#).as_deref(), Some("\u{fffd}😀\u{fffd}"));
        assert_eq!(lossy("\"\\n\u{d7ff}\"").as_deref(), Some("\n\u{d7ff}"));
    }
}
