//! What must hold for any input: codecs against their inverse, and against Nest's own code put into Rust.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::NestVersion;
use super::packet::{Packet, encode_reply, encode_request, is_id};
use super::pattern;
use super::tcp::{Decoder, encode_frame};
use crate::message::{Data, HeaderValue, Message, Pattern, Reply, ReplyKind};

fn escaped(character: char) -> String {
    let text = serde_json::to_string(&character).expect("JSON");
    text[1..text.len() - 1].to_owned()
}

/// JSON as peers write it: lone surrogates, repeated keys, white space, numbers no `f64` holds.
fn json() -> impl Strategy<Value = String> {
    let text = vec(
        prop_oneof![
            4 => any::<char>().prop_map(escaped),
            1 => Just(r#"\""#.to_owned()),
            1 => Just(r"\ud83d".to_owned()),
            1 => Just(r"\ude00".to_owned()),
        ],
        0..6,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let key = prop_oneof![text.clone(), "\"[a-cA-C0-2_\u{e9}]{0,2}\""];
    let leaf = prop_oneof![
        text,
        prop_oneof![Just("null"), Just("true"), Just("false"), Just("1e400"), Just("-0.0")]
            .prop_map(str::to_owned),
        any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()).prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,25})",
    ];
    leaf.prop_recursive(8, 64, 24, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            vec((key.clone(), inner), 0..24).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("JSON")
}

fn versions() -> impl Strategy<Value = NestVersion> {
    prop_oneof![Just(NestVersion::V10), Just(NestVersion::V11), Just(NestVersion::V12)]
}

/// Every body of `stream`, fed in writes of `sizes`, and whether the stream broke.
fn decode(decoder: &mut Decoder, stream: &[u8], sizes: &[usize]) -> (Vec<String>, bool) {
    let mut bodies = Vec::new();
    let mut rest = stream;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (chunk, left) = rest.split_at((*sizes.next().unwrap_or(&1)).clamp(1, rest.len()));
        decoder.feed(chunk);
        rest = left;
        loop {
            match decoder.next_frame() {
                Ok(Some(body)) => bodies.push(body.to_owned()),
                Ok(None) => break,
                Err(_) => return (bodies, true),
            }
        }
    }
    (bodies, false)
}

/// What `parseInt` skips (ECMA-262, WhiteSpace and LineTerminator).
const WHITE_SPACE: &str = "\t\n\u{b}\u{c}\r \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
    \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

/// `JsonSocket.processBuffer` of Nest 12 over UTF-16, and `parseInt`; an empty body or half a character at its
/// end fails there as JSON.
fn json_socket(stream: &[u8]) -> (Vec<String>, bool) {
    let mut buffer: Vec<u16> = String::from_utf8_lossy(stream).encode_utf16().collect();
    let mut bodies = Vec::new();
    while let Some(at) = buffer.iter().position(|&unit| unit == u16::from(b'#')) {
        let prefix = String::from_utf16_lossy(&buffer[..at]);
        let prefix = prefix.trim_start_matches(|c| WHITE_SPACE.contains(c));
        let end = prefix
            .char_indices()
            .position(|(at, c)| !(c.is_ascii_digit() || (at == 0 && (c == '-' || c == '+'))))
            .unwrap_or(prefix.chars().count());
        let Ok(length) = prefix[..end].parse::<i64>() else { return (bodies, true) };
        buffer.drain(..=at);
        let Ok(length) = usize::try_from(length) else { return (bodies, true) };
        if length == 0 {
            return (bodies, true);
        }
        if buffer.len() < length {
            return (bodies, false);
        }
        let body: Vec<u16> = buffer.drain(..length).collect();
        match String::from_utf16(&body) {
            Ok(body) => bodies.push(body),
            Err(_) => return (bodies, true),
        }
    }
    (bodies, false)
}

/// Collation of printable ASCII and controls as it was measured against Node: weights, then case.
fn ascii_order(text: &str) -> (Vec<u8>, Vec<bool>) {
    const ORDER: &str =
        "\t\n\u{b}\u{c}\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";
    text.bytes()
        .filter_map(|byte| {
            let at = ORDER.bytes().position(|known| known == byte.to_ascii_lowercase())?;
            Some((u8::try_from(at).ok()?, byte.is_ascii_uppercase()))
        })
        .unzip()
}

