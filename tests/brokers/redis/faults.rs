//! What a Redis server, a login or a slow reader can do to us.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use super::{ask_server, broker, record, tail, url, wait_until};
use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::fake::Fake;
use crate::tls::{authority, identity};

#[test]
fn redis_server_that_restarts_under_a_tail() {
    let mut broker = broker(&[]);
    let tail = tail(&broker, &[]);
    assert_eq!(ask_server(&broker, "PUBLISH before 1"), ":1");
    record(&tail, "message", |record| record.text("dest").as_deref() == Some("before"));
    broker.stop();
    let gap = record(&tail, "gap", |record| record.text("type").as_deref() == Some("gap"));
    assert_eq!(gap.raw("lost").as_deref(), Some("null"));
    broker.restart();
    wait_until(|| ask_server(&broker, "PUBSUB NUMPAT") == ":1");
    assert_eq!(ask_server(&broker, "PUBLISH after 1"), ":1");
    record(&tail, "message", |record| record.text("dest").as_deref() == Some("after"));
}

#[test]
fn redis_server_that_restarts_under_a_mock() {
    let mut broker = broker(&[]);
    let url = url(&broker);
    let mock = program::start(&["mock", &url, "--on", "ping=1"]);
    wait_until(|| ask_server(&broker, "PUBSUB CHANNELS") == "*1");
    broker.restart();
    mock.on_stderr("finding", |lines| lines.iter().any(|line| line.contains("was lost")).then_some(()));
    wait_until(|| ask_server(&broker, "PUBSUB CHANNELS") == "*1");
    assert_eq!(program::run(&["send", &url, "ping"]).exits(0).stdout, ["1"]);
}

/// Each message is counted once, and none is called confirmed that nobody was given.
#[test]
fn redis_server_that_dies_while_events_are_emitted() {
    const EVENTS: u64 = 1_000_000;
    let mut broker = broker(&[]);
    let tail = program::start(&["tail", &url(&broker), "-o", "quiet"]);
    wait_until(|| ask_server(&broker, "PUBSUB NUMPAT") == ":1");
    let count = EVENTS.to_string();
    let mut emit = program::start(&["emit", &url(&broker), "a", "-n", &count, "-o", "json"]);
    wait_until(|| published(&broker) > 1000);
    broker.stop();
    let status = emit.ended();
    let (lines, errors) = emit.lines();
    assert_eq!(status.code(), Some(1), "{lines:?} {errors:?}");
    let summary: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    let number = |key: &str| summary[key].as_u64().unwrap();
    assert!(number("confirmed") > 0 && number("unconfirmed") > 0, "{summary}");
    assert_eq!(number("emitted"), number("confirmed") + number("unconfirmed"), "{summary}");
    assert!(number("emitted") + number("lost") < EVENTS, "{summary}");
    drop(tail);
}

/// How many messages the server has published.
fn published(broker: &Broker) -> u64 {
    let text = ask_at_length(broker, "INFO commandstats");
    let count = text.split_once("cmdstat_publish:calls=").and_then(|(_, rest)| rest.split(',').next());
    count.map_or(0, |count| count.parse().unwrap())
}

