//! Brokers that go away, and topics that do.

use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::eyas::{self as program, Record};
use crate::fake::Fake;
use crate::watch::{is, record};

use super::{admin, configured, emit, kept, shared, tail, topic, url};

/// What is called confirmed is there afterwards, and nothing is claimed twice.
#[test]
fn kafka_gone_while_messages_leave() {
    let mut broker = configured("", &[]);
    let url = url(&broker);
    let topic = topic(&url, 3, &[]);
    let watcher = tail(&[&url, &topic, "-n", "1000"]);
    let count = "100000000";
    let mut emitter = program::start(&["emit", &url, &topic, r#"{"a":1}"#, "-n", count, "-o", "json"]);
    watcher.on_stdout("a thousand", |lines| (lines.len() >= 1000).then_some(()));
    broker.stop();
    assert_eq!(emitter.ended().code(), Some(1), "{}", emitter.output());
    let (stdout, _) = emitter.lines();
    let summary = Record::read(stdout.last().expect("a summary"));
    let number = |name: &str| summary.raw(name).expect("a count").parse::<u64>().expect("a number");
    let (confirmed, unconfirmed) = (number("confirmed"), number("unconfirmed"));
    assert!(confirmed >= 1000, "{summary:?}");
    broker.restart();
    let run = program::run(&["tail", &url, &topic, "--no-follow", "-F", "{meta.offset}"]).exits(0);
    let there = run.stdout.len() as u64;
    assert!((confirmed..=confirmed + unconfirmed).contains(&there), "{there} are there: {summary:?}");
}

/// A tail goes on where it was: nothing is missed, nothing comes twice.
#[test]
fn kafka_back_after_a_while() {
    let mut broker = configured("", &[]);
    let url = url(&broker);
    let topic = topic(&url, 3, &[]);
    let watcher = tail(&[&url, &topic]);
    let mock = program::start(&["mock", &url, "--echo", "-o", "json", "--alongside"]);
    mock.listening();
    emit(&url, &topic, &["1", "-n", "500"]);
    watcher.on_stdout("the first", |lines| (lines.len() == 500).then_some(()));
    broker.stop();
    record(&watcher, "word of it", |record| is(record, "code", "link-lost"));
    program::run(&["emit", &url, &topic]).exits(5).says("refused").says("hint:");
    broker.restart();
    emit(&url, &topic, &["2", "-n", "500"]);
    record(&watcher, "word of it", |record| is(record, "code", "link-back"));
    let seen = watcher.on_stdout("the others", |lines| {
        let records =
            lines.iter().map(|line| Record::read(line)).filter(|record| is(record, "type", "message"));
        let places: Vec<_> = records
            .map(|record| (record.inner("meta", "partition"), record.inner("meta", "offset")))
            .collect();
        (places.len() >= 1000).then_some(places)
    });
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (1000, 1000));
    let asked = ["send", &url, "back", "7", "-O", "create=true", "--timeout", "20s"];
    assert_eq!(program::run(&asked).exits(0).stdout, ["7"]);
}

/// A topic that is deleted under a tail, and made again.
#[test]
fn kafka_topic_that_goes_and_comes() {
    let url = shared();
    let topic = topic(&url, 2, &[]);
    emit(&url, &topic, &["1", "-n", "10"]);
    let watcher = tail(&[&url, &topic]);
    admin(&url, "deleteTopics", &json!({ "topics": [topic] }));
    record(&watcher, "word of it", |record| is(record, "code", "topic-gone"));
    emit(&url, &topic, &["\"again\"", "-O", "create=true"]);
    record(&watcher, "the message", |record| is(record, "data_text", "again"));
}

/// Records that are deleted before they are read are counted as missing.
#[test]
fn kafka_records_that_are_gone() {
    let url = shared();
    let topic = topic(&url, 1, &[]);
    emit(&url, &topic, &["1", "-n", "10"]);
    let partitions = json!([{ "partition": 0, "offset": "4" }]);
    admin(&url, "deleteTopicRecords", &json!({ "topic": topic, "partitions": partitions }));
    assert_eq!(kept(&url, &topic, &[]).len(), 6);
    program::run(&["tail", &url, &topic, "--from", "2"]).exits(2).says("holds 4 to 9");
}

#[test]
fn kafka_is_no_other_server() {
    let http = Fake::serve(|mut stream| {
        let mut seen = [0; 64];
        let _ = stream.read(&mut seen);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let silent =
        Fake::serve(|mut stream| drop(stream.read(&mut [0; 64]).and_then(|_| stream.read(&mut [0; 64]))));
    let closes = Fake::serve(drop);
    for fake in [&http, &silent, &closes] {
        let url = fake.url().replace("tcp", "kafka");
        for verb in ["send", "emit", "tail"] {
            program::run(&[verb, &url, "x", "--connect-timeout", "300ms"]).exits(5).says("hint:");
        }
    }
}
