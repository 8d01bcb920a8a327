//! Peers that break the rules, and payloads beyond all measure: a clear word and the right exit code, never a crash.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use serde_json::json;

use crate::eyas as program;
use crate::fake::{self, Fake};
use crate::ground::{Ground, on_every_ground};
use crate::oracle::{Ask, Nest, Outcome, Service};

on_every_ground! { odd_replies }

/// Replies that no Nest service gives, but others may (wire.md §1.2). `ID` stands for the request's.
const ODD: &[&str] = &[
    r#"{"response":1,"isDisposed":true,"id":ID,"extra":1}"#,
    r#"{"err":"no","isDisposed":true,"id":ID,"extra":1}"#,
    r#"{"response":1,"err":"no","isDisposed":true,"id":ID}"#,
    r#"{"response":5,"err":"","isDisposed":true,"id":ID}"#,
    r#"{"response":5,"err":null,"isDisposed":true,"id":ID}"#,
    r#"{"response":5,"err":false,"isDisposed":true,"id":ID}"#,
    r#"{"err":{"a":1},"id":ID}"#,
    r#"{"err":7,"id":ID}"#,
    r#"{"response":5,"isDisposed":"true","id":ID}"#,
    r#"{"response":5,"isDisposed":1,"id":ID}"#,
    r#"{"response":5,"isDisposed":0,"id":ID}"#,
    r#"{"response":5,"id":ID}"#,
    r#"{"hello":1,"id":ID}"#,
    r#"{"id":ID}"#,
    r#"{"id":ID,"status":"x"}"#,
    r#"{"response":1,"isDisposed":true,"id":"another"}"#,
    r#"{"id":ID,"isDisposed":true,"response":{"é":"\u00e9"}}"#,
];

