use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::message::{HeaderValue, Pattern};
use crate::wire::pattern;

fn load<T: for<'de> Deserialize<'de>>(text: &str, expected: usize) -> Vec<T> {
    let vectors: Vec<T> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), expected, "a vector was lost");
    vectors
}

/// What Nest published, as the protocol's own line and body.
#[derive(Deserialize)]
struct Captured {
    version: String,
    direction: String,
    case: String,
    subject: String,
    line: String,
    payload: String,
    reply: Option<String>,
    #[serde(default)]
    headers: String,
}

/// The same as a subscriber gets it.
fn delivered(captured: &Captured) -> Vec<u8> {
    let Captured { subject, payload, headers, .. } = captured;
    let reply = captured.reply.as_ref().map(|reply| format!("{reply} ")).unwrap_or_default();
    let size = headers.len() + payload.len();
    if headers.is_empty() {
        return format!("MSG {subject} 7 {reply}{size}\r\n{payload}\r\n").into_bytes();
    }
    format!("HMSG {subject} 7 {reply}{} {size}\r\n{headers}{payload}\r\n", headers.len()).into_bytes()
}

#[test]
fn messages_are_written_byte_for_byte() {
    for captured in load::<Captured>(include_str!("../../../tests/wire/nats.json"), 110) {
        let version = captured.version.parse().expect("a version");
        let expected = format!("{}\r\n{}{}\r\n", captured.line, captured.headers, captured.payload);
        let mut decoder = Decoder::default();
        decoder.feed(&delivered(&captured));
        assert_eq!(decoder.advance(), Ok(true), "{}", captured.case);
        let Op::Message(inbound) = decoder.current() else { panic!("{}", captured.case) };
        assert_eq!((inbound.subject, inbound.sid), (&*captured.subject, 7));
        let (mut frame, mut body) = (Vec::new(), Vec::new());
        if captured.direction == "reply" {
            let packet = Packet::parse(&captured.payload).expect("JSON");
            match packet.status {
                Some(_) => packet::encode_no_handler(&mut body, packet.id.expect("an id")),
                None => packet::encode_reply(&mut body, &packet.reply(version), packet.id),
            }
            publish(&mut frame, &captured.subject, None, &[], &body);
        } else {
            let (called, id) = called(&inbound).expect("JSON");
            assert_eq!(called.is_request, captured.direction == "request", "{}", captured.case);
            let pattern = called.pattern.expect("a pattern");
            let id: Option<String> = id.map(|id| serde_json::from_str(id.get()).expect("a string"));
            let route = pattern::route(&pattern, version).expect("a route");
            let message = Message { pattern, data: called.data, headers: called.headers, raw: false };
            encode_body(&mut body, &message, id.as_deref());
            encode_publish(&mut frame, &route, captured.reply.as_deref(), &message.headers, &body)
                .expect("headers");
        }
        assert_eq!(String::from_utf8(frame).expect("UTF-8"), expected, "{}", captured.case);
    }
}

#[derive(Deserialize)]
struct Mocked {
    version: String,
    case: String,
    replies: Vec<String>,
    result: Value,
}

