//! What Nest sent over MQTT (`tests/wire/mqtt.json`): read for what it is, and written byte for byte.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Decoder, Packet, Publish, Qos, Version, called, delivery, publish, reply_topic};
use crate::message::{Delivery, Direction, HeaderValue, Headers, Message, Pattern, Reply, ReplyKind};
use crate::wire::NestVersion;
use crate::wire::packet::{NO_HANDLER, encode_body, encode_no_handler, encode_reply, encode_request};
use crate::wire::pattern;

#[derive(Deserialize)]
struct Captured {
    version: String,
    direction: String,
    case: String,
    topic: String,
    qos: u8,
    payload: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Of a probe: what its handler was given, `null` where none was called.
    seen: Option<Value>,
}

impl Captured {
    /// Whether a dispatch hook put metadata into its body.
    fn hook(&self) -> bool {
        self.payload.contains(r#""metadata":"#)
    }

    /// Its bytes on a connection that has headers, and what reads them.
    fn decoder(&self) -> Decoder {
        let text = |value: &String| HeaderValue::Text(value.clone());
        let headers: Headers = self.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let qos = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][usize::from(self.qos)];
        let payload = self.payload.as_bytes();
        let message = Publish { topic: &self.topic, payload, headers: &headers, qos, id: 1, retain: false };
        let mut bytes = Vec::new();
        publish(&mut bytes, Version::V5, &message).expect("Nest sent it");
        let mut decoder = Decoder::new(Version::V5);
        decoder.feed(&bytes);
        decoder
    }
}

fn load() -> Vec<Captured> {
    let text = include_str!("../../../tests/wire/mqtt.json");
    let vectors: Vec<Captured> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), 135, "a vector was lost");
    vectors
}

#[test]
fn messages_are_read_for_what_they_are_and_written_byte_for_byte() {
    for captured in load().iter().filter(|captured| captured.direction != "probe") {
        let case = &captured.case;
        let nest: NestVersion = captured.version.parse().expect("a version that eyas knows");
        let mut decoder = captured.decoder();
        let Ok(Some(Packet::Publish(received))) = decoder.next_packet() else { panic!("{case}") };
        let seen = delivery(&received, nest);
        let direction = match captured.direction.as_str() {
            "request" => Direction::Request,
            "reply" => Direction::Reply,
            _ => Direction::Event,
        };
        assert_eq!(seen.direction, direction, "{case}");
        let names = captured.headers.keys().cloned().chain(captured.hook().then(|| "traceparent".to_owned()));
        assert!(seen.headers.iter().map(|(name, _)| name.clone()).eq(names), "{case}");
        let mut body = Vec::new();
        if direction == Direction::Reply {
            match &seen.id {
                Some(id) if captured.payload.contains(NO_HANDLER) => encode_no_handler(&mut body, id),
                id => encode_reply(&mut body, &reply_of(&seen), id.as_deref()),
            }
        } else {
            let pattern = seen.pattern.clone().expect("a pattern");
            let route = pattern::route(&pattern, nest).expect("a route");
            assert_eq!(route, captured.topic, "{case}");
            let message = Message { pattern, data: seen.data, headers: seen.headers, raw: false };
            let id: Option<String> =
                seen.id.map(|id| serde_json::from_str(id.get()).expect("Nest's ids are text"));
            match id {
                Some(id) if captured.hook() => {
                    encode_request(&mut body, &message, &id);
                }
                id => encode_body(&mut body, &message, id.as_deref()),
            }
        }
        assert_eq!(String::from_utf8_lossy(&body), captured.payload, "{case}");
    }
}

fn reply_of(seen: &Delivery) -> Reply {
    let kind = match (&seen.error, &seen.data) {
        (Some(_), _) => ReplyKind::Refused,
        (None, None) if seen.is_final => ReplyKind::End,
        _ => ReplyKind::Next { last: seen.is_final },
    };
    Reply { kind, data: seen.error.clone().or(seen.data.clone()), headers: Headers::new() }
}

#[test]
fn probes_reach_handlers_as_nest_handed_them_over() {
    for captured in load().iter().filter(|captured| captured.direction == "probe") {
        let mut decoder = captured.decoder();
        let Ok(Some(Packet::Publish(received))) = decoder.next_packet() else { panic!("{}", captured.case) };
        let (called, id) = called(&received);
        assert_eq!(called.pattern, Some(Pattern::Text(captured.topic.clone())), "{}", captured.case);
        assert_eq!(called.is_request, captured.payload.contains(r#""id":"r1""#), "{}", captured.case);
        assert_eq!(id.is_some(), called.is_request, "{}", captured.case);
        if let Some(expected) = &captured.seen {
            let data = called.data.expect("data");
            let text = String::from_utf8_lossy(data.as_bytes()).into_owned();
            let found = serde_json::from_str(&text).unwrap_or(json!(text));
            assert_eq!(found, *expected, "{}", captured.case);
        }
    }
}

#[test]
fn requests_and_replies_share_a_scope() {
    let mut scopes = BTreeMap::new();
    for captured in load() {
        let mut decoder = captured.decoder();
        let Ok(Some(Packet::Publish(received))) = decoder.next_packet() else { panic!("{}", captured.case) };
        scopes.insert(captured.topic.clone(), delivery(&received, NestVersion::V12).scope);
    }
    let pairs: Vec<_> = scopes
        .iter()
        .filter_map(|(topic, scope)| Some((*scope, *scopes.get(&reply_topic(topic))?)))
        .collect();
    assert!(pairs.len() > 10 && pairs.iter().all(|(asked, answered)| asked == answered), "{pairs:?}");
}

/// The bytes themselves, as the standard has them.
#[test]
fn a_publish_is_what_the_standard_says() {
    let headers = vec![("n".to_owned(), HeaderValue::Text("v".to_owned()))];
    let message = Publish {
        topic: "a/b",
        payload: b"{}",
        headers: &headers,
        qos: Qos::AtLeastOnce,
        id: 10,
        retain: true,
    };
    let mut bytes = Vec::new();
    publish(&mut bytes, Version::V4, &message).expect("it can be sent");
    assert_eq!(bytes, b"\x33\x09\x00\x03a/b\x00\x0a{}");
    bytes.clear();
    publish(&mut bytes, Version::V5, &message).expect("it can be sent");
    assert_eq!(bytes, b"\x33\x11\x00\x03a/b\x00\x0a\x07\x26\x00\x01n\x00\x01v{}");
}
