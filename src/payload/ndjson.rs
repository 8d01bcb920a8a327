//! `--ndjson`: one message per line, read as it comes.

use std::io::BufRead;

use crate::fault::Fault;
use crate::message::{Data, Direction, Headers, Pattern};
use crate::record::{Line, Record};

/// One message of an NDJSON input.
#[derive(Debug)]
pub struct Item {
    /// The record's own pattern; `None` for a payload, which goes to PATTERN.
    pub pattern: Option<Pattern>,
    /// The payload; `None` for a record without one.
    pub data: Option<Data>,
    /// The record's headers.
    pub headers: Headers,
    /// The line it stands on, from 1.
    pub line: u64,
}

/// Reads messages from lines: records of requests and events, and payloads. Replies and other records are skipped.
pub struct Ndjson<R> {
    lines: R,
    name: String,
    bare: bool,
    raw: bool,
    line: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Ndjson<R> {
    /// Reads from `lines`, which faults call `name`. With `bare` every line is a payload; with `raw` a payload
    /// need not be JSON.
    pub fn new(lines: R, name: impl Into<String>, bare: bool, raw: bool) -> Self {
        Self { lines, name: name.into(), bare, raw, line: 0, buffer: Vec::new(), ended: false }
    }

    /// The next line without its end; `None` at the end of the input.
    fn read_line(&mut self) -> Option<Result<(), Fault>> {
        self.buffer.clear();
        self.line += 1;
        match self.lines.read_until(b'\n', &mut self.buffer) {
            Ok(0) => None,
            Ok(_) => {
                if self.line == 1 && self.buffer.starts_with(super::BOM) {
                    self.buffer.drain(..super::BOM.len());
                }
                while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
                    self.buffer.pop();
                }
                Some(Ok(()))
            }
            Err(error) => {
                self.ended = true;
                Some(Err(Fault::new(format!(
                    "cannot read {} after line {}: {error}",
                    self.name,
                    self.line - 1
                ))))
            }
        }
    }

    /// The message on the current line; `None` for one that is skipped.
    fn item(&self) -> Result<Option<Item>, Fault> {
        let payload =
            |data| Item { pattern: None, data: Some(data), headers: Headers::new(), line: self.line };
        let text = match std::str::from_utf8(&self.buffer) {
            Ok(text) => text,
            Err(_) if self.raw => return Ok(Some(payload(Data::classify(&self.buffer)))),
            Err(error) => {
                return Err(self.fault(&format!("not UTF-8 at column {}", error.valid_up_to() + 1)));
            }
        };
        if !self.bare {
            match Record::parse(text).map_err(|fault| self.wrap(&fault))? {
                Line::Foreign => {}
                Line::Note => return Ok(None),
                Line::Message(record) if record.direction == Direction::Reply => return Ok(None),
                Line::Message(record) => {
                    let Record { pattern, data, headers, .. } = *record;
                    return Ok(Some(Item { pattern, data, headers, line: self.line }));
                }
            }
        }
        match serde_json::from_str(text) {
            Ok(json) => Ok(Some(payload(Data::Json(json)))),
            Err(_) if self.raw => Ok(Some(payload(Data::Text(text.to_owned())))),
            Err(error) => Err(self.fault(&format!("not JSON: {}", on_one_line(&error)))),
        }
    }

    fn fault(&self, why: &str) -> Fault {
        Fault::new(format!("{}, line {}: {why}", self.name, self.line))
            .hint("each line is one JSON text; `--raw` sends lines as they are")
    }

    fn wrap(&self, fault: &Fault) -> Fault {
        let wrapped = Fault::new(format!("{}, line {}: {fault}", self.name, self.line));
        match fault.advice() {
            Some(hint) => wrapped.hint(hint),
            None => wrapped,
        }
    }
}

/// The parser's error with its column alone: its line is always 1 here, and the real one is told already.
fn on_one_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

impl<R: BufRead> Iterator for Ndjson<R> {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read_line() {
                None => {
                    self.ended = true;
                    break;
                }
                Some(Err(fault)) => return Some(Err(fault)),
                Some(Ok(())) if self.buffer.trim_ascii().is_empty() => {}
                Some(Ok(())) => match self.item() {
                    Ok(None) => {}
                    Ok(Some(item)) => return Some(Ok(item)),
                    Err(fault) => return Some(Err(fault)),
                },
            }
        }
        None
    }
}
