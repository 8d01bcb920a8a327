//! What Nest wrote to Kafka, and what its client made of replies (`tests/wire/kafka.json`, `kafka-mock.json`).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Batches, Body, CORRELATION_ID, Compression, Draft, REPLY_PARTITION, REPLY_TOPIC, Record, body, called,
    delivery, hijacker, reply, reply_body, reply_topic,
};
use crate::message::{Data, Direction, HeaderValue, Message, Pattern, Reply, ReplyKind};
use crate::wire::packet::NO_HANDLER;

#[derive(Deserialize)]
struct Captured {
    direction: String,
    case: String,
    topic: String,
    partition: i32,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, String)>,
    /// What its handler was given.
    seen: Option<Value>,
}

/// The record as a broker would give it to us.
fn record(key: Option<&str>, value: Option<&str>, headers: &[(String, String)]) -> Record {
    let mut draft = Draft::default();
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())));
    draft.push(0, key.map(str::as_bytes), value.map(str::as_bytes), headers);
    let batch = draft.finish(Compression::Gzip).expect("a batch");
    let batch = Batches::new(batch).next().expect("one").expect("whole");
    batch.records().expect("records").remove(0)
}

/// The same as it would be written.
fn written(body: &Body<'_>) -> Record {
    let bytes = |field: &Option<std::borrow::Cow<'_, [u8]>>| {
        field.as_ref().map(|field| Bytes::copy_from_slice(field))
    };
    let headers = body.headers.iter().map(|(name, value)| (Bytes::copy_from_slice(name), bytes(value)));
    let (key, value, headers) = (bytes(&body.key), bytes(&body.value), headers.collect());
    Record { offset: 0, timestamp: 0, key, value, headers }
}

fn value(data: &Data) -> Value {
    match data {
        Data::Json(json) => serde_json::from_str(json.get()).expect("JSON"),
        Data::Text(text) => text.as_str().into(),
        Data::Binary(bytes) => json!({ "type": "Buffer", "data": bytes.to_vec() }),
    }
}

fn without_nest_headers(headers: &[(String, HeaderValue)]) -> Vec<(String, HeaderValue)> {
    headers.iter().filter(|(name, _)| !name.starts_with("kafka_")).cloned().collect()
}

#[test]
fn messages_are_read_for_what_they_are_and_written_byte_for_byte() {
    let text = include_str!("../../../tests/wire/kafka.json");
    let vectors: Vec<Captured> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), 86, "a vector was lost");
    for Captured { direction, case, topic, partition, key, value: sent, headers, seen } in &vectors {
        let record = record(key.as_deref(), sent.as_deref(), headers);
        let delivery = delivery(topic, *partition, &record);
        let expected = match direction.as_str() {
            "request" => Direction::Request,
            "reply" => Direction::Reply,
            _ => Direction::Event,
        };
        assert_eq!(delivery.direction, expected, "{case}");
        let id = record.text(CORRELATION_ID);
        if expected == Direction::Reply {
            let id = id.expect("replies have ids");
            let mut read = reply(&record);
            read.headers = without_nest_headers(&read.headers);
            let message = key.as_ref().map(|key| as_kafka_message(key, read.data.as_ref()));
            let read = Reply { data: message.or(read.data), ..read };
            assert_eq!(written(&reply_body(&read, id)), record, "{case}");
            continue;
        }
        let called = called(topic, &record);
        assert_eq!(called.is_request, expected == Direction::Request, "{case}");
        let data = called.data.expect("some data");
        if let Some(seen) = seen {
            assert_eq!(value(&data), *seen, "{case}");
        }
        let message = key.as_ref().map(|key| as_kafka_message(key, Some(&data)));
        let headers = without_nest_headers(&called.headers);
        let pattern = Pattern::Text(topic.clone());
        let message = Message { pattern, data: Some(message.unwrap_or(data)), headers, raw: false };
        let mut body = body(&message);
        match (id, record.text(REPLY_TOPIC), record.text(REPLY_PARTITION)) {
            (Some(id), Some(to), Some(partition)) => {
                assert_eq!(to, reply_topic(topic), "{case}");
                body.ask(id, to, partition.parse().expect("a partition"));
                assert_eq!(written(&body), record, "{case}");
            }
            // Of a probe by hand only the value is what Nest's client would write.
            _ => assert_eq!(written(&body).value, record.value, "{case}"),
        }
    }
}

