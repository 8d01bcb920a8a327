//! DATA words: one JSON text, or HTTPie's `key=text` and `key:=json`.
//!
//! A key is a path: `user.name`, `items[0].id`, `tags[]` (append), `user[name]`. Before `.`, `=`, `:`, `[`, `]`
//! and `\` a backslash takes their meaning away.

use serde_json::value::RawValue;

use crate::fault::{self, Fault};
use crate::message::Data;

/// The payload that DATA words make; no word is `{}`.
///
/// # Errors
/// A word that is neither, or that does not go with the others: which one, and where.
pub fn from_words(words: &[String]) -> Result<Data, Fault> {
    let text = build(words, false)?;
    Data::json(text).map_err(|error| Fault::new(format!("DATA does not make JSON: {error}")))
}

/// The template that DATA words make for `--expand`: `{{ … }}` may stand where a value, or a part of a text, is.
///
/// # Errors
/// As [`from_words`], except for JSON that holds `{{`: that is checked when it is rendered.
pub fn template_from_words(words: &[String]) -> Result<String, Fault> {
    build(words, true)
}

/// The name and the value of a `name==value` word, which is no part of the payload.
pub fn query(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let value = value.strip_prefix('=')?;
    let is_plain = !name.is_empty() && !name.ends_with([':', '\\']) && !name.starts_with(['{', '[', '"']);
    is_plain.then_some((name, value))
}

/// The name and the file of a `name@file` word, with what its content is called where that is said:
/// `photo@cat.png;type=image/png`.
pub fn file(word: &str) -> Option<(&str, &str, Option<&str>)> {
    let at = word.find(['=', '@', ':', '{', '[', '"', '\\'])?;
    let (name, rest) = word.split_at(at);
    let path = rest.strip_prefix('@').filter(|path| !name.is_empty() && !path.is_empty())?;
    let (path, kind) = path.split_once(";type=").map_or((path, None), |(path, kind)| (path, Some(kind)));
    Some((name, path, kind))
}

fn build(words: &[String], is_template: bool) -> Result<String, Fault> {
    match words {
        [] => return Ok("{}".to_owned()),
        [word] => {
            let trimmed = word.trim();
            if is_template && trimmed.starts_with(['{', '[', '"']) && trimmed.contains("{{") {
                return Ok(trimmed.to_owned());
            }
            if serde_json::from_str::<&RawValue>(trimmed).is_ok() {
                return Ok(trimmed.to_owned());
            }
        }
        _ => {}
    }
    let mut root = Node::Object(Vec::new());
    for (nth, word) in words.iter().enumerate() {
        let nth = Nth { at: nth + 1, of: words.len(), word };
        let (path, value) = parse_word(&nth, is_template)?;
        root.set(&path, value).map_err(|why| nth.fault(&why))?;
    }
    let mut text = String::new();
    root.write(&mut text, is_template);
    Ok(text)
}

/// Which word is meant, for faults.
struct Nth<'a> {
    at: usize,
    of: usize,
    word: &'a str,
}

impl Nth<'_> {
    fn fault(&self, why: &str) -> Fault {
        let shown: String = self.word.chars().take(60).collect();
        let dots = if shown.len() < self.word.len() { "…" } else { "" };
        let place = if self.of == 1 { String::new() } else { format!(" (word {} of {})", self.at, self.of) };
        Fault::new(format!("DATA `{}{dots}`{place}: {why}", fault::quoted(&shown)))
            .hint("DATA is one JSON text in quotes, or words like id=7 id:=7 'tags[]:=1' user.name=Ann")
    }
}

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Append,
}

fn parse_word(nth: &Nth<'_>, is_template: bool) -> Result<(Vec<Step>, Node), Fault> {
    let word = nth.word;
    if word.trim_start().starts_with(['{', '[', '"']) {
        let why = match serde_json::from_str::<&RawValue>(word) {
            Err(error) => format!("not JSON: {error}"),
            Ok(_) => "a JSON text stands alone, other words cannot follow or precede it".to_owned(),
        };
        return Err(nth.fault(&why));
    }
    let (path, rest) = parse_path(word).map_err(|why| nth.fault(&why))?;
    let value = match rest {
        Rest::Text(text) => Node::Text(text.to_owned()),
        Rest::Json(json) if is_template && json.contains("{{") => Node::Raw(json.to_owned()),
        Rest::Json(json) => match serde_json::from_str::<&RawValue>(json) {
            Ok(json) => Node::Raw(json.get().to_owned()),
            Err(error) => {
                let at = word.len() - json.len();
                return Err(nth.fault(&format!("what follows `:=` at offset {at} is not JSON: {error}")));
            }
        },
    };
    Ok((path, value))
}

