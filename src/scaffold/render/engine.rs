//! Tera, fenced in: our delimiters, our filters, a cap on what it writes, and errors with a place.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tera::{Context, Delimiters, ErrorKind, Kwargs, State, Tera, TeraResult};

use super::layout::{self, Shape};
use super::table;
use super::text::standalone;
use crate::scaffold::catalog::{MAX_FILE, Template};
use crate::scaffold::manifest::{Brackets, RENDERED};
use crate::scaffold::name;
use crate::scaffold::problem::{Place, Problem, Problems, nearest};

/// Renders texts of one template.
pub struct Engine<'a> {
    tera: Tera,
    template: &'a Template,
    /// Set when nobody waits any more: then every write fails, and the rendering ends by itself.
    abandoned: &'a AtomicBool,
}

impl<'a> Engine<'a> {
    /// Tera with the parts of `template`.
    pub fn new(template: &'a Template, abandoned: &'a AtomicBool) -> Result<Self, Problems> {
        let mut engine = Self { tera: bare(), template, abandoned };
        let is_part = |path: &str| path.starts_with("parts/") && path.ends_with(RENDERED);
        let parts: Vec<(String, String)> = template
            .files
            .iter()
            .filter(|(path, _)| is_part(path))
            .map(|(path, bytes)| (path.clone(), standalone(&String::from_utf8_lossy(bytes))))
            .collect();
        match engine.tera.add_raw_templates(parts) {
            Ok(()) => Ok(engine),
            Err(error) => Err(engine.problem(&error, "", "", None).into()),
        }
    }

    /// Renders `text`, which stands in `file`; at `place`, where it is only a part of that file.
    pub fn render(
        &self,
        file: &str,
        place: Option<&Place>,
        text: &str,
        context: &Context,
    ) -> Result<String, Problem> {
        if layout::is_marked(text) {
            return Err(Problem::new(format!(
                "{file} holds characters that only the engine may use (U+E000 to U+E002)"
            )));
        }
        if !["[=", "[%", "[#"].iter().any(|open| text.contains(open)) {
            return Ok(text.to_owned());
        }
        let mut tera = self.tera.clone();
        let mut written = Capped { bytes: Vec::new(), full: false, abandoned: self.abandoned };
        let rendered = tera
            .add_raw_template(file, &standalone(text))
            .and_then(|()| tera.render_to(file, context, &mut written));
        if written.full {
            return Err(Problem::new(format!("{file} renders to more than {MAX_FILE} bytes")));
        }
        rendered.map_err(|error| self.problem(&error, file, text, place))?;
        String::from_utf8(written.bytes)
            .map_err(|_| Problem::new(format!("{file} renders to what is not UTF-8")))
    }

    /// A Tera error in our words and with our place.
    fn problem(&self, error: &tera::Error, file: &str, text: &str, start: Option<&Place>) -> Problem {
        let Some(Report { name, message, line, column }) = Report::of(error) else {
            return Problem::new(format!("{file}: {}", lowered(&error.to_string())));
        };
        let is_part = name != file;
        let shown = if is_part { format!("{}{name}", self.template.origin) } else { file.to_owned() };
        let part = self.template.files.get(&name).filter(|_| is_part);
        let text = part.map_or(text.into(), |bytes| String::from_utf8_lossy(bytes));
        let column = column - shift(&text, line, column - 1);
        let place = match start.filter(|_| !is_part) {
            // The first line of a text starts somewhere in its line; quotes make its column a guess.
            Some(start) if line == 1 => start.clone(),
            Some(start) => Place { line: start.line + line - 1, column, ..start.clone() },
            None => Place { file: shown.into(), line, column },
        };
        let message = lowered(&message);
        // Tera lists what there is; of that, the nearest is what helps.
        let Some((undefined, there)) = message.split_once(". Available") else {
            return Problem::at(&place, message);
        };
        let wrong = undefined.split('`').nth(1).unwrap_or_default();
        let there = there.split_once(": ").map_or("", |(_, names)| names);
        let problem = Problem::at(&place, undefined);
        match nearest(wrong, there.split(", ")) {
            Some(name) => problem.hint(format!("did you mean `{name}`?")),
            None => problem,
        }
    }
}

/// What Tera says is wrong, and where; line and column count from 1.
struct Report {
    name: String,
    message: String,
    line: usize,
    column: usize,
}