fn as_kafka_message(key: &str, data: Option<&Data>) -> Data {
    let message = json!({ "key": key, "value": data.map(value) });
    let data = Data::json(message.to_string()).expect("JSON");
    assert_eq!(hijacker(&data), Some("value"));
    data
}

#[derive(Deserialize)]
struct Mocked {
    case: String,
    replies: Vec<MockedReply>,
    values: Vec<Value>,
    error: Option<Value>,
    complete: bool,
}

#[derive(Deserialize)]
struct MockedReply {
    value: Option<String>,
    headers: Vec<(String, String)>,
}

#[test]
fn replies_are_read_as_nest_reads_them() {
    let text = include_str!("../../../tests/wire/kafka-mock.json");
    let vectors: Vec<Mocked> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), 11, "a vector was lost");
    for Mocked { case, replies, values, error, complete } in vectors {
        let (mut found, mut refused, mut ended) = (Vec::new(), None, false);
        for sent in replies {
            let record = record(None, sent.value.as_deref(), &sent.headers);
            if record.text(CORRELATION_ID).is_none() {
                continue;
            }
            let read = reply(&record);
            ended = read.is_final();
            match read.kind {
                ReplyKind::Refused => refused = read.data.as_ref().map(value),
                ReplyKind::Next { .. } => found.extend(read.data.as_ref().map(value)),
                ReplyKind::End => {}
            }
        }
        // The id within a value is of another time.
        let masked = |values: Vec<Value>| {
            values
                .into_iter()
                .map(|mut value| {
                    if let Some(id) = value.get_mut("id") {
                        *id = Value::Null;
                    }
                    value
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(masked(found), masked(values), "{case}");
        assert_eq!(ended, complete || error.is_some(), "{case}");
        assert_eq!(refused, error, "{case}");
    }
}

#[test]
fn what_hijacks_a_message_and_what_does_not() {
    let data = |text: &str| Data::json(text).expect("JSON");
    for (text, name) in [
        (r#"{"value":1}"#, Some("value")),
        (r#"{"key":1}"#, Some("key")),
        (r#"{"\u006bey":1}"#, Some("key")),
        (r#"{"a":{"value":1}}"#, None),
        (r#"{"a":"\"value\""}"#, None),
        (r#"["value"]"#, None),
        ("{}", None),
    ] {
        assert_eq!(hijacker(&data(text)), name, "{text}");
    }
    assert_eq!(hijacker(&Data::Text(r#"{"value":1}"#.to_owned())), None);
}

#[test]
fn values_are_what_javascript_prints() {
    for (text, expected) in [
        ("1.0", Some("1")),
        ("1e400", Some("Infinity")),
        ("12345678901234567890", Some("12345678901234567000")),
        ("true", Some("true")),
        ("null", None),
        (r#""a\u00e9\ud83d""#, Some("aé\u{fffd}")),
        (r#"{ "a" : 1.0 }"#, Some(r#"{ "a" : 1.0 }"#)),
    ] {
        let message = Message {
            pattern: Pattern::Text("a".to_owned()),
            data: Data::json(text).ok(),
            headers: Vec::new(),
            raw: false,
        };
        assert_eq!(body(&message).value.as_deref(), expected.map(str::as_bytes), "{text}");
    }
}

#[test]
fn a_kafka_message_brings_its_headers() {
    let text = r#"{"key":7,"value":{"a":1},"partition":2,"headers":{"x":["1","2"],"y":"z","n":null}}"#;
    let pattern = Pattern::Text("a".to_owned());
    let headers = vec![("x".to_owned(), HeaderValue::Text("3".to_owned()))];
    let message = Message { pattern, data: Data::json(text).ok(), headers, raw: false };
    let body = body(&message);
    assert_eq!((body.key.as_deref(), body.partition), (Some(&b"7"[..]), Some(2)));
    let fields: Vec<_> = body.fields().collect();
    let expected: [(&[u8], Option<&[u8]>); 5] =
        [(b"x", Some(b"1")), (b"x", Some(b"2")), (b"y", Some(b"z")), (b"n", None), (b"x", Some(b"3"))];
    assert_eq!(fields, expected);
}

#[test]
fn nothing_handles_it() {
    let record = written(&super::no_handler("7"));
    let read = reply(&record);
    assert_eq!(read.kind, ReplyKind::Refused);
    assert_eq!(read.data, Some(Data::Text(NO_HANDLER.to_owned())));
}
