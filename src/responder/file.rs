//! The rules file, in TOML.
//!
//! ```toml
//! [[on]]
//! pattern = "orders.get"             # or a table, or JSON text that starts with {
//! reply = { id = 7 }                 # or json = '''{"id":7}''', byte for byte
//! delay = "200ms"
//!
//! [[on]]
//! pattern = { cmd = "count" }
//! stream = [1, 2, 3]
//! every = "1s"
//! end = "separate"                   # default "merged": the last value ends the stream
//!
//! [[on]]
//! pattern = "orders.cancel"
//! error = "too late"                 # as RpcException("too late") is sent; a table is sent as it is
//! ```

use std::ops::Range;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Outcome, Rule};
use crate::fault::Fault;
use crate::message::{Data, Pattern};

const KEYS: [&str; 8] = ["pattern", "reply", "json", "stream", "error", "delay", "every", "end"];

/// Reads the rules of `text`, which faults call `name`.
///
/// # Errors
/// Everything that is wrong, all at once, each with file, line and column.
pub fn parse_file(name: &str, text: &str) -> Result<Vec<Rule>, Fault> {
    let mut reader = Reader { name, text, problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.problem(error.span().unwrap_or(0..0), error.message());
    }
    let mut rules = Vec::new();
    // After a syntax error the rest of the table is a guess.
    if reader.problems.is_empty() {
        for (key, value) in table.get_ref() {
            if key.get_ref() == "on" {
                reader.rules(value, &mut rules);
            } else {
                reader.problem(
                    key.span(),
                    &format!("unknown key `{}`; rules stand under [[on]]", key.get_ref()),
                );
            }
        }
    }
    if reader.problems.is_empty() {
        return Ok(rules);
    }
    Err(Fault::new(reader.problems.join("\n"))
        .hint("a rule is [[on]] with pattern, and reply, json, stream or error"))
}

type Place = Range<usize>;
type Field<'t, 'i> = Option<&'t Spanned<DeValue<'i>>>;

