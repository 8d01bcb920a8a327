//! Header blocks: `NATS/1.0[ status[ words]]`, lines of `Name: value`, an empty line.

use bytes::Bytes;

use crate::fault::Fault;
use crate::message::{HeaderValue, Headers};

/// The status of the broker's answer where nobody subscribes.
pub const NO_RESPONDERS: u16 = 503;

const VERSION: &str = "NATS/1.0";

/// A header block, read.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The status of a message of the broker's own.
    pub status: Option<u16>,
    /// The words after it.
    pub description: String,
    /// Names and values, in order.
    pub fields: Headers,
}

impl Block {
    /// Reads a block; what is malformed in it is left out, as Nest's client leaves it.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut lines =
            bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
        let (status, description) =
            match first.strip_prefix(VERSION).unwrap_or_default().trim().split_once(' ') {
                Some((status, words)) => (status.parse().ok(), words.trim().to_owned()),
                None => {
                    (first.strip_prefix(VERSION).and_then(|rest| rest.trim().parse().ok()), String::new())
                }
            };
        let field = |line: &[u8]| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
            let value = match std::str::from_utf8(value) {
                Ok(text) => HeaderValue::Text(text.to_owned()),
                Err(_) => HeaderValue::Binary(Bytes::copy_from_slice(value)),
            };
            Some((String::from_utf8_lossy(name).into_owned(), value))
        };
        Self { status, description, fields: lines.filter_map(field).collect() }
    }

    /// The text of the first field of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(key, value)| match value {
            HeaderValue::Text(text) if key.eq_ignore_ascii_case(name) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Appends `headers` as a block.
///
/// # Errors
/// A name or a value that would end its line, or a name that no broker takes.
pub fn encode(out: &mut Vec<u8>, headers: &Headers) -> Result<(), Fault> {
    out.extend_from_slice(VERSION.as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(Fault::new(format!("`{}` is no name of a NATS header", name.escape_debug()))
                .hint("names are printable ASCII without `:` and spaces"));
        }
        let value = match value {
            HeaderValue::Text(text) => text.as_bytes(),
            HeaderValue::Json(json) => json.get().as_bytes(),
            HeaderValue::Binary(bytes) => bytes,
        };
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(Fault::new(format!(
                "the header `{name}` holds a line break, which NATS cannot carry"
            )));
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
