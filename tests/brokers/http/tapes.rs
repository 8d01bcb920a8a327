//! `eyas record`, `replay` and `mock --from` over HTTP: a recording answers as the service did, whose it is.

use super::{CALLS, fetch, service};
use crate::eyas as program;
use crate::tapes::{path, until_written};

mod nest12 {
    use super::*;

    #[test]
    fn a_recording_is_compared_and_played() {
        let url = &service().url;
        let file = path("http.jsonl");
        let mut recording = program::start(&["record", &file, url, "--listen", "127.0.0.1:0"]);
        let through = format!("http://{}", recording.listening());
        let expected = fetch(&through, CALLS);
        let events = program::run(&["send", &through, "/events"]).exits(0).stdout;
        program::run(&["send", &through, "/orders/9", "-H", "authorization: Bearer hunter2"]).exits(0);
        until_written(&file, r#""final":true"#, CALLS.len() + 2, &recording);
        recording.signal("INT");
        assert_eq!(recording.ended().code(), Some(130), "{}", recording.output());
        assert!(!std::fs::read_to_string(&file).unwrap().contains("hunter2"));

        let compare = |url: &str| program::run(&["replay", &file, url, "--compare"]);
        compare(url).exits(0).says("0 different").says("-H");
        program::run(&["replay", &file, url, "--compare", "-H", "authorization: Bearer x"]).exits(0);
        let mock = ["mock", "http://127.0.0.1:0", "--from", &file];
        let played = program::start(&mock);
        let mocked = format!("http://{}", played.listening());
        for ((call, expected), found) in CALLS.iter().zip(&expected).zip(fetch(&mocked, CALLS)) {
            assert_eq!(&found, expected, "{call:?}\n{}", played.output());
        }
        assert_eq!(program::run(&["send", &mocked, "/events"]).exits(0).stdout, events);
        let run = program::run(&["send", &mocked, "/redirect", "-O", "follow=true"]).exits(0);
        assert_eq!(run.stdout, [r#"{"id":"7","query":{}}"#]);
        drop(played);
        let played = program::start(&mock);
        compare(&format!("http://{}", played.listening())).exits(0).says("0 different");
        drop(played);
        let rules = ["--on", "GET /ret/number=43", "--on", r#"POST /orders={"id":1}"#];
        let changed = program::start(&[&mock[..], &rules].concat());
        let run = compare(&format!("http://{}", changed.listening())).exits(1).says("3 different");
        assert!(run.stdout.iter().any(|line| line == "  .: 42 → 43"), "{run:?}");
    }
}

/// Connections have their requests each, and answers do not get mixed up; the way they went is not sent again.
#[test]
fn several_connections_in_one_recording() {
    use crate::fake::Fake;
    use std::io::{Read as _, Write as _};
    use std::sync::{Arc, Mutex};

    let mock = program::start(&["mock", "http://127.0.0.1:0", "--echo", "--delay", "300ms"]);
    let file = path("http-several.jsonl");
    let url = format!("http://{}", mock.listening());
    let mut recording = program::start(&["record", &file, &url, "--listen", "127.0.0.1:0"]);
    let through = format!("http://{}", recording.listening());
    let mut asking: Vec<_> =
        (0..5).map(|n| program::start(&["send", &through, "/a", &format!("n:={n}")])).collect();
    for ask in &mut asking {
        assert_eq!(ask.ended().code(), Some(0), "{}", ask.output());
    }
    until_written(&file, r#""final":true"#, 5, &recording);
    recording.signal("INT");
    recording.ended();
    program::run(&["replay", &file, &url, "--compare"]).exits(0).says("5 the same");

    let seen = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&seen);
    let server = Fake::serve(move |mut stream| {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    let other = server.url().replace("tcp:", "http:");
    program::run(&["replay", &file, &other, "-n", "1", "-H", "x-own: 1"]).exits(0);
    let seen = seen.lock().unwrap();
    let host = other.split_once("://").unwrap().1;
    assert!(seen.contains(&format!("host: {host}\r\n")) && seen.contains("x-own: 1\r\n"), "{seen}");
}
