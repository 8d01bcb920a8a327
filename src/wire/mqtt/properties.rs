//! What must hold for any message, however its bytes are chunked, and for any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Decoder, Packet, PacketError, Publish, Qos, Version, covers, publish};
use crate::message::{HeaderValue, Headers};

fn versions() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V4), Just(Version::V5)]
}

fn qos() -> impl Strategy<Value = Qos> {
    prop_oneof![Just(Qos::AtMostOnce), Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        version in versions(),
        qos in qos(),
        topic in "[^+#\0]{1,40}",
        payload in vec(any::<u8>(), 0..40_000),
        headers in vec(("[a-zż😀 ]{0,9}", ".{0,200}"), 0..4),
        id in 1..=u16::MAX,
        retain in any::<bool>(),
        size in 1..5000_usize,
    ) {
        let sent: Headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::Text(value.clone()))).collect();
        let message =
            Publish { topic: &topic, payload: &payload, headers: &sent, qos, id, retain };
        let mut stream = Vec::new();
        for _ in 0..3 {
            publish(&mut stream, version, &message).expect("it can be sent");
        }
        let mut decoder = Decoder::new(version);
        let mut count = 0;
        for chunk in stream.chunks(size) {
            decoder.feed(chunk);
            while let Some(packet) = decoder.next_packet().expect("MQTT") {
                let Packet::Publish(received) = packet else { panic!("{packet:?}") };
                count += 1;
                prop_assert_eq!(received.topic, &topic);
                prop_assert_eq!(received.payload, &payload);
                prop_assert_eq!((received.qos, received.retain), (qos, retain));
                prop_assert_eq!(received.id, if qos == Qos::AtMostOnce { 0 } else { id });
                if version == Version::V5 {
                    let expected: Vec<_> =
                        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    prop_assert_eq!(received.headers, expected);
                }
            }
        }
        prop_assert_eq!(count, 3);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(version in versions(), bytes in vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(version);
        decoder.feed(&bytes);
        while let Ok(Some(_)) = decoder.next_packet() {}
    }

    /// A packet of each kind that lacks its end, or whose lengths lie, is refused and nothing else.
    #[test]
    fn any_body_is_taken_or_refused(
        version in versions(),
        first in prop_oneof![Just(0x20), Just(0x30), Just(0x3d), Just(0x40), Just(0x62), Just(0x90), Just(0xE0)],
        body in vec(prop_oneof![0..4_u8, any::<u8>()], 0..60),
    ) {
        let mut decoder = Decoder::new(version);
        decoder.feed(&[first, u8::try_from(body.len()).expect("short")]);
        decoder.feed(&body);
        match decoder.next_packet() {
            Ok(packet) => prop_assert!(packet.is_some()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn a_filter_covers_itself_and_what_is_below(topic in "[a-c]{1,2}(/[a-c]{0,2}){0,3}") {
        let below = format!("{topic}/#");
        let beside = topic.replace(|c: char| c.is_ascii_lowercase(), "x");
        let any_level = topic.split('/').map(|_| "+").collect::<Vec<_>>().join("/");
        let more = format!("{topic}/x");
        for (filter, means_it, means_more) in
            [(topic.as_str(), true, false), (&below, true, true), ("#", true, true), (&any_level, true, false)]
        {
            prop_assert_eq!(covers(filter, &topic), means_it, "{}", filter);
            prop_assert_eq!(covers(filter, &more), means_more, "{}", filter);
        }
        prop_assert!(!covers(&beside, &topic) && !covers(&more, &topic));
    }
}

#[test]
fn another_protocol_is_known_by_its_first_byte() {
    for bytes in
        [&b"HTTP/1.1 400"[..], b"+PONG\r\n", b"INFO {", b"\x16\x03\x01", &[0x30, 0xFF, 0xFF, 0xFF, 0xFF]]
    {
        let mut decoder = Decoder::new(Version::V5);
        decoder.feed(bytes);
        assert_eq!(decoder.next_packet(), Err(PacketError::NotMqtt), "{bytes:?}");
    }
}

#[test]
fn the_brokers_own_topics_are_no_wildcards() {
    assert!(!covers("#", "$SYS/broker") && !covers("+/broker", "$SYS/broker"));
    assert!(covers("$SYS/#", "$SYS/broker") && covers("a/#", "a") && !covers("+", "a/b"));
    // One filter within another.
    assert!(covers("#", "a/+") && covers("a/+", "a/+") && !covers("a/+", "a/#") && !covers("a/b", "a/+"));
}
