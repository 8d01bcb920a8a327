//! HTTP against a real Nest service, and against what Node's own client says of the same calls.

mod between;
mod curl;
mod faults;
mod tapes;

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::eyas::{self as program, Record};
use crate::oracle::{Nest, Service};
use crate::server::Server;

/// The service that all tests share.
pub fn service() -> &'static Service {
    static SERVICE: LazyLock<Service> = LazyLock::new(Service::http);
    &SERVICE
}

/// Requests that the service answers in one way always: method, path and the body's JSON.
const CALLS: &[(&str, &str, &str)] = &[
    ("GET", "/orders/7", ""),
    ("GET", "/orders/7?full=1&full=2&q=a%20b", ""),
    ("GET", "/orders/%C5%BC%C3%B3%C5%82w", ""),
    ("POST", "/orders", r#"{"name":"żółw","qty":2}"#),
    ("PATCH", "/orders/7", r#"{"b":[1,null],"a":""}"#),
    ("DELETE", "/orders/7", ""),
    ("GET", "/ret/text", ""),
    ("GET", "/ret/number", ""),
    ("GET", "/ret/false", ""),
    ("GET", "/ret/null", ""),
    ("GET", "/ret/undefined", ""),
    ("GET", "/ret/empty", ""),
    ("GET", "/ret/list", ""),
    ("GET", "/ret/big", ""),
    ("GET", "/stream/sync", ""),
    ("GET", "/stream/empty", ""),
    ("GET", "/stream/late-error", ""),
    ("GET", "/throw/http", ""),
    ("GET", "/throw/object", ""),
    ("GET", "/throw/error", ""),
    ("GET", "/redirect", ""),
    ("GET", "/gzip", ""),
    ("GET", "/there/is/no/such/route", ""),
    ("POST", "/ret/text", "{}"),
    ("POST", "/orders", r#"["not an object"]"#),
];

/// What Node's `fetch` is answered to `calls` at `url`, one after the other: status, content type and body.
fn fetch(url: &str, calls: &[(&str, &str, &str)]) -> Vec<Value> {
    const SCRIPT: &str = r#"
        const { url, calls } = JSON.parse(process.env.CALLS);
        for (const [method, path, body] of calls) {
            const headers = body ? { "content-type": "application/json" } : {};
            const response = await fetch(url + path, { method, headers, body: body || undefined, redirect: "manual" });
            const found = { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
            console.log(JSON.stringify(found));
        }"#;
    let asked = json!({ "url": url, "calls": calls });
    let mut command = Nest::node(SCRIPT);
    let mut node = Server::spawn("fetch", command.env("CALLS", asked.to_string()));
    node.close_stdin();
    assert!(node.ended().success(), "{}", node.output());
    node.lines().0.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The status and the body of the reply that `record` is.
fn answer(record: &Record) -> (String, String) {
    let status = record.inner("headers", ":status").unwrap_or_default().trim_matches('"').to_owned();
    let text = |key: &str| record.text(key);
    let body = record.raw("data").or_else(|| text("data_text"));
    let error = || record.raw("err").map(|raw| serde_json::from_str(&raw).unwrap_or(raw));
    (status, body.or_else(error).unwrap_or_default())
}

mod nest12 {
    use super::*;

    #[test]
    fn answers_as_fetch_is_answered() {
        let url = &service().url;
        for ((method, path, body), expected) in CALLS.iter().zip(fetch(url, CALLS)) {
            let mut words = vec!["send", url, method, path, "-o", "json"];
            if !body.is_empty() {
                words.push(body);
            }
            let run = program::run(&words);
            let status = expected["status"].as_u64().unwrap();
            let run = run.exits(i32::from(status >= 400));
            let (found, text) = answer(&Record::read(&run.stdout[0]));
            assert_eq!(found, status.to_string(), "{method} {path}");
            assert_eq!(text, expected["body"].as_str().unwrap(), "{method} {path}");
        }
    }

    #[test]
    fn takes_what_is_typed() {
        let url = &service().url;
        let seen = |words: &[&str]| {
            let run = program::run(&[&["send", url], words].concat()).exits(0);
            serde_json::from_str::<Value>(&run.stdout[0]).unwrap()
        };
        let check = |words: &[&str], method: &str, path: &str, kind: &str, body: &Value| {
            let found = seen(words);
            assert_eq!((&found["method"], &found["url"]), (&json!(method), &json!(path)), "{words:?}");
            assert_eq!((&found["type"], &found["body"]), (&json!(kind), body), "{words:?}");
        };
        let json = "application/json";
        check(&["/echo", "a=1", "b:=[2]"], "POST", "/echo", json, &json!({ "a": "1", "b": [2] }));
        check(&["put", "/echo", "q==a b", "x:=1"], "PUT", "/echo?q=a+b", json, &json!({ "x": 1 }));
        check(&["/echo", "-d", r#"{"x":1}"#], "POST", "/echo", json, &json!({ "x": 1 }));
        let form = "application/x-www-form-urlencoded";
        let fields = json!({ "a": "x y", "b": ["1", "2"] });
        check(&["/echo", "a=x y", "b:=[1,2]", "-O", "form=true"], "POST", "/echo", form, &fields);
        let file = program::file("body.json", "{\"from\": \"a file\"}");
        check(&["/echo", "-d", &format!("@{file}")], "POST", "/echo", json, &json!({ "from": "a file" }));
        let found = seen(&["/echo", "-H", "x-trace: 7", "-H", "Content-Type: text/x"]);
        assert_eq!(
            (&found["method"], &found["trace"], &found["type"]),
            (&json!("GET"), &json!("7"), &json!("text/x"))
        );
        // No METHOD and no PATH: the address itself.
        let run = program::run(&["send", &format!("{url}/orders/3")]).exits(0);
        assert_eq!(run.stdout, [r#"{"id":"3","query":{}}"#]);
        let run = program::run(&["send", &format!("{url}/orders"), "GET", "/4"]).exits(0);
        assert_eq!(run.stdout, [r#"{"id":"4","query":{}}"#]);
    }

    #[test]
    fn says_no_in_words() {
        let url = &service().url;
        program::run(&["send", url, "/throw/http"]).exits(1).says("(404)").says("not here");
        program::run(&["send", url, "/throw/error"]).exits(1).says("(500)").says("HttpException");
        program::run(&["send", url, "/never", "--timeout", "300ms"]).exits(4);
        program::run(&["send", url, "/reset"]).exits(1).says("closed the connection");
        program::run(&["send", url, "/redirect"]).exits(0).says("-O follow=true");
        let run = program::run(&["send", url, "/redirect", "-O", "follow=true"]).exits(0);
        assert_eq!(run.stdout, [r#"{"id":"7","query":{}}"#]);
        let run = program::run(&["send", url, "/gzip", "--print", "headers"]).exits(0);
        run.says(":status: 200").says("content-encoding: gzip");
        program::run(&["send", url, "/orders/1", "--expect", r#".id == "2""#]).exits(1);
    }

    #[test]
    fn streams_events() {
        let url = &service().url;
        let run = program::run(&["send", url, "/events"]).exits(0);
        assert_eq!(run.stdout, [r#"{"n":1}"#, "two", r#"{"n":3}"#]);
        let run = program::run(&["send", url, "/events", "-o", "json", "--replies", "1"]).exits(0);
        assert_eq!(Record::read(&run.stdout[0]).inner("pair", "final").as_deref(), Some("false"));
    }

    #[test]
    fn checks_what_is_emitted() {
        let service = service();
        program::run(&["emit", &service.url, "/echo", "by=emitted", "-n", "200"])
            .exits(0)
            .says("200 confirmed");
        service.called("all of them", |lines| {
            (lines.iter().filter(|line| line.contains("emitted")).count() == 200).then_some(())
        });
        let run = program::run(&["emit", &service.url, "GET", "/throw/http", "-n", "3"]);
        run.exits(1).says("3 lost").says("answered with 404");
        let lines = "{\"by\":\"line\"}\n{\"type\":\"message\",\"v\":1,\"ts\":\"2026-01-31T12:00:00Z\",\"transport\":\"http\",\"dir\":\"request\",\"pattern\":\"PUT /echo?n=2\",\"data\":{\"by\":\"record\"}}\n";
        let run = program::run_with(&["emit", &service.url, "/echo", "--ndjson", "-"], lines.as_bytes());
        run.exits(0).says("2 confirmed");
        assert!(service.call_with(r#""by":"record""#).contains("PUT"));
    }

    #[test]
    fn is_measured() {
        let run =
            program::run(&["bench", "send", &service().url, "/orders/1", "-n", "200", "-o", "json"]).exits(0);
        let summary = Record::read(run.stdout.last().expect("a summary"));
        assert_eq!(summary.raw("answered").or(summary.raw("calls")).as_deref(), Some("200"), "{summary:?}");
    }

    /// What a rule answers reaches a client as what a controller returns does.
    #[test]
    fn is_mocked() {
        let rules = program::file("http.toml", RULES);
        let mock = program::start(&["mock", "http://127.0.0.1:0", "--rules", &rules, "-o", "json"]);
        let url = format!("http://{}", mock.listening());
        // No rule says these: another status than the error names, a body of its own kind.
        let unsaid = ["/redirect", "/gzip", "/ret/big", "/throw/object"];
        let is_said = |call: &&(&str, &str, &str)| {
            let (method, path, body) = **call;
            !unsaid.contains(&path) && !path.contains("%C5") && method != "DELETE" && !body.starts_with('[')
        };
        let calls: Vec<_> = CALLS.iter().filter(is_said).copied().collect();
        for ((call, expected), found) in
            calls.iter().zip(fetch(&service().url, &calls)).zip(fetch(&url, &calls))
        {
            assert_eq!(found, expected, "{call:?}");
        }
        let called = crate::mqtt::record(&mock, "call", |record| {
            record.raw("pattern") == Some(r#""GET /orders/:id""#.to_owned())
        });
        assert_eq!(called.text("dest").as_deref(), Some("/orders/7"), "{called:?}");
    }
}

/// The answers of the service's controllers.
const RULES: &str = r#"
[[on]]
pattern = "GET /orders/:id"
reply = { id = "7", query = {} }
[[on]]
pattern = "GET /orders/7?full=1&full=2&q=a%20b"
json = '{"id":"7","query":{"full":["1","2"],"q":"a b"}}'
[[on]]
pattern = "POST /orders"
json = '{"id":1,"name":"żółw","qty":2}'
[[on]]
pattern = "PATCH /orders/7"
json = '{"b":[1,null],"a":""}'
[[on]]
pattern = "DELETE /orders/7"
json = 'null'
[[on]]
pattern = "GET /ret/text"
reply = "żółć"
[[on]]
pattern = "GET /ret/number"
reply = 42
[[on]]
pattern = "GET /ret/false"
reply = false
[[on]]
pattern = "GET /ret/null"
json = "null"
[[on]]
pattern = "GET /ret/undefined"
json = "null"
[[on]]
pattern = "GET /ret/empty"
reply = ""
[[on]]
pattern = "GET /ret/list"
json = '[1,{"two":2},null]'
[[on]]
pattern = "GET /stream/sync"
json = '{"three":3}'
[[on]]
pattern = "GET /stream/late-error"
stream = [1]
error = { statusCode = 409, message = "too late" }
[[on]]
pattern = "GET /stream/empty"
error = "Internal server error"
[[on]]
pattern = "GET /throw/http"
error = { statusCode = 404, message = "not here" }
[[on]]
pattern = "GET /throw/error"
error = "Internal server error"
"#;
