//! Where two JSON values differ, by path.

use std::fmt::Write as _;

use serde_json::Value;

/// How many differences of one reply are told.
const MOST: usize = 10;

/// Where `new` differs from `old`: `.items[0].price: 5 → 6`. The order of an object's keys is no difference.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(old, new, &mut String::new(), &mut found);
    if found.len() > MOST {
        let more = found.len() - MOST;
        found.truncate(MOST);
        found.push(format!("and {more} more"));
    }
    found
}

fn compare(old: &Value, new: &Value, path: &mut String, found: &mut Vec<String>) {
    let length = path.len();
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                step(path, key);
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(old, new, path, found),
                    (Some(old), None) => found.push(format!("{path}: {} → nothing", short(old))),
                    (None, Some(new)) => found.push(format!("{path}: nothing → {}", short(new))),
                    (None, None) => {}
                }
                path.truncate(length);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let _ = write!(path, "[{index}]");
                compare(old, new, path, found);
                path.truncate(length);
            }
        }
        (old, new) if old == new => {}
        (old, new) => {
            let place = if path.is_empty() { "." } else { path };
            found.push(format!("{place}: {} → {}", short(old), short(new)));
        }
    }
}

fn step(path: &mut String, key: &str) {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    path.push('.');
    if is_plain {
        path.push_str(key);
    } else {
        path.push_str(&Value::from(key).to_string());
    }
}

/// A value as it fits on a line.
pub(super) fn short(value: &Value) -> String {
    const WIDEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(WIDEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_path() {
        #[track_caller]
        fn check(old: &str, new: &str, want: &[&str]) {
            let value = |text| serde_json::from_str::<Value>(text).expect("JSON");
            assert_eq!(differences(&value(old), &value(new)), want);
        }
        check(r#"{"a":1,"b":[1,2]}"#, r#"{"b":[1,2],"a":1}"#, &[]);
        check(r#"{"a":{"b":[1,{"c":2}]}}"#, r#"{"a":{"b":[1,{"c":3}]}}"#, &[".a.b[1].c: 2 → 3"]);
        check(r#"{"a":1}"#, r#"{"b c":null}"#, &[".a: 1 → nothing", ".\"b c\": nothing → null"]);
        check("[1]", "[1,2]", &[".: [1] → [1,2]"]);
        check("1", "\"1\"", &[".: 1 → \"1\""]);
        let many = |with: u8| {
            let entries: Vec<_> = (0..12).map(|n| format!("\"k{n}\":{with}")).collect();
            format!("{{{}}}", entries.join(","))
        };
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let found = differences(&value(&many(1)), &value(&many(2)));
        assert_eq!((found.len(), found[10].as_str()), (11, "and 2 more"));
    }
}
