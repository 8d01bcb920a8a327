//! What Nest makes of records: headers say which are requests and replies, and a value is JSON only where it looks
//! like an object or an array.
//!
//! Read in the sources of `@nestjs/microservices` and checked against Apache Kafka 4.3 with kafkajs 2.2: topics that
//! were created by asking for them have one partition, replies arrive in the partition that was asked for, and a
//! request whose topic nobody subscribes to is kept and never answered.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};

use super::{Record, is_reply_topic};
use crate::message::{
    Called, Data, Delivery, Direction, HeaderValue, Headers, Message, Pattern, Reply, ReplyKind,
};
use crate::wire::javascript::{self, Members};
use crate::wire::packet::{INTERNAL_ERROR, NO_HANDLER};

/// What pairs a reply with its request.
pub const CORRELATION_ID: &str = "kafka_correlationId";
/// Where the reply is to go.
pub const REPLY_TOPIC: &str = "kafka_replyTopic";
/// In which partition, in decimal digits.
pub const REPLY_PARTITION: &str = "kafka_replyPartition";
/// The error of an error reply; that it is there is what counts.
pub const NEST_ERR: &str = "kafka_nest-err";
/// On the last reply, whatever it holds.
pub const IS_DISPOSED: &str = "kafka_nest-is-disposed";

/// The headers that are Nest's own; all others are the user's.
const OF_NEST: [&str; 5] = [CORRELATION_ID, REPLY_TOPIC, REPLY_PARTITION, NEST_ERR, IS_DISPOSED];

fn is_of_nest(name: &[u8]) -> bool {
    OF_NEST.iter().any(|known| known.as_bytes() == name)
}

type Field<'a> = Option<Cow<'a, [u8]>>;

/// A record to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body<'a> {
    /// Its key.
    pub key: Field<'a>,
    /// Its value; none is a tombstone.
    pub value: Field<'a>,
    /// The partition that it asks for.
    pub partition: Option<i32>,
    /// Its headers, in order.
    pub headers: Vec<(Cow<'a, [u8]>, Field<'a>)>,
}

impl Body<'_> {
    /// Adds a header of Nest's own, in place of those of its name: where it repeats kafkajs makes a list of it, and
    /// nobody finds an id in that.
    fn add(&mut self, name: &'static str, value: impl Into<Vec<u8>>) {
        self.headers.retain(|(known, _)| **known != *name.as_bytes());
        self.headers.push((Cow::Borrowed(name.as_bytes()), Some(Cow::Owned(value.into()))));
    }

    /// Makes it a request, whose replies are to come in `partition` of `topic`.
    pub fn ask(&mut self, id: &str, topic: &str, partition: i32) {
        self.add(CORRELATION_ID, id);
        self.add(REPLY_TOPIC, topic);
        self.add(REPLY_PARTITION, partition.to_string());
    }

    /// Its headers, as a batch takes them.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], Option<&[u8]>)> {
        self.headers.iter().map(|(name, value)| (&**name, value.as_deref()))
    }

    /// About how many bytes it is.
    pub fn size(&self) -> usize {
        let field = |field: &Field<'_>| field.as_ref().map_or(0, |field| field.len());
        let headers = self.headers.iter().map(|(name, value)| name.len() + field(value) + 4);
        field(&self.key) + field(&self.value) + headers.sum::<usize>() + 16
    }
}

impl<'a> From<&'a Record> for Body<'a> {
    /// The same record, to be written anew.
    fn from(record: &'a Record) -> Self {
        let field = |field: &'a Option<Bytes>| field.as_deref().map(Cow::Borrowed);
        let headers = record.headers.iter().map(|(name, value)| (Cow::Borrowed(&**name), field(value)));
        Self {
            key: field(&record.key),
            value: field(&record.value),
            partition: None,
            headers: headers.collect(),
        }
    }
}

/// The key of a payload that makes it the Kafka message itself to Nest's client: `value`, or `key` (`wire.md` §8).
pub fn hijacker(data: &Data) -> Option<&'static str> {
    let Data::Json(json) = data else { return None };
    let text = json.get();
    // Most payloads need not be taken apart to see that they have neither.
    if !text.starts_with('{') || !["\"value\"", "\"key\"", "\\u"].iter().any(|part| text.contains(part)) {
        return None;
    }
    let Members(members) = serde_json::from_str(text).ok()?;
    ["value", "key"].into_iter().find(|name| members.iter().any(|(key, _)| key == name))
}

/// What Nest's client makes of `message`; with `raw` the payload stays as it is.
pub fn body(message: &Message) -> Body<'_> {
    let mut body = match &message.data {
        Some(data) if !message.raw => of_data(data),
        data => Body { value: data.as_ref().map(|data| Cow::Borrowed(data.as_bytes())), ..Body::default() },
    };
    add_headers(&mut body, &message.headers);
    body
}

