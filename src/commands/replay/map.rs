//! `--map OLD=NEW`: what was recorded for one pattern goes to another.

use std::str::FromStr;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::message::Pattern;
use crate::payload;

/// One `--map`.
#[derive(Clone, Debug)]
pub struct Mapping {
    text: String,
    old: Old,
    new: Pattern,
}

#[derive(Clone, Debug)]
enum Old {
    Text(String),
    /// What stands before and behind the `*`.
    Around(String, String),
    Json(Value),
}

impl FromStr for Mapping {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = |why: &str| {
            Fault::new(format!("`--map {text}`: {why}")).hint(
                "write the recorded pattern and the new one: 'orders.get=v2.orders.get', 'orders.*=v2.*'",
            )
        };
        let (old, new) = if text.starts_with('{') {
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>();
            let Some(Ok(_)) = values.next() else {
                return Err(fault("the pattern starts with `{` and is not JSON"));
            };
            text.split_at(values.byte_offset())
        } else {
            text.split_at(text.find('=').ok_or_else(|| fault("there is no `=`"))?)
        };
        let new = new.trim_start().strip_prefix('=').ok_or_else(|| fault("no `=` follows the pattern"))?;
        if old.is_empty() || new.is_empty() {
            return Err(fault("a pattern is missing"));
        }
        let new = payload::parse_pattern(new)?;
        let old = if old.starts_with('{') {
            Old::Json(serde_json::from_str(old).map_err(|error| fault(&error.to_string()))?)
        } else {
            match (old.split_once('*'), new.as_str().matches('*').count()) {
                (Some((before, after)), 1) if !after.contains('*') => {
                    Old::Around(before.to_owned(), after.to_owned())
                }
                _ => Old::Text(old.to_owned()),
            }
        };
        Ok(Self { text: text.to_owned(), old, new })
    }
}

impl Mapping {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What `pattern` becomes; `None` where this says nothing about it.
    pub fn apply(&self, pattern: &Pattern) -> Option<Pattern> {
        match (&self.old, pattern) {
            (Old::Text(old), _) => (old == pattern.as_str()).then(|| self.new.clone()),
            (Old::Around(before, after), Pattern::Text(text)) => {
                let between = text.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
                Some(Pattern::Text(self.new.as_str().replacen('*', between, 1)))
            }
            (Old::Around(..), Pattern::Json(_)) => None,
            (Old::Json(old), _) => {
                let same = serde_json::from_str::<Value>(pattern.as_str()).is_ok_and(|value| value == *old);
                same.then(|| self.new.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_becomes_another() {
        #[track_caller]
        fn check(map: &str, pattern: &str, want: Option<&str>) {
            let map: Mapping = map.parse().expect("a map");
            let pattern = payload::parse_pattern(pattern).expect("a pattern");
            assert_eq!(map.apply(&pattern).as_ref().map(Pattern::as_str), want);
        }
        check("a.b=c", "a.b", Some("c"));
        check("a.b=c", "a.b.c", None);
        check("a.*=b.*.c", "a.x.y", Some("b.x.y.c"));
        check("*=v2.*", "a", Some("v2.a"));
        check("a.*=b", "a.*", Some("b"));
        check(r#"{"cmd":"a"}=b"#, r#"{ "cmd" : "a" }"#, Some("b"));
        check(r#"a={"cmd":"a=b"}"#, "a", Some(r#"{"cmd":"a=b"}"#));
        check(r#"{"cmd":"a"}=b"#, "a", None);
        for bad in ["a", "=b", "a=", r#"{"a"=b"#, r#"{"a":1}b"#, "a={x"] {
            assert!(bad.parse::<Mapping>().is_err(), "{bad}");
        }
    }
}