/// What a plain client is answered to `command`, where that is more than a line.
fn ask_at_length(broker: &Broker, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn redis_server_that_dies_while_a_reply_is_awaited() {
    let mut broker = broker(&[]);
    let url = url(&broker);
    let _mock = program::start(&["mock", &url, "--on", "late=1", "--delay", "60s"]);
    wait_until(|| ask_server(&broker, "PUBSUB NUMSUB late") == "*2" && published(&broker) == 0);
    wait_until(|| ask_server(&broker, "PUBSUB CHANNELS") == "*1");
    let mut send = program::start(&["send", &url, "late", "--timeout", "60s"]);
    wait_until(|| published(&broker) == 1);
    broker.stop();
    assert_eq!(send.ended().code(), Some(1), "{}", send.output());
    program::run(&["send", &url, "late"]).exits(5).says("refused");
}

#[test]
fn redis_server_with_logins() {
    let broker = broker(&[
        "--requirepass",
        "secret",
        "--user",
        "ann",
        "on",
        ">pass word",
        "&orders.*",
        "+@pubsub",
        "+@connection",
    ]);
    let url = |login: &str| format!("redis://{login}127.0.0.1:{}", broker.port);
    for (login, code) in
        [("", 5), (":wrong@", 5), ("bob:secret@", 5), (":secret@", 6), ("ann:pass%20word@", 6)]
    {
        let run = program::run(&["send", &url(login), "orders.get"]).exits(code);
        assert!(!format!("{run:?}").replace(&run.name, "").contains("secret"), "{run:?}");
    }
    let ann = url("ann:pass%20word@");
    program::run(&["send", &ann, "users.get"]).exits(5).says("acl");
    program::run(&["emit", &ann, "users.created"]).exits(5).says("1 lost");
    program::run(&["tail", &ann, "--for", "10ms"]).exits(5).says("acl");
    program::run(&["tail", &ann, "orders.*", "--for", "10ms"]).exits(0);
    program::run(&["mock", &ann, "--on", "users.get=1"]).exits(5).says("acl");
    // A database does nothing to channels, and a server may have none of that number.
    program::run(&["send", &format!("{ann}/99"), "orders.get"]).exits(6);
}

#[test]
fn redis_server_with_tls() {
    let (ours, stranger) = (authority("ours"), authority("a stranger"));
    let [server, client] = [&["127.0.0.1"][..], &["client"]].map(|names| identity(&ours, names));
    let file = |name: &str, text: &str| program::file(&format!("redis-{name}.pem"), text);
    let ca = file("ca", &ours.pem());
    let (cert, key) = (file("cert", &server.cert), file("key", &server.key));
    let tls = ["--tls-ca-cert-file", &ca, "--tls-cert-file", &cert, "--tls-key-file", &key];
    // The plain port goes, so that nobody takes this for one without TLS.
    let broker = Broker::start(
        "EYAS_REDIS_SERVER",
        &[
            &[
                "--bind",
                "127.0.0.1",
                "--port",
                "0",
                "--tls-port",
                "{port}",
                "--save",
                "",
                "--dir",
                "{folder}",
            ],
            &["--logfile", "/dev/stderr"][..],
            &tls,
        ]
        .concat(),
        "Ready to accept connections",
    );
    let url = format!("rediss://127.0.0.1:{}", broker.port);
    let mine = ["--tls-cert", &file("mine", &client.cert), "--tls-key", &file("mine-key", &client.key)];
    let send = |more: &[&str]| program::run(&[&["send", &url, "a"], more].concat());
    send(&[&["--tls-ca", &ca], &mine[..]].concat()).exits(6);
    send(&["--tls-ca", &ca]).exits(5);
    send(&[&["--tls-ca", &file("stranger", &stranger.pem())], &mine[..]].concat())
        .exits(5)
        .says("certificate");
    let plain = url.replace("rediss", "redis");
    program::run(&["send", &plain, "a", "--connect-timeout", "2s"]).exits(5).says("hint:");
}

#[test]
fn redis_server_that_is_none() {
    let http = Fake::serve(|mut stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let silent = Fake::serve(|mut stream| while stream.read(&mut [0; 512]).is_ok_and(|read| read > 0) {});
    let send = |fake: &Fake| {
        program::run(&["send", &fake.url().replace("tcp", "redis"), "a", "--connect-timeout", "500ms"])
    };
    let run = send(&http);
    assert!(matches!(run.status.code(), Some(1 | 5)), "{run:?}");
    send(&silent).exits(5).says("hint:");
}

/// What a reader leaves unread is counted, and memory is not its price.
#[test]
fn redis_server_and_a_reader_that_does_not_read() {
    const MESSAGES: usize = 200_000;
    let broker = broker(&["--client-output-buffer-limit", "pubsub 0 0 0"]);
    let mut tail = program::command(&["tail", &url(&broker), "-o", "json", "--idle", "3s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until(|| ask_server(&broker, "PUBSUB NUMPAT") == ":1");
    let (count, data) = (MESSAGES.to_string(), format!(r#"{{"pad":"{}"}}"#, "x".repeat(1000)));
    program::run(&["emit", &url(&broker), "flood", &data, "-n", &count]).exits(0);
    wait_until(|| ask_at_length(&broker, "CLIENT LIST TYPE pubsub").contains(" omem=0 "));
    let status = std::fs::read_to_string(format!("/proc/{}/status", tail.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib < 400 << 10, "{peak}");
    let (mut seen, mut lost) = (0, 0);
    for line in BufReader::new(tail.stdout.take().unwrap()).lines() {
        let record = Record::read(&line.unwrap());
        match record.text("type").as_deref() {
            Some("message") => seen += 1,
            Some("gap") => lost += record.raw("lost").unwrap().parse::<usize>().unwrap(),
            _ => {}
        }
    }
    tail.wait().unwrap();
    assert!(seen > 0 && lost > 0, "{seen} {lost}");
    assert_eq!(seen + lost, MESSAGES);
}

/// A subscriber that takes nothing at all is cut off by the server: nobody knows what it missed.
#[test]
fn redis_server_that_cuts_a_tail_off() {
    let broker = broker(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let tail = tail(&broker, &[]);
    let signal = |name: &str| {
        let id = tail.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let data = format!(r#""{}""#, "x".repeat(1000));
    program::run(&["emit", &url(&broker), "flood", &data, "-n", "50000"]);
    wait_until(|| ask_server(&broker, "PUBSUB NUMPAT") == ":0");
    signal("-CONT");
    let gap = record(&tail, "gap", |record| record.text("type").as_deref() == Some("gap"));
    assert_eq!(gap.raw("lost").as_deref(), Some("null"));
    wait_until(|| ask_server(&broker, "PUBSUB NUMPAT") == ":1");
    assert_eq!(ask_server(&broker, "PUBLISH after 1"), ":1");
    record(&tail, "message", |record| record.text("dest").as_deref() == Some("after"));
}
