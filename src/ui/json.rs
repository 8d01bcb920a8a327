//! JSON as people read it, from its text: tokens are copied, never parsed, so numbers, escapes and lone
//! surrogates stay as they came (`wire.md` §11.13).

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::Style;

use super::style;
use super::visible;

/// How it is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// In colour.
    pub paint: bool,
    /// With control characters as `\u` escapes.
    pub visible: bool,
    /// Objects and arrays that end within this column stay on one line.
    pub width: usize,
}

/// Deeper than this nothing is indented further: a hundred thousand brackets would be gigabytes of spaces.
const DEEPEST: usize = 64;

/// One piece of JSON text, without the space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// One of `{}[],:`.
    Mark(char),
    /// A string, with its quotes.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
}

/// The tokens of a text, which must be JSON.
#[derive(Clone)]
struct Tokens<'a>(&'a str);

fn tokens(json: &str) -> Tokens<'_> {
    Tokens(json)
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.0.trim_start_matches([' ', '\t', '\r', '\n']);
        let first = rest.chars().next()?;
        let length = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            '"' => string_length(rest),
            _ => rest.find(|c| "{}[],:\" \t\r\n".contains(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        self.0 = after;
        Some(match first {
            '"' => Token::Text(token),
            '{' | '}' | '[' | ']' | ',' | ':' => Token::Mark(first),
            _ => Token::Word(token),
        })
    }
}

/// The length of the string that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `json` on one line: as it came, unless it spans lines.
pub fn one_line(json: &str) -> Cow<'_, str> {
    if !json.contains(['\n', '\r']) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for token in tokens(json) {
        match token {
            Token::Mark(mark) => out.push(mark),
            Token::Text(text) | Token::Word(text) => out.push_str(text),
        }
    }
    Cow::Owned(out)
}

/// Appends `json` to `out`, which stands at column `indent`, two spaces a level: what ends within the width stays
/// on one line, every other line after the first is indented by `indent` more.
pub fn pretty(json: &str, indent: usize, layout: Layout, out: &mut String) {
    let mut pen = Pen { out, layout, indent, column: indent, depth: 0, inline: None };
    let mut tokens = tokens(json);
    while let Some(token) = tokens.next() {
        match token {
            Token::Mark(open @ ('{' | '[')) => {
                if pen.inline.is_none() && fits(tokens.clone(), layout.width.saturating_sub(pen.column)) {
                    pen.inline = Some(pen.depth);
                }
                pen.write(open.encode_utf8(&mut [0; 4]));
                pen.depth += 1;
                pen.new_line();
            }
            Token::Mark(close @ ('}' | ']')) => {
                pen.depth = pen.depth.saturating_sub(1);
                pen.new_line();
                pen.write(close.encode_utf8(&mut [0; 4]));
                pen.inline = pen.inline.filter(|depth| *depth < pen.depth);
            }
            Token::Mark(',') if pen.inline.is_some() => pen.write(", "),
            Token::Mark(',') => {
                pen.write(",");
                pen.new_line();
            }
            Token::Mark(_) => pen.write(": "),
            Token::Text(text) => {
                let is_key = tokens.clone().next() == Some(Token::Mark(':'));
                pen.paint(text, if is_key { style::KEY } else { style::STRING });
            }
            Token::Word(word) => {
                let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                pen.paint(word, if is_number { style::NUMBER } else { style::KEYWORD });
            }
        }
    }
}

/// `json` on one line with space between its parts; `None` if that is wider than `room`.
pub fn short(json: &str, room: usize, layout: Layout) -> Option<String> {
    if json.len() / 4 > room {
        return None;
    }
    let mut out = String::new();
    pretty(json, 0, Layout { width: room, ..layout }, &mut out);
    (!out.contains('\n') && visible::width(&out) <= room).then_some(out)
}

