//! `eyas tail --listen` between Nest's client and a Nest service: neither notices, and each call is told.

use std::fmt::Write as _;

use crate::conformance::calls;
use crate::eyas::{self as program, Record};
use crate::ground::{Ground, cannot, on_every_ground};
use crate::oracle::Ask;
use crate::server::{Server, shortened};

on_every_ground! { nobody_notices, requests_and_their_replies, unanswered, a_service_that_is_not_there }

const LISTEN: &[&str] = &["--listen", "127.0.0.1:0", "-o", "json"];

/// Starts `eyas tail` before `url`, and gives the address to call instead.
fn tail(ground: &Ground, url: &str, more: &[&str]) -> (Server, String) {
    let option = ground.nest_option();
    let server = program::start(&[&["tail", url, "-O", &option], LISTEN, more].concat());
    let through = through(url, &server);
    (server, through)
}

/// `url` with the address that `server` listens on in place of its own.
pub fn through(url: &str, server: &Server) -> String {
    let mut through = url::Url::parse(url).expect("tests give good addresses");
    let port = server.listening().rsplit(':').next().and_then(|port| port.parse().ok());
    through.set_host(Some("127.0.0.1")).expect("such addresses have hosts");
    through.set_port(port).expect("such addresses have ports");
    through.to_string().trim_end_matches('/').to_owned()
}

fn cannot_proxy(ground: &Ground) -> bool {
    cannot(&ground.spec().can.proxy, &[&["tail", ground.anywhere], LISTEN].concat())
}

fn nobody_notices(ground: &Ground) {
    if cannot_proxy(ground) {
        return;
    }
    let (server, through) = tail(ground, ground.url(), &[]);
    let mut different = String::new();
    for (pattern, data) in calls() {
        let expected = ground.nest.client().send(&Ask::new(ground.url(), &pattern, &data));
        let found = ground.nest.client().send(&Ask::new(&through, &pattern, &data));
        if found != expected {
            let show = |outcome| shortened(&format!("{outcome:?}"));
            let _ = writeln!(different, "{pattern}\n  direct: {}\n  tailed: {}", show(expected), show(found));
        }
    }
    assert!(different.is_empty(), "{different}{}", server.output());
}

