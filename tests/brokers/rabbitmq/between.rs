//! `eyas tail --listen` before a broker: whoever connects through it, each message is told once, and nobody is called
//! unanswered whose reply passes elsewhere.

use serde_json::json;

use super::{Rabbit, Vhost};
use crate::eyas::{self as program, Record};
use crate::oracle::{Ask, Nest, Service};
use crate::redis::wait_until;
use crate::server::Server;
use crate::tail::through;
use crate::tls::{authority, identity};
use crate::watch::{is, record};

/// Starts a tail before `url`, and gives the address to connect to.
fn tail(url: &str, more: &[&str]) -> (Server, String) {
    let server = program::start(&[&["tail", url, "--listen", "127.0.0.1:0", "-o", "json"], more].concat());
    let through = through(url, &server);
    (server, through)
}

/// The messages that `server` has told.
fn messages(server: &Server) -> Vec<Record> {
    let (lines, _) = server.lines();
    lines.iter().map(|line| Record::read(line)).filter(|record| is(record, "type", "message")).collect()
}

/// What was told of each call of `pattern`: which way, and by which method.
fn told(server: &Server, pattern: &str) -> Vec<String> {
    let of = |record: &Record| {
        let method = record.inner("meta", "method").unwrap_or_default();
        format!("{} {}", record.text("dir").unwrap_or_default(), method.trim_matches('"'))
    };
    messages(server).iter().filter(|record| is(record, "pattern", pattern)).map(of).collect()
}

