//! The JSON envelope that TCP, Redis, NATS, MQTT and RabbitMQ share (`wire.md` §1).
//!
//! Payloads are spliced into envelopes and cut out of them; they are never parsed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::javascript::{self, Members};
use super::{NestVersion, pattern};
use crate::message::{Called, Data, HeaderValue, Headers, Message, Pattern, Reply, ReplyKind};

/// What Nest answers where nothing handles a pattern (`wire.md` §1).
pub const NO_HANDLER: &str = "There is no matching message handler defined in the remote service.";

/// What Nest answers for an exception it does not want to tell (`wire.md` §1.3).
pub(super) const INTERNAL_ERROR: &str = r#"{"status":"error","message":"Internal server error"}"#;

/// One packet as it came, cut at its top-level keys.
///
/// Of a key that repeats the last one counts, as for `JSON.parse`; `null` is there, not absent. Whatever is no
/// object has no keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet<'a> {
    /// The whole JSON text.
    pub text: &'a str,
    /// `pattern`.
    pub pattern: Option<&'a RawValue>,
    /// `data`.
    pub data: Option<&'a RawValue>,
    /// `id`.
    pub id: Option<&'a RawValue>,
    /// `metadata`, of dispatch hooks (Nest 12.0.4 and later).
    pub metadata: Option<&'a RawValue>,
    /// `response`.
    pub response: Option<&'a RawValue>,
    /// `err`.
    pub err: Option<&'a RawValue>,
    /// `isDisposed`.
    pub is_disposed: Option<&'a RawValue>,
    /// `status`.
    pub status: Option<&'a RawValue>,
    /// Whether it has any other key.
    pub has_extra: bool,
}

impl<'a> Packet<'a> {
    /// Cuts one JSON text.
    ///
    /// # Errors
    /// The parser's, with line and column, where `text` is not JSON.
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if text.starts_with('{') {
            return serde_json::from_str(text).map(|packet| Self { text, ..packet });
        }
        serde_json::from_str::<&RawValue>(text).map(|_| Self { text, ..Self::default() })
    }

    /// Whether Nest takes it for an envelope; anything else is foreign, an event whose whole text is the data
    /// (`wire.md` §1.1).
    pub fn is_envelope(&self) -> bool {
        self.pattern.is_some() || self.data.is_some()
    }

    /// Whether somebody waits for an answer: the key `id` is there, whatever it holds (`wire.md` §1).
    pub fn is_request(&self) -> bool {
        self.is_envelope() && self.id.is_some()
    }

    /// What a server is asked by it. The `id` to echo is [`Packet::id`].
    pub fn called(&self) -> Called {
        let data = if self.is_envelope() { self.data.map(json) } else { Some(self.whole()) };
        Called {
            pattern: self.pattern.map(pattern::from_json),
            dest: None,
            data,
            headers: self.headers(),
            is_request: self.is_request(),
        }
    }

    /// `metadata` as headers; where it is no object, one header of that name.
    pub fn headers(&self) -> Headers {
        let Some(metadata) = self.metadata.filter(|_| self.is_envelope()) else { return Headers::new() };
        match serde_json::from_str(metadata.get()) {
            Ok(Members(members)) if metadata.get().starts_with('{') => {
                members.into_iter().map(|(name, value)| (name, header(value))).collect()
            }
            _ => vec![("metadata".to_owned(), header(metadata))],
        }
    }

    /// Reads it as Nest's client of `version` reads a reply (`wire.md` §1.2).
    pub fn reply(&self, version: NestVersion) -> Reply {
        if self.is_foreign_reply(version) {
            return reply(ReplyKind::Next { last: true }, Some(self.whole()));
        }
        if let Some(err) = self.err.filter(|err| javascript::is_truthy(err)) {
            return reply(ReplyKind::Refused, Some(json(err)));
        }
        let last = self.is_disposed.is_some_and(javascript::is_truthy);
        match self.response {
            None if last => reply(ReplyKind::End, None),
            response => reply(ReplyKind::Next { last }, response.map(json)),
        }
    }

    /// Whether the client takes the whole text for the value: from 12.0.2 any key that no Nest packet has makes
    /// it so, before that only the lack of every one that a reply has (`wire.md` §1.2).
    fn is_foreign_reply(&self, version: NestVersion) -> bool {
        let is_reply = self.response.is_some() || self.err.is_some() || self.is_disposed.is_some();
        match version {
            NestVersion::V10 | NestVersion::V11 => !is_reply,
            NestVersion::V12 => {
                let is_request = self.pattern.is_some() || self.data.is_some() || self.metadata.is_some();
                let is_empty = !is_reply && self.id.is_none() && self.status.is_none();
                self.has_extra || is_request || is_empty
            }
        }
    }

    fn whole(&self) -> Data {
        Data::classify(self.text.as_bytes())
    }
}

