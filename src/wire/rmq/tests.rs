//! Everything captured over RabbitMQ (`tests/wire/rmq*.json`), asserted, and what no capture has.

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::*;
use crate::message::{Called, HeaderValue, Headers, Pattern};
use crate::wire::pattern;

fn load<T: for<'de> Deserialize<'de>>(text: &str, expected: usize) -> Vec<T> {
    let vectors: Vec<T> = serde_json::from_str(text).expect("the vectors are JSON");
    assert_eq!(vectors.len(), expected, "a vector was lost");
    vectors
}

#[derive(Deserialize)]
struct Captured {
    version: String,
    direction: String,
    case: String,
    exchange: String,
    key: String,
    /// By amqplib's names.
    properties: Json,
    payload: String,
}

impl Captured {
    fn nest(&self) -> NestVersion {
        self.version.split('.').next().unwrap_or_default().parse().expect("a version that eyas knows")
    }

    fn properties(&self) -> Properties {
        let text = |name: &str| self.properties[name].as_str().map(str::to_owned);
        let byte = |name: &str| self.properties[name].as_u64().and_then(|byte| u8::try_from(byte).ok());
        Properties {
            content_type: text("contentType"),
            headers: Value::from_json(&self.properties["headers"]).as_table().cloned(),
            delivery_mode: byte("deliveryMode"),
            priority: byte("priority"),
            correlation_id: text("correlationId"),
            reply_to: text("replyTo"),
            expiration: text("expiration"),
            message_id: text("messageId"),
            kind: text("type"),
            ..Properties::default()
        }
    }

    fn route(&self) -> Route {
        Route { exchange: self.exchange.clone(), key: self.key.clone() }
    }
}

#[test]
fn messages_are_written_byte_for_byte() {
    for captured in load::<Captured>(include_str!("../../../tests/wire/rmq.json"), 136) {
        // Metadata travels over TCP and Redis alone; elsewhere there are headers.
        if captured.case.contains("dispatch-hook") {
            continue;
        }
        let (properties, body) = (captured.properties(), Bytes::from(captured.payload.clone()));
        let mut written = Vec::new();
        if captured.direction == "reply" {
            let packet = parse(&body).expect("JSON");
            let Some(id) = packet.id else {
                packet::encode_reply(&mut written, &reply(&properties, &body, captured.nest()), None);
                assert_eq!(String::from_utf8_lossy(&written), captured.payload, "{}", captured.case);
                assert_eq!(reply_properties(properties.correlation_id.clone()), properties);
                continue;
            };
            encode_no_handler(&mut written, id);
            assert_eq!(String::from_utf8_lossy(&written), captured.payload, "{}", captured.case);
            continue;
        }
        let (Called { pattern, data, headers, is_request, .. }, id) =
            called(&properties, &body, &captured.route());
        let pattern = pattern.expect("a pattern");
        assert_eq!(is_request, captured.direction == "request", "{}", captured.case);
        let message = Message { pattern, data, headers, raw: false };
        let id: Option<String> = id.map(|id| serde_json::from_str(id.get()).expect("a string"));
        encode_body(&mut written, &message, id.as_deref());
        assert_eq!(String::from_utf8_lossy(&written), captured.payload, "{}", captured.case);
        let is_persistent = properties.delivery_mode == Some(2);
        let asked = id.as_deref().zip(properties.reply_to.as_deref());
        let ours = super::properties(&message, asked, is_persistent);
        // What a record's options add is not for us to say.
        let plain = Properties {
            content_type: None,
            priority: None,
            expiration: None,
            message_id: None,
            kind: None,
            ..properties
        };
        assert_eq!(ours, plain, "{}", captured.case);
        // Nest's own key has the caller's order: only the sorted one finds its handler.
        if !captured.exchange.is_empty() && !captured.case.contains("other key order") {
            let route = pattern::route(&message.pattern, captured.nest()).expect("a route");
            assert_eq!(route, captured.key, "{}", captured.case);
        }
    }
}

#[derive(Deserialize)]
struct Mocked {
    version: String,
    case: String,
    replies: Vec<Said>,
    result: Json,
}

#[derive(Deserialize)]
struct Said {
    body: String,
}

#[test]
fn replies_are_read_as_the_client_did() {
    for mocked in load::<Mocked>(include_str!("../../../tests/wire/rmq-mock.json"), 12) {
        if mocked.case.contains("no correlationId") {
            // Nobody knows whose it is, whoever reads it.
            continue;
        }
        let (mut values, mut told) = (Vec::new(), None);
        for said in &mocked.replies {
            let nest = mocked.version.parse().expect("a version that eyas knows");
            let Reply { kind, data, .. } = reply(&Properties::default(), said.body.as_bytes(), nest);
            let value = data.map(|data| match data {
                Data::Json(json) => serde_json::from_str(json.get()).expect("JSON"),
                other => json!(String::from_utf8_lossy(other.as_bytes())),
            });
            match kind {
                ReplyKind::Refused => told = Some(json!({ "values": values, "error": value })),
                ReplyKind::End => told = Some(json!({ "values": values, "complete": true })),
                ReplyKind::Next { last } => {
                    values.extend(value);
                    told = last.then(|| json!({ "values": values, "complete": true }));
                }
            }
        }
        assert_eq!(told, Some(mocked.result), "{} {}", mocked.version, mocked.case);
    }
}

