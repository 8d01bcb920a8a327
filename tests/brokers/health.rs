//! `eyas health`: of a real service that tells it, and of brokers that are there, go, and come back.

use serde_json::json;

use crate::eyas::{self as program, Record};
use crate::ground::{Ground, on_every_ground};
use crate::oracle::Service;
use crate::server::Server;
use crate::watch::is;
use crate::{mqtt, nats, redis};

/// The record of the only address that is asked.
fn health(url: &str, code: i32) -> Record {
    let run = program::run(&["health", url, "-o", "json"]).exits(code);
    assert_eq!(run.stdout.len(), 1, "{run:?}");
    Record::read(&run.stdout[0])
}

/// Makes `service` sick, or well.
fn change(service: &Service, down: bool) {
    let body = json!({ "down": down }).to_string();
    program::run(&["send", &service.url, "PUT", "/health", &body]).exits(0);
}

on_every_ground! { reachable }

fn reachable(ground: &Ground) {
    let found = health(ground.url(), 0);
    assert!(is(&found, "status", "reachable") && is(&found, "transport", ground.transport), "{found:?}");
    let nobody = format!("{}://127.0.0.1:{}", ground.spec().schemes[0], crate::fake::free_port());
    let found = health(&nobody, 1);
    assert!(is(&found, "status", "unreachable"), "{found:?}");
    assert!(found.text("why").is_some_and(|why| why.contains("refused")), "{found:?}");
}

#[test]
fn nest12_tells_what_is_down() {
    let service = Service::http();
    let found = health(&service.url, 0);
    assert!(is(&found, "status", "ok"), "{found:?}");
    assert_eq!(found.raw("healthy").as_deref(), Some("true"));
    change(&service, true);
    let found = health(&service.url, 1);
    assert!(is(&found, "status", "error"), "{found:?}");
    let checks = r#"[{"name":"process","up":true,"status":"up","details":""},{"name":"database","up":false,"status":"down","details":"state=closed"}]"#;
    assert_eq!(found.raw("checks").as_deref(), Some(checks));
    let table = program::run(&["health", &service.url]).exits(1).stdout;
    assert!(table[1].contains("database is down state=closed"), "{table:?}");
    change(&service, false);
    let away = format!("{}?health=/orders/1", service.url);
    health(&away, 0);
    let nowhere = health(&format!("{}?health=/nowhere", service.url), 0);
    assert!(nowhere.text("why").is_some_and(|why| why.contains("no /nowhere")), "{nowhere:?}");
    program::run(&["health", &service.url, "-O", "health=/throw/error"]).exits(1);
}

#[test]
fn nest12_is_watched() {
    let service = Service::http();
    let words = ["health", &service.url, "--watch", "--every", "50ms", "-o", "json"];
    let mut watching = program::start(&words);
    let status = |server: &Server, nth: usize| {
        let line = server.on_stdout("a change", |lines| lines.get(nth).cloned());
        Record::read(&line).text("status")
    };
    assert_eq!(status(&watching, 0).as_deref(), Some("ok"));
    change(&service, true);
    assert_eq!(status(&watching, 1).as_deref(), Some("error"));
    change(&service, false);
    assert_eq!(status(&watching, 2).as_deref(), Some("ok"));
    drop(service);
    assert_eq!(status(&watching, 3).as_deref(), Some("unreachable"));
    watching.signal("INT");
    assert_eq!(watching.ended().code(), Some(130));
    assert_eq!(watching.lines().0.len(), 4, "{}", watching.output());
}

/// Every address of the services that are named, at once, and each as it is.
#[test]
fn nest12_and_redis_server_and_nats_server_and_mosquitto_of_a_project() {
    let service = Service::http();
    let (redis, nats, mqtt) = (redis::fresh(), nats::fresh(), mqtt::fresh());
    let folder = program::folder().join("health");
    std::fs::create_dir_all(&folder).unwrap();
    let toml = format!(
        "version = 1\n[services.orders]\nurl = \"{}\"\nhttp = \"{}\"\n[services.stock]\nurl = \"{}\"\n\
         transports.mqtt = \"{}\"\n[services.odd]\nurl = \"tcp://${{NOT_SET}}\"\n",
        nats.url, service.url, redis.url, mqtt.url
    );
    std::fs::write(folder.join("eyas.toml"), toml).unwrap();
    let run = |words: &[&str]| {
        let words = [&["health", "-o", "json"], words].concat();
        let mut server = Server::spawn("eyas health", program::command(&words).current_dir(&folder));
        let code = server.ended().code();
        let lines = server.lines().0;
        let told = |line: &String| {
            let record = Record::read(line);
            let status = record.text("status").unwrap_or_default();
            format!("{} {status}", record.text("target").unwrap_or_default())
        };
        (code, lines.iter().map(told).collect::<Vec<_>>())
    };
    let (code, lines) = run(&["@orders", "@stock"]);
    let all = ["@orders reachable", "@orders:http ok", "@stock reachable", "@stock:mqtt reachable"];
    assert_eq!((code, lines), (Some(0), all.map(str::to_owned).to_vec()));
    let (code, lines) = run(&["@orders:http", &redis.url]);
    assert_eq!(
        (code, lines),
        (Some(0), vec!["@orders:http ok".to_owned(), format!("{} reachable", redis.url)])
    );
    let mut broker = nats.broker.unwrap();
    broker.stop();
    let (code, lines) = run(&[]);
    let all = [
        "@odd problem",
        "@orders unreachable",
        "@orders:http ok",
        "@stock reachable",
        "@stock:mqtt reachable",
    ];
    assert_eq!((code, lines), (Some(1), all.map(str::to_owned).to_vec()));
}

#[test]
fn nats_server_that_lets_nobody_in() {
    let broker = nats::configured("", &["--user", "ann", "--pass", "secret"]);
    let found = health(&format!("nats://127.0.0.1:{}", broker.port), 1);
    assert!(is(&found, "status", "denied"), "{found:?}");
    health(&format!("nats://ann:secret@127.0.0.1:{}", broker.port), 0);
}

#[test]
fn whoever_does_not_answer() {
    let silent = crate::fake::Fake::serve(|mut stream| {
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    let url = silent.url().replace("tcp:", "http:");
    let run = program::run(&["health", &url, "--timeout", "200ms", "--connect-timeout", "100ms"]).exits(1);
    assert!(run.stdout[1].contains("silent"), "{run:?}");
}
