//! Beside services of every mode, and where there are none.

use serde_json::json;

use super::Rabbit;
use crate::eyas::{self as program, Record};
use crate::oracle::{Ask, Nest, Service};
use crate::redis::wait_until;
use crate::watch::is;

#[test]
fn rabbitmq_where_nobody_is() {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("queue=nobody");
    program::run(&["send", &url, "echo"]).exits(6).says("nobody").says("hint:");
    program::run(&["emit", &url, "echo", "-n", "3"]).exits(6).says("3 unroutable");
    let exchange = vhost.url("exchange=nobody");
    for verb in ["send", "emit", "tail"] {
        program::run(&[verb, &exchange, "echo"]).exits(6).says("nobody").says("hint:");
    }
    // A binding that nothing takes.
    let topic = vhost.url("exchange=amq.topic");
    program::run(&["send", &topic, "echo"]).exits(6).says("amq.topic").says("echo");
    program::run(&["emit", &topic, "echo"]).exits(6).says("1 unroutable");
    assert_eq!(vhost.depths(), [], "looking makes nothing");
}

/// A request stays in the queue, and is run long after whoever asked has gone.
#[test]
fn rabbitmq_queue_without_a_consumer() {
    let vhost = Rabbit::shared().vhost();
    vhost.queue("q", &json!({}));
    let run = program::run(&["send", &vhost.url("queue=q"), "echo", "--timeout", "300ms"]).exits(4);
    run.says("nobody consumes `q`");
    assert_eq!(vhost.depths(), [("q".to_owned(), 1, 0)]);
}

#[test]
fn rabbitmq_that_does_not_let_us_in() {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("queue=q");
    let wrong = url.replace("amqp://", "amqp://guest:wr0ng@");
    for verb in ["send", "emit", "tail"] {
        let run = program::run(&[verb, &wrong, "echo", "-v", "-O", "exchange=amq.topic"]).exits(5);
        assert!(!run.stderr.join("").contains("wr0ng"), "{run:?}");
        run.says("refused the login").says("hint:");
    }
    let nowhere = url.replace(&format!("/{}?", vhost.name), "/nowhere?");
    program::run(&["send", &nowhere, "echo"]).exits(5).says("nowhere").says("virtual host");
    program::run(&["send", &url.replace("queue=q", ""), "echo"]).exits(2).says("queue=");
    program::run(&["send", &url, "echo", "-O", "declare=yes"]).exits(2).says("durable");
    let long = format!("queue={}", "x".repeat(300));
    program::run(&["send", &vhost.url(&long), "echo"]).exits(2).says("255");
}

/// The broker has it with other arguments: what it says is passed on, and what to do.
#[test]
fn rabbitmq_that_has_it_otherwise() {
    let vhost = Rabbit::shared().vhost();
    vhost.exchange("events", "fanout");
    let url = vhost.url("exchange=events");
    let run = program::run(&["mock", &url, "--echo", "-O", "declare=durable"]).exits(1);
    run.says("inequivalent arg 'type'").says("leave out -O declare");
}

#[test]
fn rabbitmq_beside_a_live_service() {
    let service = super::service(Nest::V12);
    program::run(&["mock", &service.url, "--echo"]).exits(2).says("consumer").says("--alongside");
}