enum Rest<'a> {
    Text(&'a str),
    Json(&'a str),
}

/// Splits `a.b[0]:=rest` into its path and what follows the first bare `=`.
fn parse_path(word: &str) -> Result<(Vec<Step>, Rest<'_>), String> {
    let mut path = Vec::new();
    let mut key = String::new();
    // After `]` a key may only begin with `.`: `a[0]b` is a slip.
    let mut after_bracket = false;
    let mut chars = word.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '=' => {
                finish_key(&mut path, &mut key, &mut after_bracket, at)?;
                return Ok((path, Rest::Text(&word[at + 1..])));
            }
            ':' if chars.peek().is_some_and(|(_, next)| *next == '=') => {
                finish_key(&mut path, &mut key, &mut after_bracket, at)?;
                return Ok((path, Rest::Json(&word[at + 2..])));
            }
            '.' => {
                finish_key(&mut path, &mut key, &mut after_bracket, at)?;
                after_bracket = false;
                if matches!(chars.peek(), None | Some((_, '.' | '=' | '['))) {
                    return Err(format!("a key is missing after the `.` at offset {at}"));
                }
            }
            '[' => {
                finish_key(&mut path, &mut key, &mut after_bracket, at)?;
                let inner = &word[at + 1..];
                let end = inner.find(']').ok_or_else(|| format!("the `[` at offset {at} is not closed"))?;
                path.push(bracket(&inner[..end]));
                while chars.next_if(|(next, _)| *next <= at + 1 + end).is_some() {}
                after_bracket = true;
            }
            _ if after_bracket => {
                return Err(format!("after `]` comes `.`, `[`, `=` or `:=`, not {c:?} (offset {at})"));
            }
            '\\' => match chars.next_if(|(_, next)| ".=:[]\\".contains(*next)) {
                Some((_, plain)) => key.push(plain),
                None => key.push('\\'),
            },
            c => key.push(c),
        }
    }
    Err("neither JSON nor `key=text` nor `key:=json`".to_owned())
}

fn bracket(inner: &str) -> Step {
    if inner.is_empty() {
        return Step::Append;
    }
    inner.parse().map_or_else(|_| Step::Key(inner.to_owned()), Step::Index)
}

fn finish_key(
    path: &mut Vec<Step>,
    key: &mut String,
    after_bracket: &mut bool,
    at: usize,
) -> Result<(), String> {
    if *after_bracket {
        return Ok(());
    }
    if key.is_empty() {
        return Err(format!("a key is missing at offset {at}"));
    }
    path.push(Step::Key(std::mem::take(key)));
    Ok(())
}

/// A value that words build up. JSON stays text: `1e400` and lone surrogates survive.
#[derive(Debug)]
enum Node {
    Raw(String),
    Text(String),
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
}

impl Node {
    fn set(&mut self, path: &[Step], value: Self) -> Result<(), String> {
        let Some((step, rest)) = path.split_first() else {
            *self = value;
            return Ok(());
        };
        let child = match (self, step) {
            (Self::Object(entries), Step::Key(key)) => {
                let known = entries.iter().position(|(name, _)| name == key);
                if known.is_some() && rest.is_empty() {
                    return Err(format!("`{key}` is set twice"));
                }
                let at = known.unwrap_or_else(|| {
                    entries.push((key.clone(), Self::empty_for(rest)));
                    entries.len() - 1
                });
                &mut entries[at].1
            }
            (Self::Array(items), Step::Append) => {
                items.push(Self::empty_for(rest));
                let last = items.len() - 1;
                &mut items[last]
            }
            (Self::Array(items), Step::Index(index)) => {
                if *index > items.len() {
                    return Err(format!(
                        "[{index}] would leave a hole: there are {} items before it",
                        items.len()
                    ));
                }
                if *index < items.len() && rest.is_empty() {
                    return Err(format!("[{index}] is set twice"));
                }
                if *index == items.len() {
                    items.push(Self::empty_for(rest));
                }
                &mut items[*index]
            }
            (Self::Object(_), _) => {
                return Err("an earlier word made this an object, not an array".to_owned());
            }
            (Self::Array(_), _) => return Err("an earlier word made this an array, not an object".to_owned()),
            (Self::Raw(_) | Self::Text(_), _) => {
                return Err("an earlier word has set the value that this one goes into".to_owned());
            }
        };
        child.set(rest, value)
    }

    /// What a new value must be so that `path` leads into it.
    fn empty_for(path: &[Step]) -> Self {
        match path.first() {
            Some(Step::Index(_) | Step::Append) => Self::Array(Vec::new()),
            _ => Self::Object(Vec::new()),
        }
    }

    fn write(&self, out: &mut String, is_template: bool) {
        match self {
            Self::Raw(json) => out.push_str(json),
            Self::Text(text) if is_template => quote_template(out, text),
            Self::Text(text) => quote(out, text),
            Self::Object(entries) => {
                out.push('{');
                for (nth, (key, value)) in entries.iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    quote(out, key);
                    out.push(':');
                    value.write(out, is_template);
                }
                out.push('}');
            }
            Self::Array(items) => {
                out.push('[');
                for (nth, item) in items.iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    item.write(out, is_template);
                }
                out.push(']');
            }
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Quotes a text, but leaves what stands between `{{` and `}}` to Tera.
fn quote_template(out: &mut String, mut text: &str) {
    out.push('"');
    while let Some(start) = text.find("{{") {
        let end = text[start..].find("}}").map_or(text.len(), |end| start + end + 2);
        escape(out, &text[..start]);
        out.push_str(&text[start..end]);
        text = &text[end..];
    }
    escape(out, text);
    out.push('"');
}

fn escape(out: &mut String, text: &str) {
    let quoted = serde_json::Value::from(text).to_string();
    out.push_str(&quoted[1..quoted.len() - 1]);
}
