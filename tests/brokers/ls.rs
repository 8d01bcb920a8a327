//! `eyas ls`: what a live address offers, said by a real broker with real services at it.

use serde_json::json;

use crate::eyas::{self as program, Record};
use crate::ground::{Ground, cannot, on_every_ground};
use crate::oracle::{Nest, Service};
use crate::watch::is;
use crate::{mqtt, nats, redis};

on_every_ground! { handlers }

/// What is offered at `url`, as records.
fn list(url: &str) -> Vec<Record> {
    let run = program::run(&["ls", url, "-o", "json"]).exits(0);
    run.stdout.iter().map(|line| Record::read(line)).collect()
}

/// The offer of this name.
fn named<'a>(offers: &'a [Record], name: &str) -> &'a Record {
    let found = offers.iter().find(|offer| is(offer, "name", name));
    found.unwrap_or_else(|| panic!("no {name} in {offers:?}"))
}

/// A handler is there with its one consumer, or it is said why nobody can know.
fn handlers(ground: &Ground) {
    if cannot(&ground.spec().can.list, &["ls", ground.anywhere]) {
        return;
    }
    if ground.transport == "mqtt" {
        program::run(&["ls", ground.url()]).exits(0).says("tells nobody who subscribes");
        return;
    }
    let offers = list(ground.url());
    // Which handlers stand behind a queue its broker does not know.
    let queues = ["q"];
    let handlers = ["echo", "user.created", r#"{"cmd":"sum"}"#];
    let names = if ground.transport == "rmq" { &queues[..] } else { &handlers };
    for name in names.iter().filter(|name| ground.carries(&format!("{name:?}"))) {
        let offer = named(&offers, name);
        assert_eq!(offer.raw("consumers").as_deref(), Some("1"), "{offer:?}");
        assert!(is(offer, "transport", ground.transport), "{offer:?}");
    }
    let names = program::run(&["ls", ground.url(), "-o", "raw"]).exits(0).stdout;
    assert_eq!(names.len(), offers.len(), "{names:?}");
}

#[test]
fn nats_server_with_two_instances_and_a_stream() {
    let place = nats::fresh();
    let _services = [(); 2]
        .map(|()| Service::spawn(Nest::V12, &place.url, &json!({ "queue": "workers", "name": "orders" })));
    let config = r#"{"name":"ORDERS","subjects":["orders.>","paid"]}"#;
    program::run(&["send", &place.url, "$JS.API.STREAM.CREATE.ORDERS", "--raw", "-d", config]).exits(0);
    program::run(&["emit", &place.url, "paid", "-n", "3", "-O", "stream=ORDERS"]).exits(0);
    let offers = list(&place.url);
    let echo = named(&offers, "echo");
    assert_eq!(echo.raw("consumers").as_deref(), Some("2"), "{echo:?}");
    assert_eq!(echo.raw("by").as_deref(), Some(r#"["orders"]"#), "{echo:?}");
    assert_eq!(echo.inner("details", "queue").as_deref(), Some(r#""workers""#), "{echo:?}");
    let stream = named(&offers, "ORDERS");
    assert!(is(stream, "kind", "stream"), "{stream:?}");
    assert_eq!(stream.raw("messages").as_deref(), Some("3"), "{stream:?}");
    assert_eq!(stream.inner("details", "takes").as_deref(), Some(r#"["orders.>","paid"]"#), "{stream:?}");
    let table = program::run(&["ls", &place.url]).exits(0).stdout;
    let row = table.iter().find(|line| line.contains("ORDERS")).expect("a row for the stream");
    assert!(table[0].starts_with("KIND") && row.contains("takes=orders.>,paid"), "{table:?}");
}

/// A watcher is no service.
#[test]
fn nats_server_while_somebody_watches() {
    let place = nats::fresh();
    let _watching = crate::watch::tail(&place.url, &[]);
    let run = program::run(&["ls", &place.url, "-o", "json"]).exits(0).says("nothing to be seen");
    assert!(run.stdout.is_empty(), "{run:?}");
}

#[test]
fn nats_server_that_does_not_say_who_subscribes() {
    let rights = "authorization { users: [ { user: a, password: b, permissions: { \
                  publish: [\"ok\"], subscribe: [\"_INBOX.>\"] } } ] }";
    let broker = nats::configured(rights, &[]);
    let run = program::run(&["ls", &format!("nats://a:b@127.0.0.1:{}", broker.port)]);
    run.exits(0).says("who subscribes is not told").says("streams: ");
}

#[test]
fn redis_server_with_two_instances_and_a_pattern() {
    let place = redis::fresh();
    let spawn = |options| Service::spawn(Nest::V12, &place.url, &options);
    let _services = [spawn(json!({})), spawn(json!({})), spawn(json!({ "wildcards": true }))];
    let offers = list(&place.url);
    let echo = named(&offers, "echo");
    assert!(is(echo, "kind", "channel"), "{echo:?}");
    assert_eq!(echo.raw("consumers").as_deref(), Some("2"), "{echo:?}");
    program::run(&["ls", &place.url]).exits(0).says("patterns are subscribed to");
}

#[test]
fn mosquitto_that_keeps_a_message() {
    let place = mqtt::fresh();
    for topic in ["config/b", "config/a"] {
        program::run(&["emit", &place.url, topic, "-O", "retain=true", "-O", "qos=1"]);
    }
    let offers = list(&place.url);
    let version = offers.first().and_then(|offer| offer.text("name")).expect("the broker itself");
    assert!(version.starts_with("mosquitto version"), "{version}");
    let topics: Vec<_> = offers.iter().filter(|offer| is(offer, "kind", "topic")).collect();
    let names: Vec<_> = topics.iter().filter_map(|offer| offer.text("name")).collect();
    assert_eq!(names, ["config/a", "config/b"]);
    assert_eq!(topics[0].raw("consumers").as_deref(), Some("null"));
    assert_eq!(topics[0].raw("messages").as_deref(), Some("1"));
}

#[test]
fn nobody_there() {
    for url in ["kafka", "nats", "redis", "mqtt"]
        .map(|scheme| format!("{scheme}://127.0.0.1:{}", crate::fake::free_port()))
    {
        program::run(&["ls", &url]).exits(5).says("refused").says("hint:");
    }
}
