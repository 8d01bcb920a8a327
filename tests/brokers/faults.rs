//! What may happen on the way to any broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::fake::Fake;
use crate::ground::first;
use crate::rabbitmq::Rabbit;
use crate::server::Server;
use crate::tls::{authority, identity};
use crate::{kafka, mqtt, nats, redis};

/// A broker, without and with TLS.
struct Way {
    scheme: &'static str,
    tls_scheme: &'static str,
    /// What stands behind the port.
    rest: &'static str,
    plain: fn() -> Broker,
    /// With the certificate and the key in these files.
    with_certificate: fn(&str, &str) -> Broker,
}

const REDIS: Way = Way {
    scheme: "redis",
    tls_scheme: "rediss",
    rest: "",
    plain: || redis::broker(&[]),
    with_certificate: |cert, key| {
        // The port given last is the one with TLS; the plain one goes.
        let tls = ["--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "no"];
        redis::broker(&[&tls[..], &["--tls-cert-file", cert, "--tls-key-file", key]].concat())
    },
};

const NATS: Way = Way {
    scheme: "nats",
    tls_scheme: "tls",
    rest: "",
    plain: || nats::broker(&[]),
    with_certificate: |cert, key| {
        nats::configured(&format!("tls {{ cert_file: {cert:?}, key_file: {key:?} }}"), &[])
    },
};

const MQTT: Way = Way {
    scheme: "mqtt",
    tls_scheme: "mqtts",
    rest: "",
    plain: mqtt::broker,
    with_certificate: |cert, key| {
        mqtt::configured(&format!("allow_anonymous true\ncertfile {cert}\nkeyfile {key}"))
    },
};

const KAFKA: Way = Way {
    scheme: "kafka",
    tls_scheme: "kafkas",
    rest: "",
    plain: || kafka::configured("", &[]),
    with_certificate: |cert, key| kafka::configured(&kafka::secure::tls(cert, key), &[]),
};

/// Its topic exchange shows everyone what passes.
const RABBITMQ: Way = Way {
    scheme: "amqp",
    tls_scheme: "amqps",
    rest: "?exchange=amq.topic",
    plain: || Rabbit::start("").broker,
    with_certificate: Rabbit::with_certificate,
};

/// Publishes `pattern` past the fault until `tail` shows it.
fn until_shown(tail: &Server, url: &str, pattern: &str) {
    let dest = format!(r#""dest":"{pattern}""#);
    redis::wait_until(|| {
        program::run(&[&["emit", url, pattern, "-q"], first(url)].concat());
        tail.lines().0.iter().any(|line| line.contains(&dest))
    });
}

/// Nothing comes any more, and no end either: that is found out, told, and mended.
fn a_link_that_stalls(way: &Way) {
    let broker = (way.plain)();
    let stalls = Arc::new(AtomicBool::new(false));
    let proxy = Fake::stalling(broker.port, Arc::clone(&stalls));
    let through = format!("{}://{}{}", way.scheme, proxy.address, way.rest);
    let direct = format!("{}://127.0.0.1:{}{}", way.scheme, broker.port, way.rest);
    let tail = program::start(&["tail", &through, "-o", "json", "--connect-timeout", "1s"]);
    until_shown(&tail, &direct, "before");
    stalls.store(true, Ordering::SeqCst);
    if way.scheme == "kafka" {
        // It keeps what comes: nothing is missed, but that it fell silent is told.
        tail.on_stdout("word of it", |lines| {
            lines.iter().any(|line| line.contains("link-lost")).then_some(())
        });
    } else {
        let is_gap = |line: &String| Record::read(line).text("type").as_deref() == Some("gap");
        let gap = tail
            .on_stdout("gap", |lines| lines.iter().find(|line| is_gap(line)).map(|line| Record::read(line)));
        assert_eq!(gap.raw("lost").as_deref(), Some("null"));
    }
    stalls.store(false, Ordering::SeqCst);
    until_shown(&tail, &direct, "after");
}

/// A certificate that was good once, and one that is for somebody else.
fn certificates_that_do_not_hold(way: &Way) {
    let ours = authority("ours");
    let file = |name: &str, text: &str| program::file(&format!("{}-{name}.pem", way.scheme), text);
    let ca = file("fault-ca", &ours.pem());
    let send = |broker: &Broker| {
        let url = format!("{}://127.0.0.1:{}{}", way.tls_scheme, broker.port, way.rest);
        program::run(&["emit", &url, "a", "--tls-ca", &ca]).exits(5).says("hint:")
    };

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    let expired = params.signed_by(&key, &ours).unwrap();
    let (cert, key) = (file("expired", &expired.pem()), file("expired-key", &key.serialize_pem()));
    send(&(way.with_certificate)(&cert, &key)).says("expired");

    let other = identity(&ours, &["another.internal"]);
    let (cert, key) = (file("another", &other.cert), file("another-key", &other.key));
    send(&(way.with_certificate)(&cert, &key)).says("127.0.0.1").says("another.internal");
}

macro_rules! on_each {
    ($($module:ident = $way:expr;)*) => { $(
        mod $module {
            #[test]
            fn a_link_that_stalls() {
                super::a_link_that_stalls(&$way);
            }

            #[test]
            fn certificates_that_do_not_hold() {
                super::certificates_that_do_not_hold(&$way);
            }
        }
    )* };
}

on_each! {
    redis_server = super::REDIS;
    nats_server = super::NATS;
    mosquitto = super::MQTT;
    kafka_broker = super::KAFKA;
    rabbitmq = super::RABBITMQ;
}