struct Reader<'t> {
    name: &'t str,
    text: &'t str,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn rules(&mut self, value: &Spanned<DeValue<'_>>, rules: &mut Vec<Rule>) {
        let Some(array) = value.get_ref().as_array() else {
            return self.problem(value.span(), "`on` is a list of tables: write [[on]]");
        };
        for entry in array {
            match entry.get_ref().as_table() {
                Some(table) => rules.extend(self.rule(table, entry.span())),
                None => self.problem(entry.span(), "a rule is a table: write [[on]]"),
            }
        }
    }

    fn rule(&mut self, table: &DeTable<'_>, span: Place) -> Option<Rule> {
        for key in table.keys().filter(|key| !KEYS.contains(&&**key.get_ref())) {
            self.problem(
                key.span(),
                &format!("unknown key `{}`; a rule has {}", key.get_ref(), KEYS.join(", ")),
            );
        }
        let place = self.place(span.start);
        let pattern = if let Some(value) = table.get("pattern") {
            self.pattern(value)
        } else {
            self.problem(span.clone(), "a rule without `pattern`");
            None
        };
        let outcome = self.outcome(table, span);
        let delay = self.duration(table.get("delay"));
        Some(Rule { pattern: pattern?, place, outcome: outcome?, delay })
    }

    fn pattern(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Pattern> {
        let json = match value.get_ref() {
            DeValue::String(text) if text.starts_with('{') => {
                return match serde_json::from_str(text) {
                    Ok(json) => Some(Pattern::Json(json)),
                    Err(error) => {
                        self.problem(
                            value.span(),
                            &format!("the pattern starts with {{ and is not JSON: {error}"),
                        );
                        None
                    }
                };
            }
            DeValue::String(text) => return Some(Pattern::Text(text.clone().into_owned())),
            DeValue::Table(_) | DeValue::Integer(_) | DeValue::Float(_) => self.json(value)?,
            other => {
                let why = format!("a pattern is a string or a table, not a {}", other.type_str());
                self.problem(value.span(), &why);
                return None;
            }
        };
        serde_json::value::to_raw_value(&json).ok().map(Pattern::Json)
    }

    fn outcome(&mut self, table: &DeTable<'_>, span: Place) -> Option<Outcome> {
        let before = self.problems.len();
        let [reply, json, stream, error] = ["reply", "json", "stream", "error"].map(|key| table.get(key));
        let answers = [reply, json, stream].into_iter().flatten().count();
        if answers + usize::from(error.is_some()) == 0 {
            self.problem(span, "a rule without an answer: give it reply, json, stream or error");
        } else if answers > 1 || (answers == 1 && error.is_some() && stream.is_none()) {
            self.problem(
                span,
                "a rule has one of reply, json, stream and error (an error may follow a stream)",
            );
        }
        for key in ["every", "end"] {
            if let Some(value) = table.get(key).filter(|_| stream.is_none()) {
                self.problem(value.span(), &format!("`{key}` belongs to a `stream`"));
            }
        }
        let outcome = Outcome {
            values: self.values(reply, json, stream),
            every: self.duration(table.get("every")).unwrap_or_default(),
            error: error.and_then(|error| self.error(error)),
            separate_end: self.separate_end(table.get("end")),
        };
        (self.problems.len() == before).then_some(outcome)
    }

    fn values(&mut self, reply: Field<'_, '_>, json: Field<'_, '_>, stream: Field<'_, '_>) -> Vec<Data> {
        if let Some(value) = json {
            let Some(text) = value.get_ref().as_str() else {
                self.problem(value.span(), "`json` is a string that holds JSON text");
                return Vec::new();
            };
            return match serde_json::from_str(text) {
                Ok(json) => vec![Data::Json(json)],
                Err(error) => {
                    self.problem(value.span(), &format!("`json` does not hold JSON: {error}"));
                    Vec::new()
                }
            };
        }
        if let Some(value) = stream {
            let Some(items) = value.get_ref().as_array() else {
                self.problem(value.span(), "`stream` is a list, each value one reply");
                return Vec::new();
            };
            return items.iter().filter_map(|item| self.data(item)).collect();
        }
        reply.and_then(|value| self.data(value)).into_iter().collect()
    }

    /// A text is sent as Nest sends `RpcException('text')` (`wire.md` §1.3), all else verbatim.
    fn error(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Data> {
        match value.get_ref().as_str() {
            Some(text) => raw(&serde_json::json!({ "status": "error", "message": text })),
            None => self.data(value),
        }
    }

    fn separate_end(&mut self, value: Field<'_, '_>) -> bool {
        let Some(value) = value else { return false };
        match value.get_ref().as_str() {
            Some("separate") => return true,
            Some("merged") => {}
            _ => self.problem(value.span(), "`end` is \"merged\" or \"separate\""),
        }
        false
    }

    fn duration(&mut self, value: Field<'_, '_>) -> Option<Duration> {
        let value = value?;
        let parsed = value.get_ref().as_str().and_then(|text| text.parse::<jiff::SignedDuration>().ok());
        let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
        if duration.is_none() {
            self.problem(value.span(), "a duration is a string like \"200ms\" or \"5s\"");
        }
        duration
    }

    fn data(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Data> {
        raw(&self.json(value)?)
    }

    fn json(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        Some(match value.get_ref() {
            DeValue::String(text) => Value::from(&**text),
            DeValue::Boolean(truth) => Value::from(*truth),
            DeValue::Datetime(time) => Value::from(time.to_string()),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(integer) => Value::from(integer),
                Err(_) => return self.unfit(value, "this number does not fit: write it in `json`"),
            },
            DeValue::Float(float) => {
                match float.as_str().parse().ok().and_then(serde_json::Number::from_f64) {
                    Some(float) => Value::Number(float),
                    None => return self.unfit(value, "JSON has no such number"),
                }
            }
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.json(item)).collect::<Option<_>>()?)
            }
            DeValue::Table(table) => {
                let entries =
                    table.iter().map(|(key, value)| Some((key.get_ref().to_string(), self.json(value)?)));
                Value::Object(entries.collect::<Option<_>>()?)
            }
        })
    }

    fn unfit(&mut self, value: &Spanned<DeValue<'_>>, why: &str) -> Option<Value> {
        self.problem(value.span(), why);
        None
    }

    fn problem(&mut self, span: Place, why: &str) {
        let place = self.place(span.start);
        self.problems.push(format!("{place}: {why}"));
    }

    /// `file:line:column`, both from 1, the column in characters.
    fn place(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }
}

fn raw(value: &Value) -> Option<Data> {
    serde_json::value::to_raw_value(value).ok().map(Data::Json)
}
