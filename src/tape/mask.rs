//! What must not be kept: values by the name they have, and by paths of the user's own.
//!
//! Everything else stays byte for byte: the text is scanned, never parsed and written again.

use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;

use super::MASKED;
use crate::fault::Fault;
use crate::message::Data;
use crate::secret;

/// Names of headers and fields that hold secrets, beside those of [`secret::is_secret`]; without `-` and `_`.
const SECRET: &[&str] =
    &["authorization", "cookie", "setcookie", "apikey", "xapikey", "privatekey", "credentials"];

/// The fields of a record that are looked through by name. A pattern must stay what it is.
const LOOKED_THROUGH: &[&str] = &["headers", "data", "err", "meta"];

/// A place in a record whose value is not kept: `data.card.number`, `data.items[].card`, `headers.x-internal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Any,
}

impl MaskPath {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for MaskPath {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = |why: &str| {
            Fault::new(format!("`{text}` is no path: {why}")).hint(
                "a path goes through the record: data.card.number, data.items[].card, headers.x-internal",
            )
        };
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        while !rest.is_empty() {
            let step;
            (step, rest) = if let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or_else(|| fault("a `[` is never closed"))?;
                let step = match index {
                    "" | "*" => Step::Any,
                    index => {
                        Step::Index(index.parse().map_err(|_| fault("an index is a number, or nothing"))?)
                    }
                };
                (step, after)
            } else if let Some(inner) = rest.strip_prefix('"') {
                let (key, after) = inner.split_once('"').ok_or_else(|| fault("a `\"` is never closed"))?;
                (Step::Key(key.to_owned()), after)
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                let step = if key == "*" { Step::Any } else { Step::Key(key.to_owned()) };
                if key.is_empty() {
                    return Err(fault("a name is missing"));
                }
                (step, after)
            };
            steps.push(step);
            rest = match rest.strip_prefix('.') {
                Some("") => return Err(fault("a name is missing")),
                Some(after) => after,
                None => rest,
            };
        }
        match &steps[..] {
            [Step::Key(first), _, ..] | [Step::Key(first)] if LOOKED_THROUGH.contains(&first.as_str()) => {}
            _ => return Err(fault("it begins with data, headers, meta or err")),
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

/// Which values are not kept, and how many were not.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    paths: Vec<MaskPath>,
    hits: Vec<u64>,
    masked: u64,
}

/// Where the scan stands: within an object at a key, or within an array at an index.
enum Frame {
    Object(String),
    Array(usize),
}

impl Mask {
    /// Masks by name, and at `paths`.
    pub fn new(paths: Vec<MaskPath>) -> Self {
        Self { hits: vec![0; paths.len()], paths, masked: 0 }
    }

    /// What either masks.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        Self::new(self.paths)
    }

    /// How many values were masked.
    pub fn masked(&self) -> u64 {
        self.masked
    }

    /// The paths at which nothing was found.
    pub fn unused(&self) -> impl Iterator<Item = &MaskPath> {
        self.paths.iter().zip(&self.hits).filter(|(_, hits)| **hits == 0).map(|(path, _)| path)
    }

    /// Appends the record `line`, masked.
    pub fn record(&mut self, line: &str, out: &mut Vec<u8>) {
        self.scan(line, Vec::new(), out);
    }

    /// A payload as it would stand in a recording.
    #[must_use]
    pub fn data(&mut self, data: &Data) -> Data {
        let Data::Json(json) = data else { return data.clone() };
        let mut out = Vec::new();
        self.scan(json.get(), vec![Frame::Object("data".to_owned())], &mut out);
        String::from_utf8(out).ok().and_then(|text| Data::json(text).ok()).unwrap_or_else(|| data.clone())
    }