/// Every request is told with its pattern and data as they came, every reply with what it answers.
fn requests_and_their_replies(ground: &Ground) {
    if cannot_proxy(ground) {
        return;
    }
    let (server, through) = tail(ground, ground.url(), &[]);
    for (pattern, data) in calls() {
        let seen = server.lines().0.len();
        let outcome = ground.nest.client().send(&Ask::new(&through, &pattern, &data));
        let records = server.on_stdout(&format!("last reply to {pattern}"), |lines| {
            // Beside the messages there are findings: that a pattern has no handler.
            let records = lines[seen..].iter().map(|line| Record::read(line));
            let records: Vec<_> =
                records.filter(|record| record.text("type").as_deref() == Some("message")).collect();
            let last = records.iter().any(|record| record.inner("pair", "final").as_deref() == Some("true"));
            last.then_some(records)
        });
        let (request, replies) = records.split_first().expect("a request comes before its reply");
        let context = || format!("{pattern}: {}", shortened(&format!("{records:?}")));
        assert_eq!(request.text("dir").as_deref(), Some("request"), "{}", context());
        assert_eq!(request.text("transport").as_deref(), Some(ground.transport), "{}", context());
        assert_eq!(request.raw("data"), javascript(ground, &data), "{}", context());
        let id = request.raw("id").expect("a request has an id");
        for reply in replies {
            assert_eq!(reply.text("dir").as_deref(), Some("reply"), "{}", context());
            assert_eq!(reply.inner("pair", "of"), Some(id.clone()), "{}", context());
            let ms: f64 = reply.inner("pair", "ms").expect("a latency").parse().unwrap();
            assert!(ms >= 0.0, "{}", context());
            assert_eq!(reply.raw("pattern"), request.raw("pattern"), "{}", context());
        }
        let values: Vec<_> = replies.iter().filter_map(|reply| reply.raw("data")).collect();
        assert_eq!(values, outcome.values, "{}", context());
        assert_eq!(replies.iter().find_map(|reply| reply.raw("err")), outcome.error, "{}", context());
    }
    let marker = r#"{"by":"tail"}"#;
    ground.nest.client().emit(&Ask::new(&through, r#""user.created""#, marker));
    let event = server.on_stdout("event", |lines| {
        lines
            .iter()
            .map(|line| Record::read(line))
            .find(|record| record.raw("data").as_deref() == Some(marker))
    });
    assert_eq!(event.text("dir").as_deref(), Some("event"));
    assert_eq!(event.text("pattern").as_deref(), Some("user.created"));
    assert_eq!(event.raw("id"), None);
}

/// `data` as JavaScript writes what it has read: what a service that echoes answers.
fn javascript(ground: &Ground, data: &str) -> Option<String> {
    ground.nest.client().send(&Ask::new(ground.url(), r#""echo""#, data)).values.pop()
}

fn unanswered(ground: &Ground) {
    if cannot_proxy(ground) {
        return;
    }
    let (server, through) = tail(ground, ground.url(), &["--timeout", "200ms"]);
    let mut ask = Ask::new(&through, r#""never""#, r#"{"by":"tail"}"#);
    ask.timeout = Some(1000);
    assert!(!ground.nest.client().send(&ask).complete);
    let told = server.on_stdout("unanswered", |lines| {
        lines.iter().find(|line| line.contains(r#""type":"unanswered""#)).cloned()
    });
    assert!(told.contains("never"), "{told}");
}

/// A template means lines on standard output and nothing else; what was asked for is counted, whatever it is.
#[test]
fn only_what_was_asked_for() {
    let mock = program::start(&["mock", "tcp://127.0.0.1:0", "--on", "later=1", "--delay", "1h"]);
    let url = format!("tcp://{}", mock.listening());
    let watch = ["tail", &url, "--listen", "0", "--timeout", "200ms"];
    let mut lines = program::start(&[&watch[..], &["-F", "{dir} {pattern}", "-n", "3"]].concat());
    let mut unanswered =
        program::start(&[&watch[..], &["--only", "unanswered", "-n", "1", "-o", "json"]].concat());
    for tail in [&lines, &unanswered] {
        let through = format!("tcp://{}", tail.listening());
        program::run(&["send", &through, "no.such"]).exits(1);
        // It is never answered: the tail waits for that no longer than it does for any reply.
        program::run(&["send", &through, "later"]);
    }
    assert_eq!(lines.ended().code(), Some(0), "{}", lines.output());
    assert_eq!(lines.lines().0, ["request no.such", "reply no.such", "request later"], "{}", lines.output());
    assert_eq!(unanswered.ended().code(), Some(0), "{}", unanswered.output());
    let (stdout, _) = unanswered.lines();
    assert!(matches!(&stdout[..], [line] if line.contains(r#""type":"unanswered""#)), "{stdout:?}");
}

/// Who asks for numbers gets a table; messages are counted, and not shown to people.
#[test]
fn numbers_instead_of_messages() {
    let mock = program::start(&["mock", "tcp://127.0.0.1:0", "--on", "ping=1"]);
    let url = format!("tcp://{}", mock.listening());
    let mut tail = program::start(&["tail", &url, "--listen", "0", "--stats", "-o", "pretty", "-n", "4"]);
    let through = format!("tcp://{}", tail.listening());
    program::run(&["send", &through, "ping"]).exits(0);
    program::run(&["send", &through, "no.such"]).exits(1);
    assert_eq!(tail.ended().code(), Some(0), "{}", tail.output());
    let (stdout, stderr) = tail.lines();
    let words: Vec<Vec<_>> = stdout.iter().map(|line| line.split_whitespace().take(7).collect()).collect();
    let head = ["pattern", "msg/s", "requests", "replies", "events", "errors", "unansw."];
    assert_eq!(words[0], head, "{stdout:?}");
    let mut rows: Vec<_> = words[1..].iter().map(|row| (row[0], row[2..].join(" "))).collect();
    rows.sort_unstable();
    let want = [("no.such", "1 1 0 1 0".to_owned()), ("ping", "1 1 0 0 0".to_owned())];
    assert_eq!(rows, want, "{stdout:?}");
    assert!(stderr.iter().any(|line| line.starts_with("4 messages in ")), "{stderr:?}");
}

/// A tail that has seen what it was asked for goes on passing until nobody waits for a reply.
#[test]
fn nobody_loses_a_reply_to_the_end_of_a_tail() {
    let mock =
        program::start(&["mock", "tcp://127.0.0.1:0", "--on", "later={\"a\":\"reply\"}", "--delay", "500ms"]);
    let url = format!("tcp://{}", mock.listening());
    let mut tail = program::start(&["tail", &url, "--listen", "0", "-n", "1", "-o", "json"]);
    let through = format!("tcp://{}", tail.listening());
    let run = program::run(&["send", &through, "later"]).exits(0);
    assert_eq!(run.stdout, [r#"{"a":"reply"}"#]);
    assert_eq!(tail.ended().code(), Some(0), "{}", tail.output());
    assert_eq!(tail.lines().0.len(), 1, "{}", tail.output());
}

/// The client hears the same as without the proxy: that it cannot connect, or that the connection closed.
fn a_service_that_is_not_there(ground: &Ground) {
    if cannot_proxy(ground) {
        return;
    }
    let (scheme, _) = ground.url().split_once("://").expect("an address");
    let nowhere = format!("{scheme}://127.0.0.1:{}", crate::fake::free_port());
    let (server, through) = tail(ground, &nowhere, &[]);
    let outcome = ground.nest.client().send(&Ask::new(&through, r#""echo""#, "{}"));
    // What it hears from amqplib Nest's client passes on as it is.
    let is_told = outcome.failure.is_some() || outcome.error.is_some();
    assert!(is_told && !outcome.complete, "{outcome:?} {}", server.output());
}
