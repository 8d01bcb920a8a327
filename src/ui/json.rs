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
}

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

/// The tokens of `json`, which must be JSON.
fn tokens(json: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = json;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let first = rest.chars().next()?;
        let (length, is_text) = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => (1, false),
            '"' => (string_length(rest), true),
            _ => (rest.find(|c| "{}[],:\" \t\r\n".contains(c)).unwrap_or(rest.len()), false),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(match first {
            _ if is_text => Token::Text(token),
            '{' | '}' | '[' | ']' | ',' | ':' => Token::Mark(first),
            _ => Token::Word(token),
        })
    })
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

/// Appends `json` to `out`, two spaces a level, every line after the first indented by `indent` more. Empty
/// objects and arrays stay on their line.
pub fn pretty(json: &str, indent: usize, layout: Layout, out: &mut String) {
    let mut depth = 0;
    let mut tokens = tokens(json).peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Mark(open @ ('{' | '[')) => {
                out.push(open);
                if let Some(Token::Mark(close @ ('}' | ']'))) = tokens.peek() {
                    out.push(*close);
                    tokens.next();
                } else {
                    depth += 1;
                    new_line(out, indent + 2 * depth);
                }
            }
            Token::Mark(close @ ('}' | ']')) => {
                depth = depth.saturating_sub(1);
                new_line(out, indent + 2 * depth);
                out.push(close);
            }
            Token::Mark(',') => {
                out.push(',');
                new_line(out, indent + 2 * depth);
            }
            Token::Mark(mark) => {
                out.push(mark);
                out.push(' ');
            }
            Token::Text(text) => {
                let is_key = tokens.peek() == Some(&Token::Mark(':'));
                paint(text, if is_key { style::KEY } else { style::STRING }, layout, out);
            }
            Token::Word(word) => {
                let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                paint(word, if is_number { style::NUMBER } else { style::KEYWORD }, layout, out);
            }
        }
    }
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn paint(text: &str, style: Style, layout: Layout, out: &mut String) {
    let text = if layout.visible { visible::json(text) } else { text.into() };
    if layout.paint {
        let _ = write!(out, "{style}{text}{style:#}");
    } else {
        out.push_str(&text);
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
    fn one_line_is_what_came_unless_it_spans_lines() {
        assert_eq!(one_line(r#"{ "a" : 1 }"#), r#"{ "a" : 1 }"#);
        assert_eq!(one_line("{\n \"a b\" : [ 1,\r\n 2 ]}"), r#"{"a b":[1,2]}"#);
    }

    #[test]
    fn colours_and_escapes_are_asked_for() {
        let mut out = String::new();
        pretty("{\"a\u{9b}\":1}", 2, Layout { paint: true, visible: true }, &mut out);
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
