//! What the proxy makes of bytes that no broker is needed for.

use super::*;
use crate::transport::between::Tap as _;
use crate::transport::{Event, Feed, feed};
use crate::wire::rmq::{Publish, encode_heartbeat, encode_method, encode_publish};

const REQUEST: &[u8] = br#"{"pattern":"sum","data":1,"id":"x"}"#;
const ANSWER: &[u8] = br#"{"response":2,"isDisposed":true}"#;

fn publish(key: &str, id: &str, reply_to: Option<&str>, body: &[u8]) -> Vec<u8> {
    let properties = Properties {
        correlation_id: Some(id.to_owned()),
        reply_to: reply_to.map(str::to_owned),
        ..Properties::default()
    };
    let route = Route { exchange: String::new(), key: key.to_owned() };
    let mut frames = Vec::new();
    let publish = Publish { route: &route, mandatory: false, properties: &properties, body };
    encode_publish(&mut frames, 1, &publish, 20);
    frames
}

fn consume(queue: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_method(&mut frame, 1, &Method::Consume { queue: queue.to_owned(), no_ack: true });
    frame
}

fn tap(shared: &Arc<Mutex<Shared>>) -> (Tap, Feed) {
    let (sender, events) = feed();
    let mut tap = Tap::new(Conversation::of(sender, "a peer"), NestVersion::default(), shared.clone());
    tap.see(Side::Client, GREETING);
    (tap, events)
}

/// What was told: the direction of each message with whether it has an id, and the codes of findings.
async fn told(tap: Tap, mut events: Feed) -> Vec<String> {
    drop(tap);
    let mut told = Vec::new();
    while let Some(some) = events.recv().await {
        told.extend(some.into_iter().map(|event| match event {
            Event::Message(message) => format!("{:?} {}", message.direction, message.id.is_some()),
            Event::Finding(finding) => finding.code.into_owned(),
            other => format!("{other:?}"),
        }));
    }
    told
}

#[tokio::test]
async fn nobody_is_waited_for_whose_reply_does_not_pass() {
    let shared = Arc::default();
    let (mut apart, events) = tap(&shared);
    apart.see(Side::Client, &publish("q", "x", Some("replies"), REQUEST));
    assert!(!apart.is_waiting());
    assert_eq!(told(apart, events).await, ["Request false"]);
    // Another connection consumes the queue: there it passes, but not on this one.
    let (mut consumer, _events) = tap(&shared);
    consumer.see(Side::Client, &consume("replies"));
    let (mut apart, events) = tap(&shared);
    apart.see(Side::Client, &publish("q", "x", Some("replies"), REQUEST));
    assert!(!apart.is_waiting());
    assert_eq!(told(apart, events).await, ["Request true"]);
    drop(consumer);
    let (mut own, events) = tap(&shared);
    own.see(Side::Client, &consume("replies"));
    own.see(Side::Client, &publish("q", "x", Some("replies"), REQUEST));
    assert!(own.is_waiting());
    assert_eq!(told(own, events).await, ["Request true"]);
    assert!(shared.lock().unwrap_or_else(PoisonError::into_inner).consumed.is_empty());
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let shared = Arc::default();
    let (mut tap, events) = tap(&shared);
    let mut said = Vec::new();
    encode_heartbeat(&mut said);
    said.extend(publish("q", "x", Some(REPLY_TO), REQUEST));
    encode_heartbeat(&mut said);
    for byte in &said {
        tap.see(Side::Client, std::slice::from_ref(byte));
    }
    assert!(tap.is_waiting());
    // A service on the same connection, and the other way round what it sends.
    tap.see(Side::Client, &publish("elsewhere", "x", None, ANSWER));
    assert!(tap.is_waiting());
    tap.end(Side::Server);
    assert!(!tap.is_waiting());
    assert_eq!(told(tap, events).await, ["Request true", "Reply true"]);
}

#[tokio::test]
async fn what_is_not_amqp_is_told_once() {
    let shared = Arc::default();
    for greeting in [&b"AMQP\x00\x01\x00\x00"[..], b"GET / HTTP/1.1\r\n"] {
        let (sender, events) = feed();
        let mut tap =
            Tap::new(Conversation::of(sender, "a peer"), NestVersion::default(), Arc::clone(&shared));
        tap.see(Side::Client, greeting);
        tap.see(Side::Client, greeting);
        assert_eq!(told(tap, events).await, ["not-amqp"]);
    }
    let (mut tap, events) = tap(&shared);
    let half = publish("q", "x", None, REQUEST);
    tap.see(Side::Client, &half[..half.len() - 1]);
    tap.end(Side::Client);
    // A broker that wants another version says so, and closes.
    tap.see(Side::Server, b"AMQP\x00\x00\x09\x01");
    tap.see(Side::Client, &half);
    assert_eq!(told(tap, events).await, ["half-frame", "not-amqp"]);
}

/// Only what is held is bounded: it is told what it was, and finds its reply.
#[tokio::test]
async fn a_request_too_large_to_show_is_answered() {
    let shared = Arc::default();
    let (mut tap, events) = tap(&shared);
    tap.said = Some(Decoder::bounded(100));
    let large = format!(r#"{{"pattern":"sum","data":"{}","id":"x"}}"#, "x".repeat(100));
    tap.see(Side::Client, &publish("q", "x", Some(REPLY_TO), large.as_bytes()));
    assert!(tap.is_waiting());
    tap.end(Side::Client);
    assert_eq!(told(tap, events).await, ["too-large", "Request true"]);
}