    fn scan(&mut self, json: &str, mut frames: Vec<Frame>, out: &mut Vec<u8>) {
        if self.paths.is_empty() && !may_hold_secret(json) {
            return out.extend_from_slice(json.as_bytes());
        }
        let bytes = json.as_bytes();
        let (mut at, mut copied, mut is_key) = (0, 0, false);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                b':' => {
                    is_key = false;
                    at += 1;
                }
                b',' => {
                    match frames.last_mut() {
                        Some(Frame::Array(index)) => *index += 1,
                        Some(Frame::Object(_)) => is_key = true,
                        None => {}
                    }
                    at += 1;
                }
                b'}' | b']' => {
                    frames.pop();
                    is_key = false;
                    at += 1;
                }
                b'"' if is_key => {
                    let end = string_end(bytes, at);
                    if let Some(Frame::Object(key)) = frames.last_mut() {
                        // A name that no Rust string can hold, with a lone surrogate, is nobody's secret.
                        *key = serde_json::from_str(&json[at..end]).unwrap_or_default();
                    }
                    at = end;
                }
                _ if self.is_secret(&frames, byte) => {
                    out.extend_from_slice(&bytes[copied..at]);
                    out.extend_from_slice(MASKED.as_bytes());
                    at = value_end(bytes, at);
                    copied = at;
                    self.masked += 1;
                }
                b'{' => {
                    frames.push(Frame::Object(String::new()));
                    is_key = true;
                    at += 1;
                }
                b'[' => {
                    frames.push(Frame::Array(0));
                    at += 1;
                }
                _ => at = value_end(bytes, at),
            }
        }
        out.extend_from_slice(&bytes[copied..]);
    }

    /// Whether the value that begins with `first` at this place is not kept.
    fn is_secret(&mut self, frames: &[Frame], first: u8) -> bool {
        let place = self.paths.iter().position(|path| path.is(frames));
        if let Some(place) = place {
            self.hits[place] += 1;
            return true;
        }
        let (Some(Frame::Object(top)), Some(Frame::Object(name))) = (frames.first(), frames.last()) else {
            return false;
        };
        if frames.len() < 2 || !LOOKED_THROUGH.contains(&top.as_str()) {
            return false;
        }
        match first {
            // True, false and null tell nothing, and are what a schema often wants.
            b't' | b'f' | b'n' => false,
            // Tokens that are counted are no secrets.
            b'0'..=b'9' | b'-' if name.to_ascii_lowercase().contains("token") => false,
            _ => is_secret_name(name),
        }
    }
}

/// Whether any name in `json` could be one of a secret. Most records have none, and are not looked at more closely.
fn may_hold_secret(json: &str) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        // A name may be spelt with escapes.
        Regex::new(
            r"(?i)passw|secret|token|authorization|cookie|api[-_]*key|private[-_]*key|credentials|\\u00",
        )
        .expect("it is written here")
    });
    WORDS.is_match(json)
}

fn is_secret_name(name: &str) -> bool {
    if secret::is_secret(name) {
        return true;
    }
    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).collect();
    SECRET.iter().any(|word| plain.eq_ignore_ascii_case(word))
        || plain.to_ascii_lowercase().ends_with("authorization")
}

impl MaskPath {
    fn is(&self, frames: &[Frame]) -> bool {
        self.steps.len() == frames.len()
            && self.steps.iter().zip(frames).all(|(step, frame)| match (step, frame) {
                (Step::Any, _) => true,
                (Step::Key(wanted), Frame::Object(key)) => wanted == key,
                (Step::Index(wanted), Frame::Array(index)) => wanted == index,
                _ => false,
            })
    }
}

/// Behind the closing quote of the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    bytes.len()
}

/// Behind the value that begins at `at`.
fn value_end(bytes: &[u8], at: usize) -> usize {
    let (mut end, mut depth) = (at, 0_usize);
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'"' => {
                end = string_end(bytes, end);
                if depth == 0 {
                    return end;
                }
            }
            b'{' | b'[' => {
                depth += 1;
                end += 1;
            }
            b'}' | b']' if depth <= 1 => return if depth == 1 { end + 1 } else { end },
            b'}' | b']' => {
                depth -= 1;
                end += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return end,
            _ => end += 1,
        }
    }
    bytes.len()
}