impl Report {
    fn of(error: &tera::Error) -> Option<Self> {
        if let ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) = error.kind() {
            let (name, message) = (report.filename().to_owned(), report.message().to_owned());
            let span = report.span();
            return Some(Self { name, message, line: span.start_line, column: span.start_col + 1 });
        }
        // Of unknown filters and includes it gives the place only inside of a drawing.
        let drawn = error.to_string();
        let (message, drawing) = drawn.trim_start_matches("error: ").split_once('\n')?;
        let place = drawing.lines().find_map(|line| line.trim().strip_prefix("--> "))?;
        let mut parts = place.trim().rsplitn(3, ':');
        let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { name: parts.next()?.to_owned(), message: message.to_owned(), line, column })
    }
}

/// How far a column of a line moved when the tag above the line took its line end along.
fn shift(text: &str, line: usize, column: usize) -> usize {
    let starts_closed = |text: &str| {
        let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
        line.starts_with("%]") || line.starts_with("#]")
    };
    if starts_closed(&standalone(text)) && !starts_closed(text) { column.min(2) } else { 0 }
}

fn lowered(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn bare() -> Tera {
    let mut tera = Tera::new();
    let delimiters = Delimiters {
        block_start: "[%".into(),
        block_end: "%]".into(),
        variable_start: "[=".into(),
        variable_end: "=]".into(),
        comment_start: "[#".into(),
        comment_end: "#]".into(),
    };
    tera.set_delimiters(delimiters).expect("six delimiters of two bytes, all different");
    tera.autoescape_on(Vec::<&str>::new());
    let cases: [(&'static str, name::Case); 6] = [
        ("kebab", name::kebab),
        ("camel", name::camel),
        ("pascal", name::pascal),
        ("snake", name::snake),
        ("upper_snake", name::upper_snake),
        ("title", name::title),
    ];
    for (filter, case) in cases {
        tera.register_filter(filter, move |text: &str, _: Kwargs, _: &State| case(text));
    }
    tera.register_filter("quote", |text: &str, _: Kwargs, _: &State| quote(text));
    tera.register_filter("table", |text: &str, _: Kwargs, _: &State| table::align(text));
    tera.register_filter("json", |value: &tera::Value, _: Kwargs, _: &State| json(value));
    tera.register_filter("list", |items: Vec<tera::Value>, options: Kwargs, _: &State| {
        list(&items, &options)
    });
    tera.register_filter("indent_by", |text: &str, options: Kwargs, _: &State| indent_by(text, &options));
    tera
}

/// A TypeScript text in the quotes prettier would choose: single ones, unless that needs more escapes.
fn quote(text: &str) -> String {
    let quote = if text.matches('\'').count() > text.matches('"').count() { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter == quote => quoted.extend(['\\', letter]),
            letter => quoted.push(letter),
        }
    }
    quoted.push(quote);
    quoted
}

fn json(value: &tera::Value) -> TeraResult<String> {
    serde_json::to_string(value).map_err(|error| tera::Error::message(error.to_string()))
}

fn list(items: &[tera::Value], options: &Kwargs) -> TeraResult<String> {
    let brackets = options.get::<&str>("brackets")?.unwrap_or("[]");
    let brackets = Brackets::parse(brackets)
        .ok_or_else(|| tera::Error::message("`brackets` must be \"[]\", \"{}\", \"()\" or \"\""))?;
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    Ok(layout::marker(Shape::List(brackets), &items))
}

fn indent_by(text: &str, options: &Kwargs) -> TeraResult<String> {
    let width = options.get::<u8>("n")?.unwrap_or(2);
    Ok(text.replace('\n', &format!("\n{}", " ".repeat(usize::from(width)))))
}

/// A buffer that takes only so much, and nothing once nobody waits.
struct Capped<'a> {
    bytes: Vec<u8>,
    full: bool,
    abandoned: &'a AtomicBool,
}

impl Write for Capped<'_> {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > MAX_FILE || self.abandoned.load(Ordering::Relaxed) {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Renders every text inside of a JSON value.
pub fn render_json(
    value: &Value,
    render: &mut impl FnMut(&str) -> Result<String, Problem>,
) -> Result<Value, Problem> {
    Ok(match value {
        Value::String(text) => Value::String(render(text)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| render_json(item, render)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let mut rendered = serde_json::Map::new();
            for (key, value) in object {
                rendered.insert(render(key)?, render_json(value, render)?);
            }
            Value::Object(rendered)
        }
        other => other.clone(),
    })
}
