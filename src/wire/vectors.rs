//! Every captured TCP packet, probe, mocked reply and pattern (`tests/wire/`), asserted.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::NestVersion;
use super::packet::{Packet, encode_event_to, encode_no_handler, encode_reply, encode_request, is_id};
use super::pattern;
use super::tcp::{Decoder, encode_frame};
use crate::message::{Called, Data, Message, Pattern, Reply, ReplyKind};

fn load<T: for<'de> Deserialize<'de>>(text: &str, expected: usize) -> Vec<T> {
    let vectors: Vec<T> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), expected, "a vector was lost");
    vectors
}

fn version(text: &str) -> NestVersion {
    text.parse().expect("a version that eyas knows")
}

fn framed(body: &[u8]) -> String {
    let mut frame = Vec::new();
    encode_frame(&mut frame, body);
    String::from_utf8(frame).expect("UTF-8")
}

fn message(called: Called) -> Message {
    let pattern = called.pattern.expect("a pattern");
    Message { pattern, data: called.data, headers: called.headers, raw: false }
}

#[derive(Deserialize)]
struct Captured {
    direction: String,
    case: String,
    frame: String,
    units: usize,
    bytes: usize,
}

#[test]
fn packets_are_written_byte_for_byte() {
    for captured in load::<Captured>(include_str!("../../tests/wire/tcp.json"), 109) {
        let mut decoder = Decoder::default();
        decoder.feed(captured.frame.as_bytes());
        let text = decoder.next_frame().expect("a frame").expect("all of it").to_owned();
        assert_eq!((text.len(), text.encode_utf16().count()), (captured.bytes, captured.units));
        assert_eq!(decoder.pending(), None, "{}", captured.case);

        let packet = Packet::parse(&text).expect("JSON");
        let mut body = Vec::new();
        match captured.direction.as_str() {
            "request" => {
                let id: String = serde_json::from_str(packet.id.expect("an id").get()).expect("a string");
                assert!(packet.is_request(), "{}", captured.case);
                encode_request(&mut body, &message(packet.called()), &id);
            }
            "event" => {
                assert!(packet.is_envelope() && !packet.is_request(), "{}", captured.case);
                let message = message(packet.called());
                let route = pattern::route(&message.pattern, NestVersion::V12).expect("a route");
                encode_event_to(&mut body, &route, &message);
            }
            _ if packet.status.is_some() => encode_no_handler(&mut body, packet.id.expect("an id")),
            _ => encode_reply(&mut body, &packet.reply(NestVersion::V12), packet.id),
        }
        assert_eq!(framed(&body), captured.frame, "{}", captured.case);
    }
}

#[derive(Deserialize)]
struct Probe {
    version: String,
    case: String,
    /// Hexadecimal.
    sent: String,
    received: String,
    closed: bool,
    /// Handlers that ran, with their data.
    seen: Vec<(String, Value)>,
}

/// The service that was probed, as far as the probes reach it.
struct Service {
    version: NestVersion,
    answered: String,
    seen: Vec<(String, Value)>,
}

impl Service {
    /// Takes one body; `false` if Nest closes the connection for it.
    fn take(&mut self, body: &str) -> bool {
        let Ok(packet) = Packet::parse(body) else { return false };
        let called = packet.called();
        let key = called.pattern.as_ref().and_then(|pattern| pattern::lookup(pattern, self.version));
        let Some(id) = packet.id.filter(|_| called.is_request) else {
            self.run(key.as_deref(), &called);
            return true;
        };
        let mut body = Vec::new();
        match self.run(key.as_deref(), &called) {
            None => {
                encode_no_handler(&mut body, id);
                self.answered.push_str(&framed(&body));
            }
            Some(replies) => {
                for reply in replies {
                    body.clear();
                    encode_reply(&mut body, &reply, Some(id));
                    self.answered.push_str(&framed(&body));
                }
            }
        }
        true
    }

    fn run(&mut self, key: Option<&str>, called: &Called) -> Option<Vec<Reply>> {
        let data = match &called.data {
            Some(data) => serde_json::from_slice(data.as_bytes()).expect("JSON"),
            None => json!("<undefined>"),
        };
        let (name, response) = match key? {
            "echo" => ("echo", data.clone()),
            "ctx" => {
                let pattern = called.pattern.as_ref().map(Pattern::as_str);
                let context =
                    json!({"ctor": "TcpContext", "getPattern": pattern, "getMetadata": "<undefined>"});
                ("ctx", context)
            }
            "42" => ("num", json!("num-ok")),
            r#"{"cmd":"sum"}"# => {
                let sum: i64 = data.as_array().expect("numbers").iter().filter_map(Value::as_i64).sum();
                ("sum", json!(sum))
            }
            // A reply that JavaScript cannot serialise is logged, not sent.
            "ret.bigint" => return Some(Vec::new()),
            "stream.async" => {
                return Some((0..3).map(|at| next(&json!(at), at == 2)).collect());
            }
            _ => return None,
        };
        self.seen.push((name.to_owned(), data));
        Some(vec![next(&response, true)])
    }
}

