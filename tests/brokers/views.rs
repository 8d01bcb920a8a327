//! `eyas tail` of several at once: one clock, one watch for each endpoint, and the others go on when one is down.

use std::path::PathBuf;

use serde_json::json;

use crate::eyas::{self as program, Record};
use crate::oracle::{Ask, Nest, Service};
use crate::server::Server;
use crate::watch::{is, record};
use crate::{nats, redis};

/// Emits to `url` until `server` shows it: then it watches there.
fn until_seen(server: &Server, url: &str) {
    let marker = format!("are.you.there.{}", url.split(':').next().unwrap_or_default());
    for _ in 0..1000 {
        program::run(&["emit", url, &marker]);
        if server.lines().0.iter().any(|line| line.contains(&marker)) {
            return;
        }
    }
    panic!("it does not watch {url}\n{}", server.output());
}

/// `eyas tail` in a folder of its own, whose `eyas.toml` has these services.
fn tail_in(name: &str, services: &str, arguments: &[&str]) -> Server {
    let folder: PathBuf = program::folder().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("eyas.toml"), format!("version = 1\n{services}")).unwrap();
    let mut command = program::command(arguments);
    Server::spawn(&format!("eyas {}", arguments.join(" ")), command.current_dir(folder))
}

#[test]
fn redis_server_and_nats_server_in_one_view() {
    let (one, other) = (redis::fresh(), nats::fresh());
    let _services = [&one, &other].map(|place| Service::spawn(Nest::V12, &place.url, &json!({})));
    let toml = format!(
        "[services.orders]\nurl = \"{}\"\n[services.billing]\nurl = \"{}\"\n[services.gone]\nurl = \"tcp://h\"\n",
        one.url, other.url
    );
    let server = tail_in("view", &toml, &["tail", "--all", "--stats", "-o", "json"]);
    server.on_stderr("word of who is left out", |lines| {
        lines.iter().any(|line| line.starts_with("@gone is left out: ")).then_some(())
    });
    for place in [&one, &other] {
        until_seen(&server, &place.url);
    }
    for (place, by) in [(&one, "orders"), (&other, "billing")] {
        for _ in 0..3 {
            let data = json!({ "by": by }).to_string();
            assert!(Nest::V12.client().send(&Ask::new(&place.url, r#""echo""#, &data)).complete);
        }
    }
    for (service, transport) in [("orders", "redis"), ("billing", "nats")] {
        let reply =
            record(&server, "reply", |record| is(record, "service", service) && is(record, "dir", "reply"));
        assert!(is(&reply, "transport", transport) && is(&reply, "pattern", "echo"), "{reply:?}");
        assert!(reply.raw("data").is_some_and(|data| data.contains(service)), "{reply:?}");
    }
    record(&server, "last reply", |record| is(record, "service", "billing") && is(record, "dir", "reply"));
    server.signal("INT");
    let mut server = server;
    assert_eq!(server.ended().code(), Some(130));
    let (lines, _) = server.lines();
    let records: Vec<_> = lines.iter().map(|line| Record::read(line)).collect();
    // One clock: a request of one never stands behind a later message of the other.
    let times: Vec<_> = records
        .iter()
        .filter(|record| is(record, "type", "message"))
        .map(|record| record.text("ts").unwrap())
        .collect();
    assert!(times.len() >= 12, "{}", server.output());
    let summary = records.last().expect("there is a summary");
    assert!(is(summary, "type", "summary"), "{summary:?}");
    let patterns: serde_json::Value = serde_json::from_str(&summary.raw("patterns").unwrap()).unwrap();
    for service in ["orders", "billing"] {
        let row = patterns
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["service"] == service && row["pattern"] == "echo")
            .unwrap_or_else(|| panic!("no row of {service} in {patterns}"));
        assert_eq!((&row["requests"], &row["replies"]), (&json!(3), &json!(3)), "{row}");
        assert!(row["latency_ms"]["p99"].is_number() && row["rate"].is_number(), "{row}");
    }
}

/// Services that share a broker share a watch, so nothing is told twice; patterns tell whose a message is.
#[test]
fn redis_server_shared_by_services_is_watched_once() {
    let place = redis::fresh();
    let toml = format!(
        "[services.orders]\nurl = \"{0}\"\n[services.billing]\nurl = \"{1}\"\n",
        place.url,
        place.url.replace("127.0.0.1", "localhost")
    );
    let server = tail_in("shared", &toml, &["tail", "@orders", "@billing", "-o", "json"]);
    until_seen(&server, &place.url);
    for pattern in ["orders.created", "billing.paid", "other"] {
        program::run(&["emit", &place.url, pattern]);
    }
    record(&server, "last event", |record| is(record, "pattern", "other"));
    let (lines, talk) = server.lines();
    let of = |pattern: &str| {
        let records = lines.iter().map(|line| Record::read(line));
        records
            .filter(|record| is(record, "pattern", pattern))
            .map(|record| record.text("service"))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("orders.created"), [Some("orders".to_owned())]);
    assert_eq!(of("billing.paid"), [Some("billing".to_owned())]);
    assert_eq!(of("other"), [None]);
    assert_eq!(talk.iter().filter(|line| line.starts_with("watching ")).count(), 1, "{talk:?}");
}

#[test]
fn redis_server_is_watched_while_nats_server_is_down() {
    let (up, mut down) = (redis::fresh(), nats::fresh());
    let broker = down.broker.as_mut().expect("who watches watches a broker");
    broker.stop();
    let server = program::start(&["tail", &up.url, &down.url, "-o", "json"]);
    server.on_stderr("word of the one that is down", |lines| {
        lines.iter().any(|line| line.contains("nats: ") && line.contains("is down")).then_some(())
    });
    until_seen(&server, &up.url);
    broker.restart();
    server.on_stderr("word that it is back", |lines| {
        lines.iter().any(|line| line.starts_with("nats: connected again")).then_some(())
    });
    until_seen(&server, &down.url);
}

/// Who was named and cannot be watched ends it; among all services it is left out.
#[test]
fn redis_server_is_watched_without_whom_lets_nobody_in() {
    let (open, broker) = (redis::fresh(), redis::broker(&["--requirepass", "secret"]));
    let shut = redis::url(&broker);
    let toml = format!("[services.orders]\nurl = \"{}\"\n[services.shut]\nurl = \"{shut}\"\n", open.url);
    let server = tail_in("lenient", &toml, &["tail", "--all", "-o", "json"]);
    server.on_stderr("word of who is left out", |lines| {
        lines.iter().any(|line| line.contains("shut: ") && line.contains("is left out")).then_some(())
    });
    until_seen(&server, &open.url);
    program::run(&["tail", &open.url, &shut]).exits(5).says("cannot watch redis");
}

/// A service that joins `eyas.toml` is watched; one that shares a broker shares its watch; what is half written is
/// told, and harms nobody.
#[test]
fn redis_server_and_nats_server_join_while_all_are_watched() {
    let (one, other, late) = (redis::fresh(), nats::fresh(), redis::fresh());
    let orders = format!("[services.orders]\nurl = \"{}\"\n", one.url);
    let server = tail_in("joining", &orders, &["tail", "--all", "-o", "json"]);
    until_seen(&server, &one.url);
    let file = program::folder().join("joining/eyas.toml");
    let write = |services: &str| std::fs::write(&file, format!("version = 1\n{services}")).unwrap();
    let said = |what: &str, parts: &[&str]| {
        server.on_stderr(what, |lines| {
            lines.iter().any(|line| parts.iter().all(|part| line.contains(part))).then_some(())
        });
    };
    write(&format!("{orders}[services.half"));
    said("word of what is broken", &["eyas.toml", "watched on"]);
    let billing = format!("{orders}[services.billing]\nurl = \"{}\"\n", other.url);
    write(&billing);
    said("word of who joined", &["billing", "joined"]);
    until_seen(&server, &other.url);
    let twin = format!("{billing}[services.twin]\nurl = \"{}\"\n", one.url);
    write(&twin);
    said("word of the twin", &["orders+twin", "already"]);
    write(&format!("{twin}[services.late]\nurl = \"{}\"\n[services.tcp]\nurl = \"tcp://h\"\n", late.url));
    said("word of the late one", &["late", "joined"]);
    said("word of who cannot be watched", &["@tcp", "left out"]);
    until_seen(&server, &late.url);
    let marker = "seen.once";
    program::run(&["emit", &one.url, marker]);
    program::run(&["emit", &one.url, "the.end"]);
    record(&server, "end", |record| is(record, "pattern", "the.end"));
    assert_eq!(
        server.lines().0.iter().filter(|line| line.contains(marker)).count(),
        1,
        "{}",
        server.output()
    );
}

/// Where nobody can be reached there is nothing to wait for.
#[test]
fn all_down_is_an_error() {
    let free = crate::fake::free_port();
    let (one, other) = (format!("redis://127.0.0.1:{free}"), format!("nats://127.0.0.1:{free}"));
    program::run(&["tail", &one, &other]).exits(5).says("cannot watch redis");
}

/// A correlation id in a header is followed over both, with the replies that carry nothing.
#[test]
fn redis_server_and_nats_server_followed_by_trace() {
    let (one, other) = (redis::fresh(), nats::fresh());
    let _services = [&one, &other].map(|place| Service::spawn(Nest::V12, &place.url, &json!({})));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let server = program::start(&["tail", &one.url, &other.url, "--trace", trace, "-n", "4", "-o", "json"]);
    server.on_stderr("both watches", |lines| {
        (lines.iter().filter(|line| line.starts_with("watching ")).count() == 2).then_some(())
    });
    let parent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    for place in [&one, &other] {
        program::run(&["send", &place.url, "echo", "without=it"]).exits(0);
        program::run(&["send", &place.url, "echo", "with=it", "-H", &parent]).exits(0);
    }
    let mut server = server;
    assert_eq!(server.ended().code(), Some(0), "{}", server.output());
    let (lines, _) = server.lines();
    let told: Vec<_> = lines.iter().map(|line| Record::read(line)).collect();
    let told: Vec<_> = told
        .iter()
        .map(|record| {
            (record.text("transport").unwrap(), record.text("dir").unwrap(), record.raw("data").unwrap())
        })
        .collect();
    let want =
        |transport: &str, dir: &str| (transport.to_owned(), dir.to_owned(), r#"{"with":"it"}"#.to_owned());
    assert_eq!(
        told,
        [want("redis", "request"), want("redis", "reply"), want("nats", "request"), want("nats", "reply")]
    );
}