/// Whether the object or array, whose opening bracket was just read, ends within `room` columns. Empty ones do.
fn fits(tokens: Tokens<'_>, room: usize) -> bool {
    let (mut depth, mut used) = (1, 1);
    for (nth, token) in tokens.enumerate() {
        used += match token {
            Token::Mark('{' | '[') => {
                depth += 1;
                1
            }
            Token::Mark('}' | ']') => {
                depth -= 1;
                1
            }
            Token::Mark(_) => 2,
            // A character takes four bytes at most: a long text need not be counted to be too long.
            Token::Text(text) | Token::Word(text) if text.len() / 4 > room => return false,
            Token::Text(text) | Token::Word(text) => text.chars().count(),
        };
        if depth == 0 {
            return used <= room || nth == 0;
        }
        if used > room && nth > 0 {
            return false;
        }
    }
    false
}

/// Where the next token goes.
struct Pen<'a> {
    out: &'a mut String,
    layout: Layout,
    indent: usize,
    column: usize,
    depth: usize,
    /// The depth of what is being written on one line.
    inline: Option<usize>,
}

impl Pen<'_> {
    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn new_line(&mut self) {
        if self.inline.is_none() {
            self.column = self.indent + 2 * self.depth.min(DEEPEST);
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', self.column));
        }
    }

    fn paint(&mut self, text: &str, style: Style) {
        let text = if self.layout.visible { visible::json(text) } else { text.into() };
        if self.layout.paint {
            self.column += text.chars().count();
            let _ = write!(self.out, "{style}{text}{style:#}");
        } else {
            self.write(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(json: &str, expected: &str) {
        let mut out = String::new();
        pretty(json, 0, Layout::default(), &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn tokens_stay_as_they_came() {
        check(
            r#" {"b" : 1e400,"a":[ ],"b":{},"s":"\ud800 \/, \" {",  "n":[1.0,-0,null]} "#,
            "{\n  \"b\": 1e400,\n  \"a\": [],\n  \"b\": {},\n  \"s\": \"\\ud800 \\/, \\\" {\",\n  \"n\": [\n    1.0,\n    -0,\n    null\n  ]\n}",
        );
        check("7", "7");
        check(r#""text""#, r#""text""#);
    }

    #[test]
    fn what_is_short_stays_on_one_line() {
        let layout = Layout { width: 20, ..Layout::default() };
        let check = |json: &str, expected: &str| {
            let mut out = String::new();
            pretty(json, 0, layout, &mut out);
            assert_eq!(out, expected);
        };
        check(r#"{"a":1,"b":[2,{}]}"#, "{\n  \"a\": 1,\n  \"b\": [2, {}]\n}");
        check(r#"{"a":[1,2],"b":3}"#, "{\n  \"a\": [1, 2],\n  \"b\": 3\n}");
        check("[1,[2,3]]", "[1, [2, 3]]");
        check(r#"{"name":"Ann"}"#, r#"{"name": "Ann"}"#);
        assert_eq!(short("[1,2]", 6, layout).as_deref(), Some("[1, 2]"));
        assert_eq!(short("[1,2]", 5, layout), None);
        assert_eq!(short(r#""ab""#, 3, layout), None);
    }

    #[test]
    fn depth_costs_no_more_than_its_brackets() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        let mut out = String::new();
        pretty(&deep, 0, Layout { width: 80, ..Layout::default() }, &mut out);
        assert!(out.len() < 20_000 * (2 * DEEPEST + 2), "{} bytes", out.len());
    }

    #[test]
    fn one_line_is_what_came_unless_it_spans_lines() {
        assert_eq!(one_line(r#"{ "a" : 1 }"#), r#"{ "a" : 1 }"#);
        assert_eq!(one_line("{\n \"a b\" : [ 1,\r\n 2 ]}"), r#"{"a b":[1,2]}"#);
    }

    #[test]
    fn colours_and_escapes_are_asked_for() {
        let mut out = String::new();
        pretty("{\"a\u{9b}\":1}", 2, Layout { paint: true, visible: true, width: 0 }, &mut out);
        assert_eq!(out, "{\n    \u{1b}[34m\"a\\u009b\"\u{1b}[0m: \u{1b}[36m1\u{1b}[0m\n  }");
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec((".*", inner), 0..4)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde(value in any_json()) {
            let expected = serde_json::to_string_pretty(&value)?;
            let mut out = String::new();
            pretty(&value.to_string(), 0, Layout::default(), &mut out);
            prop_assert_eq!(&out, &expected);
            prop_assert_eq!(one_line(&expected), if expected.contains('\n') { value.to_string() } else { expected.clone() });
        }
    }
}
