//! Every captured call of a Nest service (`tests/wire/grpc.json`), asserted.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;
use serde::Deserialize;
use tonic_reflection::pb::v1::ServerReflectionResponse;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::files::Files;
use super::frames::{Frames, frame};
use super::schema::Schema;
use super::{json, metadata, status};
use crate::message::{Data, Pattern};

#[derive(Deserialize)]
struct Captured {
    case: String,
    path: String,
    /// Hexadecimal.
    sent: Vec<String>,
    received: String,
    headers: BTreeMap<String, String>,
}

fn captured() -> Vec<Captured> {
    let vectors: Vec<Captured> =
        serde_json::from_str(include_str!("../../../tests/wire/grpc.json")).expect("the vectors are JSON");
    assert_eq!(vectors.len(), 25, "a vector was lost");
    vectors
}

fn messages(hex: &str) -> Vec<Bytes> {
    let mut frames = Frames::new(None, 1 << 20);
    frames.feed(&HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal"));
    let messages = std::iter::from_fn(|| frames.next_message().expect("frames")).collect();
    assert_eq!(frames.pending(), 0, "half a frame");
    messages
}

/// What the service told of itself: camelCase names, in a file that it made up.
fn reflected() -> Schema {
    let vectors = captured();
    let told = vectors.iter().find(|vector| vector.case == "reflection v1 file_containing_symbol");
    let answer = messages(&told.expect("the schema was captured").received).remove(0);
    let answer = ServerReflectionResponse::decode(answer).expect("reflection");
    let Some(MessageResponse::FileDescriptorResponse(found)) = answer.message_response else {
        panic!("no file")
    };
    let mut files = Files::default();
    files.add(found.file_descriptor_proto.into_iter().map(Bytes::from).collect()).expect("files");
    assert_eq!(files.missing(), None);
    files.into_schema().expect("a schema")
}

/// Each message is read as JSON by the schema that was reflected, and comes out of it byte for byte.
#[test]
fn messages_are_written_byte_for_byte() {
    let schema = reflected();
    let mut seen = 0;
    for vector in captured() {
        let method = match schema.method(&Pattern::Text(vector.path.clone())) {
            Ok(method) if vector.path.ends_with(method.name()) => method,
            _ => continue,
        };
        let sent = vector.sent.iter().map(|hex| (hex, method.input()));
        for (hex, desc) in sent.chain([(&vector.received, method.output())]) {
            let mut again = Vec::new();
            for message in messages(hex) {
                let data = json::decode(message, &desc, false).expect("a message");
                again.extend_from_slice(&frame(&json::encode(Some(&data), &desc).expect("JSON")));
                seen += 1;
            }
            assert_eq!(&HEXLOWER.encode(&again), hex, "{}", vector.case);
        }
    }
    assert!(seen > 30, "{seen} messages");
}

#[test]
fn names_of_the_proto_fit_what_is_reflected() {
    let method = reflected().method(&Pattern::Text("HeroService.FindOne".to_owned())).expect("a method");
    for text in [r#"{"hero_id":7,"full_name":"x"}"#, r#"{"heroId":7,"fullName":"x"}"#] {
        let data = Data::json(text).expect("JSON");
        let bytes = json::encode(Some(&data), &method.input()).expect("fields");
        assert_eq!(HEXLOWER.encode(&bytes), "0807120178", "{text}");
    }
}

#[test]
fn statuses_and_metadata_are_read() {
    let mut seen = BTreeMap::new();
    for vector in captured() {
        let mut map = HeaderMap::new();
        for (name, value) in &vector.headers {
            let name = HeaderName::try_from(name).expect("a name");
            map.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let (code, message) = status::of(&map).expect("each call ends with a status");
        seen.insert(vector.case.clone(), (status::name(code), message));
        let own = metadata::read(&map).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let expected: Vec<_> = vector.headers.keys().filter(|name| name.starts_with("x-")).cloned().collect();
        assert_eq!(own, expected, "{}", vector.case);
    }
    let check = |case: &str, name: &str, message: &str| {
        assert_eq!(seen[case], (name, message.to_owned()), "{case}");
    };
    check("unary", "OK", "OK");
    check("RpcException(string)", "UNKNOWN", "rpc boom");
    check("RpcException({code:5,message})", "NOT_FOUND", "not found żó");
    check("RpcException({code:3,details,message,metadata})", "INVALID_ARGUMENT", "the details");
    check("plain Error", "UNKNOWN", "Internal server error");
    check("handler returns undefined", "INTERNAL", "Error serializing response");
    check("server streaming then error", "NOT_FOUND", "gone");
    check(
        "package omitted in path",
        "UNIMPLEMENTED",
        "The server does not implement the method /HeroService/FindOne",
    );
}