/// The marker comes last, so that everything before it has been told.
fn until_marked(server: &Server, url: &str) {
    program::run(&["emit", url, "user.created", r#"{"the":"marker"}"#]).exits(0);
    record(server, "marker", |record| record.raw("data").as_deref() == Some(r#"{"the":"marker"}"#));
}

fn seen_from_every_side(nest: Nest, options: &serde_json::Value) {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("queue=q");
    vhost.queue("answers", &json!({}));
    let ask = |url: &str| Ask { options: options.clone(), ..Ask::new(url, r#""stream.sync""#, "{}") };
    let both = |method: &str| {
        let reply = format!("reply {method}");
        let request =
            if method == "basic.publish" { "request basic.deliver" } else { "request basic.publish" };
        vec![request.to_owned(), reply.clone(), reply.clone(), reply]
    };
    // Before the service alone.
    let (server, between) = tail(&url, &[]);
    let service = Service::spawn(nest, &between, options);
    wait_until(|| vhost.get("consumers").as_array().is_some_and(|all| !all.is_empty()));
    let outcome = nest.client().send(&ask(&url));
    assert_eq!(outcome.values.len(), 3, "{outcome:?}\n{}", server.output());
    wait_until(|| told(&server, "stream.sync").len() == 4);
    assert_eq!(told(&server, "stream.sync"), both("basic.publish"), "{}", server.output());
    // It would take a share of the replies.
    nest.client().ask("close", &url, "", "null");
    wait_until(|| vhost.get("consumers").as_array().is_some_and(|all| all.len() == 1));
    // Before both: each message once, and as the asker gets it.
    let outcome = nest.client().send(&ask(&between));
    assert_eq!(outcome.values.len(), 3, "{outcome:?}");
    wait_until(|| told(&server, "stream.sync").len() == 8);
    assert_eq!(told(&server, "stream.sync")[4..], both("basic.deliver"), "{}", server.output());
    until_marked(&server, &between);
    assert_eq!(told(&server, "user.created"), ["event basic.publish"]);
    assert_eq!(messages(&server).len(), 9, "{}", server.output());
    let (lines, _) = server.lines();
    for word in ["unmatched", "unanswered", "answered-twice", "not-amqp"] {
        assert!(!lines.iter().any(|line| line.contains(word)), "{word}\n{}", server.output());
    }
    drop(service);
}

mod nest10 {
    use super::*;

    #[test]
    fn rabbitmq_is_seen_from_every_side() {
        seen_from_every_side(Nest::V10, &json!({}));
    }

    /// With two consumers of that queue on each connection Nest 11 and 12 lose every other reply, eyas or not.
    #[test]
    fn rabbitmq_is_seen_with_a_queue_of_replies() {
        seen_from_every_side(Nest::V10, &json!({ "replyQueue": "answers" }));
    }
}

mod nest11 {
    use super::*;

    #[test]
    fn rabbitmq_is_seen_from_every_side() {
        seen_from_every_side(Nest::V11, &json!({}));
    }
}

mod nest12 {
    use super::*;

    #[test]
    fn rabbitmq_is_seen_from_every_side() {
        seen_from_every_side(Nest::V12, &json!({}));
    }
}

/// A topic exchange and a fanout one: what is published there has its reply, unlike for a tail of the exchange.
#[test]
fn rabbitmq_exchange_is_seen_with_its_replies() {
    for options in [
        json!({ "wildcards": true, "exchange": "shop" }),
        json!({ "exchangeType": "fanout", "exchange": "all", "queue": "" }),
    ] {
        let vhost = Rabbit::shared().vhost();
        let url = vhost.url("queue=q");
        let _service = Service::spawn(Nest::V12, &url, &options);
        settle(&vhost);
        let (server, between) = tail(&url, &[]);
        let ask = Ask { options: options.clone(), ..Ask::new(&between, r#""echo""#, "1") };
        assert_eq!(Nest::V12.client().send(&ask).values, ["1"]);
        wait_until(|| told(&server, "echo").len() == 2);
        assert_eq!(told(&server, "echo"), ["request basic.publish", "reply basic.deliver"]);
        let exchange = messages(&server)[0].inner("meta", "exchange");
        assert_eq!(exchange, Some(options["exchange"].to_string()));
    }
}

fn settle(vhost: &Vhost<'_>) {
    wait_until(|| vhost.get("consumers").as_array().is_some_and(|all| !all.is_empty()));
}

/// A message of many frames passes whole, and is told whole; one that no queue takes, and a queue that is there with other
/// arguments, which Nest's client says nothing of, are told.
#[test]
fn rabbitmq_says_through_it_what_it_refuses() {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("queue=q");
    vhost.queue("q", &json!({}));
    let (server, between) = tail(&url, &[]);
    let large = format!("{{\"x\":\"{}\"}}", "ż".repeat(1 << 20));
    let file = program::file("rabbitmq-large.json", &large);
    program::run(&["emit", &between, "large", "-d", &format!("@{file}")]).exits(0).says("1 confirmed");
    let seen = record(&server, "large", |record| is(record, "pattern", "large"));
    assert!(
        seen.raw("data").as_deref() == Some(&large),
        "{} bytes",
        seen.raw("data").unwrap_or_default().len()
    );
    program::run(&["emit", &between.replace("queue=q", "queue=none"), "lost"]).exits(6);
    let told = record(&server, "unroutable", |record| is(record, "code", "unroutable"));
    assert!(
        told.text("text").is_some_and(|text| text.contains("`lost`") && text.contains("`none`")),
        "{told:?}"
    );
    let mut ask = Ask::new(&between, r#""echo""#, "1");
    ask.options = json!({ "queueOptions": { "durable": false } });
    ask.timeout = Some(2000);
    assert!(!Nest::V12.client().send(&ask).complete);
    let told = record(&server, "refusal", |record| is(record, "code", "channel-closed"));
    assert!(
        told.text("text").is_some_and(|text| text.contains("PRECONDITION_FAILED") && text.contains("hangs")),
        "{told:?}"
    );
}

/// Without the firehose an exchange shows no replies, and so nobody is called unanswered.
#[test]
fn rabbitmq_exchange_calls_nobody_unanswered() {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("exchange=amq.topic");
    let server = program::start(&["tail", &url, "-o", "json", "--timeout", "100ms"]);
    server.on_stderr("watching", |lines| lines.iter().any(|line| line.contains("watching")).then_some(()));
    program::run(&["mock", &vhost.url("queue=q"), "-O", "declare=durable", "--echo", "--for", "0s"]);
    vhost.bind("amq.topic", "q", "#");
    program::run(&["send", &url, "nobody", "--timeout", "500ms"]).exits(4);
    program::run(&["emit", &url, "last"]).exits(0);
    record(&server, "event", |record| is(record, "pattern", "last"));
    let (lines, _) = server.lines();
    assert!(lines.iter().any(|line| line.contains(r#""dir":"request""#)), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("unanswered")), "{lines:?}");
}

/// TLS on both sides, read in between.
#[test]
fn rabbitmq_over_tls_through_a_tail() {
    let ours = authority("ours");
    let identity = identity(&ours, &["127.0.0.1"]);
    let file = |name: &str, text: &str| program::file(&format!("rabbitmq-between-{name}.pem"), text);
    let (ca, cert, key) = (file("ca", &ours.pem()), file("cert", &identity.cert), file("key", &identity.key));
    let broker = Rabbit::with_certificate(&cert, &key);
    let url = format!("amqps://127.0.0.1:{}?exchange=amq.topic", broker.port);
    let (listen_cert, listen_key) = (format!("listen_cert={cert}"), format!("listen_key={key}"));
    let (server, between) = tail(&url, &["--tls-ca", &ca, "-O", &listen_cert, "-O", &listen_key]);
    program::run(&["emit", &between, "secret", r#"{"a":1}"#, "--tls-ca", &ca]).exits(6);
    let seen = record(&server, "event", |record| is(record, "pattern", "secret"));
    assert_eq!(seen.raw("data").as_deref(), Some(r#"{"a":1}"#));
}
