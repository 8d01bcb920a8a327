//! HTTP without Nest: TLS, exact bytes, and peers that are not what they should be.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use crate::eyas as program;
use crate::fake::Fake;
use crate::tls::{authority, identity};

/// What is shown without being sent is what is sent.
#[test]
fn a_dry_run_shows_the_exact_bytes() {
    for words in [
        &["GET", "/orders/1?x=1"][..],
        &["POST", "/orders", "name=żółw"],
        &["/form", "a=1 2", "-O", "form=true", "-H", "X-Trace: 7", "-H", "accept: text/plain"],
        &["DELETE", "/a b/ż"],
    ] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let server = Fake::serve(move |mut stream| {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap();
            kept.lock().unwrap().extend_from_slice(&buffer[..count]);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        });
        let url = server.url().replace("tcp://", "http://ann:secret@");
        let run = |more: &[&str]| program::run(&[&["send", &url], words, more].concat()).exits(0);
        run(&[]);
        let shown = run(&["--dry-run"]).stdout.join("\r\n");
        let seen = seen.lock().unwrap();
        assert_eq!(shown.trim_end(), String::from_utf8_lossy(&seen).trim_end(), "{words:?}");
    }
}

#[test]
fn certificates() {
    let (ours, stranger) = (authority("ours"), authority("a stranger"));
    let server = identity(&ours, &["127.0.0.1", "orders.internal"]);
    let (cert, key) = (program::file("http.pem", &server.cert), program::file("http.key", &server.key));
    let (ca, other) =
        (program::file("http-ca.pem", ours.pem()), program::file("http-other.pem", stranger.pem()));
    let words = ["mock", "https://127.0.0.1:0", "--on", "GET /a=1", "--tls-cert", &cert, "--tls-key", &key];
    let mock = program::start(&words);
    let url = format!("https://{}", mock.listening());
    let send = |more: &[&str]| program::run(&[&["send", &url, "/a"], more].concat());
    assert_eq!(send(&["--tls-ca", &ca]).exits(0).stdout, ["1"]);
    send(&["--insecure"]).exits(0);
    send(&["--tls-ca", &ca, "--tls-server-name", "orders.internal"]).exits(0);
    send(&["--tls-ca", &ca, "--tls-server-name", "other.internal"]).exits(5).says("other.internal");
    send(&["--tls-ca", &other]).exits(5).says("certificate").says("--tls-ca");
    program::run(&["send", &url.replace("https", "http"), "/a"]).exits(1);
}

#[test]
fn peers_that_speak_something_else() {
    let answering = |bytes: &'static [u8]| {
        Fake::serve(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        })
    };
    let send = |fake: &Fake, more: &[&str]| {
        let url = fake.url().replace("tcp:", "http:");
        program::run(&[&["send", &url, "/"], more].concat())
    };
    send(&answering(b"12#{\"err\":1}\n\n"), &[]).exits(1).says("does not speak HTTP").says("check the port");
    send(&answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"), &[]).exits(1).says("closed");
    let garbled = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain";
    send(&answering(garbled), &[]).exits(1).says("gzip");
    let again =
        answering(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    send(&again, &["-O", "follow=true"]).exits(1).says("redirects too often");
    send(&answering(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"), &[])
        .exits(1)
        .says("500 Internal Server Error");
}

#[test]
fn nobody_there() {
    let url = format!("http://127.0.0.1:{}", crate::fake::free_port());
    program::run(&["send", &url, "/"]).exits(5).says("refused").says("hint:");
    program::run(&["emit", &url, "/", "-n", "3"]).exits(5).says("refused");
}

#[test]
fn words_that_are_no_request() {
    let url = "http://127.0.0.1:1";
    program::run(&["send", url, "orders/1"]).exits(2).says("GET /orders/1");
    program::run(&["send", url, "/", "-O", "follow=maybe"]).exits(2).says("neither true nor false");
    program::run(&["send", url, "/", "-O", "form=true", "a:={\"b\":1}"]).exits(2).says("form");
    program::run(&["send", url, "/", "-H", "a b: 1"]).exits(2).says("header");
    program::run(&["mock", "http://127.0.0.1:0", "--on", "orders.get=1"]).exits(2).says("METHOD and PATH");
    program::run(&["tail", url]).exits(2).says("--listen");
    program::run(&["ls", url]).exits(5).says("connect");
    program::run(&["send", url, "/", "a@/nonexistent/file"]).exits(2).says("/nonexistent/file");
    let file = program::file("a-file", "x");
    program::run(&["send", url, "/", &format!("a@{file}")]).exits(2).says("-O form=multipart");
    program::run(&["send", url, "/", "-O", "form=true", &format!("a@{file}")])
        .exits(2)
        .says("form=multipart");
    program::run(&["send", url, "/", "-d", "{oops"]).exits(2).says("JSON");
}