/// A mock makes the queue only when it is told to, and as Nest would.
#[test]
fn rabbitmq_queue_that_a_mock_makes() {
    let vhost = Rabbit::shared().vhost();
    let url = vhost.url("queue=q");
    let mut waiting = program::start(&["mock", &url, "--echo", "-n", "1"]);
    assert!(waiting.listening().starts_with("127.0.0.1"));
    assert_eq!(vhost.depths(), []);
    let making = program::start(&["mock", &url, "--echo", "-O", "declare=durable", "--alongside"]);
    making.listening();
    // Both take their share of one queue.
    for number in 1.. {
        let number = number.to_string();
        assert_eq!(Nest::V12.client().send(&Ask::new(&url, r#""echo""#, &number)).values, [number]);
        if waiting.lines().1.iter().any(|line| line.contains("1 calls received")) {
            break;
        }
    }
    assert_eq!(waiting.ended().code(), Some(0), "{}", waiting.output());
    assert_eq!(vhost.get("queues")[0]["durable"], json!(true));
}

#[test]
fn rabbitmq_says_what_it_has() {
    let vhost = Rabbit::shared().vhost();
    let _service = Service::spawn(Nest::V12, &vhost.url("queue=served"), &json!({ "consumerTag": "one" }));
    vhost.queue("idle", &json!({ "x-dead-letter-exchange": "dlx" }));
    vhost.bind("amq.topic", "idle", "orders.#");
    program::run(&["emit", &vhost.url("queue=idle"), "waits", "-n", "3"]).exits(0);
    let list = |url: &str| program::run(&["ls", url, "-o", "json"]).exits(0);
    let offer = |name: &str| {
        let run = list(&vhost.url(""));
        let found = run.stdout.iter().map(|line| Record::read(line)).find(|offer| is(offer, "name", name));
        found.unwrap_or_else(|| panic!("no {name} in {run:?}"))
    };
    // The management counts every few seconds.
    wait_until(|| {
        offer("idle").raw("messages").as_deref() == Some("3")
            && offer("served").raw("by").is_some_and(|by| by.contains("one from"))
    });
    let (idle, served) = (offer("idle"), offer("served"));
    assert_eq!(idle.raw("consumers").as_deref(), Some("0"));
    assert_eq!(idle.inner("details", "takes").as_deref(), Some(r#"["amq.topic:orders.#"]"#));
    assert_eq!(idle.inner("details", "dead letters").as_deref(), Some("\"dlx\""));
    assert!(served.raw("by").is_some_and(|by| by.contains("one from 127.0.0.1:")), "{served:?}");
    // Without the management AMQP still tells of one queue.
    let url = format!("{}&api=http://127.0.0.1:1", vhost.url("queue=idle").split("&api").next().unwrap());
    let run = list(&url).says("management");
    assert_eq!(Record::read(&run.stdout[0]).raw("messages").as_deref(), Some("3"));
}

#[test]
fn rabbitmq_replies_by_a_queue() {
    let vhost = Rabbit::shared().vhost();
    vhost.queue("replies", &json!({}));
    let _service = Service::spawn(Nest::V12, &vhost.url("queue=q"), &json!({}));
    let url = vhost.url("queue=q&reply_queue=replies");
    let run = program::run(&["send", &url, "stream.async"]).exits(0);
    assert_eq!(run.stdout, ["1", "\"two\"", "3"]);
    program::run(&["send", &vhost.url("queue=q&reply_queue=none"), "echo"]).exits(6).says("none");
}

/// Services with `wildcards: true`: eyas reaches them by the exchange, and stands in for them.
#[test]
fn rabbitmq_topic_exchange() {
    let vhost = Rabbit::shared().vhost();
    let options = json!({ "wildcards": true, "exchange": "shop" });
    for nest in [Nest::V11, Nest::V12] {
        let service = Service::spawn(nest, &vhost.url(&format!("queue=q{}", nest.major())), &options);
        let url = vhost.url("exchange=shop");
        let ask = Ask { options: options.clone(), ..Ask::new(&service.url, r#"{"cmd":"sum"}"#, "[1,2]") };
        let expected = nest.client().send(&ask);
        assert_eq!(expected.values, ["3"], "{expected:?}");
        let run = program::run(&["send", &url, r#"{"cmd":"sum"}"#, "[1,2]", "-o", "json"]);
        assert_eq!(run.outcome(), expected);
        let run = program::run(&["send", &url, "orders.get", "7"]).exits(0);
        assert_eq!(run.stdout, [r#"{"data":7}"#]);
        program::run(&["send", &url, "not.bound"]).exits(6).says("not.bound");
        program::run(&["emit", &url, "user.created", r#"{"by":"topic"}"#]).exits(0).says("1 confirmed");
        service.call_with("topic");
    }
    let _mock = {
        let mock = program::start(&["mock", &vhost.url("exchange=shop"), "--on", "mocked.*=1"]);
        mock.listening();
        mock
    };
    let ask = Ask { options, ..Ask::new(&vhost.url("queue=q12"), r#""mocked.one""#, "{}") };
    assert_eq!(Nest::V12.client().send(&ask).values, ["1"]);
}

#[test]
fn rabbitmq_fanout_exchange() {
    let vhost = Rabbit::shared().vhost();
    let options = json!({ "exchangeType": "fanout", "exchange": "all" });
    let service = Service::spawn(Nest::V12, &vhost.url("queue="), &options);
    let url = vhost.url("exchange=all&exchange_type=fanout");
    let run = program::run(&["send", &url, "echo", "7"]).exits(0);
    assert_eq!(run.stdout, ["7"]);
    program::run(&["emit", &url, "user.created", r#"{"by":"fanout"}"#]).exits(0).says("1 confirmed");
    service.call_with("fanout");
    let mock = program::start(&["mock", &url, "--on", "only.here=1"]);
    mock.listening();
    let ask = Ask { options, ..Ask::new(&vhost.url("queue="), r#""only.here""#, "{}") };
    // Both answer, and whoever is first is heard.
    let outcome = Nest::V12.client().send(&ask);
    assert!(outcome.values == ["1"] || outcome.error.is_some(), "{outcome:?}");
}
