//! Reading TOML so that everything wrong is told at once, each with its line and column.
//!
//! A derived `Deserialize` stops at the first fault; a template author with four of them would run four times.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::condition::Condition;
use super::problem::{Located, Place, Problem, Problems};

/// A TOML text that is being read, and what was found wrong with it so far.
pub struct Document<'a> {
    file: Arc<str>,
    text: &'a str,
    problems: RefCell<Problems>,
}

impl<'a> Document<'a> {
    /// Starts reading `text`, which is the content of `file`.
    pub fn new(file: &str, text: &'a str) -> Self {
        Self { file: file.into(), text, problems: RefCell::default() }
    }

    /// The table at the root. Syntax errors are noted, all of them, and what could be understood is returned.
    pub fn root(&self) -> Table<'_> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let place = self.place(error.span().map_or(0, |span| span.start));
            self.note(Problem::at(&place, error.message().trim().to_lowercase()));
        }
        Table { document: self, place: self.place(0), entries: root.into_inner(), asked: RefCell::default() }
    }

    /// Notes something wrong.
    pub fn note(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// What was found wrong.
    pub fn finish(self) -> Problems {
        self.problems.into_inner()
    }

    fn place(&self, offset: usize) -> Place {
        Place::of(&self.file, self.text, offset)
    }

    fn json(&self, value: Spanned<DeValue<'_>>) -> Value {
        let at = value.span().start;
        let number = match value.into_inner() {
            DeValue::String(text) => return Value::String(text.into_owned()),
            DeValue::Boolean(flag) => return Value::Bool(flag),
            DeValue::Array(items) => return items.into_iter().map(|item| self.json(item)).collect(),
            DeValue::Table(entries) => {
                let mut entries: Vec<_> = entries.into_iter().collect();
                entries.sort_by_key(|(key, _)| key.span().start);
                let pairs =
                    entries.into_iter().map(|(key, value)| (key.into_inner().into_owned(), self.json(value)));
                return Value::Object(pairs.collect());
            }
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::from)
            }
            DeValue::Float(number) => {
                number.as_str().parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
            }
            DeValue::Datetime(_) => None,
        };
        number.unwrap_or_else(|| {
            self.note(Problem::at(
                &self.place(at),
                "neither dates nor numbers beyond 64 bits have a place here",
            ));
            Value::Null
        })
    }
}