#[derive(Deserialize)]
struct Traced {
    key: String,
    headers: Json,
    payload: String,
}

#[test]
fn the_firehose_tells_who_said_what_to_whom() {
    let traced: Vec<Traced> = load(include_str!("../../../tests/wire/rmq-trace.json"), 5);
    let read = |traced: &Traced| {
        let headers = Value::from_json(&traced.headers).as_table().cloned();
        let properties = Properties { headers, ..Properties::default() };
        Trace::read(&traced.key, &properties, Bytes::from(traced.payload.clone())).expect("the broker's own")
    };
    let told: Vec<_> = traced.iter().map(read).collect();
    let steps: Vec<_> = told.iter().map(|trace| trace.step.clone()).collect();
    let (to_queue, out_of_queue) =
        (Step::Published(vec!["wire_trace".into()]), Step::Delivered("wire_trace".into()));
    let direct = Step::Published(Vec::new());
    assert_eq!(steps, [to_queue.clone(), out_of_queue.clone(), direct, to_queue, out_of_queue]);
    let [request, _, reply, event, _] = &told[..] else { panic!("five") };
    assert_ne!(request.connection, reply.connection);
    let tell = |trace: &Trace| trace.delivery(NestVersion::V12);
    let (request, reply, event) = (tell(request), tell(reply), tell(event));
    let directions = [request.direction, reply.direction, event.direction];
    assert_eq!(directions, [Direction::Request, Direction::Reply, Direction::Event]);
    assert_eq!(request.scope, reply.scope);
    assert_eq!(request.id.map(|id| id.get().to_owned()), reply.id.map(|id| id.get().to_owned()));
    assert_eq!(reply.data, Data::json("\"x\"").ok());
    assert!(reply.is_final && event.id.is_none());
    assert_eq!(event.pattern, Some(Pattern::Text("user.created".into())));
    // What somebody else publishes to that exchange is none of it.
    assert!(Trace::read("publish.", &Properties::default(), Bytes::new()).is_none());
}

#[test]
fn headers_keep_their_types() {
    let json = r#"{"n":1,"big":5000000000,"f":1.5,"t":true,"v":null,"a":[1,"x"],"o":{"k":"ż"}}"#;
    let raw: std::collections::BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).expect("JSON");
    let mut headers: Headers =
        raw.into_iter().map(|(name, value)| (name, HeaderValue::Json(value))).collect();
    headers.push(("bytes".into(), HeaderValue::Binary(Bytes::from_static(&[0xff]))));
    let table = from_headers(&headers);
    assert_eq!(member(&table, "n"), Some(&Value::Int(b'I', 1)));
    assert_eq!(member(&table, "big"), Some(&Value::Int(b'l', 5_000_000_000)));
    let mut bytes = Vec::new();
    value::put_table(&mut bytes, &table);
    assert_eq!(value::Reader(&bytes).table(), Ok(table.clone()));
    let back = Value::Table(table).to_json();
    assert_eq!(back["o"], json!({ "k": "ż" }));
    assert_eq!(back["bytes"], json!({ "base64": "/w==" }));
}

#[test]
fn the_last_death_is_the_first_entry() {
    let deaths = json!([
        { "queue": "orders", "reason": "rejected", "count": 2 },
        { "queue": "retry", "reason": "expired", "count": 1 },
    ]);
    let headers = vec![("x-death".to_owned(), Value::from_json(&deaths))];
    let properties = Properties { headers: Some(headers), ..Properties::default() };
    let death = Death { queue: "orders".into(), reason: "rejected".into(), count: 2 };
    assert_eq!(properties.death(), Some(death));
    assert_eq!(Properties::default().death(), None);
}

#[test]
fn bindings_cover_keys_as_a_topic_exchange_has_it() {
    let check = |binding, key, expected| assert_eq!(covers(binding, key), expected, "{binding} {key}");
    check("orders.*", "orders.get", true);
    check("orders.*", "orders", false);
    check("orders.*", "orders.get.one", false);
    check("orders.#", "orders", true);
    check("orders.#", "orders.get.one", true);
    check("#", "", true);
    check("#.one", "orders.get.one", true);
    check("a.#.b", "a.b", true);
    check("a.#.b", "a.x.y.b", true);
    check("a.#.b", "a.x.y", false);
    check("*", "", false);
}

