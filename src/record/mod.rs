//! The message record: one line of JSON per message, the same for every transport, written and read back.
//!
//! Payloads are spliced as they came, byte for byte, except that a payload which spans lines is put on one.

mod read;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::message::{Data, Delivery, Direction, Finding, HeaderValue, Headers, Pattern};

pub use read::{Line, Record};

/// RFC 3339 in UTC with six digits of a second.
const TIME: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// What all records of one target share.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The transport's name.
    pub transport: &'a str,
    /// The service, where the queue or the pattern tells.
    pub service: Option<&'a str>,
}

/// What a reply knows of its request.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The request's id as JSON text.
    pub of: Option<Box<RawValue>>,
    /// From the request to this reply, in milliseconds.
    pub ms: f64,
    /// No further reply follows.
    pub is_final: bool,
    /// The request's pattern, which replies themselves do not carry.
    pub pattern: Option<Pattern>,
}

/// A request that had no reply in time.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// When the request was seen.
    pub at: Timestamp,
    /// The request's pattern.
    pub pattern: Option<Pattern>,
    /// Subject, channel, queue or topic of the request.
    pub dest: Option<String>,
    /// The request's id as JSON text.
    pub id: Option<Box<RawValue>>,
    /// How long eyas has seen no reply.
    pub waited: Duration,
}

/// Appends the `message` record of `delivery`, with its newline. `pair` is what is known of a reply's request.
pub fn message(out: &mut Vec<u8>, context: &Context<'_>, delivery: &Delivery, pair: Option<&Pair>) {
    begin(out, "message", delivery.at, Some(context));
    key(out, "dir");
    word(out, direction_word(delivery.direction));
    let pattern = delivery.pattern.as_ref().or_else(|| pair.and_then(|pair| pair.pattern.as_ref()));
    address(out, pattern, delivery.dest.as_deref(), delivery.id.as_deref());
    key(out, "headers");
    headers(out, &delivery.headers);
    if let Some(data) = &delivery.data {
        payload(out, data);
    }
    key(out, "size");
    number(out, delivery.size);
    key(out, "meta");
    object(out, delivery.meta.iter().map(|(name, value)| (name.as_str(), value)), |out, value| {
        raw(out, value);
    });
    if let Some(pair) = pair {
        key(out, "pair");
        out.extend_from_slice(b"{\"of\":");
        raw_or_null(out, pair.of.as_deref());
        key(out, "ms");
        milliseconds(out, pair.ms);
        key(out, "final");
        out.extend_from_slice(if pair.is_final { b"true}" } else { b"false}" });
    }
    if let Some(error) = &delivery.error {
        key(out, "err");
        value(out, error);
    }
    end(out);
}

/// Appends an `unanswered` record: a request that had no reply by `at`.
pub fn unanswered(out: &mut Vec<u8>, context: &Context<'_>, at: Timestamp, request: &Unanswered) {
    begin(out, "unanswered", at, Some(context));
    address(out, request.pattern.as_ref(), request.dest.as_deref(), request.id.as_deref());
    key(out, "since");
    time(out, request.at);
    key(out, "waited_ms");
    milliseconds(out, request.waited.as_secs_f64() * 1e3);
    end(out);
}

/// Appends a `gap` record: `lost` messages are missing here, or nobody knows how many.
pub fn gap(out: &mut Vec<u8>, context: &Context<'_>, at: Timestamp, lost: Option<u64>, why: &str) {
    begin(out, "gap", at, Some(context));
    key(out, "lost");
    match lost {
        Some(lost) => number(out, lost),
        None => out.extend_from_slice(b"null"),
    }
    key(out, "why");
    string(out, why);
    end(out);
}

/// Appends a `finding` record.
pub fn finding(out: &mut Vec<u8>, context: &Context<'_>, at: Timestamp, finding: &Finding) {
    begin(out, "finding", at, Some(context));
    key(out, "code");
    string(out, &finding.code);
    key(out, "text");
    string(out, &finding.text);
    end(out);
}

/// Appends a `summary` record with the fields of `body`, which must serialise to an object.
///
/// # Errors
/// The serialiser's.
pub fn summary(out: &mut Vec<u8>, at: Timestamp, body: &impl Serialize) -> serde_json::Result<()> {
    report(out, "summary", at, body)
}

/// Appends a record of another `kind` with the fields of `body`, which must serialise to an object.
///
/// # Errors
/// The serialiser's.
pub fn report(out: &mut Vec<u8>, kind: &str, at: Timestamp, body: &impl Serialize) -> serde_json::Result<()> {
    let body = serde_json::to_string(body)?;
    begin(out, kind, at, None);
    if let Some(fields) = body.strip_prefix('{').filter(|fields| *fields != "}") {
        out.push(b',');
        out.extend_from_slice(fields.as_bytes());
        out.push(b'\n');
    } else {
        end(out);
    }
    Ok(())
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Request => "request",
        Direction::Reply => "reply",
        Direction::Event => "event",
    }
}

