//! Control bytes made visible, so that a payload can never steer a terminal.
//!
//! C0, DEL, C1, the invisible bidirectional controls, and bytes that are not UTF-8. Line breaks and tabs stay in
//! running text.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal must not be sent this.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Running text: line breaks and tabs stay, the rest is shown as `\x1b` or `\u{202e}`.
pub fn text(text: &str) -> Cow<'_, str> {
    replace(
        text,
        |c| is_control(c) && c != '\n' && c != '\t',
        |out, c| {
            let _ = match u32::from(c) {
                code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                code => write!(out, "\\u{{{code:x}}}"),
            };
        },
    )
}

/// Text that must stay on one line: as [`text`], and `\n`, `\t` for line breaks and tabs.
pub fn line(line: &str) -> Cow<'_, str> {
    match text(line) {
        text if text.contains(['\n', '\t']) => text.replace('\n', "\\n").replace('\t', "\\t").into(),
        text => text,
    }
}

/// JSON text: controls as `\u202e`, so that it stays the same JSON.
pub fn json(json: &str) -> Cow<'_, str> {
    replace(
        json,
        |c| is_control(c) && !matches!(c, '\n' | '\t' | '\r'),
        |out, c| {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        },
    )
}

/// Bytes: as [`text`], and `\xff` for what is not UTF-8.
pub fn bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    if let Ok(valid) = std::str::from_utf8(bytes) {
        return into_bytes(text(valid));
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&text(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out.into_bytes())
}

/// The same for bytes that are JSON.
pub fn json_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(bytes) {
        Ok(valid) => into_bytes(json(valid)),
        Err(_) => self::bytes(bytes),
    }
}

/// How many columns `text` takes on a terminal, its styles not counted.
pub fn width(text: &str) -> usize {
    dialoguer::console::measure_text_width(text)
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn replace(text: &str, hidden: impl Fn(char) -> bool, show: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) { show(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(text("a\x1b[2J\r\n\tb\u{7f}\u{9b}\u{202e}ö"), "a\\x1b[2J\\x0d\n\tb\\x7f\\x9b\\u{202e}ö");
        assert_eq!(line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(json("\"\u{9b}\u{202e}\u{7f}\""), r#""\u009b\u202e\u007f""#);
        assert_eq!(bytes(b"a\xff\x1bb").as_ref(), br"a\xff\x1bb");
        assert!(matches!(text("plain"), Cow::Borrowed("plain")));
    }
}