/// One table of a document. Each key that is asked for counts as known; [`Table::finish`] tells of all others.
pub struct Table<'a> {
    document: &'a Document<'a>,
    /// Where the table starts.
    pub place: Place,
    entries: DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// Notes that `key` of this table is wrong.
    pub fn note(&self, place: &Place, message: impl Into<String>) {
        self.document.note(Problem::at(place, message));
    }

    /// Notes a problem of this table.
    pub fn tell(&self, problem: Problem) {
        self.document.note(problem);
    }

    /// Tells of keys that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for (key, _) in self.entries {
            let place = self.document.place(key.span().start);
            let problem = Problem::at(&place, format!("unknown key `{}`", key.get_ref()));
            self.document.note(problem.nearest(key.get_ref(), asked.iter().copied()));
        }
    }

    /// A text that may be absent.
    pub fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        let value = self.take(key)?;
        self.as_text(key, value)
    }

    /// A text that must be there; when it is not, that is noted and an empty one returned.
    pub fn required(&mut self, key: &'static str) -> Located<String> {
        if !self.has(key) {
            self.note(&self.place.clone(), format!("missing key `{key}`"));
        }
        self.text(key).unwrap_or_else(|| Located { value: String::new(), place: self.place.clone() })
    }

    /// A boolean; false when absent.
    pub fn flag(&mut self, key: &'static str) -> bool {
        match self.take(key) {
            Some(value) => match value.get_ref() {
                DeValue::Boolean(flag) => *flag,
                other => {
                    self.mistyped(key, "true or false", other, value.span().start);
                    false
                }
            },
            None => false,
        }
    }

    /// A whole number that may be absent.
    pub fn int(&mut self, key: &'static str) -> Option<Located<i64>> {
        let value = self.json(key)?;
        let number = value.as_i64();
        if number.is_none() {
            self.note(&value.place, format!("`{key}` must be a whole number"));
        }
        number.map(|number| Located { value: number, place: value.place })
    }

    /// A list of texts; empty when absent.
    pub fn texts(&mut self, key: &'static str) -> Vec<Located<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Array(items) => items.into_iter().filter_map(|item| self.as_text(key, item)).collect(),
            other => {
                self.mistyped(key, "a list of texts", &other, at);
                Vec::new()
            }
        }
    }

    /// A condition: a text or a list of texts; always true when absent.
    pub fn condition(&mut self, key: &'static str) -> Condition {
        let texts = match self.entries.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(_)) => self.texts(key),
            _ => self.text(key).into_iter().collect(),
        };
        let mut condition = Condition::default();
        for text in texts {
            if let Err(problem) = condition.push(&text) {
                self.document.note(problem);
            }
        }
        condition
    }

    /// Any value, as JSON.
    pub fn json(&mut self, key: &'static str) -> Option<Located<Value>> {
        let value = self.take(key)?;
        let place = self.document.place(value.span().start);
        Some(Located { value: self.document.json(value), place })
    }

    /// A table of free shape, as JSON; empty when absent.
    pub fn free(&mut self, key: &'static str) -> Located<serde_json::Map<String, Value>> {
        let value = self.json(key);
        let place = value.as_ref().map_or_else(|| self.place.clone(), |value| value.place.clone());
        match value.map(|value| value.value) {
            Some(Value::Object(value)) => Located { value, place },
            Some(_) => {
                self.note(&place, format!("`{key}` must be a table"));
                Located { value: serde_json::Map::new(), place }
            }
            None => Located { value: serde_json::Map::new(), place },
        }
    }

    /// The table of `[key]`; when it is not there, that is noted and an empty one returned.
    pub fn table(&mut self, key: &'static str) -> Table<'a> {
        let (document, place) = (self.document, self.place.clone());
        let table = self.take(key).and_then(|value| self.as_table(key, value));
        table.unwrap_or_else(|| {
            document.note(Problem::at(&place, format!("missing table `{key}`")));
            Table { document, place, entries: DeTable::new(), asked: RefCell::default() }
        })
    }

    /// The tables of `[[key]]`, in order.
    pub fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Array(items) => items.into_iter().filter_map(|item| self.as_table(key, item)).collect(),
            other => {
                self.mistyped(key, "a list of tables", &other, at);
                Vec::new()
            }
        }
    }

    /// The tables of `[key.name]` for any name, in the order of the text.
    pub fn named_tables(&mut self, key: &'static str) -> Vec<(Located<String>, Table<'a>)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(table) = self.as_table(key, value) else { return Vec::new() };
        let mut entries: Vec<_> = table.entries.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let named = entries.into_iter().filter_map(|(name, value)| {
            let place = self.document.place(name.span().start);
            let name = Located { value: name.into_inner().into_owned(), place };
            self.as_table(key, value).map(|table| (name, table))
        });
        named.collect()
    }

    /// Every key and its value, with the place of the key, in the order of the text.
    pub fn pairs(self) -> Vec<(String, Value, Place)> {
        let mut entries: Vec<_> = self.entries.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let document = self.document;
        let pairs = entries.into_iter().map(|(key, value)| {
            let place = document.place(key.span().start);
            (key.into_inner().into_owned(), document.json(value), place)
        });
        pairs.collect()
    }

    /// Whether `key` is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.entries.remove(key)
    }

    fn as_text(&self, key: &str, value: Spanned<DeValue<'a>>) -> Option<Located<String>> {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::String(text) => {
                Some(Located { value: text.into_owned(), place: self.document.place(at) })
            }
            other => {
                self.mistyped(key, "a text", &other, at);
                None
            }
        }
    }

    fn as_table(&self, key: &str, value: Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(entries) => Some(Table {
                document: self.document,
                place: self.document.place(at),
                entries,
                asked: RefCell::default(),
            }),
            other => {
                self.mistyped(key, "a table", &other, at);
                None
            }
        }
    }

    fn mistyped(&self, key: &str, wanted: &str, found: &DeValue<'_>, at: usize) {
        let found = found.type_str();
        self.note(&self.document.place(at), format!("`{key}` must be {wanted}, not {found}"));
    }
}