fn json(raw: &RawValue) -> Data {
    Data::Json(raw.to_owned())
}

fn reply(kind: ReplyKind, data: Option<Data>) -> Reply {
    Reply { kind, data, headers: Headers::new() }
}

fn header(value: &RawValue) -> HeaderValue {
    match javascript::text(value) {
        Some(text) => HeaderValue::Text(text.into_owned()),
        None => HeaderValue::Json(value.to_owned()),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Packet<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PacketVisitor)
    }
}

struct PacketVisitor;

impl<'de> Visitor<'de> for PacketVisitor {
    type Value = Packet<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Packet<'de>, A::Error> {
        let mut packet = Packet::default();
        // Keys are taken raw: as text serde refuses a lone surrogate, as bytes it lets raw control characters
        // pass; `JSON.parse` does neither.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let slot = match javascript::text(key).as_deref() {
                Some("pattern") => &mut packet.pattern,
                Some("data") => &mut packet.data,
                Some("id") => &mut packet.id,
                Some("metadata") => &mut packet.metadata,
                Some("response") => &mut packet.response,
                Some("err") => &mut packet.err,
                Some("isDisposed") => &mut packet.is_disposed,
                Some("status") => &mut packet.status,
                _ => {
                    packet.has_extra = true;
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = Some(map.next_value()?);
        }
        Ok(packet)
    }
}

/// Whether a packet's `id` is the string `ours`, however it is escaped.
pub fn is_id(id: &RawValue, ours: &str) -> bool {
    javascript::text(id).is_some_and(|id| id == ours)
}

/// Writes a request: `{"pattern":P,"data":D,"metadata":M,"id":…}`, the middle two only where there are any.
pub fn encode_request(out: &mut Vec<u8>, message: &Message, id: &str) {
    encode_call(out, &message.pattern, message);
    out.extend_from_slice(b",\"id\":");
    encode_text(out, id);
    out.push(b'}');
}

/// Writes an event: a request without `id`. Its pattern is as the sender wrote it, which is not what TCP wants.
pub fn encode_event(out: &mut Vec<u8>, message: &Message) {
    encode_call(out, &message.pattern, message);
    out.push(b'}');
}

/// Writes a request, or without `id` an event, whose headers travel beside it: no `metadata`.
pub fn encode_body(out: &mut Vec<u8>, message: &Message, id: Option<&str>) {
    encode_head(out, &message.pattern, message);
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        encode_text(out, id);
    }
    out.push(b'}');
}

/// Writes an event whose pattern is the string `route`, as it is on TCP (`wire.md` §1).
pub fn encode_event_to(out: &mut Vec<u8>, route: &str, message: &Message) {
    out.extend_from_slice(b"{\"pattern\":");
    encode_text(out, route);
    encode_payload(out, message);
    encode_metadata(out, message);
    out.push(b'}');
}

/// Writes a reply; RabbitMQ's have no `id`. A refusal without an error is told as Nest tells an unknown one.
pub fn encode_reply(out: &mut Vec<u8>, reply: &Reply, id: Option<&RawValue>) {
    let mut object = Object::begin(out);
    match reply.kind {
        ReplyKind::Refused => match &reply.data {
            Some(err) => encode_data(object.key("err"), err),
            None => object.key("err").extend_from_slice(INTERNAL_ERROR.as_bytes()),
        },
        ReplyKind::Next { .. } => {
            if let Some(response) = &reply.data {
                encode_data(object.key("response"), response);
            }
        }
        ReplyKind::End => {}
    }
    if reply.is_final() {
        object.key("isDisposed").extend_from_slice(b"true");
    }
    if let Some(id) = id {
        object.key("id").extend_from_slice(id.get().as_bytes());
    }
    object.end();
}

/// Writes the reply for a pattern that nothing handles, in the order of all transports but RabbitMQ.
pub fn encode_no_handler(out: &mut Vec<u8>, id: &RawValue) {
    let mut object = Object::begin(out);
    object.key("id").extend_from_slice(id.get().as_bytes());
    object.key("status").extend_from_slice(b"\"error\"");
    encode_text(object.key("err"), NO_HANDLER);
    object.end();
}

fn encode_call(out: &mut Vec<u8>, pattern: &Pattern, message: &Message) {
    encode_head(out, pattern, message);
    encode_metadata(out, message);
}

