//! Over Redis: what only Redis has.

mod faults;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::ground::Place;
use crate::oracle::{Ask, Nest, Service};
use crate::server::{PATIENCE, Server};

/// A server without persistence, and what else its arguments say.
pub fn broker(arguments: &[&str]) -> Broker {
    let quiet = ["--save", "", "--dir", "{folder}", "--logfile", "/dev/stderr"];
    let all = [&["--bind", "127.0.0.1", "--port", "{port}"], &quiet[..], arguments].concat();
    Broker::start("EYAS_REDIS_SERVER", &all, "Ready to accept connections")
}

/// The address of `broker`.
pub fn url(broker: &Broker) -> String {
    format!("redis://127.0.0.1:{}", broker.port)
}

/// A broker where nobody is yet.
pub fn fresh() -> Place {
    let broker = broker(&[]);
    Place { url: url(&broker), broker: Some(broker) }
}

/// The service of this version that all tests share, on a broker that nobody else answers at.
pub fn service(nest: Nest) -> &'static Service {
    type Shared = LazyLock<(Broker, Service)>;
    fn spawn(nest: Nest) -> (Broker, Service) {
        let broker = broker(&[]);
        let service = Service::spawn(nest, &url(&broker), &json!({}));
        (broker, service)
    }
    static SERVICES: [Shared; 3] = [
        LazyLock::new(|| spawn(Nest::V10)),
        LazyLock::new(|| spawn(Nest::V11)),
        LazyLock::new(|| spawn(Nest::V12)),
    ];
    &SERVICES[nest as usize].1
}

#[test]
fn redis_server_where_nobody_listens() {
    let place = fresh();
    program::run(&["send", &place.url, "nobody.home"]).exits(6).says("nobody.home").says("hint:");
    program::run(&["emit", &place.url, "nobody.home", "-n", "3"]).exits(6).says("3 unroutable");
    let broker = place.broker.unwrap();
    wait_until(|| ask_server(&broker, "PUBSUB CHANNELS") == "*0");
}