/// Each reply is read as that version of Nest's client reads it.
fn odd_replies(ground: &Ground) {
    let option = ground.nest_option();
    for reply in ODD {
        let reply = (*reply).to_owned();
        let template = reply.clone();
        let fake = Fake::answering(true, move |id| fake::frame(&template.replace("ID", id)));
        let mut ask = Ask::new(&fake.url(), r#""x""#, "{}");
        ask.timeout = Some(500);
        let expected = ground.nest.client().send(&ask);
        let url = fake.url();
        let run = program::run(&["send", &url, "x", "-O", &option, "-o", "json", "--timeout", "500ms"]);
        assert_eq!(without_id(run.outcome()), without_id(expected), "{reply}\n{run:?}");
    }
}

/// Where the whole reply is the value, its id is in there, and each side has its own. And we give a value as it
/// came, where Nest's client has read it and writes it anew.
fn without_id(mut outcome: Outcome) -> Outcome {
    let id = regex::Regex::new(r#""id":"[0-9a-f]{21}""#).expect("this is a regular expression");
    for value in &mut outcome.values {
        *value = id.replace(value, r#""id":"ID""#).replace(r"\u00e9", "é");
    }
    outcome
}

/// What comes after the last reply is nobody's.
#[test]
fn replies_after_the_last_are_ignored() {
    let fake = Fake::answering(true, |id| {
        let reply = fake::frame(&format!(r#"{{"response":1,"isDisposed":true,"id":{id}}}"#));
        [reply.clone(), reply].concat()
    });
    let run = program::run(&["send", &fake.url(), "x"]).exits(0);
    assert_eq!(run.stdout, ["1"]);
}

#[test]
fn nobody_listens() {
    let url = format!("tcp://127.0.0.1:{}", fake::free_port());
    for arguments in [&["send", &url, "echo"], &["emit", &url, "echo"]] {
        program::run(arguments).exits(5).says("refused").says("hint:");
    }
    let run = program::run(&["send", &url, "echo", "-o", "json"]).exits(5);
    let error: serde_json::Value = serde_json::from_str(&run.stderr.join("\n")).expect("the error is JSON");
    assert_eq!(error["type"], "error");
    assert_eq!(error["code"], 5);
}

#[test]
fn a_peer_that_closes() {
    let at_once = Fake::serve(drop);
    let after_request = Fake::answering(false, |_| Vec::new());
    let half_a_reply = Fake::answering(false, |_| b"50#{\"resp".to_vec());
    let half_a_length = Fake::answering(false, |_| b"5".to_vec());
    let mid_stream = Fake::answering(false, |id| fake::frame(&format!(r#"{{"response":1,"id":{id}}}"#)));
    for fake in [&after_request, &half_a_reply, &half_a_length, &mid_stream] {
        program::run(&["send", &fake.url(), "echo"]).exits(1).says("closed the connection");
    }
    // Who closes without reading resets the connection.
    program::run(&["send", &at_once.url(), "echo"]).exits(1).says("connection");
    assert_eq!(program::run(&["send", &mid_stream.url(), "echo"]).stdout, ["1"]);
}

#[test]
fn a_peer_that_does_not_speak_nest() {
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let http = Fake::answering(false, |_| http.to_vec());
    program::run(&["send", &http.url(), "echo"]).exits(1).says("http");
    for bytes in
        [&b"5#hello"[..], b"5#\xff\xfe\xfd\xfc\xfb", b"abc#", b"-1#", b"0#", b"99999999999999999999#{"]
    {
        let fake = Fake::answering(true, |_| bytes.to_vec());
        program::run(&["send", &fake.url(), "echo"]).exits(1).says("error:");
    }
}

/// Nest drops a connection that sends more than 128 Mi units: we say so before, rather than let it.
#[test]
fn a_payload_beyond_the_limit() {
    let url = Nest::V12.tcp_service().url.as_str();
    let data = format!("@{}", program::file("200MiB.json", format!(r#""{}""#, "x".repeat(200 << 20))));
    for verb in ["send", "emit"] {
        let run = program::run(&[verb, url, "echo", "-d", &data]);
        assert!(matches!(run.status.code(), Some(1 | 2)), "{run:?}");
        run.says("134217728");
    }
    let _ = std::fs::remove_file(&data[1..]);
}

/// `eyas send … | head -c 10`
#[test]
fn a_reader_that_has_enough() {
    let url = Nest::V12.tcp_service().url.as_str();
    let data = format!("@{}", program::file("20MiB.json", format!(r#""{}""#, "x".repeat(20 << 20))));
    let mut child = program::command(&["send", url, "echo", "-d", &data, "--timeout", "60s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut head = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    assert_eq!(&head, br#""xxxxxxxxx"#);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let _ = std::fs::remove_file(&data[1..]);
}

/// `yes '{"id":1}' | head -100000 | eyas emit … --ndjson -`: all of them arrive.
#[test]
fn a_flood_of_events() {
    const EVENTS: usize = 100_000;

    let service = Service::spawn(Nest::V12, "tcp://127.0.0.1:0", &json!({}));
    let input = "{\"id\":1}\n".repeat(EVENTS);
    let run = program::run_with(&["emit", &service.url, "flood", "--ndjson", "-"], input.as_bytes()).exits(0);
    assert!(run.stdout.iter().chain(&run.stderr).any(|line| line.contains("100000 emitted")), "{run:?}");
    // A call after them has its answer when they have been handled: Nest reads a connection in order, but this
    // is another one, so their own traces are what counts.
    service.called("end of the flood", |lines| {
        let expected = r#"{"call":"flood","data":{"id":1}}"#;
        (lines.iter().filter(|line| *line == expected).count() == EVENTS).then_some(())
    });
}

/// A peer that reads nothing holds up whoever emits, before all is pushed or after: either signal ends it, and what
/// is known is told.
#[test]
fn a_peer_that_takes_nothing() {
    let (sender, connected) = std::sync::mpsc::channel();
    let fake = Fake::serve(move |mut stream| {
        // It reads the start of it: by then signals are listened for.
        let _ = stream.read(&mut [0]);
        let _ = sender.send(());
        std::thread::park();
    });
    for (count, signal) in [("70000", "INT"), ("1000000", "TERM")] {
        let mut emitting = program::start(&["emit", &fake.url(), "x", "-n", count]);
        connected.recv().expect("the fake goes on");
        emitting.signal(signal);
        assert_eq!(emitting.ended().code(), Some(130), "{}", emitting.output());
        let (_, stderr) = emitting.lines();
        assert!(stderr.iter().any(|line| line.contains(" emitted in ")), "{}", emitting.output());
        assert!(stderr.iter().any(|line| line.contains("nobody can say")), "{}", emitting.output());
    }
}

/// A mock that was promised to answer later ends when it is told to, though its calls were counted out.
#[test]
fn a_mock_told_to_end() {
    let mut mock =
        program::start(&["mock", "tcp://127.0.0.1:0", "--on", "later=1", "--delay", "1h", "-n", "1"]);
    let url = format!("tcp://{}", mock.listening());
    program::run(&["send", &url, "later", "--timeout", "200ms"]).exits(4);
    mock.signal("TERM");
    assert_eq!(mock.ended().code(), Some(130), "{}", mock.output());
}

/// A line that is not JSON is named by its number; those before it were sent.
#[test]
fn a_bad_line_among_many() {
    let service = Service::spawn(Nest::V12, "tcp://127.0.0.1:0", &json!({}));
    let input = b"{\"id\":1}\n{\"id\":\n{\"id\":3}\n";
    let run = program::run_with(&["emit", &service.url, "flood", "--ndjson", "-"], input);
    assert!(matches!(run.status.code(), Some(2 | 3)), "{run:?}");
    run.says("2");
}

/// Bytes that are no Nest client's reach the service unchanged, and `tail` says what they are instead of falling.
#[test]
fn garbage_through_a_tail() {
    let service = Fake::serve(|mut stream| {
        let mut seen = [0; 5];
        stream.read_exact(&mut seen).expect("the garbage arrives");
        stream.write_all(&seen).expect("the tail reads on");
    });
    let server = program::start(&["tail", &service.url(), "--listen", "127.0.0.1:0", "-o", "json"]);
    for garbage in [b"hello", b"9#{{{", b"\xff\xff#\0\0"] {
        let mut stream = std::net::TcpStream::connect(server.listening()).unwrap();
        stream.write_all(garbage).unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).unwrap_or_else(|error| panic!("{error}: {}", server.output()));
        assert_eq!(&back, garbage);
    }
    server.on_stdout("finding", |lines| {
        lines.iter().find(|line| line.contains(r#""type":"finding""#)).cloned()
    });
}
