//! Whatever a peer sends is read without a panic; what was understood as a request or a reply is understood
//! the same after it was written again.

#![no_main]

use eyas::message::{Message, ReplyKind};
use eyas::wire::NestVersion;
use eyas::wire::packet::{Packet, encode_event, encode_reply, encode_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(packet) = Packet::parse(text) else { return };
    let called = packet.called();
    if let Some(pattern) = called.pattern.clone() {
        let message = Message { pattern, data: called.data.clone(), headers: called.headers, raw: false };
        let mut bytes = Vec::new();
        if called.is_request {
            encode_request(&mut bytes, &message, "id");
        } else {
            encode_event(&mut bytes, &message);
        }
        let text = String::from_utf8(bytes).expect("UTF-8");
        let again = Packet::parse(&text).expect("JSON").called();
        assert_eq!(again.pattern, called.pattern);
        assert_eq!(again.data, called.data);
        assert_eq!(again.is_request, called.is_request);
        assert_eq!(again.headers.len(), message.headers.len());
    }
    for version in [NestVersion::V10, NestVersion::V11, NestVersion::V12] {
        let reply = packet.reply(version);
        // Before Nest 12 a reply without a value and an end is the value itself.
        if reply.data.is_none() && reply.kind == (ReplyKind::Next { last: false }) {
            continue;
        }
        let mut bytes = Vec::new();
        encode_reply(&mut bytes, &reply, packet.id);
        let text = String::from_utf8(bytes).expect("UTF-8");
        let again = Packet::parse(&text).expect("JSON").reply(version);
        assert_eq!((again.kind, again.data), (reply.kind, reply.data));
    }
});
