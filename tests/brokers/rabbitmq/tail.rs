//! `eyas tail` leaves a broker as it found it, however it ends.

use serde_json::{Value, json};

use super::{Rabbit, Vhost};
use crate::eyas::{self as program, Record};
use crate::oracle::{Ask, Nest, Service};
use crate::redis::wait_until;
use crate::server::Server;
use crate::watch::{is, record};

fn tail(url: &str) -> Server {
    let server = program::start(&["tail", url, "-o", "json"]);
    server.on_stderr("watching", |lines| lines.iter().any(|line| line.contains("watching")).then_some(()));
    server
}

/// Waits until the broker tells of the one service that is there.
fn settle(vhost: &Vhost<'_>) {
    wait_until(|| vhost.get("consumers").as_array().is_some_and(|all| all.len() == 1));
}

/// All that a tail could change, but for what it saw pass.
fn found(vhost: &Vhost<'_>) -> (Vec<(String, u64, u64)>, bool, usize) {
    let consumers = vhost.get("consumers");
    (vhost.depths(), vhost.is_tracing(), consumers.as_array().map_or(0, Vec::len))
}

fn end(mut server: Server, signal: &str) {
    server.signal(signal);
    server.ended();
}

#[test]
fn rabbitmq_firehose_is_put_back() {
    let vhost = Rabbit::shared().vhost();
    let service = Service::spawn(Nest::V12, &vhost.url("queue=q"), &json!({}));
    vhost.queue("idle", &json!({}));
    let idle = vhost.url("queue=idle");
    program::run(&["emit", &idle, "waits", "-n", "3"]).exits(0);
    settle(&vhost);
    let before = found(&vhost);
    assert!(!before.1);
    let url = vhost.url("firehose=true");
    // Several tails: the last one puts it back.
    let (first, second) = (tail(&url), tail(&url));
    assert!(vhost.is_tracing());
    program::run(&["send", &service.url, "echo", "1"]).exits(0);
    for server in [&first, &second] {
        let reply = record(server, "reply", |record| is(record, "dir", "reply"));
        assert!(is(&reply, "pattern", "echo"), "{reply:?}");
    }
    end(first, "INT");
    assert!(vhost.is_tracing(), "another tail needs it");
    end(second, "INT");
    assert_eq!(found(&vhost), before);
    // Where it was on before it stays on.
    vhost.put(&format!("vhosts/{}", vhost.name), &json!({ "tracing": true, "description": "kept" }));
    end(tail(&url), "TERM");
    assert_eq!(found(&vhost), (before.0, true, before.2));
}

/// What a tail that was killed left on is told and put back by the next one, of either kind.
#[test]
fn rabbitmq_firehose_that_a_kill_left_on() {
    let vhost = Rabbit::shared().vhost();
    for next in ["firehose=true", "exchange=amq.topic"] {
        end(tail(&vhost.url("firehose=true")), "KILL");
        wait_until(|| vhost.depths().is_empty());
        assert!(vhost.is_tracing());
        let mending = tail(&vhost.url(next));
        record(&mending, "word of it", |record| is(record, "code", "firehose-left-on"));
        end(mending, "INT");
        assert!(!vhost.is_tracing(), "{next}");
    }
}

