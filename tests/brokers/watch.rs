//! `eyas tail` on a broker, between Nest's client and a Nest service: neither notices, and each call is told.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::conformance::{calls, word};
use crate::eyas::{self as program, Record};
use crate::ground::{Ground, cannot, first, on_every_ground};
use crate::oracle::{Ask, Service};
use crate::server::Server;

on_every_ground! { requests_and_their_replies, unanswered, a_broker_that_comes_back, a_slow_reader }

fn cannot_watch(ground: &Ground) -> bool {
    cannot(&ground.spec().can.watch, &["tail", ground.anywhere])
}

/// Starts `eyas tail URL -o json` with `more`, and waits until it watches.
pub fn tail(url: &str, more: &[&str]) -> Server {
    let server = program::start(&[&["tail", url, "-o", "json"], more].concat());
    // It has subscribed once it shows what it is sent until then.
    for _ in 0..1000 {
        program::run(&[&["emit", url, "are.you.there"], first(url)].concat());
        if !server.lines().0.is_empty() {
            return server;
        }
    }
    panic!("it watches nothing\n{}", server.output());
}

/// The first record on standard output that `is_it` takes.
pub fn record(server: &Server, what: &str, is_it: impl Fn(&Record) -> bool) -> Record {
    server.on_stdout(what, |lines| lines.iter().map(|line| Record::read(line)).find(&is_it))
}

/// Whether the string at `key` is `value`.
pub fn is(record: &Record, key: &str, value: &str) -> bool {
    record.text(key).as_deref() == Some(value)
}

fn requests_and_their_replies(ground: &Ground) {
    if cannot_watch(ground) {
        return;
    }
    let place = (ground.serve)();
    let _service = Service::spawn(ground.nest, &place.url, &json!({}));
    let server = tail(&place.url, &["-O", &ground.nest_option()]);
    for (pattern, data) in calls() {
        if ground.is_unheard(&pattern) || !ground.carries(&pattern) {
            continue;
        }
        let seen = server.lines().0.len();
        let unwatched = ground.nest.client().send(&Ask::new(ground.url(), &pattern, &data));
        if unwatched.failure.is_some() {
            // Nobody takes such a call here. Who watches counts as somebody to a broker that would tell.
            continue;
        }
        let outcome = ground.nest.client().send(&Ask::new(&place.url, &pattern, &data));
        assert_eq!(outcome, unwatched, "{pattern}");
        let name = word(&pattern);
        let records = server.on_stdout(&format!("last reply to {name}"), |lines| {
            let records = lines[seen.min(lines.len())..].iter().map(|line| Record::read(line));
            let records: Vec<_> = records.filter(|record| is(record, "type", "message")).collect();
            let is_last = |record: &Record| record.inner("pair", "final").as_deref() == Some("true");
            records.iter().any(is_last).then_some(records)
        });
        let request =
            records.iter().find(|record| is(record, "dir", "request")).expect("a request comes first");
        let id = request.raw("id").expect("a request has an id");
        let replies: Vec<_> = records.iter().filter(|record| is(record, "dir", "reply")).collect();
        for reply in &replies {
            assert_eq!(reply.inner("pair", "of"), Some(id.clone()), "{name}: {reply:?}");
            assert_eq!(reply.raw("pattern"), request.raw("pattern"), "{name}");
        }
        let values: Vec<_> = replies.iter().filter_map(|record| record.value()).collect();
        assert_eq!(values, outcome.values, "{name}");
        assert_eq!(replies.iter().find_map(|record| record.raw("err")), outcome.error, "{name}");
    }
    let marker = r#"{"by":"nest"}"#;
    ground.nest.client().emit(&Ask::new(&place.url, r#""user.created""#, marker));
    let event = record(&server, "event", |record| record.raw("data").as_deref() == Some(marker));
    assert!(is(&event, "dir", "event") && is(&event, "pattern", "user.created"), "{event:?}");
    assert_eq!(event.raw("id"), None);
}

fn unanswered(ground: &Ground) {
    if cannot_watch(ground) {
        return;
    }
    let place = (ground.serve)();
    let _service = Service::spawn(ground.nest, &place.url, &json!({}));
    let server = tail(&place.url, &["--timeout", "200ms"]);
    let mut ask = Ask::new(&place.url, r#""never""#, "{}");
    ask.timeout = Some(1000);
    assert!(!ground.nest.client().send(&ask).complete);
    let told = record(&server, "unanswered", |record| is(record, "type", "unanswered"));
    assert!(is(&told, "pattern", "never"), "{told:?}");
}

/// What came while it was away nobody knows; that it was away is told.
fn a_broker_that_comes_back(ground: &Ground) {
    if cannot_watch(ground) {
        return;
    }
    let mut place = ground.alone();
    let server = tail(&place.url, &[]);
    let broker = place.broker.as_mut().expect("who watches watches a broker");
    broker.stop();
    if ground.transport == "kafka" {
        // It keeps what came, and where we were we know ourselves.
        record(&server, "word of it", |record| is(record, "code", "link-lost"));
        broker.restart();
        record(&server, "word of it", |record| is(record, "code", "link-back"));
    } else {
        let gap = record(&server, "gap", |record| is(record, "type", "gap"));
        assert_eq!(gap.raw("lost").as_deref(), Some("null"));
        broker.restart();
        let is_back =
            |lines: &[String]| lines.iter().any(|line| line.contains("connected again")).then_some(());
        server.on_stderr("word of it", is_back);
    }
    let after = ["emit", &place.url, "after", r#"{"the":"restart"}"#];
    program::run(&[&after[..], first(&place.url)].concat()).exits(0);
    record(&server, "message", |record| is(record, "pattern", "after"));
}

/// Every message is shown or counted as missing by eyas; only what a broker dropped itself nobody can count.
fn a_slow_reader(ground: &Ground) {
    if cannot_watch(ground) {
        return;
    }
    // More than eyas holds; the firehose takes its time for each.
    let messages: u64 = if ground.transport == "rmq" { 150_000 } else { 300_000 };
    let place = (ground.serve)();
    let mut child = program::command(&["tail", &place.url, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    std::thread::scope(|scope| {
        let (seen, is_seen) = std::sync::mpsc::channel();
        let url = &place.url;
        let sending = scope.spawn(move || {
            while is_seen.try_recv().is_err() {
                program::run(&[&["emit", url, "probe"], first(url)].concat());
            }
            let data = format!("{{\"x\":\"{}\"}}", "x".repeat(600));
            // Where the broker cuts a tail off that is too slow, nobody is left to take the rest: no failure here.
            let emitted = format!("{messages} emitted");
            let count = messages.to_string();
            let flood = ["emit", url, "flood", &data, "-n", &count];
            program::run(&[&flood[..], first(url)].concat()).says(&emitted);
        });
        assert!(lines.next().unwrap().contains("probe"));
        seen.send(()).unwrap();
        // Nothing is read until all has been sent.
        sending.join().unwrap();
    });
    let (mut told, mut is_counted) = (0, true);
    for line in lines {
        let record = Record::read(&line);
        told += u64::from(is(&record, "pattern", "flood"));
        match record.raw("lost").as_deref() {
            Some("null") => is_counted = false,
            Some(number) => told += number.parse::<u64>().expect("a number"),
            None => {}
        }
        if told >= messages || !is_counted {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    // Some of what is counted as missing may have been the last of the probes.
    assert!(!is_counted || (messages..messages + 10).contains(&told), "{told}");
}
