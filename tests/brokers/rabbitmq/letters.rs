//! `eyas dlq` on queues: nothing is lost, whatever happens.

use serde_json::json;

use super::{Rabbit, Vhost};
use crate::eyas::{self as program, Record};
use crate::redis::wait_until;

/// A queue whose messages die at once, and the queue that they end in.
fn mortuary<'a>(arguments: &serde_json::Value) -> Vhost<'a> {
    let vhost = Rabbit::shared().vhost();
    vhost.exchange("dlx", "direct");
    vhost.queue("orders.dead", arguments);
    vhost.bind("dlx", "orders.dead", "orders");
    vhost.queue("orders", &json!({ "x-dead-letter-exchange": "dlx", "x-max-length": 0 }));
    vhost.queue("retry", &json!({}));
    vhost
}

/// Lets `count` messages die.
fn kill(vhost: &Vhost<'_>, count: u64) {
    let lines: Vec<_> = (0..count).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let url = vhost.url("queue=orders");
    let arguments =
        ["emit", &url, "orders.paid", "--ndjson", "-", "-O", "persistent=true", "-H", "x-who: Ann"];
    program::run_with(&arguments, lines.concat().as_bytes()).exits(0);
    wait_until(|| depth(vhost, "orders.dead") == (count, 0));
}

/// How much lies in a queue, and how much of it is handed out.
fn depth(vhost: &Vhost<'_>, queue: &str) -> (u64, u64) {
    let depths = vhost.depths();
    let (_, ready, open) = depths.iter().find(|(name, ..)| name == queue).expect("the queue is there");
    (*ready, *open)
}

/// Of a quorum queue the management tells what was there seconds ago.
#[test]
fn rabbitmq_letters_that_have_just_come() {
    let vhost = Rabbit::shared().vhost();
    vhost.queue("young", &json!({ "x-queue-type": "quorum" }));
    program::run(&["emit", &vhost.url("queue=young"), "new", "-n", "3"]).exits(0);
    let run = program::run(&["dlq", "show", &vhost.url(""), "young", "-o", "json"]).exits(0);
    assert_eq!(run.stdout.len(), 3, "{run:?}");
}

