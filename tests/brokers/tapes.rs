//! `eyas record`, `replay` and `mock --from`, between Nest's client and a Nest service.

use serde_json::json;

use crate::conformance::{NO_HANDLER, calls, word};
use crate::eyas::{self as program, Record};
use crate::ground::{Ground, Place, on_every_ground};
use crate::oracle::{Ask, Outcome, Service};
use crate::redis;
use crate::server::{Server, shortened};
use crate::tail::through;
use crate::watch::{is, record, tail};

on_every_ground! { a_recording_is_compared_and_played }

/// A path for a recording that is not there yet.
pub fn path(name: &str) -> String {
    let path = program::folder().join(name);
    let _ = std::fs::remove_file(&path);
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// Whether there is a broker, which is watched from aside; else one stands in between.
fn has_broker(place: &Place) -> bool {
    !place.url.ends_with(":0")
}

/// Where `server` answers, which was started at `place`.
fn address(place: &Place, server: &Server) -> String {
    server.listening();
    if has_broker(place) { place.url.clone() } else { through(&place.url, server) }
}

/// Starts `eyas record FILE`, where a service of the ground is; gives the address to call.
fn record_to(file: &str, ground: &Ground, place: &Place, service: &str) -> (Server, String) {
    let option = ground.nest_option();
    if !has_broker(place) {
        let server = program::start(&["record", file, service, "--listen", "127.0.0.1:0", "-O", &option]);
        let through = format!("tcp://{}", server.listening());
        return (server, through);
    }
    let server = program::start(&["record", file, service, "-O", &option]);
    server.on_stderr("watch", |lines| lines.iter().any(|line| line.starts_with("watching ")).then_some(()));
    (server, service.to_owned())
}

/// Waits until the recording holds `count` times `what`.
pub fn until_written(file: &str, what: &str, count: usize, server: &Server) {
    for _ in 0..600 {
        if std::fs::read_to_string(file).is_ok_and(|text| text.matches(what).count() >= count) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{file} does not get `{what}` {count} times\n{}", server.output());
}

/// What Nest's client is answered by the service, it is answered by a mock that plays the recording; and `--compare`
/// finds no difference at either, and one where there is one.
fn a_recording_is_compared_and_played(ground: &Ground) {
    let place = (ground.serve)();
    // A further instance beside the shared one would answer twice on a broker.
    let service = has_broker(&place).then(|| Service::spawn(ground.nest, &place.url, &json!({})));
    let url = service.as_ref().map_or(ground.url(), |service| &service.url);
    let file = path(&format!("{}-{}.jsonl", ground.transport, ground.nest.major()));
    let (mut recording, through) = record_to(&file, ground, &place, url);
    let mut asked: Vec<(String, String, Outcome)> = Vec::new();
    let secret = (r#""echo""#.to_owned(), r#"{"user":"a","password":"hunter2"}"#.to_owned());
    for (pattern, data) in calls().into_iter().chain([secret]) {
        // Whom nobody answers, or only the broker, has no reply to record.
        let is_unheard = ground.is_unheard(&pattern) || !ground.carries(&pattern);
        if is_unheard || (NO_HANDLER.contains(&&*pattern) && ground.transport != "tcp") {
            continue;
        }
        let outcome = ground.nest.client().send(&Ask::new(&through, &pattern, &data));
        asked.push((pattern, data, outcome));
    }
    ground.nest.client().emit(&Ask::new(&through, r#""user.created""#, r#"{"last":"one"}"#));
    until_written(&file, r#"{"last":"one"}"#, 1, &recording);
    until_written(&file, "\"***\"", 2, &recording);
    recording.signal("INT");
    assert_eq!(recording.ended().code(), Some(130), "{}", recording.output());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n') && !text.contains("hunter2"));
    assert!(text.lines().all(|line| Record::read(line).raw("v").as_deref() == Some("1")));
    let last = text.lines().last().map(Record::read).expect("there is a last line");
    assert!(is(&last, "type", "summary"), "{last:?}");

    let option = ground.nest_option();
    let compare = |url: &str| program::run(&["replay", &file, url, "--compare", "-O", &option]);
    compare(url).exits(0).says("0 different");
    drop(service);

    // In its place, where nobody else answers: what was recorded.
    let place = (ground.serve)();
    let mock = ["mock", &place.url, "--from", &file, "-O", &option];
    let played = program::start(&mock);
    let mocked = address(&place, &played);
    for (pattern, data, expected) in asked {
        if data.contains("hunter2") {
            continue;
        }
        let found = ground.nest.client().send(&Ask::new(&mocked, &pattern, &data));
        let show = |outcome: &Outcome| shortened(&format!("{outcome:?}"));
        assert!(found == expected, "{pattern}: {} instead of {}", show(&found), show(&expected));
    }
    drop(played);
    let played = program::start(&mock);
    let mocked = address(&place, &played);
    compare(&mocked).exits(0).says("0 different");
    drop(played);
    let changed = program::start(&[&mock[..], &["--on", r#"nested={"a":1}"#]].concat());
    let mocked = address(&place, &changed);
    let run = compare(&mocked).exits(1).says("1 different");
    let nested = word(r#""nested""#);
    assert!(run.stdout.iter().any(|line| line.ends_with(&format!(", {nested}"))), "{run:?}");
    assert!(run.stdout.iter().any(|line| line.starts_with("  .a: ")), "{run:?}");
    program::run(&["replay", &file, &mocked, "--compare", "--ignore", ".a, .b", "-O", &option]).exits(0);
}

/// What was recorded on one transport goes to another, with the patterns it is mapped to.
#[test]
fn redis_server_gets_what_was_recorded_elsewhere() {
    let place = redis::fresh();
    let watching = tail(&place.url, &[]);
    let line = |n: u32, pattern: &str| {
        format!(
            r#"{{"type":"message","v":1,"ts":"2026-11-21T11:00:0{n}Z","transport":"tcp","dir":"event","pattern":"{pattern}","headers":{{}},"data":{{"n":{n}}},"size":1,"meta":{{}}}}"#
        )
    };
    let tape = [line(0, "orders.created"), line(1, "orders.paid"), line(9, "other")].join("\n");
    let file = program::file("elsewhere.jsonl", tape);
    let map = ["replay", &file, &place.url, "--map", "orders.*=v2.*"];
    program::run(&[&map[..], &["--speed", "100x"]].concat()).exits(0).says("3 events emitted");
    for (pattern, data) in [("v2.created", r#"{"n":0}"#), ("v2.paid", r#"{"n":1}"#), ("other", r#"{"n":9}"#)]
    {
        let seen = record(&watching, pattern, |record| is(record, "pattern", pattern));
        assert_eq!(seen.raw("data").as_deref(), Some(data));
    }
    // Whoever watches is somebody to Redis, and answers nothing.
    let send = ["--verb", "send", "--rate", "100/s", "-n", "2", "--timeout", "300ms"];
    program::run(&[&map[..], &send].concat()).exits(4).says("2 without a reply in time");
    drop(watching);
    program::run(&[&map[..], &send].concat()).exits(6).says("2 that nobody takes");
}

/// Whatever ends a recording, what was written can be read.
#[test]
fn a_recorder_that_is_killed_leaves_what_it_has_written() {
    let mock = program::start(&["mock", "tcp://127.0.0.1:0", "--echo"]);
    let url = format!("tcp://{}", mock.listening());
    let file = path("killed.jsonl.zst");
    let recording = program::start(&["record", &file, &url, "--listen", "0"]);
    let through = format!("tcp://{}", recording.listening());
    for _ in 0..100 {
        program::run(&["send", &through, "echo", "some=data"]).exits(0);
        if program::run(&["replay", &file, &url, "--dry-run"]).stdout.concat().contains("some") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    drop(recording);
    let run = program::run(&["replay", &file, &url, "--speed", "max"]).exits(3).says("is cut short");
    run.says("answered");
}

/// A mock at the address of one service plays that one, of a recording that has several.
#[test]
fn only_what_is_meant_is_played() {
    let line = |dir: &str, service: &str, pattern: &str, more: &str| {
        format!(
            r#"{{"type":"message","v":1,"ts":"2026-11-21T11:00:00Z","transport":"tcp","service":"{service}","dir":"{dir}","pattern":"{pattern}","id":"{pattern}","headers":{{}},"data":{{}},"size":1,"meta":{{}}{more}}}"#
        )
    };
    let exchange = |service: &str, pattern: &str| {
        let pair = format!(r#","pair":{{"of":"{pattern}","ms":1,"final":true}}"#);
        [line("request", service, pattern, ""), line("reply", service, pattern, &pair)].join("\n")
    };
    let tape = [exchange("orders", "orders.get"), exchange("billing", "bill"), exchange("billing", "pay")]
        .join("\n");
    let file = program::file("services.jsonl", tape);
    let check = |server: &Server, answered: &[&str]| {
        let url = format!("tcp://{}", server.listening());
        for pattern in ["orders.get", "bill", "pay"] {
            program::run(&["send", &url, pattern]).exits(i32::from(!answered.contains(&pattern)));
        }
    };
    let mock = ["mock", "tcp://127.0.0.1:0", "--from", &file];
    check(&program::start(&mock), &["orders.get", "bill", "pay"]);
    check(
        &program::start(&[&mock[..], &["--play", "b*", "--play", "orders.*"]].concat()),
        &["orders.get", "bill"],
    );
    let folder = program::folder().join("played");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("eyas.toml"),
        "version = 1\n[services.billing]\nurl = \"tcp://127.0.0.1:0\"\n",
    )
    .unwrap();
    let mut command = program::command(&["mock", "@billing", "--from", &file]);
    check(&Server::spawn("eyas mock @billing", command.current_dir(folder)), &["bill", "pay"]);
    program::run(&[&mock[..], &["--play", "none.*"]].concat()).exits(2).says("has no request with its reply");
}
