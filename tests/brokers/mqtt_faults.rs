//! Over MQTT: brokers that refuse us, fall silent or go away, and readers that do not read.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::fake::Fake;
use crate::mqtt::{broker, configured, fresh, record, service, tail, url};
use crate::oracle::{Nest, Service};
use crate::tls::{authority, identity};

/// A broker of 3.1.1 alone: it refuses MQTT 5, or closes the connection without a word.
#[test]
fn mosquitto_that_knows_no_mqtt_5() {
    let service = service(Nest::V12);
    let target = service.url.trim_start_matches("mqtt://").to_owned();
    for answer in [&b"\x20\x02\x00\x01"[..], b""] {
        let target = target.clone();
        let old = Fake::serve(move |mut near| {
            let mut head = [0; 9];
            near.read_exact(&mut head).expect("a client says who it is");
            if head[8] == 5 {
                // The client may be gone before it has read this.
                let _ = near.write_all(answer);
                return;
            }
            let mut far = TcpStream::connect(&target).expect("the broker listens");
            far.write_all(&head).expect("the broker reads");
            let (mut back, mut to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            let _ = std::io::copy(&mut near, &mut far);
        });
        let url = old.url().replace("tcp", "mqtt");
        let run =
            program::run(&["send", &url, "echo", "7", "-H", "a: b"]).exits(0).says("headers are left out");
        assert_eq!(run.stdout, ["7"]);
        program::run(&["send", &url, "echo", "7", "-O", "version=5"]).exits(5).says("hint:");
    }
}

#[test]
fn mosquitto_back_after_a_while() {
    let mut broker = broker();
    let url = url(&broker);
    let watcher = tail(&[&url]);
    let mock = program::start(&["mock", &url, "--echo", "-o", "json"]);
    mock.listening();
    broker.stop();
    program::run(&["send", &url, "echo", "1"]).exits(5).says("refused");
    let gap = record(&watcher, "the gap", |record| record.text("type").as_deref() == Some("gap"));
    assert_eq!(gap.raw("lost").as_deref(), Some("null"));
    broker.restart();
    watcher
        .on_stderr("again", |lines| lines.iter().any(|line| line.contains("connected again")).then_some(()));
    mock.on_stdout("again", |lines| lines.iter().any(|line| line.contains("link-back")).then_some(()));
    assert_eq!(program::run(&["send", &url, "echo", r#""back""#]).exits(0).stdout, [r#""back""#]);
    record(&watcher, "a message", |record| record.raw("data").as_deref() == Some(r#""back""#));
}

#[test]
fn mosquitto_gone_while_messages_leave() {
    for (qos, confirms) in [("qos=0", false), ("qos=1", true)] {
        let mut broker = broker();
        let url = url(&broker);
        let arguments = ["emit", &url, "flood", "-n", "100000000", "-O", qos, "-o", "json"];
        let mut emitter = program::start(&arguments);
        let running = tail(&[&url, "-n", "1000"]);
        running.on_stdout("a thousand", |lines| (lines.len() >= 1000).then_some(()));
        broker.stop();
        let status = emitter.ended();
        assert_eq!(status.code(), Some(1), "{}", emitter.output());
        let (stdout, _) = emitter.lines();
        let summary = Record::read(stdout.last().expect("a summary"));
        let count = |name: &str| summary.raw(name).expect("a count").parse::<u64>().expect("a number");
        let all = count("confirmed") + count("unconfirmed") + count("unroutable");
        assert_eq!(count("emitted"), all, "{summary:?}");
        assert!(all < 100_000_000 && (count("confirmed") > 0) == confirms, "{summary:?}");
    }
}

#[test]
fn mosquitto_behind_a_password() {
    let passwords = program::file("mosquitto.passwd", "");
    let tool = std::env::var("EYAS_MOSQUITTO").expect("run this through script/test") + "_passwd";
    let made = Command::new(tool).args(["-b", &passwords, "ann", "s3cret"]).status().expect("it runs");
    assert!(made.success());
    let broker = configured(&format!("allow_anonymous false\npassword_file {passwords}"));
    let with = |login: &str| format!("mqtt://{login}127.0.0.1:{}", broker.port);
    let mock = program::start(&["mock", &with("ann:s3cret@"), "--echo"]);
    mock.listening();
    for option in ["version=4", "version=5"] {
        let right = with("ann:s3cret@");
        assert_eq!(program::run(&["send", &right, "echo", "1", "-O", option]).exits(0).stdout, ["1"]);
        for wrong in ["", "ann:wrong@", "ann@", ":s3cret@"] {
            let run = program::run(&["send", &with(wrong), "echo", "1", "-O", option])
                .exits(5)
                .says("refused the login");
            assert!(!format!("{run:?}").replace(&run.name, "").contains("s3cret"), "{run:?}");
        }
    }
    program::run(&["tail", &with("ann:wrong@"), "--for", "1s"]).exits(5);
    program::run(&["mock", &with("ann:wrong@"), "--echo"]).exits(5);
    program::run(&["emit", &with("ann:wrong@"), "x"]).exits(5);
}

/// A reader that stops reading costs messages, which are counted, and no more memory than the limit.
#[test]
fn mosquitto_tailed_by_a_slow_reader() {
    const MESSAGES: u64 = 400;
    let place = fresh();
    let mut child = program::command(&["tail", &place.url, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut watching = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut watching).unwrap();
    assert!(watching.contains("watching"), "{watching}");
    let data = format!("@{}", program::file("1MiB-mqtt.json", format!(r#""{}""#, "x".repeat(1 << 20))));
    let count = MESSAGES.to_string();
    program::run(&["emit", &place.url, "flood", "-d", &data, "-n", &count, "-O", "qos=1"]).exits(0);
    program::run(&["emit", &place.url, "flood", "\"end\"", "-O", "qos=1"]).exits(0);
    let (mut seen, mut lost, mut ended) = (0, 0, false);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !(ended && seen + lost > MESSAGES) {
        let line = lines.next().expect("the tail goes on").unwrap();
        if line.contains(r#""type":"gap""#) {
            lost += Record::read(&line).raw("lost").unwrap().parse::<u64>().unwrap();
        } else {
            seen += 1;
        }
        ended |= line.contains(r#""data":"end""#) || lost > 0;
    }
    assert!(lost > 0, "{seen} seen");
    assert_eq!(seen + lost, MESSAGES + 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn mosquitto_is_no_other_server() {
    let http = Fake::serve(|mut stream| {
        let mut seen = [0; 64];
        let _ = stream.read(&mut seen);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let silent =
        Fake::serve(|mut stream| drop(stream.read(&mut [0; 64]).and_then(|_| stream.read(&mut [0; 64]))));
    let closes = Fake::serve(drop);
    for fake in [&http, &silent, &closes] {
        let url = fake.url().replace("tcp", "mqtt");
        for verb in ["send", "emit"] {
            program::run(&[verb, &url, "x", "--connect-timeout", "300ms"]).exits(5).says("hint:");
        }
    }
}

/// Over TLS, with certificates on one side and on both.
#[test]
fn mosquitto_behind_tls() {
    let (ours, stranger) = (authority("ours"), authority("a stranger"));
    let (server, client) = (identity(&ours, &["127.0.0.1", "broker.internal"]), identity(&ours, &["client"]));
    let file = |name: &str, content: &str| program::file(&format!("mqtt-{name}.pem"), content);
    let (ca, stranger) = (file("ca", &ours.pem()), file("stranger", &stranger.pem()));
    let (cert, key) = (file("client", &client.cert), file("client-key", &client.key));
    let tls = format!(
        "allow_anonymous true\ncafile {ca}\ncertfile {}\nkeyfile {}",
        file("server", &server.cert),
        file("server-key", &server.key)
    );
    let open = configured(&tls);
    let address = |broker: &Broker| format!("mqtts://127.0.0.1:{}", broker.port);
    let service = Service::spawn(Nest::V12, &address(&open), &json!({ "ca": ours.pem() }));
    let send = |url: &str, more: &[&str]| program::run(&[&["send", url, "echo", "1"], more].concat());
    assert_eq!(send(&service.url, &["--tls-ca", &ca]).exits(0).stdout, ["1"]);
    send(&service.url, &["--insecure"]).exits(0);
    send(&service.url, &["--tls-ca", &ca, "--tls-server-name", "broker.internal"]).exits(0);
    send(&service.url, &["--tls-ca", &ca, "--tls-server-name", "another.internal"])
        .exits(5)
        .says("another.internal");
    send(&service.url, &[]).exits(5).says("certificate");
    send(&service.url, &["--tls-ca", &stranger]).exits(5).says("certificate");
    send(&service.url.replace("mqtts", "mqtt"), &["--connect-timeout", "1s"]).exits(5).says("tls");

    let mutual = configured(&format!("{tls}\nrequire_certificate true"));
    let both = ["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
    let mock = program::start(&[&["mock", &address(&mutual), "--echo"], &both[..]].concat());
    mock.listening();
    assert_eq!(send(&address(&mutual), &both).exits(0).stdout, ["1"]);
    send(&address(&mutual), &["--tls-ca", &ca]).exits(5).says("certificate");
}

/// What a broker does not take it says, or ends the connection for.
#[test]
fn mosquitto_that_takes_no_more() {
    let broker = configured("allow_anonymous true\nmessage_size_limit 1000\nmax_packet_size 2000");
    let emit = |size: usize, version: &str| {
        let data = "x".repeat(size);
        let options = ["-O", "qos=1", "-O", version];
        program::run(&[&["emit", &url(&broker), "a", "--raw", "-d", &data], &options[..]].concat()).exits(1)
    };
    emit(2500, "version=5").says("takes 2000").says("0 emitted");
    emit(1500, "version=5").says("too large").says("1 lost");
    emit(2500, "version=4").says("hint:").says("1 emitted in").says("nothing is confirmed");
}

/// A tail and a request leave nothing behind at the broker: it says so itself.
#[test]
fn mosquitto_is_left_as_it_was() {
    let broker = configured("allow_anonymous true\nsys_interval 1");
    let address = url(&broker);
    let subscriber = |arguments: &[&str]| {
        let tool = std::env::var("EYAS_MOSQUITTO").expect("run this through script/test") + "_sub";
        let port = broker.port.to_string();
        let output = Command::new(tool).args(["-p", &port]).args(arguments).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    // It counts once a second.
    let counts = |what: &str, is_it: fn(&str) -> bool| {
        let deadline = std::time::Instant::now() + crate::server::PATIENCE;
        while !is_it(&subscriber(&["-C", "1", "-W", "5", "-t", "$SYS/broker/subscriptions/count"])) {
            assert!(std::time::Instant::now() < deadline, "the broker counts no {what}");
        }
    };
    for options in [&["-O", "version=4"][..], &["-O", "version=5", "-O", "qos=2"]] {
        let watcher = tail(&[&[address.as_str(), "a/#", "b"], options].concat());
        counts("subscriptions", |count| count != "0" && !count.is_empty());
        drop(watcher);
        program::run(&["send", &address, "a/b", "1", "-O", options[1], "--timeout", "100ms"]).exits(4);
        counts("end of them", |count| count == "0");
    }
    assert_eq!(subscriber(&["-W", "1", "--retained-only", "-v", "-t", "#"]), "");
}