/// A node passes messages on to the others, and counts only who is subscribed at itself: that nobody is, is no reason to
/// give up.
#[test]
fn redis_server_that_is_one_of_a_cluster() {
    let node = || {
        let bus = crate::fake::free_port().to_string();
        (broker(&["--cluster-enabled", "yes", "--cluster-port", &bus]), bus)
    };
    let [(asked, _), (other, bus)] = [node(), node()];
    let service = Service::spawn(Nest::V12, &url(&other), &json!({}));
    ask_server(&asked, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", other.port));
    let send = || program::run(&["send", &url(&asked), "echo", "-d", "7", "--timeout", "500ms"]);
    // They get to know each other in their own time.
    wait_until(|| send().status.success());
    assert_eq!(send().exits(0).stdout, ["7"]);
    program::run(&["emit", &url(&asked), "echo", "-n", "3"]).exits(0).says("3 confirmed");
    program::run(&["ls", &url(&asked)]).exits(0).says("one node of a cluster");
    drop(service);
}

/// What a plain client is answered to `command`: a line.
fn ask_server(broker: &Broker, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Starts `eyas tail`, and waits until the server counts its subscription.
fn tail(broker: &Broker, arguments: &[&str]) -> Server {
    let before = ask_server(broker, "PUBSUB NUMPAT");
    let server = program::start(&[&["tail", &url(broker), "-o", "json"], arguments].concat());
    wait_until(|| ask_server(broker, "PUBSUB NUMPAT") != before);
    server
}

/// Waits until it is so.
pub fn wait_until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it never came to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The record for which `is_it` holds.
fn record(server: &Server, what: &str, is_it: impl Fn(&Record) -> bool) -> Record {
    server.on_stdout(what, |lines| lines.iter().map(|line| Record::read(line)).find(|record| is_it(record)))
}

fn is_finding(record: &Record, code: &str) -> bool {
    record.text("type").as_deref() == Some("finding") && record.text("code").as_deref() == Some(code)
}

#[test]
fn redis_server_between_client_and_service() {
    for nest in [Nest::V10, Nest::V11, Nest::V12] {
        let broker = broker(&[]);
        let service = Service::spawn(nest, &url(&broker), &json!({}));
        let counts = || ["NUMPAT", "NUMSUB echo"].map(|what| ask_server(&broker, &format!("PUBSUB {what}")));
        let before = counts();
        let option = format!("nest={}", nest.major());
        let tail = tail(&broker, &["-O", &option]);
        for (pattern, data) in crate::conformance::calls() {
            if crate::conformance::NO_HANDLER.contains(&&*pattern) {
                continue;
            }
            let seen = tail.lines().0.len();
            let outcome = nest.client().send(&Ask::new(&service.url, &pattern, &data));
            let records = tail.on_stdout(&format!("last reply to {pattern}"), |lines| {
                let records: Vec<_> = lines[seen..].iter().map(|line| Record::read(line)).collect();
                let is_last = |record: &Record| record.inner("pair", "final").as_deref() == Some("true");
                records.iter().any(is_last).then_some(records)
            });
            let (request, replies) = records.split_first().unwrap();
            assert_eq!(request.text("dir").as_deref(), Some("request"), "{pattern}");
            let dest = request.text("dest").unwrap();
            for reply in replies {
                assert_eq!(reply.text("dir").as_deref(), Some("reply"), "{pattern}");
                assert_eq!(reply.text("dest"), Some(format!("{dest}.reply")), "{pattern}");
                assert_eq!(reply.inner("pair", "of"), request.raw("id"), "{pattern}");
                assert_eq!(reply.raw("pattern"), request.raw("pattern"), "{pattern}");
            }
            let values: Vec<_> = replies.iter().filter_map(|reply| reply.raw("data")).collect();
            assert_eq!(values, outcome.values, "{pattern}");
            assert_eq!(replies.iter().find_map(|reply| reply.raw("err")), outcome.error, "{pattern}");
        }
        let emitted = nest.client().emit(&Ask::new(&service.url, r#""user.created""#, r#"{"by":"tail"}"#));
        assert!(emitted.complete, "{emitted:?}");
        let event =
            record(&tail, "event", |record| record.raw("data").as_deref() == Some(r#"{"by":"tail"}"#));
        assert_eq!(event.text("dir").as_deref(), Some("event"));
        assert_eq!(ask_server(&broker, "PUBLISH user.created hello"), ":2");
        let text = record(&tail, "text", |record| record.text("data_text").is_some());
        assert_eq!((text.text("data_text"), text.text("dir")), (Some("hello".into()), Some("event".into())));
        drop(tail);
        wait_until(|| counts() == before);
    }
}

#[test]
fn redis_server_tail_of_chosen_patterns() {
    let broker = broker(&[]);
    let url = url(&broker);
    let _service = Service::spawn(Nest::V12, &url, &json!({}));
    // These overlap, and yet each message comes once.
    let tail = tail(&broker, &["stream.sync", "stream.*", r#"{ "cmd" : "sum" }"#]);
    for (pattern, data) in [("echo", "1"), ("stream.sync", "2"), (r#"{"cmd":"sum"}"#, "[3]")] {
        program::run(&["send", &url, pattern, data]).exits(0);
    }
    let last = record(&tail, "last reply", |record| record.raw("data").as_deref() == Some("3"));
    assert_eq!(last.text("dest").as_deref(), Some(r#"{"cmd":"sum"}.reply"#));
    let (lines, _) = tail.lines();
    let data: Vec<_> = lines.iter().filter_map(|line| Record::read(line).raw("data")).collect();
    assert_eq!(data, ["2", "1", "\"two\"", r#"{"three":3}"#, "[3]", "3"]);
}

/// Redis has no queue groups: both answer, and eyas says so.
#[test]
fn redis_server_two_instances() {
    let broker = broker(&[]);
    let url = url(&broker);
    let _services = [0, 1].map(|_| Service::spawn(Nest::V12, &url, &json!({})));
    let tail = tail(&broker, &[]);
    let run = program::run(&["send", &url, "stream.async", "{}", "-o", "json"]).exits(0);
    let records: Vec<_> = run.stdout.iter().map(|line| Record::read(line)).collect();
    assert!(is_finding(&records[0], "several-answer"), "{run:?}");
    let values: Vec<_> = records.iter().filter_map(|record| record.raw("data")).collect();
    // The faster one ends the stream: how much of the other's has come by then is nobody's to say.
    assert_eq!(values.last().map(String::as_str), Some("3"), "{run:?}");
    record(&tail, "finding", |record| is_finding(record, "answered-twice"));
    program::run(&["send", &url, "echo", "1"]).exits(0).says("2 instances");
}

#[test]
fn redis_server_wildcards() {
    let subject = r#"{"subject":"orders.get","data":{"id":7}}"#;
    let send = |url: &str, nest: Nest, more: &[&str]| {
        let option = format!("nest={}", nest.major());
        program::run(&[&["send", url, "orders.get", "id:=7", "-O", &option], more].concat())
    };
    let broker = broker(&[]);
    let url = url(&broker);
    let tail = tail(&broker, &["-O", "wildcards=orders.*"]);
    {
        let _service = Service::spawn(Nest::V12, &url, &json!({ "wildcards": true }));
        let run = send(&url, Nest::V12, &[]).exits(0);
        assert_eq!(run.stdout, [subject]);
        record(&tail, "finding", |record| is_finding(record, "own-replies"));
    }
    for nest in [Nest::V10, Nest::V11] {
        let _service = Service::spawn(nest, &url, &json!({ "wildcards": true }));
        // Its own client never hears it; neither do we, unless we know the pattern.
        let mut ask = Ask::new(&url, r#""orders.get""#, r#"{"id":7}"#);
        ask.timeout = Some(300);
        assert!(!nest.client().send(&ask).complete);
        send(&url, nest, &["--timeout", "300ms"]).exits(4);
        let seen = tail.lines().0.len();
        let run = send(&url, nest, &["-O", "wildcards=orders.*"]).exits(0);
        assert_eq!(run.stdout, [subject]);
        tail.on_stdout("paired reply", |lines| {
            let mut records = lines[seen..].iter().map(|line| Record::read(line));
            records.find(|record| record.inner("pair", "of").is_some())
        });
        record(&tail, "finding", |record| is_finding(record, "literal-reply"));
    }
    program::run(&["send", &url, "orders.get", "-O", "wildcards=a[b"]).exits(2).says("a[b");
}

#[test]
fn redis_server_where_a_service_lives() {
    let service = service(Nest::V12);
    program::run(&["mock", &service.url, "--on", "echo=1"]).exits(2).says("`echo`").says("--alongside");
    program::run(&["mock", &service.url, "--echo"]).exits(2).says("--alongside");
    let mock = ["mock", &service.url, "--on", "nobody.has.this=1", "--for", "10ms"];
    program::run(&mock).exits(0);
    program::run(&["mock", &service.url, "--on", "echo=1", "--for", "10ms", "--alongside"]).exits(0);
}
