//! A broker that goes away, or takes nothing any more.

use serde_json::json;

use super::{Rabbit, alone};
use crate::eyas as program;
use crate::redis::wait_until;
use crate::server::Server;

/// The number before `word` in what `server` said at its end.
fn count(server: &Server, word: &str) -> u64 {
    let (_, lines) = server.lines();
    let before = lines.iter().find_map(|line| Some(line.split_once(&format!(" {word}"))?.0.to_owned()));
    before.and_then(|text| text.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

/// Whatever was called confirmed is there afterwards, each once.
#[test]
fn rabbitmq_killed_while_events_are_sent() {
    // More than can be sent before the management, whose counts lag by seconds, tells of the first.
    const EVENTS: u64 = 10_000_000;

    let mut rabbit = Rabbit::start("");
    let url = {
        let vhost = rabbit.vhost();
        vhost.queue("q", &json!({}));
        vhost.url("queue=q&persistent=true")
    };
    let mut server = program::start(&["emit", &url, "flood", "-n", &EVENTS.to_string()]);
    let vhost = super::Vhost { rabbit: &rabbit, name: url.split(['/', '?']).nth(3).unwrap().to_owned() };
    wait_until(|| vhost.depths().first().is_some_and(|(_, ready, _)| *ready > 2000));
    rabbit.broker.stop();
    assert_eq!(server.ended().code(), Some(1), "{}", server.output());
    let (confirmed, emitted) = (count(&server, "confirmed"), count(&server, "emitted"));
    assert!(confirmed > 0 && confirmed < emitted && emitted < EVENTS, "{}", server.output());
    rabbit.broker.restart();
    let vhost = super::Vhost { rabbit: &rabbit, name: url.split(['/', '?']).nth(3).unwrap().to_owned() };
    let there = || vhost.depths().first().map_or(0, |(_, ready, _)| *ready);
    wait_until(|| there() >= confirmed);
    assert!(there() <= emitted, "{} are there\n{}", there(), server.output());
}

#[test]
fn rabbitmq_killed_under_a_mock() {
    let mut place = alone();
    let mut server = program::start(&["mock", &place.url, "--echo"]);
    server.listening();
    place.broker.as_mut().expect("a broker").stop();
    assert_eq!(server.ended().code(), Some(0), "{}", server.output());
    let told = server.lines().1.iter().any(|line| line.contains("nothing is answered any more"));
    assert!(told, "{}", server.output());
}

/// A broker that is short of disk space takes the connection, and then nothing.
#[test]
fn rabbitmq_short_of_disk_space() {
    let rabbit = Rabbit::start("disk_free_limit.absolute = 900000GB\n");
    let vhost = rabbit.vhost();
    vhost.queue("q", &json!({}));
    let url = vhost.url("queue=q");
    let run = program::run(&["emit", &url, "flood", "-n", "100000", "--connect-timeout", "3s"]);
    run.exits(1).says("blocks publishers").says("disk_free_limit");
    program::run(&["send", &url, "echo"]).exits(1).says("blocks publishers").says("disk");
    assert_eq!(vhost.depths(), [("q".to_owned(), 0, 0)]);
}