/// Pattern and data.
fn encode_head(out: &mut Vec<u8>, pattern: &Pattern, message: &Message) {
    out.extend_from_slice(b"{\"pattern\":");
    match pattern {
        Pattern::Text(text) => encode_text(out, text),
        Pattern::Json(json) => out.extend_from_slice(json.get().as_bytes()),
    }
    encode_payload(out, message);
}

fn encode_payload(out: &mut Vec<u8>, message: &Message) {
    if let Some(data) = &message.data {
        out.extend_from_slice(b",\"data\":");
        encode_data(out, data);
    }
}

fn encode_metadata(out: &mut Vec<u8>, message: &Message) {
    if message.headers.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"metadata\":");
    let mut metadata = Object::begin(out);
    for (name, value) in &message.headers {
        let out = metadata.key(name);
        match value {
            HeaderValue::Text(text) => encode_text(out, text),
            HeaderValue::Binary(bytes) => encode_buffer(out, bytes),
            HeaderValue::Json(json) => out.extend_from_slice(json.get().as_bytes()),
        }
    }
    metadata.end();
}

/// Writes a payload as JSON: text becomes a string, bytes what `JSON.stringify` makes of a `Buffer`.
pub fn encode_data(out: &mut Vec<u8>, data: &Data) {
    match data {
        Data::Json(json) => out.extend_from_slice(json.get().as_bytes()),
        Data::Text(text) => encode_text(out, text),
        Data::Binary(bytes) => encode_buffer(out, bytes),
    }
}

fn encode_text(out: &mut Vec<u8>, text: &str) {
    // serde_json escapes strings exactly as `JSON.stringify` does (`wire.md` §11.13).
    serde_json::to_writer(out, text).expect("a Vec takes any string");
}

fn encode_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"Buffer\",\"data\":");
    serde_json::to_writer(&mut *out, bytes).expect("a Vec takes any numbers");
    out.push(b'}');
}

/// A JSON object in the making.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Writes a key; its value goes to what this returns.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        encode_text(self.out, key);
        self.out.push(b':');
        self.out
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_json_parse_reads_them() {
        let parse = |text| Packet::parse(text).expect("JSON");
        let packet = parse(r#" {"\u0069d":null,"data":1,"\ud83d":2,"data":1e400}"#);
        assert_eq!(packet.id.map(RawValue::get), Some("null"));
        assert_eq!(packet.data.map(RawValue::get), Some("1e400"));
        assert!(packet.is_request() && packet.has_extra);
        for wrong in ["{\"a\r\":1}", "{\"\\n\r\":1}", r#"{"\x":1}"#, "{1:2}", "{}{}", "", "\u{feff}{}"] {
            assert!(Packet::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_envelope_is_an_event_of_its_whole_text() {
        for text in ["5", "null", "[1]", r#"{"id":7,"name":"bob"}"#, r#""hello""#] {
            let called = Packet::parse(text).expect("JSON").called();
            assert_eq!(called.data, Data::json(text).ok(), "{text}");
            assert!(called.pattern.is_none() && !called.is_request, "{text}");
        }
        let called = Packet::parse(r#"{"type":"x","data":{"a":1}}"#).expect("JSON").called();
        assert_eq!(called.data, Data::json(r#"{"a":1}"#).ok());
    }

    #[test]
    fn payloads_that_are_no_json_become_json() {
        let written = |data| {
            let mut out = Vec::new();
            encode_data(&mut out, &data);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(written(Data::Text("a\"b\n\u{1}é\u{2028}".to_owned())), "\"a\\\"b\\n\\u0001é\u{2028}\"");
        assert_eq!(written(Data::Binary(vec![1, 2, 255].into())), r#"{"type":"Buffer","data":[1,2,255]}"#);
    }

    #[test]
    fn an_id_is_ours_however_it_is_escaped() {
        let id = |text| serde_json::from_str::<&RawValue>(text).expect("JSON");
        assert!(is_id(id(r#""a1""#), "a1") && is_id(id(r#""\u00611""#), "a1"));
        assert!(!is_id(id("1"), "1") && !is_id(id(r#""a""#), "a1") && !is_id(id("null"), "null"));
    }

    #[test]
    fn a_refusal_without_an_error_is_still_one() {
        let mut out = Vec::new();
        encode_reply(&mut out, &reply(ReplyKind::Refused, None), None);
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text, format!(r#"{{"err":{INTERNAL_ERROR},"isDisposed":true}}"#));
        assert_eq!(Packet::parse(&text).expect("JSON").reply(NestVersion::V12).kind, ReplyKind::Refused);
    }
}