/// What eyas tells of `replies`, in the words of the captured results.
fn client(version: NestVersion, replies: &[String]) -> Value {
    const ID: &str = "61844a67e2f411fce3288";
    let mut values = Vec::new();
    for reply in replies {
        let payload = reply.replace("<ID>", ID);
        let inbound =
            Inbound { subject: "_INBOX.a", sid: 1, reply: None, block: &[], payload: payload.as_bytes() };
        let reply = match answer(&inbound, ID, version) {
            Answer::NotOurs => continue,
            Answer::Reply(reply) => reply,
            Answer::NobodyThere | Answer::Empty => return json!({"values": values, "error": "empty"}),
        };
        let value = match &reply.data {
            Some(Data::Json(json)) => serde_json::from_str(json.get()).expect("JSON"),
            Some(other) => json!(String::from_utf8_lossy(other.as_bytes())),
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
    json!({"values": values, "timeout": true})
}

#[test]
fn replies_are_read_as_the_client_did() {
    for mocked in load::<Mocked>(include_str!("../../../tests/wire/nats-mock.json"), 13) {
        let told = client(mocked.version.parse().expect("a version"), &mocked.replies);
        let expected = match &*mocked.case {
            // What kills Nest's client is a value to us.
            "mock: non-JSON" => json!({"values": ["oops"], "complete": true}),
            "mock: empty" => json!({"values": [], "error": "empty"}),
            _ => mocked.result,
        };
        assert_eq!(told, expected, "{} {}", mocked.version, mocked.case);
    }
}

#[test]
fn the_brokers_word_that_nobody_is_there() {
    let mut decoder = Decoder::default();
    decoder.feed(b"HMSG _INBOX.a 35 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    assert_eq!(decoder.advance(), Ok(true));
    let Op::Message(inbound) = decoder.current() else { panic!("no message") };
    assert!(matches!(answer(&inbound, "x", NestVersion::V12), Answer::NobodyThere));
    assert!(called(&inbound).is_none());
}

#[test]
fn every_operation_is_read_a_byte_at_a_time() {
    let stream = b"INFO {\"a\":1} \r\nPING\r\n+OK\r\npong\r\n-ERR 'Authorization Violation'\r\n\
                   MSG a 1 2\r\n{}\r\nMSG a 1 b 0\r\n\r\nHMSG a 1 b 12 14\r\nNATS/1.0\r\n\r\n{}\r\n";
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for byte in stream.chunks(1) {
        decoder.feed(byte);
        while decoder.advance().expect("NATS") {
            seen.push(match decoder.current() {
                Op::Info(json) => format!("info {}", json.trim()),
                Op::Ping => "ping".to_owned(),
                Op::Pong => "pong".to_owned(),
                Op::Ok => "ok".to_owned(),
                Op::Error(text) => format!("error {text}"),
                Op::Message(Inbound { subject, reply, payload, block, .. }) => {
                    format!("{subject} {reply:?} {} {}", block.len(), payload.escape_ascii())
                }
            });
        }
    }
    assert!(!decoder.is_halfway());
    let expected = [
        "info {\"a\":1}",
        "ping",
        "ok",
        "pong",
        "error Authorization Violation",
        "a None 0 {}",
        "a Some(\"b\") 0 ",
        "a Some(\"b\") 12 {}",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_is_no_nats_is_said_to_be_none() {
    let wrongs: [&[u8]; 8] = [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"MSG a 1\r\n",
        b"MSG a x 2\r\n",
        b"MSG a 1 b c 2\r\n",
        b"HMSG a 1 20 10\r\n",
        b"MSG a 1 99999999999\r\n",
        b"\xff\xfe\r\n",
        b"\r\n",
    ];
    for wrong in wrongs {
        let mut decoder = Decoder::default();
        decoder.feed(wrong);
        assert!(decoder.advance().is_err(), "{}", wrong.escape_ascii());
    }
}

#[test]
fn headers_are_read_as_they_are_written() {
    let headers = vec![
        ("X-Trace".to_owned(), HeaderValue::Text("żółw: a".to_owned())),
        ("x-trace".to_owned(), HeaderValue::Text(String::new())),
        ("x-trace".to_owned(), HeaderValue::Text("b".to_owned())),
    ];
    let mut block = Vec::new();
    encode_headers(&mut block, &headers).expect("headers");
    assert_eq!(block, "NATS/1.0\r\nX-Trace: żółw: a\r\nx-trace: \r\nx-trace: b\r\n\r\n".as_bytes());
    let read = Block::parse(&block).fields;
    assert_eq!(format!("{read:?}"), format!("{headers:?}"));
    let status = Block::parse(b"NATS/1.0 100 FlowControl Request\r\n\r\n");
    assert_eq!((status.status, &*status.description), (Some(100), "FlowControl Request"));
    for (name, value) in [("a b", "c"), ("", "c"), ("a:", "c"), ("a", "b\r\nc: d"), ("ż", "c")] {
        let header = vec![(name.to_owned(), HeaderValue::Text(value.to_owned()))];
        assert!(encode_headers(&mut Vec::new(), &header).is_err(), "{name} {value}");
    }
}

#[test]
fn a_subject_is_one_or_is_said_not_to_be() {
    for good in ["a", "a.b", r#"{"cmd":"sum"}"#, "orders.*", "deep.>", ">", "żółw", "a>b", "a.*b"] {
        assert!(subject::check(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a\tb", "a\n", ".a", "a.", "a..b", ">.a", "a.>.b", &"x".repeat(5000)] {
        assert!(subject::check(bad).is_err(), "{bad}");
    }
    assert!(subject::check_literal("a.*").is_err() && subject::check_literal("a.*b").is_ok());
}

#[test]
fn a_wildcard_covers_what_nats_says() {
    for (filter, subject, covers) in [
        (">", "a", true),
        (">", "a.b.c", true),
        ("a.>", "a", false),
        ("a.>", "a.b.c", true),
        ("a.*", "a.b", true),
        ("a.*", "a.b.c", false),
        ("*.b", "a.b", true),
        ("a", "a", true),
        ("a", "a.b", false),
        ("a.b", "a", false),
        ("a.*.c", "a.b.c", true),
    ] {
        assert_eq!(subject::covers(filter, subject), covers, "{filter} {subject}");
    }
}

proptest! {
    #[test]
    fn no_bytes_bring_the_decoder_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::default();
        decoder.feed(&bytes);
        while let Ok(true) = decoder.advance() {
            if let Op::Message(inbound) = decoder.current() {
                let _ = (called(&inbound), inbound.headers());
            }
        }
    }

    #[test]
    fn a_split_changes_nothing(payload in ".{0,40}", at in 0usize..60) {
        let mut frame = format!("MSG a.b 3 _INBOX.x {}\r\n", payload.len()).into_bytes();
        frame.extend_from_slice(payload.as_bytes());
        frame.extend_from_slice(b"\r\nPING\r\n");
        let (first, second) = frame.split_at(at.min(frame.len()));
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        for part in [first, second] {
            decoder.feed(part);
            while decoder.advance().expect("NATS") {
                seen.push(match decoder.current() {
                    Op::Message(inbound) => String::from_utf8_lossy(inbound.payload).into_owned(),
                    other => format!("{other:?}"),
                });
            }
        }
        prop_assert_eq!(seen, vec![payload, "Ping".to_owned()]);
    }
}

/// A pattern of text goes by its own name.
#[test]
fn a_request_names_its_inbox() {
    let message = Message {
        pattern: Pattern::Text("a".to_owned()),
        data: Data::json("1").ok(),
        headers: Vec::new(),
        raw: false,
    };
    let (mut body, mut frame) = (Vec::new(), Vec::new());
    encode_body(&mut body, &message, Some("x"));
    encode_publish(&mut frame, "a", Some("_INBOX.x"), &message.headers, &body).expect("no headers");
    assert_eq!(frame, b"PUB a _INBOX.x 33\r\n{\"pattern\":\"a\",\"data\":1,\"id\":\"x\"}\r\n");
}
