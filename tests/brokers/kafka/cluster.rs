//! Several brokers: any of them may be asked, and leaders change.

use std::collections::BTreeSet;

use serde_json::json;

use super::{admin, configured, kept, tail, url};
use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::fake::free_port;
use crate::watch::{is, record};

/// Two brokers, of which the first is the controller, too; a broker that dies is given up after two seconds.
fn pair() -> (Broker, Broker) {
    let controller = free_port();
    let both = "broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=500\nmin.insync.replicas=1\n";
    let voters = format!("controller.quorum.voters=1@127.0.0.1:{controller}\n");
    let first =
        format!("listeners=CLIENT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{controller}\n{voters}{both}");
    let second =
        format!("node.id=2\nprocess.roles=broker\nlisteners=CLIENT://127.0.0.1:{{port}}\n{voters}{both}");
    (configured(&first, &[]), configured(&second, &[]))
}

/// The leader of a partition dies while messages leave and are watched: what is called confirmed is there, the watcher
/// sees each once, and the rest goes to whoever leads then. The address of the dead one is no hindrance.
#[test]
fn kafka_cluster_whose_leader_dies() {
    let (first, mut second) = pair();
    let both = format!("{},127.0.0.1:{}", url(&second), first.port);
    let assigned = json!([{ "partition": 0, "replicas": [2, 1] }, { "partition": 1, "replicas": [1, 2] }]);
    let topics = json!([{ "topic": "led", "numPartitions": -1, "replicationFactor": -1, "replicaAssignment": assigned }]);
    admin(&url(&first), "createTopics", &json!({ "topics": topics, "waitForLeaders": true }));
    let watcher = tail(&[&both, "led"]);
    let count = 40_000;
    let emit =
        ["emit", &both, "led", r#"{"a":1}"#, "-n", &count.to_string(), "--rate", "4000/s", "-o", "json"];
    let mut emitter = program::start(&emit);
    watcher.on_stdout("a thousand", |lines| (lines.len() >= 1000).then_some(()));
    second.stop();
    record(&watcher, "word of it", |record| is(record, "code", "link-lost"));
    record(&watcher, "word of it", |record| is(record, "code", "link-back"));
    emitter.ended();
    let (stdout, _) = emitter.lines();
    let summary = Record::read(stdout.last().expect("a summary"));
    let number = |name: &str| summary.raw(name).expect("a count").parse::<usize>().expect("a number");
    let (confirmed, unconfirmed) = (number("confirmed"), number("unconfirmed"));
    assert_eq!(confirmed + unconfirmed, count, "{}", emitter.output());
    assert!(confirmed > count / 2, "{summary:?}");
    let there = kept(&both, "led", &[]).len();
    assert!((confirmed..=count).contains(&there), "{there} are there: {summary:?}");
    program::run(&["emit", &both, "led", "\"last\""]).exits(0).says("1 confirmed");
    record(&watcher, "the last", |record| is(record, "data_text", "last"));
    let (lines, _) = watcher.lines();
    let records = lines.iter().map(|line| Record::read(line)).filter(|record| is(record, "type", "message"));
    let places: Vec<_> =
        records.map(|record| (record.inner("meta", "partition"), record.inner("meta", "offset"))).collect();
    let distinct: BTreeSet<_> = places.iter().collect();
    assert_eq!((places.len(), distinct.len()), (there + 1, there + 1));
    drop(first);
    program::run(&["emit", &both, "led"]).exits(5).says("none of the brokers").says("hint:");
}
