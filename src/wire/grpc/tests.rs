use std::io::Write as _;

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use prost_reflect::DescriptorPool;
use serde_json::json;

use super::frames::{Frames, frame};
use super::schema::Schema;
use super::{json, metadata, status};
use crate::message::{Data, HeaderValue, Headers, Pattern};

fn schema() -> Schema {
    let text = r#"
        syntax = "proto3";
        package shop.v1;
        enum State { STATE_UNKNOWN = 0; STATE_OPEN = 1; }
        message Item { string sku_code = 1; repeated int32 sizes = 2; }
        message Order { int64 order_id = 1; State state = 2; repeated Item items = 3; map<string, Item> by_name = 4; }
        service Orders { rpc Create (Order) returns (Order); rpc create_all (stream Order) returns (Order); }
        service OldOrders { rpc Create (Order) returns (Order); }
    "#;
    let file =
        protox::Compiler::with_file_resolver(Only(text)).open_file("shop.proto").unwrap().descriptor_pool();
    Schema::new(file)
}

struct Only(&'static str);

impl protox::file::FileResolver for Only {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        protox::file::File::from_source(name, self.0)
    }
}

#[test]
fn methods_by_their_names() {
    let schema = schema();
    let check = |name: &str, expected: Result<&str, &str>| {
        let found = schema.method(&Pattern::Text(name.to_owned()));
        let found = found
            .map(|method| super::schema::full_name(&method))
            .map_err(|fault| format!("{fault}; {}", fault.advice().unwrap_or_default()));
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{name}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{name}: {found}"),
            _ => panic!("{name}: {found:?}"),
        }
    };
    for name in [
        "shop.v1.Orders/Create",
        "/shop.v1.Orders/Create",
        "shop.v1.Orders.Create",
        "Orders.Create",
        "Orders/Create",
        "orders.create",
        "V1.ORDERS.CREATE",
    ] {
        check(name, Ok("shop.v1.Orders/Create"));
    }
    check("orders.create_all", Ok("shop.v1.Orders/create_all"));
    check("Orders.Crate", Err("did you mean `Create`"));
    check("Order.Create", Err("no service `Order`"));
    check("rders.Create", Err("no service"));
    check("Create", Err("names no method"));
    check("Orders.", Err("names no method"));
    check("", Err("names no method"));
    check("ż.Create", Err("no service"));
    let object = Pattern::Json(serde_json::value::RawValue::from_string(r#"{"cmd":1}"#.to_owned()).unwrap());
    assert!(schema.method(&object).unwrap_err().to_string().contains("JSON"));
}

#[test]
fn data_that_does_not_fit_is_told_with_its_place() {
    let schema = schema();
    let order = schema.pool().get_message_by_name("shop.v1.Order").unwrap();
    let check = |text: &str, said: &str| {
        let fault = json::encode(Some(&Data::json(text).unwrap()), &order).unwrap_err();
        let told = format!("{fault}; {}", fault.advice().unwrap_or_default());
        assert!(told.contains(said), "{text}: {told}");
    };
    check(r#"{"ordr_id":1}"#, "did you mean `orderId`");
    check(r#"{"items":[{},{"skuCod":"a"}]}"#, "no field `skuCod`, in `items[1]`");
    check(r#"{"items":[{"sizes":[1,"a"]}]}"#, "`items[0].sizes[1]` has to be int32");
    check(r#"{"items":{"skuCode":"a"}}"#, "`items` has to be repeated shop.v1.Item");
    check(r#"{"byName":{"a":{"skuCode":1}}}"#, "`byName.a.skuCode` has to be string");
    check(r#"{"state":"STATE_OPNE"}"#, "did you mean `STATE_OPEN`");
    check(r#"{"orderId":1.5}"#, "`orderId` has to be int64");
    check(r#"{"orderId":"9223372036854775808"}"#, "`orderId` has to be int64");
    check("null", "shop.v1.Order");
    check("[]", "the data has to be shop.v1.Order");
    check(r#"{"orderId":1e400}"#, "shop.v1.Order");
    let text = json::encode(Some(&Data::Text("no".to_owned())), &order).unwrap_err();
    assert!(text.advice().unwrap_or_default().contains("--raw"));
    let wrong = json::decode(Bytes::from_static(&[0xff]), &order, false).unwrap_err();
    assert!(wrong.to_string().contains("shop.v1.Order"), "{wrong}");
}

#[test]
fn json_comes_out_in_one_order() {
    let order = schema().pool().get_message_by_name("shop.v1.Order").unwrap();
    let text = r#"{"orderId":"9007199254740993","state":"STATE_OPEN","items":[{"skuCode":"ż"}],"byName":{"a":{},"b":{"sizes":[2,1]},"c":{}}}"#;
    for _ in 0..8 {
        let bytes = json::encode(Some(&Data::json(text).unwrap()), &order).unwrap();
        assert_eq!(json::decode(bytes, &order, false).unwrap().as_bytes(), text.as_bytes());
    }
    let empty = json::encode(None, &order).unwrap();
    assert!(empty.is_empty());
    let full = json::decode(empty, &order, true).unwrap();
    assert_eq!(full.as_bytes(), br#"{"orderId":"0","state":"STATE_UNKNOWN","items":[],"byName":{}}"#);
    let value = DescriptorPool::global().get_message_by_name("google.protobuf.Value").unwrap();
    for text in ["6", "0.1", "1e+21", "null", r#"{"a":[1,{"b":2}],"c":"x"}"#] {
        let bytes = json::encode(Some(&Data::json(text).unwrap()), &value).unwrap();
        assert_eq!(json::decode(bytes, &value, false).unwrap().as_bytes(), text.as_bytes());
    }
}

#[test]
fn errors_of_rules_are_read_as_nest_reads_exceptions() {
    let check = |error: serde_json::Value, code: i32, message: &str| {
        let refusal = status::refusal(Some(&Data::json(error.to_string()).unwrap()));
        assert_eq!((refusal.code, refusal.message.as_str()), (code, message), "{error}");
    };
    check(json!("text"), 2, "text");
    check(json!({ "code": 5, "message": "m" }), 5, "m");
    check(json!({ "code": "NOT_FOUND", "message": "m" }), 5, "m");
    check(json!({ "status": "ABORTED", "message": "m", "details": "d" }), 10, "d");
    check(json!({ "status": "error", "message": "Internal server error" }), 2, "Internal server error");
    check(json!([1]), 2, "[1]");
    assert_eq!(status::name(16), "UNAUTHENTICATED");
    assert_eq!(status::name(17), "UNKNOWN");
}

#[test]
fn metadata_goes_and_comes_back() {
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    let headers: Headers = vec![
        ("X-One".to_owned(), text("a b")),
        ("x-raw-bin".to_owned(), text("AAH+")),
        ("x-own-bin".to_owned(), HeaderValue::Binary(Bytes::from_static(&[0, 255]))),
    ];
    let mut map = HeaderMap::new();
    metadata::write(&headers, &mut map).unwrap();
    assert_eq!(map["x-own-bin"], "AP8");
    map.append("grpc-status", http::HeaderValue::from_static("0"));
    let back = metadata::read(&map);
    assert_eq!(back.len(), 3);
    assert!(back.iter().any(|(name, value)| {
        name == "x-raw-bin" && matches!(value, HeaderValue::Binary(bytes) if bytes[..] == [0, 1, 254])
    }));
    for (name, value) in [("grpc-timeout", "1S"), ("te", "x"), ("a b", "x"), ("x", "ż"), ("x-bin", "*")] {
        assert!(metadata::write(&vec![(name.to_owned(), text(value))], &mut map).is_err(), "{name}: {value}");
    }
}

fn gzipped(message: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(message).unwrap();
    let compressed = gzip.finish().unwrap();
    let mut framed = frame(&compressed).to_vec();
    framed[0] = 1;
    framed
}

#[test]
fn compressed_messages_and_damage() {
    let mut frames = Frames::new(Some("gzip"), 1000);
    frames.feed(&gzipped(b"hello"));
    frames.feed(&frame(b"plain"));
    assert_eq!(frames.next_message().unwrap().unwrap(), "hello");
    assert_eq!(frames.next_message().unwrap().unwrap(), "plain");
    assert!(frames.next_message().unwrap().is_none());
    let check = |encoding: Option<&str>, bytes: &[u8], said: &str| {
        let mut frames = Frames::new(encoding, 1000);
        frames.feed(bytes);
        let fault = frames.next_message().unwrap_err().to_string();
        assert!(fault.contains(said), "{fault}");
    };
    check(Some("deflate"), &gzipped(b"a"), "deflate");
    check(None, &gzipped(b"a"), "identity");
    check(Some("gzip"), &[1, 0, 0, 0, 1, 0], "damaged");
    check(Some("gzip"), &gzipped(&[0; 2000]), "more than 1000");
    check(None, &[0, 0xff, 0xff, 0xff, 0xff], "larger than");
    check(None, &[7, 0, 0, 0, 0], "no flag");
}

proptest! {
    /// However a stream is cut, the same messages come out of it.
    #[test]
    fn frames_come_out_as_they_went_in(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8),
        cut in 1usize..20,
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message).to_vec()).collect();
        let mut frames = Frames::new(None, 1000);
        let mut found = Vec::new();
        for part in stream.chunks(cut) {
            frames.feed(part);
            while let Some(message) = frames.next_message().unwrap() {
                found.push(message.to_vec());
            }
        }
        prop_assert_eq!(found, messages);
        prop_assert_eq!(frames.pending(), 0);
    }

    /// Whatever comes, it is read or refused.
    #[test]
    fn no_stream_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut frames = Frames::new(Some("gzip"), 1000);
        frames.feed(&bytes);
        while let Ok(Some(_)) = frames.next_message() {}
        let order = schema().pool().get_message_by_name("shop.v1.Order").unwrap();
        let _ = json::decode(bytes.into(), &order, false);
    }
}
