//! Streams of NATS: what they confirm, what they keep, and dead letters.

use crate::eyas as program;
use crate::nats::fresh;
use crate::watch::{is, record, tail};

mod nats_server {
    use super::*;

    /// Creates a stream, by a request that is no Nest's.
    fn create(url: &str, name: &str, subjects: &str) {
        let config = format!(r#"{{"name":"{name}","subjects":["{subjects}"]}}"#);
        let subject = format!("$JS.API.STREAM.CREATE.{name}");
        let run = program::run(&["send", url, &subject, "--raw", "-d", &config]).exits(0);
        assert!(run.stdout.join("").contains("did_create"), "{run:?}");
    }

    #[test]
    fn confirms() {
        let place = fresh();
        create(&place.url, "ORDERS", "orders.>");
        let emit = |subject: &str, stream: &str| {
            program::run(&["emit", &place.url, subject, "-n", "10", "-O", &format!("stream={stream}")])
        };
        emit("orders.paid", "ORDERS").exits(0).says("10 confirmed");
        emit("payments.paid", "ORDERS").exits(6).says("10 unroutable");
        emit("orders.paid", "OTHERS").exits(1).says("expected stream");
    }

    #[test]
    fn is_read_again() {
        let place = fresh();
        create(&place.url, "ORDERS", "orders.>");
        for (subject, count) in [("orders.a", "3"), ("orders.b", "40"), ("orders.a", "2")] {
            let lines: Vec<_> = (0..count.parse::<u32>().unwrap()).map(|n| n.to_string()).collect();
            let input = format!("{}\n", lines.join("\n"));
            let words = ["emit", &place.url, subject, "--ndjson", "-", "-O", "stream=ORDERS"];
            program::run_with(&words, input.as_bytes()).exits(0);
        }
        let read = |more: &[&str]| {
            let words = ["tail", &place.url, "--idle", "1s", "-F", "{meta.seq} {data}"];
            program::run(&[&words, more].concat()).exits(0).stdout
        };
        assert_eq!(read(&["--from", "start"]).len(), 45);
        assert_eq!(read(&["--last", "2"]), ["44 0", "45 1"]);
        assert_eq!(read(&["orders.a", "--last", "4"]), ["2 1", "3 2", "44 0", "45 1"]);
        assert_eq!(read(&["orders.a", "orders.c", "--from", "-3"]), ["3 2", "44 0", "45 1"]);
        assert_eq!(read(&["--from", "44"]), ["44 0", "45 1"]);
        assert_eq!(read(&["--from", "end", "-O", "stream=ORDERS"]).len(), 0);
        assert_eq!(read(&["orders.b", "--since", "1h", "-n", "3"]), ["4 0", "5 1", "6 2"]);
        program::run(&["tail", &place.url, "payments", "--last", "1"]).exits(2).says("payments");
        program::run(&["tail", &place.url, "--last", "1", "-O", "stream=NONE"])
            .exits(6)
            .says("stream not found");
        program::run(&["tail", "tcp://127.0.0.1:1", "--last", "1"]).exits(2);
    }

    /// A restart in the middle: what came meanwhile is read afterwards, and nothing twice.
    #[test]
    fn is_read_on() {
        let mut place = fresh();
        create(&place.url, "ORDERS", "orders.>");
        let server = program::start(&["tail", &place.url, "--from", "start", "-F", "{data}"]);
        let emit = |data: &str| {
            program::run(&["emit", &place.url, "orders.a", "-d", data, "-O", "stream=ORDERS"]).exits(0);
        };
        emit("1");
        server.on_stdout("first", |lines| (lines == ["1"]).then_some(()));
        let broker = place.broker.as_mut().unwrap();
        broker.restart();
        let emit = |data: &str| {
            program::run(&["emit", &place.url, "orders.a", "-d", data, "-O", "stream=ORDERS"]).exits(0);
        };
        emit("2");
        server.on_stdout("second", |lines| (lines == ["1", "2"]).then_some(()));
    }

    /// Nest's client takes the acknowledgement for the reply; we show what it gets, and say what it is.
    #[test]
    fn takes_a_request() {
        let place = fresh();
        create(&place.url, "ALL", "orders.>");
        let server = tail(&place.url, &[]);
        let run = program::run(&["send", &place.url, "orders.get"]).exits(0).says("ALL").says("captures");
        assert_eq!(run.stdout, [r#"{"stream":"ALL","seq":1}"#]);
        let found = record(&server, "finding", |record| is(record, "type", "finding"));
        assert!(is(&found, "code", "stream-ack"), "{found:?}");
    }

    #[test]
    fn of_dead_letters() {
        let place = fresh();
        let url = &place.url;
        create(url, "ORDERS", "orders.>");
        create(url, "ORDERS_DLQ", "dlq.>");
        for number in ["1", "2", "3"] {
            let words = ["emit", url, "dlq.orders.paid", &format!("id:={number}"), "-H", "x-attempts: 5"];
            program::run(&words).exits(0);
        }
        program::run(&["emit", url, "dlq.nowhere", "id=9"]).exits(0);
        let run = program::run(&["dlq", "ls", url]).exits(0);
        assert!(run.stdout.len() == 1 && run.stdout[0].contains("ORDERS_DLQ"), "{run:?}");
        let ids = |store: &str| {
            program::run(&["dlq", "show", url, store, "-F", "{data.id} {headers.x-attempts}"]).exits(0).stdout
        };
        assert_eq!(ids("ORDERS_DLQ"), ["1 5", "2 5", "3 5", "9 "]);
        let redrive = |more: &[&str]| program::run(&[&["dlq", "redrive", url, "ORDERS_DLQ"], more].concat());
        assert_eq!(redrive(&["--dry-run", "-n", "1"]).exits(0).stdout, ["ORDERS_DLQ 1 -> orders.paid"]);
        assert_eq!(ids("ORDERS_DLQ").len(), 4);
        redrive(&["--filter", ".data.id == 2"]).exits(0).says("1 sent again");
        assert_eq!(ids("ORDERS_DLQ"), ["1 5", "3 5", "9 "]);
        assert_eq!(ids("ORDERS"), ["2 5"]);
        // Nobody keeps what goes to `nowhere`: it stays.
        redrive(&["--rate", "100/s"]).exits(3).says("letter 4 stays").says("--to");
        assert_eq!(ids("ORDERS"), ["2 5", "1 5", "3 5"]);
        redrive(&["--to", "orders.late"]).exits(0).says("1 sent again");
        assert_eq!(ids("ORDERS_DLQ").len(), 0);
        program::run(&["dlq", "purge", url, "ORDERS"]).exits(2).says("--yes");
        program::run(&["dlq", "purge", url, "ORDERS", "--filter", ".data.id == 1", "-y"])
            .exits(0)
            .says("1 deleted");
        program::run(&["dlq", "purge", url, "ORDERS", "-y"]).exits(0).says("3 deleted");
        program::run(&["dlq", "show", url, "NONE"]).exits(2).says("ORDERS");
        program::run(&["dlq", "ls", "tcp://127.0.0.1:1"]).exits(2);
    }
}