fn of_data(data: &Data) -> Body<'_> {
    match data {
        Data::Json(json) if hijacker(data).is_some() => of_kafka_message(json),
        Data::Json(json) => Body { value: encode(json), ..Body::default() },
        other => Body { value: Some(Cow::Borrowed(other.as_bytes())), ..Body::default() },
    }
}

/// `{key, value, headers, partition}`: what kafkajs takes for a message.
fn of_kafka_message(json: &RawValue) -> Body<'_> {
    let mut body = Body::default();
    let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(json.get()) else { return body };
    for (name, member) in members {
        match name.as_str() {
            "key" => body.key = encode(member),
            "value" => body.value = encode(member),
            "partition" => body.partition = member.get().parse().ok(),
            "headers" => {
                let Members(headers) = serde_json::from_str(member.get()).unwrap_or(Members(Vec::new()));
                body.headers = headers.into_iter().flat_map(|(name, value)| repeated(name, value)).collect();
            }
            _ => {}
        }
    }
    body
}

/// A header, or where its value is an array one for each of its items.
fn repeated(name: String, value: &RawValue) -> Vec<(Cow<'_, [u8]>, Field<'_>)> {
    let items = if value.get().starts_with('[') {
        serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()
    } else {
        None
    };
    let name: Cow<'_, [u8]> = Cow::Owned(name.into_bytes());
    items.unwrap_or_else(|| vec![value]).into_iter().map(|item| (name.clone(), encode(item))).collect()
}

fn add_headers<'a>(body: &mut Body<'a>, headers: &'a Headers) {
    body.headers.extend(headers.iter().map(|(name, value)| {
        let value = match value {
            HeaderValue::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
            HeaderValue::Binary(bytes) => Some(Cow::Borrowed(&**bytes)),
            HeaderValue::Json(json) => encode(json),
        };
        (Cow::Borrowed(name.as_bytes()), value)
    }));
}

/// `KafkaRequestSerializer#encode`: objects and arrays as JSON, strings as they are, all else as JavaScript prints
/// it; `null` is no value at all.
fn encode(json: &RawValue) -> Field<'_> {
    Some(match json.get().as_bytes() {
        [b'n', ..] => return None,
        [b'"', ..] => match javascript::lossy_text(json)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        [b'-' | b'0'..=b'9', ..] => {
            Cow::Owned(ryu_js::Buffer::new().format(javascript::number(json)).as_bytes().to_vec())
        }
        text => Cow::Borrowed(text),
    })
}

/// `KafkaParser#decode`: what a service, or a client, is given for a value. Bytes that are not UTF-8 stay bytes,
/// where Nest would put replacement characters.
fn decode(value: Option<&Bytes>) -> Data {
    let Some(value) = value else { return Data::Json(RawValue::NULL.to_owned()) };
    match (value.first(), std::str::from_utf8(value)) {
        (Some(0), _) | (_, Err(_)) => Data::Binary(value.clone()),
        (Some(b'{' | b'['), Ok(text)) => match serde_json::from_str::<&RawValue>(text) {
            Ok(json) => Data::Json(json.to_owned()),
            Err(_) => Data::Text(text.to_owned()),
        },
        (_, Ok(text)) => Data::Text(text.to_owned()),
    }
}

impl Record {
    /// The value of the last header of that name, where it has one.
    fn header(&self, name: &str) -> Option<&Bytes> {
        let found = self.headers.iter().rev().find(|(found, _)| found == name.as_bytes());
        found.and_then(|(_, value)| value.as_ref())
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(found, _)| found == name.as_bytes())
    }

    /// What its header says as text, unless that is empty, which Nest takes for none.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok()).filter(|text| !text.is_empty())
    }

    fn user_headers(&self) -> Headers {
        let value = |value: &Option<Bytes>| match value {
            None => HeaderValue::Json(RawValue::NULL.to_owned()),
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => HeaderValue::Text(text.to_owned()),
                Err(_) => HeaderValue::Binary(bytes.clone()),
            },
        };
        let named = |(name, found): &(Bytes, Option<Bytes>)| {
            (String::from_utf8_lossy(name).into_owned(), value(found))
        };
        self.headers.iter().map(named).collect()
    }

    fn size(&self) -> usize {
        let field = |field: &Option<Bytes>| field.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + field(value));
        field(&self.key) + field(&self.value) + headers.sum::<usize>()
    }
}

/// What a service is asked by a record of `topic`: a request if it has both an id and a topic to reply to.
pub fn called(topic: &str, record: &Record) -> Called {
    Called {
        pattern: Some(Pattern::Text(topic.to_owned())),
        dest: Some(topic.to_owned()),
        data: Some(decode(record.value.as_ref())),
        headers: record.user_headers(),
        is_request: record.text(CORRELATION_ID).is_some() && record.text(REPLY_TOPIC).is_some(),
    }
}