proptest! {
    // A failure prints its smallest input; there it becomes a test, not a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_survive_any_chunking(
        bodies in vec("\\PC{1,40}", 1..6), sizes in vec(1_usize..9, 1..8), gap in "[ \r\n\u{feff}]{0,2}"
    ) {
        let mut stream = Vec::new();
        for body in &bodies {
            stream.extend_from_slice(gap.as_bytes());
            encode_frame(&mut stream, body.as_bytes());
        }
        let mut decoder = Decoder::default();
        prop_assert_eq!(decode(&mut decoder, &stream, &sizes), (bodies, false));
        prop_assert_eq!(decoder.pending(), None);
    }

    #[test]
    fn any_bytes_are_cut_as_nest_cuts_them(
        parts in vec(prop_oneof![
            "[0-9]{1,2}#", "[-+ 0a]{0,2}[0-9]?#", "[a-z]{0,9}", "[é漢😀]{0,4}",
        ].prop_map(String::into_bytes).boxed().prop_union(vec(any::<u8>(), 0..6).boxed()), 0..12),
        sizes in vec(1_usize..9, 1..8),
    ) {
        // The last byte ends a character that had begun, which `json_socket` could not wait for.
        let stream = [parts.concat(), b"\n".to_vec()].concat();
        prop_assert_eq!(decode(&mut Decoder::default(), &stream, &sizes), json_socket(&stream));
    }

    #[test]
    fn no_body_is_longer_than_the_limit(
        stream in vec(prop_oneof![Just(b'#'), b'0'..=b'9', any::<u8>()], 0..200), limit in 1_usize..40
    ) {
        let mut decoder = Decoder::new(limit);
        for chunk in stream.chunks(5) {
            decoder.feed(chunk);
            while let Ok(Some(body)) = decoder.next_frame() {
                prop_assert!(body.encode_utf16().count() <= limit);
            }
            // Three bytes a unit, the chunk that was just fed, and as much again before it is dropped.
            prop_assert!(decoder.held() <= 2 * (3 * limit + 3 * chunk.len() + 3), "{}", decoder.held());
        }
    }

    #[test]
    fn requests_are_read_as_they_were_written(
        pattern in json(), data in proptest::option::of(json()), id in "\\PC{0,9}", name in "\\PC{0,9}",
        text in "\\PC{0,9}", value in json(),
    ) {
        let pattern = pattern::from_json(&raw(pattern));
        let data = data.map(|data| Data::Json(raw(data)));
        let is_text = value.starts_with('"');
        let headers = vec![(name.clone(), HeaderValue::Text(text.clone())),
            (name, HeaderValue::Json(raw(value.clone())))];
        let message = Message { pattern, data, headers, raw: false };
        let mut body = Vec::new();
        encode_request(&mut body, &message, &id);
        let body = String::from_utf8(body)?;
        let packet = Packet::parse(&body)?;
        let called = packet.called();
        prop_assert!(called.is_request);
        prop_assert!(packet.id.is_some_and(|read| is_id(read, &id)));
        prop_assert_eq!(called.pattern, Some(message.pattern));
        prop_assert_eq!(called.data, message.data);
        prop_assert!(matches!(&called.headers[0].1, HeaderValue::Text(read) if *read == text));
        let is_same = matches!(&called.headers[1].1, HeaderValue::Json(read) if read.get() == value);
        prop_assert!(is_same || is_text);
    }

    #[test]
    fn replies_are_read_as_they_were_written(
        kind in 0..4, data in json(), id in json(), version in versions()
    ) {
        let data = raw(data);
        prop_assume!(kind != 3 || super::javascript::is_truthy(&data));
        let (kind, data) = match kind {
            0 => (ReplyKind::End, None),
            1 => (ReplyKind::Next { last: false }, Some(Data::Json(data))),
            2 => (ReplyKind::Next { last: true }, Some(Data::Json(data))),
            _ => (ReplyKind::Refused, Some(Data::Json(data))),
        };
        let id = raw(id);
        let mut body = Vec::new();
        encode_reply(&mut body, &Reply { kind, data: data.clone(), headers: Vec::new() }, Some(&id));
        let body = String::from_utf8(body)?;
        let packet = Packet::parse(&body)?;
        let read = packet.reply(version);
        prop_assert_eq!((read.kind, read.data), (kind, data));
        prop_assert_eq!(packet.id.map(RawValue::get), Some(id.get()));
    }

    #[test]
    fn any_text_is_a_packet_or_an_error(text in "\\PC{0,30}", json in json()) {
        for text in [text, json] {
            let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
            let packet = Packet::parse(&text);
            prop_assert_eq!(packet.is_ok(), is_json);
            if let Ok(packet) = packet {
                let called = packet.called();
                prop_assert_eq!(called.is_request, packet.is_request());
                prop_assert_eq!(called.data.is_some(), packet.data.is_some() || !packet.is_envelope());
            }
        }
    }

    #[test]
    fn a_route_leads_to_itself(pattern in json(), version in versions()) {
        let pattern = pattern::from_json(&raw(pattern));
        let route = pattern::route(&pattern, version);
        if matches!(&pattern, Pattern::Json(json) if json.get().starts_with(['{', '['])) {
            let route = route.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            prop_assert_eq!(pattern::lookup(&pattern, version), Some(route.clone()));
            // Nest 10 escapes nothing, so what it writes may be read as something else.
            prop_assert!(version == NestVersion::V10 || pattern::is_reachable(&pattern, version), "{}", route);
        } else if let (Ok(route), true) = (route, pattern::is_reachable(&pattern, version)) {
            prop_assert_eq!(pattern::lookup(&Pattern::Text(route.clone()), version), Some(route));
        }
    }

    #[test]
    fn ascii_keys_sort_as_node_sorts_them(mut keys in vec("[\0-\u{7f}]{0,4}|[aAbB]{1,4}", 0..12)) {
        let mut expected = keys.clone();
        expected.sort_by_key(|key| ascii_order(key));
        pattern::sort(&mut keys, String::as_str);
        prop_assert_eq!(keys, expected);
    }

    #[test]
    fn the_order_of_an_object_does_not_matter(
        members in proptest::collection::btree_map("[a-zA-Z0-9_.\u{e0}-\u{ff}-]{1,4}", 0..9, 0..20)
    ) {
        let object = |members: &mut dyn Iterator<Item = (&String, &i32)>| {
            let mut text = String::from("{");
            for (at, (key, value)) in members.enumerate() {
                let comma = if at == 0 { "" } else { "," };
                write!(text, "{comma}\"{key}\":{value}").expect("a String takes any text");
            }
            pattern::route(&Pattern::Json(raw(text + "}")), NestVersion::V12).ok()
        };
        prop_assert_eq!(object(&mut members.iter()), object(&mut members.iter().rev()));
    }
}