/// An exchange shows what passes it, to a queue that is gone afterwards.
#[test]
fn rabbitmq_exchange_that_is_watched() {
    let vhost = Rabbit::shared().vhost();
    let options = json!({ "wildcards": true, "exchange": "shop" });
    let service = Service::spawn(Nest::V12, &vhost.url("queue=q"), &options);
    settle(&vhost);
    let before = found(&vhost);
    let server = program::start(&["tail", &vhost.url("exchange=shop"), "orders.*", "user.#", "-o", "json"]);
    server.on_stderr("watching", |lines| lines.iter().any(|line| line.contains("watching")).then_some(()));
    let ask =
        |pattern: &str, data: &str| Ask { options: options.clone(), ..Ask::new(&service.url, pattern, data) };
    let client = Nest::V12.client();
    assert_eq!(client.send(&ask(r#""echo""#, "1")).values, ["1"]);
    assert_eq!(client.send(&ask(r#""orders.get""#, "2")).values, [r#"{"data":2}"#]);
    client.emit(&ask(r#""user.created""#, "3"));
    let event = record(&server, "event", |record| is(record, "dir", "event"));
    assert!(is(&event, "pattern", "user.created") && is(&event, "dest", "user.created"), "{event:?}");
    assert_eq!(event.inner("meta", "exchange").as_deref(), Some("\"shop\""));
    let (lines, _) = server.lines();
    assert!(is(&Record::read(&lines[0]), "pattern", "orders.get"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("unanswered")), "{lines:?}");
    end(server, "INT");
    assert_eq!(found(&vhost), before);
}

#[test]
fn rabbitmq_two_services_on_one_queue() {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("queue=q");
    let _one = Service::spawn(Nest::V12, &url, &json!({ "consumerTag": "one" }));
    let mock = program::start(&["mock", &url, "--on", "elsewhere=1", "--alongside"]);
    mock.listening();
    wait_until(|| vhost.get("consumers").as_array().is_some_and(|all| all.len() == 2));
    let server = tail(&vhost.url("queue=q&firehose=true"));
    for number in 0..10 {
        program::run(&["send", &url, "echo", &number.to_string()]);
    }
    let told = record(&server, "the cause", |record| is(record, "code", "two-services"));
    let text = told.text("text").unwrap_or_default();
    assert!(
        text.contains("one from 127.0.0.1:") && text.contains("`q`") && text.contains("`echo`"),
        "{text}"
    );
    assert_eq!(text.matches("from 127.0.0.1:").count(), 2, "{text}");
}

/// What is wrong with a queue is told while it is watched.
#[test]
fn rabbitmq_queue_that_is_ill() {
    let vhost = Rabbit::shared().vhost();
    vhost.queue("ill", &json!({ "x-dead-letter-exchange": "gone" }));
    let url = vhost.url("queue=ill");
    program::run(&["emit", &url, "waits"]).exits(0);
    let server = tail(&vhost.url("queue=ill&exchange=amq.topic"));
    for (code, word) in [("no-consumer", "ill"), ("no-dead-letter-exchange", "gone")] {
        let told = record(&server, code, |record| is(record, "code", code));
        assert!(told.text("text").is_some_and(|text| text.contains(word)), "{told:?}");
    }
}

#[test]
fn rabbitmq_payload_that_is_no_text() {
    let vhost = Rabbit::shared().vhost();
    let server = tail(&vhost.url("exchange=amq.topic"));
    let file = program::file("rabbitmq.bin", [0xff, 0xfe, 0x00]);
    let url = vhost.url("exchange=amq.topic");
    let data = format!("@{file}");
    program::run(&["emit", &url, "odd", "--raw", "-d", &data, "-H", "x-trace: ż"]).exits(0);
    let odd = record(&server, "message", |record| is(record, "dest", "odd"));
    assert_eq!(odd.text("data_base64").as_deref(), Some("//4A"));
    assert_eq!(odd.inner("headers", "x-trace").as_deref(), Some("\"ż\""));
}

/// In Nest's default mode there is nothing to see without the firehose: that is said before anything connects.
#[test]
fn rabbitmq_queue_cannot_be_watched() {
    let url = "amqp://127.0.0.1:1?queue=q";
    program::run(&["tail", url]).exits(2).says("firehose=true").says("exchange=").says("--listen");
    let vhost = Rabbit::shared().vhost();
    let nowhere = format!("{}&firehose=true", vhost.url("queue=q").split("&api").next().unwrap());
    program::run(&["tail", &nowhere, "-O", "api=http://127.0.0.1:1"]).exits(5).says("management");
    let _: Value = vhost.get("vhosts");
}
