use std::io::Write as _;

use super::reader::{Part, Reader, Side, Start};
use super::*;

fn json(text: &str) -> Data {
    Data::json(text).expect(text)
}

#[test]
fn a_pattern_is_method_and_path() {
    let pattern = |text: &str| Pattern::Text(text.to_owned());
    assert_eq!(split(&pattern("GET /a b?c=d")).ok(), Some(("GET", "/a b?c=d")));
    for wrong in ["orders.get", "GET", "GET orders", "G3T /", " /", "GET  /"] {
        split(&pattern(wrong)).expect_err(wrong);
    }
}

#[test]
fn a_form_has_fields() {
    let check = |data: &str, expected: Option<&str>| {
        assert_eq!(form::urlencoded(&json(data)).ok().as_deref(), expected, "{data}");
    };
    check(r#"{"a":"x y","b":[1,true],"ż":null}"#, Some("a=x+y&b=1&b=true&%C5%BC=null"));
    check("{}", Some(""));
    check(r#"{"a":{"b":1}}"#, None);
    check(r#"{"a":[[1]]}"#, None);
    check("[1]", None);
    check("7", None);
    check(r#"{"a":{"@file":"x","base64":""}}"#, None);
}

#[test]
fn a_form_of_parts_has_files() {
    let data = r#"{"a":"x y","f":{"@file":"q\"r.txt","base64":"AP8=","type":"text/x"}}"#;
    assert!(form::has_file(&json(data)) && !form::has_file(&json(r#"{"a":"@file"}"#)));
    let (kind, body) = form::multipart(&json(data)).expect("a form");
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("its type");
    let expected = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx y\r\n").into_bytes(),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q%22r.txt\"\r\nContent-Type: text/x\r\n\r\n"
        )
        .into_bytes(),
        b"\0\xff\r\n".to_vec(),
        format!("--{boundary}--\r\n").into_bytes(),
    ];
    assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&expected.concat()));
    for wrong in [r#"{"f":{"@file":"x","base64":"*"}}"#, r#"{"f":{"@file":"x"}}"#, "[]"] {
        form::multipart(&json(wrong)).expect_err(wrong);
    }
}

#[test]
fn a_recorded_response_is_given_again() {
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    let headers = |status: &str, more: &[(&str, &str)]| -> Headers {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
        std::iter::once((crate::message::STATUS.to_owned(), text(status))).chain(more).collect()
    };
    let reply = |kind, data: &str, headers| {
        let data = (!data.is_empty()).then(|| json(data));
        Reply { kind, data, headers }
    };
    let next = ReplyKind::Next { last: true };
    let check = |values: &[Reply], last: &Reply, status: u16, body: &str| {
        let (found, map, bytes) = played(values, last).expect("a response");
        assert_eq!((found.as_u16(), &*String::from_utf8_lossy(&bytes)), (status, body));
        map
    };
    let kept = [("content-type", "application/json"), ("x-a", "1")];
    let dropped =
        [("content-length", "9"), ("content-encoding", "gzip"), ("set-cookie", "***"), ("date", "x")];
    let map =
        check(&[], &reply(next, "{}", headers("201", &[kept, [dropped[0], dropped[1]]].concat())), 201, "{}");
    assert_eq!(map.len(), 2, "{map:?}");
    assert!(check(&[], &reply(next, "{}", headers("200", &dropped)), 200, "{}").is_empty());
    let html = headers("404", &[("content-type", "text/html")]);
    check(&[], &reply(ReplyKind::Refused, r#""<p>""#, html), 404, "<p>");
    check(&[], &reply(ReplyKind::Refused, r#""404 Not Found""#, headers("404", &[])), 404, "");
    check(&[], &reply(ReplyKind::End, "", headers("204", &[])), 204, "");
    let event = reply(ReplyKind::Next { last: false }, r#"{"n":1}"#, vec![("id".to_owned(), text("7"))]);
    let map =
        check(&[event], &reply(ReplyKind::End, "", headers("200", &[])), 200, "id: 7\ndata: {\"n\":1}\n\n");
    assert_eq!(map["content-type"], "text/event-stream");
    assert!(played(&[], &reply(next, "1", Vec::new())).is_none());
}

#[test]
fn routes_cover_paths() {
    let check = |filter: &str, path: &str, expected: bool| {
        assert_eq!(covers(filter, path), expected, "{filter} {path}");
    };
    check("/orders/:id", "/orders/7", true);
    check("/orders/:id", "/orders/7?full=1", true);
    check("/orders/:id", "/orders/", false);
    check("/orders/:id", "/orders/7/items", false);
    check("/orders/*", "/orders/7/items", true);
    check("/orders/*", "/orders", false);
    check("/orders", "/orders?x=1", true);
    check("/orders?x=1", "/orders?x=1", true);
    check("/orders?x=1", "/orders?x=2", false);
    check("/", "/", true);
}

#[test]
fn errors_name_their_status() {
    let check = |text: &str, status: u16, body: &str| {
        let (found, sent) = refused(Some(&json(text)));
        assert_eq!((found.as_u16(), String::from_utf8_lossy(&sent).as_ref()), (status, body));
    };
    check(r#"{"statusCode":404,"message":"m"}"#, 404, r#"{"statusCode":404,"message":"m"}"#);
    check(r#"{"statusCode":200}"#, 500, r#"{"statusCode":200}"#);
    check(r#"{"statusCode":"404"}"#, 500, r#"{"statusCode":"404"}"#);
    check(r#"{"status":"error","message":"m"}"#, 500, r#"{"statusCode":500,"message":"m"}"#);
    check(r#""m""#, 500, r#"{"statusCode":500,"message":"m"}"#);
    check("7", 500, r#"{"statusCode":500,"message":"7"}"#);
    assert_eq!(refused(None).1, br#"{"statusCode":500,"message":"Internal server error"}"#);
}

#[test]
fn bodies_are_unpacked() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"hello").unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(&*unpacked(Some("GZIP"), &packed).unwrap(), b"hello");
    assert_eq!(&*unpacked(Some("br"), &packed).unwrap(), packed);
    assert_eq!(&*unpacked(Some("gzip"), b"").unwrap(), b"");
    unpacked(Some("gzip"), b"hello").expect_err("no gzip");
    unpacked(Some("gzip"), &packed[..packed.len() - 9]).expect_err("cut short");
}

/// What a reader finds in `bytes`, cut in two at every place; `methods` are those of the requests.
fn check(side: Side, bytes: &[u8], methods: &[&str], expected: &[&str], ends: bool) {
    for cut in 0..=bytes.len() {
        let mut reader = Reader::new(side);
        let mut methods = methods.iter();
        let mut found = Vec::new();
        for piece in [&bytes[..cut], &bytes[cut..]] {
            reader.feed(piece);
            loop {
                match reader.next_part(|| methods.next().map(|method| (*method).to_owned())) {
                    Ok(Some(part)) => found.push(told(part)),
                    Ok(None) => break,
                    Err(error) => {
                        found.push(format!("error: {error}"));
                        break;
                    }
                }
            }
        }
        assert_eq!(reader.is_within(), !ends, "cut at {cut}");
        found.extend(reader.finish().map(told));
        assert_eq!(found, expected, "cut at {cut}");
    }
}

fn told(part: Part) -> String {
    match part {
        Part::Whole(whole) => {
            let start = match whole.start {
                Start::Request(method, target) => format!("{method} {target}"),
                Start::Response(status) => status.as_str().to_owned(),
            };
            format!("{start} {}", String::from_utf8_lossy(&whole.body)).trim_end().to_owned()
        }
        Part::Event(status, reply) => {
            let data = reply.data.as_ref().map(|data| String::from_utf8_lossy(data.as_bytes()).into_owned());
            format!("{status} event {}", data.unwrap_or_default())
        }
        Part::End(_) => "end".to_owned(),
        Part::Upgraded(status) => format!("upgraded {}", status.as_str()),
    }
}

#[test]
fn requests_are_read_however_they_come() {
    let bytes = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
                  PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nt: 1\r\n\r\nGET /d HTTP/1.1\r\n\r\n";
    check(Side::Requests, bytes, &[], &["GET /a", "POST /b abc", "PUT /c def", "GET /d"], true);
    check(Side::Requests, b"POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc", &[], &[], false);
    check(Side::Requests, b"\x00\x01\x02 what", &[], &["error: invalid token"], true);
}

#[test]
fn responses_are_read_by_what_was_asked() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab\
                  HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\
                  HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n\
                  HTTP/1.0 200 OK\r\n\r\nto the end";
    let methods = ["GET", "HEAD", "DELETE", "GET", "GET"];
    check(Side::Responses, bytes, &methods, &["200 ab", "200", "204", "404 xyz", "200 to the end"], true);
    let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello";
    check(Side::Responses, upgrade, &["GET"], &["upgraded 101"], true);
    let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc";
    check(Side::Responses, chunk, &["GET"], &["error: a chunk that is longer than it says"], true);
}

#[test]
fn a_stream_of_events_is_read_event_by_event() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                  9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n";
    check(Side::Responses, bytes, &["GET"], &["200 OK event 1", "200 OK event 2", "end"], true);
}