fn begin(out: &mut Vec<u8>, kind: &str, at: Timestamp, context: Option<&Context<'_>>) {
    out.extend_from_slice(b"{\"type\":");
    word(out, kind);
    out.extend_from_slice(b",\"v\":1,\"ts\":");
    time(out, at);
    let Some(context) = context else { return };
    key(out, "transport");
    word(out, context.transport);
    if let Some(service) = context.service {
        key(out, "service");
        string(out, service);
    }
}

fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}\n");
}

fn address(out: &mut Vec<u8>, pattern: Option<&Pattern>, dest: Option<&str>, id: Option<&RawValue>) {
    key(out, "pattern");
    match pattern {
        Some(Pattern::Text(text)) => string(out, text),
        Some(Pattern::Json(json)) => raw(out, json),
        None => out.extend_from_slice(b"null"),
    }
    if let Some(dest) = dest {
        key(out, "dest");
        string(out, dest);
    }
    if let Some(id) = id {
        key(out, "id");
        raw(out, id);
    }
}

fn payload(out: &mut Vec<u8>, data: &Data) {
    match data {
        Data::Json(json) => {
            key(out, "data");
            raw(out, json);
        }
        Data::Text(text) => {
            key(out, "data_text");
            string(out, text);
        }
        Data::Binary(bytes) => {
            key(out, "data_base64");
            string(out, &STANDARD.encode(bytes));
        }
    }
}

/// A payload as a value within a record: JSON as it is, text as a string, bytes as `{"base64":…}`.
fn value(out: &mut Vec<u8>, data: &Data) {
    match data {
        Data::Json(json) => raw(out, json),
        Data::Text(text) => string(out, text),
        Data::Binary(bytes) => base64_object(out, bytes),
    }
}

/// Headers by name; a name that repeats has a list. A value that is itself a list stands in one, so that the
/// two read back apart.
fn headers(out: &mut Vec<u8>, headers: &Headers) {
    let first =
        |(at, (name, _)): &(usize, &(String, HeaderValue))| !headers[..*at].iter().any(|(n, _)| n == name);
    let names = headers.iter().enumerate().filter(first).map(|(at, (name, _))| (name.as_str(), at));
    object(out, names, |out, at| {
        let name = &headers[at].0;
        let values = || headers[at..].iter().filter(|(other, _)| other == name).map(|(_, value)| value);
        let is_list = matches!(&headers[at].1, HeaderValue::Json(json) if json.get().starts_with('['));
        if values().nth(1).is_none() && !is_list {
            return header(out, &headers[at].1);
        }
        for (nth, value) in values().enumerate() {
            out.push(if nth == 0 { b'[' } else { b',' });
            header(out, value);
        }
        out.push(b']');
    });
}

fn header(out: &mut Vec<u8>, value: &HeaderValue) {
    match value {
        HeaderValue::Text(text) => string(out, text),
        HeaderValue::Binary(bytes) => base64_object(out, bytes),
        HeaderValue::Json(json) => raw(out, json),
    }
}

fn base64_object(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"{\"base64\":");
    string(out, &STANDARD.encode(bytes));
    out.push(b'}');
}

fn object<'a, T>(
    out: &mut Vec<u8>,
    entries: impl Iterator<Item = (&'a str, T)>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'{');
    for (nth, (name, value)) in entries.enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        write(out, value);
    }
    out.push(b'}');
}

/// The comma and the name of a field that is not the first.
fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn raw_or_null(out: &mut Vec<u8>, json: Option<&RawValue>) {
    match json {
        Some(json) => raw(out, json),
        None => out.extend_from_slice(b"null"),
    }
}

/// Splices JSON. Only one that spans lines is changed: the white space between its tokens goes.
fn raw(out: &mut Vec<u8>, json: &RawValue) {
    let text = json.get().as_bytes();
    if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return out.extend_from_slice(text);
    }
    let (mut in_string, mut escaped) = (false, false);
    for &byte in text {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

fn time(out: &mut Vec<u8>, at: Timestamp) {
    out.push(b'"');
    TIME.print_timestamp(&at, &mut *out).expect("a vector takes every write");
    out.push(b'"');
}

/// A word of ours, in which there is nothing to escape.
fn word(out: &mut Vec<u8>, word: &str) {
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a vector takes every write");
}

fn number(out: &mut Vec<u8>, number: impl Serialize) {
    serde_json::to_writer(out, &number).expect("a vector takes every write");
}

/// Milliseconds, to the microsecond that timestamps have.
fn milliseconds(out: &mut Vec<u8>, ms: f64) {
    number(out, (ms * 1e3).round() / 1e3);
}

#[cfg(test)]
mod tests;