#[test]
fn rabbitmq_dead_letters_are_found_and_looked_at() {
    let vhost = mortuary(&json!({}));
    kill(&vhost, 5);
    let url = vhost.url("");
    let run = program::run(&["dlq", "ls", &url]).exits(0);
    assert_eq!(run.stdout.len(), 1, "{run:?}");
    assert!(run.stdout[0].contains("orders.dead") && run.stdout[0].contains("dlx:orders"), "{run:?}");
    let run = program::run(&["dlq", "show", &url, "orders.dead", "--filter", ".data.id > 2", "-o", "json"])
        .exits(0);
    let records: Vec<_> = run.stdout.iter().map(|line| Record::read(line)).collect();
    assert_eq!(records.len(), 2, "{run:?}");
    assert_eq!(records[0].raw("data").as_deref(), Some(r#"{"id":3}"#));
    assert_eq!(records[0].inner("meta", "origin").as_deref(), Some("\"orders\""));
    assert_eq!(records[0].inner("meta", "reason").as_deref(), Some("\"maxlen\""));
    assert_eq!(records[0].inner("headers", "x-who").as_deref(), Some("\"Ann\""));
    // They lie where they lay.
    assert_eq!(depth(&vhost, "orders.dead"), (5, 0));
    program::run(&["dlq", "show", &url, "nothing"]).exits(2).says("orders.dead");
}

#[test]
fn rabbitmq_dead_letters_are_sent_again() {
    let vhost = mortuary(&json!({}));
    kill(&vhost, 6);
    let url = vhost.url("");
    let redrive = |more: &[&str]| program::run(&[&["dlq", "redrive", &url, "orders.dead"], more].concat());
    let run = redrive(&["--to", "retry", "--filter", ".data.id % 2 == 0", "--dry-run"]).exits(0);
    assert_eq!(run.stdout[0], "orders.dead 1 (maxlen) -> retry", "{run:?}");
    assert_eq!((depth(&vhost, "orders.dead"), depth(&vhost, "retry")), ((6, 0), (0, 0)));
    // Exactly those that were chosen.
    redrive(&["--to", "retry", "--filter", ".data.id % 2 == 0"]).exits(0).says("3 sent again");
    assert_eq!((depth(&vhost, "orders.dead"), depth(&vhost, "retry")), ((3, 0), (3, 0)));
    let run = program::run(&["dlq", "show", &vhost.url(""), "retry", "-o", "json"]).exits(0);
    let copy = Record::read(&run.stdout[1]);
    assert_eq!(copy.raw("data").as_deref(), Some(r#"{"id":2}"#));
    assert_eq!(copy.inner("headers", "x-who").as_deref(), Some("\"Ann\""));
    assert_eq!(copy.inner("meta", "delivery_mode").as_deref(), Some("2"));
    // One that dies again is not sent round and round: only what was there at the start is.
    redrive(&[]).exits(0).says("3 sent again");
    wait_until(|| depth(&vhost, "orders.dead") == (3, 0));
    redrive(&["--to", "nowhere"]).exits(1).says("no queue `nowhere`").says("--to QUEUE");
    redrive(&["--to", "orders.dead"]).exits(1).says("put it back");
    assert_eq!(depth(&vhost, "orders.dead"), (3, 0));
}

/// A copy may be there twice after a kill, but none is missing.
#[test]
fn rabbitmq_dead_letters_survive_a_kill() {
    const LETTERS: u64 = 300;

    let vhost = mortuary(&json!({}));
    kill(&vhost, LETTERS);
    let mut server = program::start(&[
        "dlq",
        "redrive",
        &vhost.url(""),
        "orders.dead",
        "--to",
        "retry",
        "--rate",
        "200/s",
    ]);
    wait_until(|| depth(&vhost, "retry").0 >= 20);
    server.signal("KILL");
    server.ended();
    let settled = || (depth(&vhost, "orders.dead").1, depth(&vhost, "retry").0);
    wait_until(|| settled().0 == 0);
    let (left, moved) = (depth(&vhost, "orders.dead").0, depth(&vhost, "retry").0);
    assert!(moved < LETTERS && (LETTERS..=LETTERS + 1).contains(&(left + moved)), "{left} {moved}");
    program::run(&["dlq", "redrive", &vhost.url(""), "orders.dead", "--to", "retry"]).exits(0);
    let run = program::run(&["dlq", "show", &vhost.url(""), "retry", "-o", "json"]).exits(0);
    let mut all: Vec<_> = run.stdout.iter().filter_map(|line| Record::read(line).raw("data")).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len() as u64, LETTERS);
}

#[test]
fn rabbitmq_dead_letters_are_thrown_away() {
    let vhost = mortuary(&json!({}));
    kill(&vhost, 4);
    let url = vhost.url("");
    program::run(&["dlq", "purge", &url, "orders.dead"]).exits(2).says("--yes");
    program::run(&["dlq", "purge", &url, "orders.dead", "-y", "--filter", ".data.id == 1"])
        .exits(0)
        .says("1 deleted");
    wait_until(|| depth(&vhost, "orders.dead") == (3, 0));
    program::run(&["dlq", "purge", &url, "orders.dead", "-y"]).exits(0).says("3 deleted");
    assert_eq!(depth(&vhost, "orders.dead"), (0, 0));
}

/// Where being looked at wears a message out that is said.
#[test]
fn rabbitmq_dead_letters_with_a_delivery_limit() {
    let vhost = mortuary(&json!({ "x-queue-type": "quorum", "x-delivery-limit": 5 }));
    kill(&vhost, 1);
    let run = program::run(&["dlq", "show", &vhost.url(""), "orders.dead"]).exits(0);
    run.says("after 5 deliveries");
}