/// Reads a record as Nest's client reads a reply: the headers' presence alone counts.
pub fn reply(record: &Record) -> Reply {
    let (kind, data) = if record.has(NEST_ERR) {
        match record.header(NEST_ERR) {
            Some(error) if !error.is_empty() => (ReplyKind::Refused, Some(decode(Some(error)))),
            _ => (ReplyKind::End, None),
        }
    } else {
        (ReplyKind::Next { last: record.has(IS_DISPOSED) }, Some(decode(record.value.as_ref())))
    };
    Reply { kind, data, headers: record.user_headers() }
}

/// What a Nest service makes of `reply` to request `id`.
pub fn reply_body<'a>(reply: &'a Reply, id: &str) -> Body<'a> {
    let data = reply.data.as_ref().filter(|_| reply.kind != ReplyKind::Refused);
    let mut body = data.map_or_else(Body::default, of_data);
    add_headers(&mut body, &reply.headers);
    // A reply that was recorded has those of its own day.
    body.headers.retain(|(name, _)| !is_of_nest(name));
    // The requester's partition is the only one that is right.
    body.partition = None;
    body.add(CORRELATION_ID, id);
    if reply.kind == ReplyKind::Refused {
        body.add(NEST_ERR, reply.data.as_ref().map_or(INTERNAL_ERROR.as_bytes().to_vec(), error_text));
    }
    if reply.is_final() {
        body.add(IS_DISPOSED, [0]);
    }
    body
}

fn error_text(error: &Data) -> Vec<u8> {
    match error {
        Data::Json(json) => encode(json).unwrap_or_default().into_owned(),
        other => other.as_bytes().to_vec(),
    }
}

/// Nest's reply for a pattern that nothing handles: it does not say that it is the last one.
pub fn no_handler(id: &str) -> Body<'static> {
    let mut body = Body::default();
    body.add(CORRELATION_ID, id);
    body.add(NEST_ERR, NO_HANDLER);
    body
}

/// A record of `partition` of `topic` as a watcher sees it.
pub fn delivery(topic: &str, partition: i32, record: &Record) -> Delivery {
    let id = record.text(CORRELATION_ID);
    let answers = record.text(REPLY_TOPIC);
    let is_reply = record.has(NEST_ERR) || record.has(IS_DISPOSED) || is_reply_topic(topic);
    let mut delivery = match (id, answers) {
        (Some(_), Some(_)) => {
            Delivery { data: Some(decode(record.value.as_ref())), ..Delivery::new(Direction::Request, 0) }
        }
        (Some(_), None) if is_reply => {
            let Reply { kind, data, .. } = reply(record);
            let is_final = kind != ReplyKind::Next { last: false };
            let (data, error) = if kind == ReplyKind::Refused { (None, data) } else { (data, None) };
            Delivery { data, error, is_final, ..Delivery::new(Direction::Reply, 0) }
        }
        _ => Delivery { data: Some(decode(record.value.as_ref())), ..Delivery::new(Direction::Event, 0) },
    };
    match delivery.direction {
        Direction::Event => {}
        Direction::Request | Direction::Reply => delivery.id = id.and_then(|id| to_raw_value(id).ok()),
    }
    if delivery.direction != Direction::Reply {
        delivery.pattern = Some(Pattern::Text(topic.to_owned()));
    }
    // A request and its replies share the topic of the replies.
    let mut hasher = DefaultHasher::new();
    answers.unwrap_or(topic).hash(&mut hasher);
    delivery.scope = hasher.finish();
    delivery.dest = Some(topic.to_owned());
    delivery.headers = record.user_headers();
    if delivery.direction != Direction::Event {
        // They are told by other names, and of no use to whoever sends this again.
        delivery.headers.retain(|(name, _)| !is_of_nest(name.as_bytes()));
    }
    delivery.size = record.size();
    delivery.meta = meta(partition, record);
    delivery
}

fn meta(partition: i32, record: &Record) -> Vec<(String, Box<RawValue>)> {
    let mut meta = Vec::new();
    let mut add = |name: &str, value: serde_json::Result<Box<RawValue>>| {
        meta.extend(value.ok().map(|value| (name.to_owned(), value)));
    };
    add("partition", to_raw_value(&partition));
    add("offset", to_raw_value(&record.offset));
    for (name, header) in [("reply_topic", REPLY_TOPIC), ("reply_partition", REPLY_PARTITION)] {
        if let Some(text) = record.text(header) {
            add(name, to_raw_value(text));
        }
    }
    if let Ok(time) = jiff::Timestamp::from_millisecond(record.timestamp)
        && record.timestamp >= 0
    {
        add("time", to_raw_value(&time.to_string()));
    }
    match record.key.as_deref().map(std::str::from_utf8) {
        Some(Ok(text)) => add("key", to_raw_value(text)),
        Some(Err(_)) => {
            let key = record.key.as_deref().map(|key| data_encoding::BASE64.encode(key));
            add("key", to_raw_value(&serde_json::json!({ "base64": key })));
        }
        None => {}
    }
    meta
}
