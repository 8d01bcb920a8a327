//! Over MQTT: what only a broker can do to us, and what only MQTT has.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::ground::Place;
use crate::oracle::{Ask, Nest, Service};
use crate::server::Server;

/// A broker, with further lines in its configuration.
pub fn configured(more: &str) -> Broker {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let port = crate::fake::free_port();
    let file = format!("listener {port} 127.0.0.1\nuser root\nlog_dest stderr\n{more}\n");
    let file = program::file(&format!("mosquitto-{}.conf", FILES.fetch_add(1, Ordering::Relaxed)), file);
    let mut broker = Broker::start("EYAS_MOSQUITTO", &["-c", &file], "running");
    broker.port = port;
    broker
}

pub fn broker() -> Broker {
    // It drops what a subscriber cannot take at once, unless it is told not to, and tells nobody.
    configured("allow_anonymous true\nmax_queued_messages 0")
}

/// The address of `broker`.
pub fn url(broker: &Broker) -> String {
    format!("mqtt://127.0.0.1:{}", broker.port)
}

/// A broker where nobody is yet.
pub fn fresh() -> Place {
    let broker = broker();
    Place { url: url(&broker), broker: Some(broker) }
}

/// The service of this version that all tests share, on a broker that nobody else answers at. It speaks MQTT 5,
/// for only there are headers; without being told Nest speaks 3.1.1.
pub fn service(nest: Nest) -> &'static Service {
    type Shared = LazyLock<(Broker, Service)>;
    fn spawn(nest: Nest) -> (Broker, Service) {
        let broker = broker();
        let service = Service::spawn(nest, &url(&broker), &json!({ "protocolVersion": 5 }));
        (broker, service)
    }
    static SERVICES: [Shared; 3] = [
        LazyLock::new(|| spawn(Nest::V10)),
        LazyLock::new(|| spawn(Nest::V11)),
        LazyLock::new(|| spawn(Nest::V12)),
    ];
    &SERVICES[nest as usize].1
}

/// Starts `eyas tail`, and waits until the broker sends it what passes.
pub fn tail(arguments: &[&str]) -> Server {
    let server = program::start(&[&["tail", "-o", "json"], arguments].concat());
    server.on_stderr("watching", |lines| lines.iter().any(|line| line.contains("watching")).then_some(()));
    server
}

/// The first record of `server` that `pick` likes.
pub fn record(server: &Server, what: &str, pick: impl Fn(&Record) -> bool) -> Record {
    server.on_stdout(what, |lines| lines.iter().map(|line| Record::read(line)).find(&pick))
}

#[test]
fn mosquitto_where_nobody_listens() {
    let place = fresh();
    for qos in ["qos=1", "qos=2"] {
        let arguments = ["send", &place.url, "nobody.home", "-O", qos, "--timeout", "300ms"];
        let run = program::run(&arguments);
        // This broker says it at QoS 1 alone.
        if qos == "qos=1" {
            run.exits(6).says("nobody subscribes").says("hint:")
        } else {
            run.exits(4)
        };
    }
    program::run(&["emit", &place.url, "nobody.home", "-O", "qos=1", "-n", "3"])
        .exits(6)
        .says("3 unroutable");
    // In 3.1.1 it is confirmed, and at QoS 0 not even that.
    let old = ["emit", &place.url, "nobody.home", "-O", "qos=1", "-O", "version=4"];
    program::run(&old).exits(0).says("1 confirmed");
    program::run(&["emit", &place.url, "nobody.home"]).exits(0).says("1 emitted").says("QoS 0");
    program::run(&["send", &place.url, "nobody.home", "--timeout", "100ms"]).exits(4);
}

