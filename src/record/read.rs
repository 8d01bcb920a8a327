//! Records read back: what `emit --ndjson`, `replay` and `mock` take from a line.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Pair;
use crate::fault::Fault;
use crate::message::{Data, Direction, HeaderValue, Headers, Pattern, STREAMED, Streamed};

/// What a line of a recording, or of any NDJSON file, is.
#[derive(Debug)]
pub enum Line {
    /// A message record.
    Message(Box<Record>),
    /// Another record of ours: a gap, a summary.
    Note,
    /// Not a record of ours.
    Foreign,
}

/// A message record as it was read.
#[derive(Clone, Debug)]
pub struct Record {
    /// When the message was seen.
    pub at: Timestamp,
    /// The transport it was seen on.
    pub transport: String,
    /// The service it was for.
    pub service: Option<String>,
    /// Request, reply or event.
    pub direction: Direction,
    /// Its pattern; on a reply that of its request.
    pub pattern: Option<Pattern>,
    /// Subject, channel, queue or topic.
    pub dest: Option<String>,
    /// The id as JSON text.
    pub id: Option<Box<RawValue>>,
    /// Headers, properties, metadata.
    pub headers: Headers,
    /// The payload.
    pub data: Option<Data>,
    /// What only the transport has, as one JSON object.
    pub meta: Option<Box<RawValue>>,
    /// What a reply knows of its request; the request's pattern is in `pattern`.
    pub pair: Option<Pair>,
    /// The error of an error reply; a text is a JSON string here.
    pub error: Option<Data>,
}

impl Record {
    /// Who has several messages in the request that this begins; `None` where it is one message.
    pub fn streamed(&self) -> Option<Streamed> {
        #[derive(Deserialize)]
        struct Meta {
            stream: Option<Streamed>,
        }
        let meta = self.meta.as_ref().filter(|_| self.direction == Direction::Request)?;
        // Cheaper than to read what has none.
        meta.get().contains(STREAMED).then(|| serde_json::from_str::<Meta>(meta.get()).ok()?.stream)?
    }

    /// Reads one line.
    ///
    /// # Errors
    /// A line that says it is a message record and is not one.
    pub fn parse(line: &str) -> Result<Line, Fault> {
        match kind(line) {
            Some(kind) if kind == "message" => {}
            Some(kind) if matches!(&*kind, "recording" | "unanswered" | "gap" | "finding" | "summary") => {
                return Ok(Line::Note);
            }
            _ => return Ok(Line::Foreign),
        }
        let fields: Fields<'_> = serde_json::from_str(line).map_err(|error| broken(&error))?;
        fields.into_record().map(|record| Line::Message(Box::new(record)))
    }
}

/// The `type` of a record of version 1; `None` for all else. Cheap for a line that has no `"type"` at all.
fn kind(line: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<&'a RawValue>,
        #[serde(borrow)]
        v: Option<&'a RawValue>,
    }
    if !line.contains("\"type\"") || !line.contains("\"v\"") {
        return None;
    }
    let head: Head<'_> = serde_json::from_str(line).ok()?;
    let text = head.kind?.get();
    (head.v?.get() == "1").then(|| text.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed))?
}

#[derive(Deserialize)]
struct Fields<'a> {
    ts: String,
    transport: String,
    service: Option<String>,
    dir: String,
    #[serde(borrow)]
    pattern: Option<&'a RawValue>,
    dest: Option<String>,
    // An `Option` reads `null` as nothing, and `null` is an id (`wire.md` §1): a plain field with a default does not.
    #[serde(default, deserialize_with = "present")]
    id: Option<Box<RawValue>>,
    #[serde(borrow)]
    headers: Option<Entries<'a>>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    data_text: Option<String>,
    data_base64: Option<String>,
    meta: Option<Box<RawValue>>,
    pair: Option<PairFields>,
    #[serde(default, deserialize_with = "present")]
    err: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct PairFields {
    #[serde(default, deserialize_with = "present")]
    of: Option<Box<RawValue>>,
    ms: f64,
    #[serde(rename = "final")]
    is_final: bool,
}

impl Fields<'_> {
    fn into_record(self) -> Result<Record, Fault> {
        let data = match (self.data, self.data_text, self.data_base64) {
            (None, None, None) => None,
            (Some(json), None, None) => Some(Data::Json(json)),
            (None, Some(text), None) => Some(Data::Text(text)),
            (None, None, Some(text)) => Some(Data::Binary(base64("data_base64", &text)?)),
            _ => return Err(broken(&"it has more than one of `data`, `data_text` and `data_base64`")),
        };
        let direction = match &*self.dir {
            "request" => Direction::Request,
            "reply" => Direction::Reply,
            "event" => Direction::Event,
            other => return Err(broken(&format!("`dir` is `{other}`, not request, reply or event"))),
        };
        Ok(Record {
            at: self.ts.parse().map_err(|error: jiff::Error| broken(&format!("`ts`: {error}")))?,
            transport: self.transport,
            service: self.service,
            direction,
            pattern: self.pattern.map(pattern),
            dest: self.dest,
            id: self.id,
            headers: self.headers.map(headers).transpose()?.unwrap_or_default(),
            data,
            meta: self.meta,
            pair: self.pair.map(|pair| Pair {
                of: pair.of,
                ms: pair.ms,
                is_final: pair.is_final,
                pattern: None,
            }),
            error: self.err.map(Data::Json),
        })
    }
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

/// A string is a text pattern, unless it holds what no Rust string can: a lone surrogate.
fn pattern(json: &RawValue) -> Pattern {
    match serde_json::from_str(json.get()) {
        Ok(text) => Pattern::Text(text),
        Err(_) => Pattern::Json(json.to_owned()),
    }
}

fn headers(entries: Entries<'_>) -> Result<Headers, Fault> {
    let mut headers = Headers::new();
    for (name, value) in entries.0 {
        if value.get().starts_with('[') {
            let values: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|error| broken(&error))?;
            for value in values {
                headers.push((name.clone(), header(value)?));
            }
        } else {
            let value = header(value)?;
            headers.push((name, value));
        }
    }
    Ok(headers)
}

fn header(json: &RawValue) -> Result<HeaderValue, Fault> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Base64 {
        base64: String,
    }
    let text = json.get();
    if let Ok(text) = serde_json::from_str(text) {
        return Ok(HeaderValue::Text(text));
    }
    if text.starts_with('{')
        && let Ok(bytes) = serde_json::from_str::<Base64>(text)
    {
        return Ok(HeaderValue::Binary(base64("base64", &bytes.base64)?));
    }
    Ok(HeaderValue::Json(json.to_owned()))
}

fn base64(field: &str, text: &str) -> Result<Bytes, Fault> {
    STANDARD.decode(text).map(Bytes::from).map_err(|error| broken(&format!("`{field}`: {error}")))
}

fn broken(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("this line says that it is a message record and is not one: {why}"))
        .hint("`--bare` sends such lines as payloads")
}

/// An object's entries in their order, values as they stand.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of headers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(InOrder)
    }
}
