//! `eyas tail --listen` between a gRPC client and a Nest service, and `eyas ls`: what a schema makes readable.

use serde_json::{Value, json};

use super::{grpcurl, proto, service};
use crate::eyas::{self as program, Record};
use crate::oracle::{Nest, Service};
use crate::server::Server;

fn tail(url: &str, more: &[&str]) -> (Server, String) {
    let server = program::start(&[&["tail", url, "--listen", "0", "-o", "json"], more].concat());
    let through = format!("grpc://{}", server.listening());
    (server, through)
}

/// The messages told so far, once there are `count`.
fn messages(server: &Server, count: usize) -> Vec<Record> {
    server.on_stdout(&format!("{count} messages"), |lines| {
        let records = lines.iter().map(|line| Record::read(line));
        let messages: Vec<_> =
            records.filter(|record| record.text("type").as_deref() == Some("message")).collect();
        (messages.len() >= count).then_some(messages)
    })
}

fn data(records: &[Record], direction: &str) -> Vec<Value> {
    let of_it = records.iter().filter(|record| record.text("dir").as_deref() == Some(direction));
    of_it.filter_map(|record| Some(serde_json::from_str(&record.raw("data")?).expect("JSON"))).collect()
}

#[test]
fn grpcurl_streams_statuses_and_metadata_are_told() {
    let (server, through) = tail(&service(Nest::V12).url, &[]);
    let lines = b"{\"heroId\":1}\n{\"heroId\":2}\n";
    let send = |more: &[&str]| program::run_with(&[&["send", &through], more].concat(), lines);
    send(&["Heroes.Sum", "--ndjson", "-", "-O", "gzip=true"]).exits(0);
    // What is asked of reflection goes through it, too, and is not told.
    let told = |method: &str, count: usize| -> Vec<Record> {
        let of_it = |record: &Record| {
            let pattern = record.text("pattern");
            pattern.is_some_and(|pattern| pattern == format!("heroes.v1.Heroes/{method}"))
        };
        server.on_stdout(&format!("{count} messages of {method}"), |lines| {
            let records = lines.iter().map(|line| Record::read(line));
            let found: Vec<_> = records.filter(of_it).collect();
            (found.len() >= count).then_some(found)
        })
    };
    let sum = told("Sum", 3);
    assert_eq!(data(&sum, "request"), [json!({ "heroId": "1" })]);
    assert_eq!(data(&sum, "event"), [json!({ "heroId": "2" })]);
    assert_eq!(data(&sum, "reply"), [json!({ "heroId": "3" })]);
    send(&["Heroes.FailWithMetadata", "-H", "x-a: b"]).exits(1);
    let failed = told("FailWithMetadata", 2);
    assert_eq!(failed[0].inner("headers", "x-a").as_deref(), Some(r#""b""#));
    assert_eq!(failed[1].inner("headers", "x-why").as_deref(), Some(r#""because""#));
    let error = failed[1].raw("err").expect("an error");
    assert_eq!(error, r#"{"code":3,"status":"INVALID_ARGUMENT","message":"the details"}"#);
    send(&["Heroes.ListThenFail"]).exits(1);
    let late = told("ListThenFail", 3);
    assert_eq!(data(&late, "reply"), [json!({ "heroId": "1" })]);
    assert!(late[2].raw("err").is_some_and(|error| error.contains("NOT_FOUND")));
    // grpcurl does not notice, either.
    let peer = grpcurl(&through, "heroes.v1.Heroes/FindOne", r#"{"heroId":"5"}"#, &[]);
    assert_eq!(peer.values[0]["heroId"], json!("5"));
    assert_eq!(data(&told("FindOne", 2), "reply"), peer.values);
    assert!(!server.lines().0.iter().any(|line| line.contains("reflection")), "{}", server.output());
}

#[test]
fn node_without_a_schema_is_told_in_bytes() {
    let service = Service::spawn(Nest::V12, "grpc://127.0.0.1:0", &json!({}));
    let (server, through) = tail(&service.url, &[]);
    server.on_stdout("finding", |lines| lines.iter().any(|line| line.contains("no-schema")).then_some(()));
    let option = format!("proto={}", proto("heroes.proto"));
    program::run(&["send", &through, "Heroes.Chat", "hero_id=7", "-O", &option]).exits(0);
    let told = messages(&server, 3);
    assert_eq!(told[0].text("data_base64").as_deref(), Some("CAc="));
    assert_eq!(told[1].text("data_base64").as_deref(), Some("CEY="));
    // With the proto it is readable.
    let (server, through) = tail(&service.url, &["-O", &option]);
    program::run(&["send", &through, "Heroes.Chat", "hero_id=7", "-O", &option]).exits(0);
    let told = messages(&server, 3);
    assert_eq!(data(&told, "request"), [json!({ "heroId": "7" })]);
    assert_eq!(data(&told, "reply"), [json!({ "heroId": "70" })]);
}

#[test]
fn node_methods_are_listed() {
    for nest in [Nest::V10, Nest::V11, Nest::V12] {
        let run = program::run(&["ls", &service(nest).url, "-o", "json"]).exits(0);
        let offers: Vec<_> = run.stdout.iter().map(|line| Record::read(line)).collect();
        let named = |name: &str| {
            let found = offers.iter().find(|offer| offer.text("name").as_deref() == Some(name));
            found.unwrap_or_else(|| panic!("no {name} in {run:?}")).raw("details").expect("details")
        };
        let chat = r#"{"takes":"stream heroes.v1.HeroById","gives":"stream heroes.v1.HeroById"}"#;
        assert_eq!(named("heroes.v1.Heroes/Chat"), chat);
        assert_eq!(named("heroes.v1.HeroById"), r#"{"fields":["heroId int64"]}"#);
        assert!(named("heroes.v1.Rank").contains("RANK_LEGEND"));
        assert!(named("heroes.v1.Hero").contains("map<string, int32>"));
        named("heroes.v1.Villains/FindOne");
    }
    let service = Service::spawn(Nest::V12, "grpc://127.0.0.1:0", &json!({}));
    program::run(&["ls", &service.url]).exits(2).says("no reflection").says("-O proto=");
    let option = format!("proto={}", proto("heroes.proto"));
    let run = program::run(&["ls", &service.url, "-O", &option]).exits(0);
    assert!(run.stdout.iter().any(|line| line.contains("heroes.v1.Heroes/FindOne")), "{run:?}");
}
