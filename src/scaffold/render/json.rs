//! JSON by key: fragments add to the template's `package.json` and its like, and the result reads as if one hand
//! had written it.

use serde_json::{Map, Value};

/// The width of a line, as prettier has it.
const WIDTH: usize = 80;

/// Tables of `package.json` that npm keeps sorted.
const SORTED: [&str; 5] =
    ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "allowScripts"];

/// Merges `more` into `into`: objects by key, arrays by what is not yet there. Two values for one key are an
/// error, told with the path of the key.
pub fn merge(into: &mut Map<String, Value>, more: &Map<String, Value>, path: &str) -> Result<(), String> {
    for (key, value) in more {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (into.get_mut(key), value) {
            (None, value) => _ = into.insert(key.clone(), value.clone()),
            (Some(Value::Object(into)), Value::Object(more)) => merge(into, more, &path)?,
            (Some(Value::Array(into)), Value::Array(more)) => {
                let new: Vec<Value> = more.iter().filter(|one| !into.contains(one)).cloned().collect();
                into.extend(new);
            }
            (Some(old), new) if old == new => {}
            (Some(old), new) => return Err(format!("`{path}` is already {old} and cannot become {new}")),
        }
    }
    Ok(())
}

/// `merged` with the keys of `own` first, in their order, and all others sorted.
pub fn order(merged: Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = merged;
    let mut ordered = Map::new();
    let mut put = |key: &String, value: Value, own: Option<&Value>| {
        let value = match (value, own) {
            (Value::Object(value), Some(Value::Object(own))) => Value::Object(order(value, own)),
            (Value::Object(value), _) => Value::Object(order(value, &Map::new())),
            (value, _) => value,
        };
        ordered.insert(key.clone(), value);
    };
    for (key, own) in own {
        if let Some(value) = merged.remove(key) {
            put(key, value, Some(own));
        }
    }
    let mut new: Vec<(String, Value)> = merged.into_iter().collect();
    new.sort_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in new {
        put(&key, value, None);
    }
    ordered
}

/// The text of `object` as the file `path`: `package.json` as npm writes it, all else as prettier does.
pub fn print(path: &str, mut object: Map<String, Value>) -> String {
    let is_package = path.rsplit('/').next() == Some("package.json");
    if is_package {
        for (_, table) in object.iter_mut().filter(|(key, _)| SORTED.contains(&key.as_str())) {
            if let Value::Object(table) = table {
                table.sort_keys();
            }
        }
    }
    let mut text = String::new();
    write(&Value::Object(object), 0, 0, !is_package, &mut text);
    text.push('\n');
    text
}

/// Writes a value that starts at column `at` of a line indented by `indent`.
fn write(value: &Value, indent: usize, at: usize, fill: bool, text: &mut String) {
    let inner = " ".repeat(indent + 2);
    let outer = " ".repeat(indent);
    match value {
        Value::Object(object) if !object.is_empty() => {
            text.push_str("{\n");
            for (index, (key, value)) in object.iter().enumerate() {
                let key = format!("{inner}{}: ", Value::from(key.as_str()));
                text.push_str(if index == 0 { "" } else { ",\n" });
                text.push_str(&key);
                write(value, indent + 2, key.chars().count(), fill, text);
            }
            text.extend(["\n", &outer, "}"]);
        }
        Value::Array(items) if !items.is_empty() => {
            if fill && !items.iter().any(is_open) {
                let one_line = one_line(value);
                // One more column for the comma that may follow.
                if at + one_line.chars().count() < WIDTH {
                    return text.push_str(&one_line);
                }
            }
            text.push_str("[\n");
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ",\n" });
                text.push_str(&inner);
                write(item, indent + 2, indent + 2, fill, text);
            }
            text.extend(["\n", &outer, "]"]);
        }
        other => text.push_str(&other.to_string()),
    }
}

/// Whether a value takes several lines wherever it stands.
fn is_open(value: &Value) -> bool {
    match value {
        Value::Object(object) => !object.is_empty(),
        Value::Array(items) => items.iter().any(is_open),
        _ => false,
    }
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).expect("an object")
    }

    fn check(path: &str, own: &str, more: &[&str], expected: &str) {
        let own = object(own);
        let mut merged = own.clone();
        for more in more {
            merge(&mut merged, &object(more), "").expect("no conflict");
        }
        assert_eq!(print(path, order(merged, &own)), expected);
    }

    #[test]
    fn own_keys_come_first_and_new_ones_sorted() {
        check(
            "x.json",
            r#"{"z":1,"a":{"c":1}}"#,
            &[r#"{"m":1,"a":{"b":2}}"#, r#"{"k":[]}"#],
            "{\n  \"z\": 1,\n  \"a\": {\n    \"c\": 1,\n    \"b\": 2\n  },\n  \"k\": [],\n  \"m\": 1\n}\n",
        );
    }

    #[test]
    fn dependencies_are_sorted_as_a_whole() {
        check(
            "package.json",
            r#"{"name":"x","dependencies":{"rxjs":"1","zod":"1"},"files":["a"]}"#,
            &[r#"{"dependencies":{"amqplib":"2","zod":"1"}}"#],
            "{\n  \"name\": \"x\",\n  \"dependencies\": {\n    \"amqplib\": \"2\",\n    \"rxjs\": \"1\",\n    \
             \"zod\": \"1\"\n  },\n  \"files\": [\n    \"a\"\n  ]\n}\n",
        );
    }

    #[test]
    fn arrays_take_what_they_lack_and_lie_on_one_line_if_they_fit() {
        check("x.json", r#"{"a":["x"]}"#, &[r#"{"a":["x","y"]}"#], "{\n  \"a\": [\"x\", \"y\"]\n}\n");
        check(
            "x.json",
            r#"{"a":[]}"#,
            &[r#"{"a":[{"b":1}]}"#],
            "{\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]\n}\n",
        );
    }

    #[test]
    fn two_values_for_one_key_are_told_with_its_path() {
        let mut into = object(r#"{"a":{"b":"^1"}}"#);
        let told = merge(&mut into, &object(r#"{"a":{"b":"^2"}}"#), "").expect_err("a conflict");
        assert_eq!(told, r#"`a.b` is already "^1" and cannot become "^2""#);
    }
}