#[test]
fn mosquitto_confirms_each_message_once() {
    let broker = broker();
    let options = json!({ "subscribeOptions": { "qos": 2 } });
    let service = Service::spawn(Nest::V12, &url(&broker), &options);
    for (number, options) in
        [["qos=1", "version=4"], ["qos=2", "version=4"], ["qos=1", "version=5"], ["qos=2", "version=5"]]
            .iter()
            .enumerate()
    {
        let data = format!(r#"{{"by":"confirmed-{number}"}}"#);
        let run = program::run(&[
            "emit",
            &service.url,
            "flood",
            &data,
            "-n",
            "3000",
            "-O",
            options[0],
            "-O",
            options[1],
        ]);
        run.exits(0).says("3000 emitted, 3000 confirmed");
        service.called("all of them", |lines| {
            (lines.iter().filter(|line| line.contains(&format!("confirmed-{number}"))).count() == 3000)
                .then_some(())
        });
    }
}

/// Nest's own default is MQTT 3.1.1: at either version our requests reach it, at any QoS.
#[test]
fn mosquitto_between_versions() {
    let broker = broker();
    let service = Service::spawn(Nest::V12, &url(&broker), &json!({ "subscribeOptions": { "qos": 2 } }));
    for option in ["version=4", "version=5"] {
        for qos in ["qos=0", "qos=1", "qos=2"] {
            let run = program::run(&["send", &service.url, "echo", "[1]", "-O", option, "-O", qos]).exits(0);
            assert_eq!(run.stdout, ["[1]"], "{option} {qos}");
        }
    }
    let run = program::run(&["send", &service.url, "echo", "-O", "version=4", "-H", "a: b"]).exits(0);
    run.says("headers are left out");
}

#[test]
fn mosquitto_finds_wildcards() {
    let service = service(Nest::V12);
    let run = program::run(&["send", &service.url, "sensors/k/temp", "[1]"]).exits(0);
    assert_eq!(run.stdout, [r#"{"topic":"sensors/k/temp","data":[1]}"#]);
    program::run(&["send", &service.url, "sensors/+/temp"]).exits(2).says("wildcards");

    let place = fresh();
    let rules = [
        "mock",
        &place.url,
        "--on",
        "sensors/+/temp=1",
        "--on",
        "sensors/x/temp=2",
        "--on",
        "$share/g/w/#=3",
    ];
    let mock = program::start(&rules);
    mock.listening();
    for (topic, value) in [("sensors/k/temp", "1"), ("sensors/x/temp", "2"), ("w/a/b", "3")] {
        let mut ask = Ask::new(&place.url, &format!("{topic:?}"), "{}");
        ask.timeout = Some(20_000);
        assert_eq!(Nest::V12.client().send(&ask).values, [value], "{topic} {}", mock.output());
    }
}

/// Of two instances both answer, but for what they share.
#[test]
fn mosquitto_with_two_instances() {
    let broker = broker();
    let url = url(&broker);
    let first = Service::spawn(Nest::V12, &url, &json!({}));
    let second = Service::spawn(Nest::V12, &url, &json!({}));
    let watcher = tail(&[&url]);
    let replies = |topic: &str| {
        let run = program::run(&["send", &url, topic, r#"{"by":"instances"}"#]).exits(0);
        assert_eq!(run.stdout, [r#"{"by":"instances"}"#]);
        // A later request's answer shows that nothing is still on its way.
        program::run(&["send", &url, "echo", r#"{"by":"end"}"#]).exits(0);
        let dest = format!("{topic}/reply");
        watcher.on_stdout("the answers", |lines| {
            let records: Vec<_> = lines.iter().map(|line| Record::read(line)).collect();
            let is_end = |record: &&Record| record.raw("data").as_deref() == Some(r#"{"by":"end"}"#);
            let ended =
                records.iter().filter(is_end).filter(|record| record.text("dir").as_deref() == Some("reply"));
            let is_answer = |record: &&Record| record.text("dest") == Some(dest.clone());
            let answers = records.iter().filter(is_answer).filter(|answer| !is_end(answer)).count();
            (ended.count() % 2 == 0 && answers > 0).then_some(answers)
        })
    };
    assert_eq!(replies("work/x"), 1);
    assert_eq!(replies("echo"), 2);
    record(&watcher, "the finding", |record| record.text("code").as_deref() == Some("answered-twice"));
    for service in [&first, &second] {
        service.call_with("instances");
    }
}

#[test]
fn mosquitto_tailed() {
    let broker = broker();
    let service = Service::spawn(Nest::V12, &url(&broker), &json!({}));
    let watcher = tail(&[&service.url]);
    let asked = Nest::V12.client().send(&Ask::new(&service.url, r#"{"cmd":"sum"}"#, "[1,2]"));
    assert_eq!(asked.values, ["3"]);
    let request = record(&watcher, "the request", |record| record.text("dir").as_deref() == Some("request"));
    assert_eq!(request.raw("pattern").as_deref(), Some(r#"{"cmd":"sum"}"#));
    assert_eq!(request.text("dest").as_deref(), Some(r#"{"cmd":"sum"}"#));
    let reply = record(&watcher, "the reply", |record| record.text("dir").as_deref() == Some("reply"));
    assert_eq!(reply.inner("pair", "of"), request.raw("id"));
    assert_eq!(reply.inner("pair", "final").as_deref(), Some("true"));
    assert_eq!(reply.raw("pattern").as_deref(), Some(r#"{"cmd":"sum"}"#));

    Nest::V12.client().emit(&Ask::new(&service.url, r#""user.created""#, r#"{"by":"tailed"}"#));
    let event =
        record(&watcher, "the event", |record| record.raw("data").as_deref() == Some(r#"{"by":"tailed"}"#));
    assert_eq!(event.text("dir").as_deref(), Some("event"));

    // What is no JSON is told as it is, and so are headers.
    let raw = ["emit", &service.url, "flood", "--raw", "-d", "no json", "-H", "a: b", "-O", "qos=1"];
    program::run(&raw).exits(0);
    let event = record(&watcher, "the text", |record| record.text("data_text").as_deref() == Some("no json"));
    assert_eq!(event.inner("headers", "a").as_deref(), Some(r#""b""#));
    assert_eq!(event.text("pattern").as_deref(), Some("flood"));
}

/// Only what is asked for, and the replies to it; nothing that was kept from before, and each message once.
#[test]
fn mosquitto_tailed_by_pattern() {
    for option in ["version=4", "version=5"] {
        let place = fresh();
        let emit = |topic: &str, data: &str, more: &[&str]| {
            program::run(
                &[&["emit", &place.url, topic, data, "-O", "qos=1", "-O", "version=4"], more].concat(),
            )
            .exits(0);
        };
        emit("a/old", "0", &["-O", "retain=true"]);
        let watcher = tail(&[&place.url, "a/#", "a/b", "-O", option]);
        for (topic, data) in [("b/x", "1"), ("a/b", "2"), ("a/old", "3"), ("a", "4")] {
            emit(topic, data, &[]);
        }
        let seen = watcher.on_stdout("the last", |lines| {
            let records = lines.iter().map(|line| Record::read(line).raw("data").expect("data"));
            let data: Vec<_> = records.collect();
            data.contains(&"4".to_owned()).then_some(data)
        });
        assert_eq!(seen, ["2", "3", "4"], "{option}");
    }
    program::run(&["tail", "mqtt://127.0.0.1:1", "$share/g/a"]).exits(2).says("would take messages");
}
