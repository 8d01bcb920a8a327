//! `eyas mock` over gRPC: Nest's client and grpcurl are answered as by a service.

use serde_json::json;

use super::{grpcurl, proto};
use crate::eyas as program;
use crate::oracle::{Ask, Nest, Outcome};
use crate::server::Server;
use crate::tls::{authority, identity};

fn mock(more: &[&str]) -> (Server, String) {
    let url = format!("grpc://127.0.0.1:0?proto={}", proto("heroes.proto"));
    let server = program::start(&[&["mock", &url], more].concat());
    let url = format!("grpc://{}", server.listening());
    (server, url)
}

const RULES: &str = r#"
[[on]]
pattern = "Heroes.FindOne"
reply = { hero_id = "7", name = "żółw", rank = "RANK_LEGEND", scores = { b = 1, a = 2 } }
[[on]]
pattern = "heroes.v1.Heroes/List"
stream = [{ heroId = 1 }, { heroId = 2 }]
[[on]]
pattern = "heroes.fail"
error = { code = 5, message = "not here żółw", metadata = { x-why = "because" } }
[[on]]
pattern = "Heroes.ListThenFail"
stream = [{ heroId = 1 }]
every = "50ms"
error = { status = "ABORTED", message = "enough" }
[[on]]
pattern = "Heroes.Sum"
reply = { heroId = 42 }
[[on]]
pattern = "Heroes.Chat"
reply = { heroId = 10 }
"#;

#[test]
fn node_clients_and_grpcurl_are_answered() {
    let (server, url) = mock(&["--rules", &program::file("heroes.toml", RULES)]);
    for nest in [Nest::V10, Nest::V11, Nest::V12] {
        let ask = |method: &str, data: &str| {
            let mut ask = Ask::new(&url, &format!("{:?}", format!("heroes.v1.Heroes/{method}")), data);
            ask.options = json!({ "loader": { "longs": "String", "enums": "String" } });
            nest.client().send(&ask)
        };
        let found = |values: &[&str]| Outcome {
            values: values.iter().map(|&value| value.to_owned()).collect(),
            complete: true,
            ..Outcome::default()
        };
        let hero = r#"{"heroId":"7","name":"żółw","rank":"RANK_LEGEND","scores":{"a":2,"b":1}}"#;
        let answered = ask("FindOne", r#"{"heroId":1}"#).sorted();
        let answered: serde_json::Value = serde_json::from_str(&answered.values[0]).unwrap();
        for (name, value) in serde_json::from_str::<serde_json::Map<_, _>>(hero).unwrap() {
            assert_eq!(answered[&name], value, "{}", server.output());
        }
        let (one, two) = (r#"{"heroId":"1"}"#, r#"{"heroId":"2"}"#);
        let ids = |outcome: Outcome| -> Vec<_> {
            let id =
                |text: &String| serde_json::from_str::<serde_json::Value>(text).unwrap()["heroId"].clone();
            outcome.values.iter().map(id).collect()
        };
        assert_eq!(ids(ask("List", "{}")), ids(found(&[one, two])), "{}", server.output());
        assert_eq!(ids(ask("Sum", r#"[{"heroId":1}]"#)), ["42"], "{}", server.output());
        assert_eq!(ids(ask("Chat", r#"[{"heroId":1},{"heroId":2}]"#)), ["10", "10"], "{}", server.output());
        let error = ask("Fail", "{}").error.expect("an error");
        assert_eq!(error, r#"{"code":5,"status":"NOT_FOUND","message":"not here żółw"}"#);
        let late = ask("ListThenFail", "{}");
        assert_eq!(late.error.as_deref(), Some(r#"{"code":10,"status":"ABORTED","message":"enough"}"#));
        assert_eq!(ids(late), ["1"]);
        let nothing = ask("Ping", "{}").error.expect("an error");
        assert!(nothing.contains("The server does not implement the method Ping"), "{nothing}");
    }
    // It tells its schema, and grpcurl reads it.
    let peer = grpcurl(&url, "heroes.v1.Heroes/FindOne", "{}", &["-use-reflection"]);
    assert_eq!(peer.values[0]["scores"], json!({ "a": 2, "b": 1 }));
    program::run(&["send", &url, "heroes.findone", "-O", "gzip=true"]).exits(0);
}

/// Whoever waits for a mock that ends hears so, and does not take it for an empty answer.
#[test]
fn a_mock_that_ends() {
    for signal in ["INT", "KILL"] {
        let (mock, url) = mock(&["--on", "Heroes.Never={}", "--on", "Heroes.List={}", "--delay", "1h"]);
        let calls = ["Heroes.Never", "Heroes.List"];
        let mut waiting = calls.map(|method| program::start(&["send", &url, method, "--timeout", "1m"]));
        mock.on_stdout("both calls", |lines| (lines.len() == 2).then_some(()));
        mock.signal(signal);
        for call in &mut waiting {
            assert_eq!(call.ended().code(), Some(1), "{signal}: {}", call.output());
        }
    }
}

#[test]
fn over_tls_and_through_a_tail() {
    let ours = authority("ours");
    let server = identity(&ours, &["127.0.0.1"]);
    let ca = program::file("grpc-mock-ca.pem", ours.pem());
    let (cert, key) =
        (program::file("grpc-mock.pem", &server.cert), program::file("grpc-mock.key", &server.key));
    let url = format!("grpcs://127.0.0.1:0?proto={}", proto("heroes.proto"));
    let rule = r#"Heroes.FindOne={"name":"a"}"#;
    let mock = program::start(&["mock", &url, "--on", rule, "--tls-cert", &cert, "--tls-key", &key]);
    let url = format!("grpcs://{}", mock.listening());
    let run = program::run(&["send", &url, "Heroes.FindOne", "--tls-ca", &ca]).exits(0);
    assert_eq!(run.stdout, [r#"{"name":"a"}"#]);
    let (listen_cert, listen_key) = (format!("listen_cert={cert}"), format!("listen_key={key}"));
    let tls = ["--tls-ca", &ca, "-O", &listen_cert, "-O", &listen_key];
    let tail = program::start(&[&["tail", &url, "--listen", "0", "-o", "json"], &tls[..]].concat());
    let through = format!("grpcs://{}", tail.listening());
    program::run(&["send", &through, "Heroes.FindOne", "--tls-ca", &ca]).exits(0);
    tail.on_stdout("reply", |lines| {
        lines.iter().any(|line| line.contains(r#""data":{"name":"a"}"#)).then_some(())
    });
}

#[test]
fn rules_that_do_not_fit() {
    let url = format!("grpc://127.0.0.1:0?proto={}", proto("heroes.proto"));
    let with = |rule: &str| program::run(&["mock", &url, "--for", "1s", "--on", rule]).exits(2);
    with("Heroes.FindOn={}").says("did you mean `FindOne`").says("Heroes.FindOn");
    with("FindOne={}").says("names no method");
    program::run(&["mock", &url, "--on", "Heroes.Fail=1", "--on", "heroes.v1.Heroes/Fail=2"])
        .exits(2)
        .says("two rules");
    program::run(&["mock", "grpc://127.0.0.1:0", "--echo"]).exits(2).says("-O proto=");
    let (server, url) = mock(&["--on", r#"Heroes.FindOne={"nme":1}"#]);
    program::run(&["send", &url, "Heroes.FindOne"]).exits(1).says("INTERNAL").says("nme");
    server.on_stderr("finding", |lines| {
        lines.iter().any(|line| line.contains("did you mean `name`")).then_some(())
    });
}
