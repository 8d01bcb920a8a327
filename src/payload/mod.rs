//! What the user wrote → pattern, payload and headers: JSON, HTTPie words, files, NDJSON, `--expand`.

mod expand;
mod ndjson;
mod request;
mod words;

use std::io::Read;

use serde_json::value::RawValue;

use crate::fault::{self, Fault};
use crate::message::{Data, HeaderValue, Pattern};

pub use expand::{Expand, Expansion};
pub use ndjson::{Item, Ndjson};
pub use request::{Missing, request_line};
pub use words::{from_words, template_from_words};

/// Reads a PATTERN word: JSON if and only if it starts with `{`, else text, `42` included.
///
/// # Errors
/// A word that starts with `{` and is not JSON, with the place.
pub fn parse_pattern(word: &str) -> Result<Pattern, Fault> {
    if !word.starts_with('{') {
        return Ok(Pattern::Text(word.to_owned()));
    }
    let json = serde_json::from_str::<&RawValue>(word).map_err(|error| {
        Fault::new(format!("the pattern starts with `{{` and is not JSON: {error}"))
            .hint("quote it for the shell: '{\"cmd\":\"sum\"}'")
    })?;
    // `from_str` has dropped white space around the value; the rest is as it was written.
    Ok(Pattern::Json(json.to_owned()))
}

/// Reads a `-H` word: `Name: value`.
///
/// # Errors
/// No colon, no name, or a control character.
pub fn parse_header(word: &str) -> Result<(String, HeaderValue), Fault> {
    let (name, value) = word.split_once(':').ok_or_else(|| {
        Fault::new(format!("the header `{}` has no colon", fault::quoted(word)))
            .hint("a header is written 'Name: value'")
    })?;
    if let Some((at, found)) = word.char_indices().find(|(_, c)| c.is_control()) {
        return Err(Fault::new(format!(
            "the header `{}` holds the control character {found:?} at offset {at}",
            fault::quoted(word)
        )));
    }
    let name = name.trim();
    if name.is_empty() {
        return Err(Fault::new(format!("the header `{word}` has no name before its colon"))
            .hint("a header is written 'Name: value'"));
    }
    Ok((name.to_owned(), HeaderValue::Text(value.trim().to_owned())))
}

/// Reads what `-d` names: `-` is `stdin`, `@FILE` a file, all else the text itself. The result is whole and
/// was not copied; a byte order mark at the start of a file is not part of it unless `raw`.
///
/// # Errors
/// A file that cannot be read; `-` where standard input is a terminal.
pub fn read_source(
    source: &str,
    stdin: &mut dyn Read,
    stdin_is_terminal: bool,
    raw: bool,
) -> Result<Source, Fault> {
    let (name, mut bytes) = if source == "-" {
        if stdin_is_terminal {
            return Err(terminal_fault());
        }
        let mut bytes = Vec::new();
        stdin
            .read_to_end(&mut bytes)
            .map_err(|error| Fault::new(format!("cannot read standard input: {error}")))?;
        ("standard input".to_owned(), bytes)
    } else if let Some(path) = source.strip_prefix('@') {
        let bytes =
            std::fs::read(path).map_err(|error| Fault::new(format!("cannot read `{path}`: {error}")))?;
        (format!("`{path}`"), bytes)
    } else {
        return Ok(Source { name: "`--data`".to_owned(), bytes: source.as_bytes().to_vec() });
    };
    if !raw && bytes.starts_with(BOM) {
        bytes.drain(..BOM.len());
    }
    Ok(Source { name, bytes })
}

const BOM: &[u8] = "\u{feff}".as_bytes();

fn terminal_fault() -> Fault {
    Fault::new("standard input is a terminal, and `-` reads it to its end")
        .hint("pipe something in, or name a file: `@FILE` for `--data`, FILE for `--ndjson`")
}

/// Opens what `--ndjson` names: `-` is `stdin`, all else a file.
///
/// # Errors
/// A file that cannot be opened; `-` where standard input is a terminal.
pub fn open_lines(
    source: &str,
    stdin: impl FnOnce() -> Box<dyn std::io::BufRead + Send>,
    stdin_is_terminal: bool,
) -> Result<Box<dyn std::io::BufRead + Send>, Fault> {
    if source == "-" {
        return if stdin_is_terminal { Err(terminal_fault()) } else { Ok(stdin()) };
    }
    let file = std::fs::File::open(source)
        .map_err(|error| Fault::new(format!("cannot read `{source}`: {error}")))?;
    Ok(Box::new(std::io::BufReader::with_capacity(1 << 16, file)))
}

/// One payload as it was read, with the name of where it came from.
#[derive(Debug)]
pub struct Source {
    name: String,
    bytes: Vec<u8>,
}

impl Source {
    /// The payload: JSON for an envelope; with `raw` whatever it is, byte for byte.
    ///
    /// # Errors
    /// Without `raw`: what is not JSON, with line and column.
    pub fn into_data(self, raw: bool) -> Result<Data, Fault> {
        let Self { name, bytes } = self;
        let mut text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if raw => return Ok(Data::Binary(error.into_bytes().into())),
            Err(error) => return Err(not_utf8(&name, &error)),
        };
        if raw {
            let is_json =
                serde_json::from_str::<&RawValue>(&text).is_ok_and(|json| json.get().len() == text.len());
            return if is_json {
                Data::json(text).map_err(|error| not_json(&name, &error))
            } else {
                Ok(Data::Text(text))
            };
        }
        // `Data::json` takes the text as it is if nothing surrounds the value, and copies it otherwise.
        text.truncate(text.trim_end_matches(JSON_SPACE).len());
        if text.is_empty() {
            return Err(Fault::new(format!("{name} is empty, and no JSON is"))
                .hint("leave `--data` out to send `{}`; `null` is JSON, too"));
        }
        let leading = text.len() - text.trim_start_matches(JSON_SPACE).len();
        if leading > 0 {
            // Parsed before the cut as well, so that an error tells the line of the file.
            serde_json::from_str::<&RawValue>(&text).map_err(|error| not_json(&name, &error))?;
            text.drain(..leading);
        }
        Data::json(text).map_err(|error| not_json(&name, &error))
    }

    /// The payload as a template for `--expand`.
    ///
    /// # Errors
    /// What is not UTF-8.
    pub fn into_template(self) -> Result<String, Fault> {
        String::from_utf8(self.bytes).map_err(|error| not_utf8(&self.name, &error))
    }
}

const JSON_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Fault {
    Fault::new(format!("{name} is not JSON: not UTF-8 at offset {}", error.utf8_error().valid_up_to()))
        .hint("`--raw` sends bytes as they are")
}

fn not_json(name: &str, error: &serde_json::Error) -> Fault {
    Fault::new(format!("{name} is not JSON: {error}"))
        .hint("`--raw` sends it as it is; a text within Nest's envelope is a JSON string: '\"text\"'")
}

#[cfg(test)]
mod tests;
