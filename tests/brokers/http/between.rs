//! `eyas tail --listen` between clients and a service: everything passes untouched, and is shown.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use super::{CALLS, answer, fetch, service};
use crate::eyas as program;
use crate::eyas::Record;
use crate::fake::Fake;
use crate::mqtt::record;
use crate::server::Server;
use crate::watch::is;

/// Starts `eyas tail` in front of `url`; the address to connect to.
fn tail(url: &str, arguments: &[&str]) -> (Server, String) {
    let words = ["tail", url, "--listen", "127.0.0.1:0", "-o", "json"];
    let server = program::start(&[&words, arguments].concat());
    let address = server.listening();
    (server, address)
}

mod nest12 {
    use super::*;

    #[test]
    fn is_answered_through_it() {
        let (tail, address) = tail(&service().url, &[]);
        let expected = fetch(&service().url, CALLS);
        let found = fetch(&format!("http://{address}"), CALLS);
        assert_eq!(found, expected);
        let (last, ..) = (CALLS.len(), ());
        tail.on_stdout("all replies", |lines| {
            (lines.iter().filter(|line| line.contains(r#""dir":"reply""#)).count() == last).then_some(())
        });
        let (lines, _) = tail.lines();
        let records: Vec<_> =
            lines.iter().map(|line| Record::read(line)).filter(|record| is(record, "dir", "reply")).collect();
        for ((method, path, _), expected) in CALLS.iter().zip(&expected) {
            let pattern = format!("{method} {path}");
            let status = expected["status"].to_string();
            let told = records.iter().any(|record| {
                is(record, "pattern", &pattern)
                    && answer(record).0 == status
                    && record.inner("pair", "final").as_deref() == Some("true")
            });
            assert!(told, "{pattern} {status}\n{}", tail.output());
        }
        let gzip = records.iter().find(|record| is(record, "pattern", "GET /gzip")).expect("a reply");
        assert_eq!(gzip.raw("data").as_deref(), Some(r#"{"zipped":true}"#));
    }

    #[test]
    fn streams_events_through_it() {
        let (tail, address) = tail(&service().url, &[]);
        let run = program::run(&["send", &format!("http://{address}"), "/events"]).exits(0);
        assert_eq!(run.stdout.len(), 3);
        record(&tail, "end", |record| record.inner("pair", "final").as_deref() == Some("true"));
        let (lines, _) = tail.lines();
        let replies = lines.iter().map(|line| Record::read(line)).filter(|record| is(record, "dir", "reply"));
        assert_eq!(replies.count(), 4, "{}", tail.output());
    }

    #[test]
    fn is_told_again() {
        let (tail, address) = tail(&service().url, &["-n", "1"]);
        program::run(&["send", &format!("http://{address}"), "POST", "/echo", "by=told-again"]).exits(0);
        let line = record(&tail, "request", |record| is(record, "dir", "request"));
        assert!(is(&line, "pattern", "POST /echo"), "{line:?}");
        let first = tail.lines().0.remove(0) + "\n";
        program::run_with(&["emit", &service().url, "--ndjson", "-"], first.as_bytes())
            .exits(0)
            .says("1 confirmed");
        service().called("both", |lines| {
            (lines.iter().filter(|line| line.contains("told-again")).count() == 2).then_some(())
        });
    }
}

/// Not a byte is changed, either way, however odd.
#[test]
fn bytes_pass_as_they_are() {
    let request = b"POST /odd%20path?x HTTP/1.1\r\nhOsT:   elsewhere\r\nX-Odd:\tz \r\nTransfer-Encoding: chunked\r\n\r\n\
                    3;a=b\r\nabc\r\n0\r\nTrailer: 1\r\n\r\nHEAD /next HTTP/1.1\r\n\r\n";
    let response = b"HTTP/1.1 207 What Ever\r\nx-a: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\n{}HTTP/1.0 200 \r\ncontent-length: 7\r\n\r\n";
    let server = Fake::serve(move |mut stream| {
        let mut taken = vec![0; request.len()];
        stream.read_exact(&mut taken).expect("the whole request");
        assert_eq!(taken, request);
        stream.write_all(response).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let (tail, address) = tail(&server.url().replace("tcp:", "http:"), &[]);
    let mut client = TcpStream::connect(&address).unwrap();
    client.write_all(request).unwrap();
    let mut taken = Vec::new();
    client.read_to_end(&mut taken).unwrap();
    assert_eq!(taken, response);
    let reply = record(&tail, "second reply", |record| {
        is(record, "dir", "reply") && is(record, "pattern", "HEAD /next")
    });
    assert_eq!(answer(&reply).0, "200", "{reply:?}");
    let reply = record(&tail, "first reply", |record| is(record, "dir", "reply"));
    assert_eq!(answer(&reply), ("207".to_owned(), "{}".to_owned()), "{reply:?}");
    let asked = record(&tail, "request", |record| is(record, "dir", "request"));
    assert!(is(&asked, "pattern", "POST /odd%20path?x") && is(&asked, "data_text", "abc"), "{asked:?}");
}

/// What is no HTTP/1 passes, and it is said once that nobody can read it.
#[test]
fn what_cannot_be_read_passes() {
    let upgrade: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x81\x02hi";
    for (sent, answered, code) in [
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &b"\0\0\0\x04\0\0\0\0\0"[..], "http2"),
        (b"GET /ws HTTP/1.1\r\nupgrade: websocket\r\n\r\n", upgrade, "upgraded"),
        (b"\x16\x03\x01 what is this", b"?", "not-http"),
    ] {
        let server = Fake::serve(move |mut stream| {
            let mut taken = vec![0; sent.len()];
            stream.read_exact(&mut taken).expect("all of it");
            stream.write_all(answered).unwrap();
        });
        let (tail, address) = tail(&server.url().replace("tcp:", "http:"), &[]);
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(sent).unwrap();
        let mut taken = Vec::new();
        client.read_to_end(&mut taken).unwrap();
        assert_eq!(taken, answered, "{code}");
        record(&tail, code, |record| is(record, "code", code));
    }
}

#[test]
fn nobody_behind_it() {
    let (tail, address) = tail(&format!("http://127.0.0.1:{}", crate::fake::free_port()), &[]);
    program::run(&["send", &format!("http://{address}"), "/"]).exits(1);
    record(&tail, "finding", |record| is(record, "code", "upstream-unreachable"));
}