/// Who only looks on holds no more than it was told to, and tells of the rest what it was.
#[test]
fn what_is_too_large_is_not_kept() {
    let properties = Properties::default();
    let route = Route { exchange: String::new(), key: "q".to_owned() };
    let stream = |channel, size: usize| {
        let body = vec![b'x'; size];
        let publish = Publish { route: &route, mandatory: false, properties: &properties, body: &body };
        let mut frames = Vec::new();
        encode_publish(&mut frames, channel, &publish, 30);
        frames
    };
    let sizes = |decoder: &mut Decoder| {
        let mut sizes = Vec::new();
        while let Some((channel, incoming)) = decoder.advance().expect("AMQP") {
            sizes.push(match incoming {
                Incoming::Message(_, _, body) => (channel, body.len(), true),
                Incoming::Oversized(_, _, size) => (channel, size, false),
                other => panic!("{other:?}"),
            });
        }
        sizes
    };
    let mut decoder = Decoder::bounded(200);
    for (channel, size) in [(1, 150), (2, 201), (1, 150), (3, 0)] {
        decoder.feed(&stream(channel, size));
    }
    assert_eq!(sizes(&mut decoder), [(1, 150, true), (2, 201, false), (1, 150, true), (3, 0, true)]);
    // Two that are small enough, but not at once. The last frame of each has 18 bytes, and 8 around them.
    let (one, other) = (stream(1, 150), stream(2, 150));
    let ends = [one.len() - 26, other.len() - 26];
    decoder.feed(&one[..ends[0]]);
    decoder.feed(&other[..ends[1]]);
    decoder.feed(&one[ends[0]..]);
    decoder.feed(&other[ends[1]..]);
    assert_eq!(sizes(&mut decoder), [(1, 150, true), (2, 150, false)]);
    decoder.feed(&stream(4, 150));
    assert_eq!(sizes(&mut decoder), [(4, 150, true)]);
}

fn fields() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::int),
        any::<i8>().prop_map(|number| Value::Int(b'b', number.into())),
        any::<u16>().prop_map(|number| Value::Int(b'u', number.into())),
        (any::<u8>(), any::<i32>()).prop_map(|(scale, number)| Value::Decimal(scale, number)),
        "\\PC{0,9}".prop_map(|text| Value::text(&text)),
        vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Binary(bytes.into())),
        any::<u64>().prop_map(Value::Time),
        Just(Value::Void),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec(("\\PC{0,9}", inner), 0..6).prop_map(Value::Table),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_survive_any_chunking(
        headers in vec(("\\PC{0,9}", fields()), 0..4), body in vec(any::<u8>(), 0..300), frame_max in 9_usize..64,
        sizes in vec(1_usize..40, 1..8), key in "\\PC{0,60}", id in proptest::option::of("\\PC{0,20}"),
        timestamp in proptest::option::of(any::<u64>()), user_id in proptest::option::of("[a-z]{0,9}"),
    ) {
        let properties =
            Properties { headers: Some(headers), correlation_id: id, timestamp, user_id, ..Properties::default() };
        let route = Route { exchange: "e".into(), key };
        let mut stream = Vec::new();
        encode_heartbeat(&mut stream);
        let publish = Publish { route: &route, mandatory: true, properties: &properties, body: &body };
        encode_publish(&mut stream, 7, &publish, frame_max);
        encode_method(&mut stream, 7, &Method::Ack { tag: 9, multiple: true });
        let mut decoder = Decoder::default();
        let mut told = Vec::new();
        let mut rest = &stream[..];
        for size in sizes.iter().cycle() {
            let (chunk, left) = rest.split_at((*size).min(rest.len()));
            decoder.feed(chunk);
            rest = left;
            while let Some(incoming) = decoder.advance()? {
                told.push(incoming);
            }
            if rest.is_empty() {
                break;
            }
        }
        let message = Incoming::Message(
            Method::Publish { route, mandatory: true }, Box::new(properties), Bytes::from(body),
        );
        let ack = Incoming::Method(Method::Ack { tag: 9, multiple: true });
        prop_assert_eq!(told, vec![(0, Incoming::Heartbeat), (7, message), (7, ack)]);
        prop_assert!(!decoder.is_halfway());
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        parts in vec((prop_oneof![1_u8..4, Just(8), any::<u8>()], 0_u16..3, vec(any::<u8>(), 0..40)), 0..6)
    ) {
        let mut decoder = Decoder::default();
        for (kind, channel, payload) in parts {
            let mut frame = vec![kind];
            frame.extend_from_slice(&channel.to_be_bytes());
            frame.extend_from_slice(&u32::try_from(payload.len())?.to_be_bytes());
            frame.extend_from_slice(&payload);
            frame.push(0xCE);
            decoder.feed(&frame);
        }
        while let Ok(Some(_)) = decoder.advance() {}
    }

    #[test]
    fn any_method_is_read_or_refused(
        class in prop_oneof![Just(10_u16), Just(20), Just(50), Just(60)], method in 0_u16..130,
        rest in vec(any::<u8>(), 0..40)
    ) {
        let mut payload = class.to_be_bytes().to_vec();
        payload.extend_from_slice(&method.to_be_bytes());
        payload.extend_from_slice(&rest);
        let _ = Method::decode(&payload);
    }
}
