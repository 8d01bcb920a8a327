//! `-F '{ts} {pattern} {data.id}'`: a record as a line of one's own.

use serde_json::Value;

use crate::fault::Fault;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The keys, from the record inwards; a number is an index into an array.
    Field(Vec<String>),
}

impl Template {
    /// Reads a template: `{a.b.0}` is a field, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// A brace that is not closed or not opened, or a field without a name, with its column.
    pub fn parse(template: &str) -> Result<Self, Fault> {
        let fault = |at: usize, what: &str| {
            let column = template[..at].chars().count() + 1;
            Fault::new(format!("`{template}`, column {column}: {what}"))
                .hint("a field is `{name}` or `{data.id}`; `{{` and `}}` are plain braces")
        };
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(brace) = template[at..].find(['{', '}']).map(|found| at + found) {
            text.push_str(&template[at..brace]);
            let rest = &template[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push_str(&rest[..1]);
                at = brace + 2;
                continue;
            }
            let Some(inner) = rest.strip_prefix('{') else {
                return Err(fault(brace, "this brace was never opened"));
            };
            let Some((field, _)) = inner.split_once('}') else {
                return Err(fault(brace, "this brace is never closed"));
            };
            if field.split('.').any(|key| key.trim().is_empty()) {
                return Err(fault(brace, "this field has no name"));
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Field(field.split('.').map(|key| key.trim().to_owned()).collect()));
            at = brace + field.len() + 2;
        }
        text.push_str(&template[at..]);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self(pieces))
    }

    /// The template filled in: strings bare, everything else as JSON, a field that is not there as nothing.
    pub fn render(&self, record: &Value) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(keys) => match keys.iter().try_fold(record, |value, key| step(value, key)) {
                    Some(Value::String(text)) => out.push_str(text),
                    Some(value) => out.push_str(&value.to_string()),
                    None => {}
                },
            }
        }
        out
    }
}

fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_in() {
        let record =
            serde_json::json!({ "pattern": "sum", "data": { "id": 7, "tags": ["a", { "b": null }] } });
        let check = |template: &str, expected: &str| {
            assert_eq!(Template::parse(template).unwrap().render(&record), expected);
        };
        check("{pattern} {data.id}", "sum 7");
        check("{{{data.tags.0}}} {none}{data.none.x}|", "{a} |");
        check("{data.tags} { data.tags.1.b }", r#"["a",{"b":null}] null"#);
        check("", "");
    }

    #[test]
    fn a_bad_template_is_told_with_its_column() {
        let check = |template: &str, expected: &str| {
            assert_eq!(Template::parse(template).unwrap_err().to_string(), expected);
        };
        check("ö {a", "`ö {a`, column 3: this brace is never closed");
        check("a}", "`a}`, column 2: this brace was never opened");
        check("{}", "`{}`, column 1: this field has no name");
        check("{a..b}", "`{a..b}`, column 1: this field has no name");
    }
}