fn next(value: &Value, last: bool) -> Reply {
    let data = Data::json(value.to_string()).expect("JSON");
    Reply { kind: ReplyKind::Next { last }, data: Some(data), headers: Vec::new() }
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn probes_are_answered_as_the_service_did() {
    for probe in load::<Probe>(include_str!("../../tests/wire/tcp-raw.json"), 64) {
        let sent = bytes(&probe.sent);
        check_probe(&probe, &[&sent]);
        // The writes that were captured are among these: a byte at a time splits everything.
        check_probe(&probe, &sent.chunks(1).collect::<Vec<_>>());
    }
}

fn check_probe(probe: &Probe, writes: &[&[u8]]) {
    let version = version(&probe.version);
    let mut service = Service { version, answered: String::new(), seen: Vec::new() };
    let mut decoder = Decoder::default();
    let mut closed = false;
    for chunk in writes {
        decoder.feed(chunk);
        while !closed {
            match decoder.next_frame() {
                Ok(Some(body)) => closed = !service.take(body),
                Ok(None) => break,
                Err(_) => closed = true,
            }
        }
    }
    // Nest 11 and 12 give half a frame thirty seconds (`wire.md` §3).
    let is_cut =
        probe.case.ends_with("idle 31s") && version != NestVersion::V10 && decoder.pending().is_some();
    let name = format!("{} {}", probe.version, probe.case);
    assert_eq!(service.answered, probe.received, "{name}");
    assert_eq!(closed || is_cut, probe.closed, "{name}");
    assert_eq!(service.seen, probe.seen, "{name}");
}

#[derive(Deserialize)]
struct Mocked {
    version: String,
    case: String,
    replies: Vec<String>,
    result: Value,
}

const ID: &str = "31d8d51c231676aca4394";

/// What a Nest client of `version` tells its caller after `frames`.
fn client(version: NestVersion, frames: &[String]) -> Value {
    let mut values = Vec::new();
    let mut decoder = Decoder::default();
    for frame in frames {
        decoder.feed(frame.replace("<ID>", ID).as_bytes());
        loop {
            let packet = match decoder.next_frame() {
                Ok(Some(body)) => Packet::parse(body).expect("JSON"),
                Ok(None) => break,
                Err(_) => {
                    let error = json!({"ctor": "Error", "message": "Connection closed"});
                    return json!({"values": values, "error": error});
                }
            };
            if !packet.id.is_some_and(|id| is_id(id, ID)) {
                continue;
            }
            let reply = packet.reply(version);
            let value = match &reply.data {
                Some(data) => serde_json::from_slice(data.as_bytes()).expect("JSON"),
                None => json!("<undefined>"),
            };
            match reply.kind {
                ReplyKind::Refused => return json!({"values": values, "error": value}),
                ReplyKind::End => return json!({"values": values, "complete": true}),
                ReplyKind::Next { last } => {
                    values.push(value);
                    if last {
                        return json!({"values": values, "complete": true});
                    }
                }
            }
        }
    }
    json!({"values": values, "timeout": true})
}

#[test]
fn replies_are_read_as_the_client_did() {
    for mocked in load::<Mocked>(include_str!("../../tests/wire/tcp-mock.json"), 41) {
        let told = client(version(&mocked.version), &mocked.replies).to_string().replace(ID, "<ID>");
        assert_eq!(told, mocked.result.to_string(), "{} {}", mocked.version, mocked.case);
    }
}

#[derive(Deserialize)]
struct Normalised<'a> {
    version: String,
    direction: String,
    pattern: String,
    #[serde(borrow)]
    route: &'a RawValue,
}

#[test]
fn patterns_become_the_routes_that_nest_made() {
    let text = include_str!("../../tests/wire/pattern.json");
    let vectors: Vec<Normalised> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), 109, "a vector was lost");
    for vector in &vectors {
        if vector.direction == "normalise" {
            let json = RawValue::from_string(vector.pattern.clone()).expect("JSON");
            let route = pattern::route(&pattern::from_json(&json), version(&vector.version));
            let expected: String = serde_json::from_str(vector.route.get()).expect("a string");
            assert_eq!(route.expect("a route"), expected, "{}", vector.pattern);
            continue;
        }
        let expected: Vec<String> = match serde_json::from_str(vector.route.get()) {
            Ok(Value::String(characters)) => characters.chars().map(String::from).collect(),
            value => serde_json::from_value(value.expect("JSON")).expect("keys"),
        };
        // The one over all of printable ASCII was not given its input: any other order will do.
        let mut keys = serde_json::from_str(&vector.pattern).unwrap_or_else(|_| {
            let mut keys = expected.clone();
            keys.sort();
            keys
        });
        pattern::sort(&mut keys, String::as_str);
        assert_eq!(keys, expected, "{}", vector.pattern);
    }
}
