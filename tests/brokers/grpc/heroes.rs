//! Everything that protobuf has, as a Nest service takes and gives it.

use serde_json::{Value, json};

use super::{grpcurl, proto, service};
use crate::eyas::{self as program, Record, Run};
use crate::oracle::{Ask, Nest};

const EVERY: [Nest; 3] = [Nest::V10, Nest::V11, Nest::V12];

fn send(nest: Nest, method: &str, data: &str, more: &[&str]) -> Run {
    program::run(&[&["send", &service(nest).url, method, data], more].concat())
}

fn values(run: &Run) -> Vec<Value> {
    run.stdout.iter().map(|line| serde_json::from_str(line).expect("a reply is JSON")).collect()
}

/// The same call by eyas with the schema reflected, with the schema of the proto, and by grpcurl.
fn same(method: &str, data: &str) -> Vec<Value> {
    let heroes = proto("heroes.proto");
    let mut found = None;
    for nest in EVERY {
        let reflected = send(nest, method, data, &[]).exits(0);
        let compiled = send(nest, method, data, &["-O", &format!("proto={heroes}")]).exits(0);
        assert_eq!(reflected.stdout, compiled.stdout, "{method}");
        let peer = grpcurl(&service(nest).url, method, data, &[]);
        assert_eq!(values(&compiled), peer.values, "{method} {:?}", peer.error);
        found = Some(values(&compiled));
    }
    found.expect("there are versions of Nest")
}

#[test]
fn grpcurl_and_every_type() {
    let hero = same("heroes.v1.Heroes/FindOne", r#"{"heroId":"9007199254740993"}"#);
    assert_eq!(hero[0]["heroId"], json!("9007199254740993"));
    assert_eq!(hero[0]["rank"], json!("RANK_LEGEND"));
    assert_eq!(hero[0]["badge"], json!("AP8="));
    let all = r#"{"heroId":"-1","name":"ż😀","rank":"RANK_SIDEKICK","powers":[{"powerName":"a","level":-2},{}],
        "scores":{"z":1,"a":0,"ż":-3},"badge":"AAEC","largest":"18446744073709551615","height":1e300,"weight":0.5,
        "retired":true,"city":"","age":0,"marks":["-9223372036854775808","1"]}"#;
    assert_eq!(same("heroes.v1.Heroes/Save", all).len(), 1);
    let types = r#"{"at":"2026-01-02T03:04:05.006Z","took":"-1.5s","extra":{"a":[1,{"b":null}],"c":"d"},"note":"",
        "count":"0","any":{"@type":"type.googleapis.com/heroes.v1.Power","powerName":"x","level":1},
        "list":[1,"two",[true]]}"#;
    same("heroes.v1.Heroes/SaveTypes", types);
    same("heroes.v1.Heroes/Ping", "{}");
    // grpcurl does not know a mask's JSON.
    let mask = r#"{"mask":"a.b,cD"}"#;
    assert_eq!(send(Nest::V12, "heroes.v1.Heroes/SaveTypes", mask, &[]).exits(0).stdout, [mask]);
    assert_eq!(same("heroes.v1.Heroes/List", "{}").len(), 2);
}

#[test]
fn grpcurl_and_statuses() {
    let methods = ["Fail", "FailWithMetadata", "ListThenFail", "Unbound"];
    for (nest, method) in EVERY.into_iter().flat_map(|nest| methods.map(|method| (nest, method))) {
        let method = format!("heroes.v1.Heroes/{method}");
        let run = send(nest, &method, "{}", &["-o", "json"]).exits(1);
        let peer = grpcurl(&service(nest).url, &method, "{}", &[]);
        let error = Record::read(run.stdout.last().expect("an error is told")).raw("err").expect("an error");
        let error: Value = serde_json::from_str(&error).unwrap();
        let (code, message) = peer.error.expect("grpcurl tells an error, too");
        let name = error["status"].as_str().unwrap().replace('_', "").to_lowercase();
        assert_eq!((name, error["message"].as_str()), (code.to_lowercase(), Some(&*message)), "{run:?}");
        // For people it is on standard error, by its name.
        send(nest, &method, "{}", &[]).exits(1).says(error["status"].as_str().unwrap()).says(&message);
    }
}

/// Either name of a field, in what is reflected, where the proto's own names are lost, and in the proto.
#[test]
fn node_names_of_fields() {
    let option = format!("proto={}", proto("heroes.proto"));
    for nest in EVERY {
        for more in [&[][..], &["-O", &option]] {
            for data in ["hero_id=5", "heroId=5"] {
                let run = send(nest, "heroes.v1.Heroes/FindOne", data, more).exits(0);
                assert_eq!(values(&run)[0]["heroId"], json!("5"), "{run:?}");
            }
            let powers = r#"{"powers":[{"power_name":"a"},{"powerName":"b"}]}"#;
            let run = send(nest, "Heroes.Save", powers, more).exits(0);
            assert_eq!(values(&run), [json!({ "powers": [{ "powerName": "a" }, { "powerName": "b" }] })]);
        }
    }
}

#[test]
fn node_names_of_methods() {
    let names = [
        "heroes.v1.Heroes/FindOne",
        "/heroes.v1.Heroes/FindOne",
        "heroes.v1.Heroes.FindOne",
        "Heroes.FindOne",
        "heroes.findone",
        "Heroes/FindOne",
        "v1.Heroes/FindOne",
    ];
    for name in names {
        let run = send(Nest::V12, name, "hero_id=7", &[]).exits(0);
        assert_eq!(values(&run)[0]["heroId"], json!("7"), "{name}");
    }
    send(Nest::V12, "Heroes.FindOn", "{}", &[]).exits(2).says("did you mean `FindOne`");
    send(Nest::V12, "Heros.FindOne", "{}", &[]).exits(2).says("did you mean `Heroes`");
    send(Nest::V12, "FindOne", "{}", &[]).exits(2).says("names no method");
    send(Nest::V12, r#"{"cmd":"sum"}"#, "{}", &[]).exits(2).says("JSON");
}

/// A unary method answered twice: each value is shown, and what it is said.
#[test]
fn node_answers_twice() {
    for nest in EVERY {
        let run = send(nest, "Heroes.FindTwice", "hero_id=1", &[]).exits(0).says("several");
        let ids: Vec<_> = values(&run).iter().map(|hero| hero["heroId"].clone()).collect();
        assert_eq!(ids, ["1", "2"], "{run:?}");
    }
}

#[test]
fn node_streams_of_both_sides() {
    for nest in EVERY {
        let url = &service(nest).url;
        let input = b"{\"hero_id\":1}\n{\"heroId\":\"2\"}\n{\"heroId\":39}\n";
        let run = program::run_with(&["send", url, "Heroes.Sum", "--ndjson", "-"], input).exits(0);
        assert_eq!(run.stdout, [r#"{"heroId":"42"}"#]);
        let run = program::run_with(&["send", url, "Heroes.Chat", "--ndjson", "-", "-O", "gzip=true"], input)
            .exits(0);
        assert_eq!(run.stdout, [r#"{"heroId":"10"}"#, r#"{"heroId":"20"}"#, r#"{"heroId":"390"}"#]);
        // Nest's own client says the same of a stream.
        let ask = Ask::new(url, r#""heroes.v1.Heroes/Sum""#, r#"[{"heroId":1},{"heroId":41}]"#);
        let outcome = nest.client().send(&ask);
        assert!(outcome.complete && outcome.values.len() == 1, "{outcome:?}");
        // One message is a stream of one, none is a stream, too.
        assert_eq!(send(nest, "Heroes.Sum", "hero_id=3", &[]).exits(0).stdout, [r#"{"heroId":"3"}"#]);
        let run = program::run_with(&["send", url, "Heroes.Chat", "--ndjson", "-"], b"").exits(0);
        assert!(run.stdout.is_empty(), "{run:?}");
        // Where messages are calls each line is one.
        let run = program::run_with(&["send", url, "Heroes.FindOne", "--ndjson", "-"], input).exits(0);
        assert_eq!(run.stdout.len(), 3, "{run:?}");
    }
}

/// Replies are told while the stream is still being written.
#[test]
fn node_answers_before_the_stream_ends() {
    let url = &service(Nest::V12).url;
    let mut talk = program::start(&["send", url, "Heroes.Chat", "--ndjson", "-"]);
    for number in 1..=3 {
        talk.write(format!("{{\"heroId\":{number}}}\n").as_bytes()).unwrap();
        let expected = format!(r#"{{"heroId":"{number}0"}}"#);
        talk.on_stdout("reply", |lines| lines.contains(&expected).then_some(()));
    }
    talk.close_stdin();
    assert_eq!(talk.ended().code(), Some(0), "{}", talk.output());
}

#[test]
fn node_metadata_both_ways() {
    for nest in EVERY {
        let headers = ["-H", "X-One: a b", "-H", "x-raw-bin: AAH+", "-o", "json"];
        let run = send(nest, "Heroes.Headers", "{}", &headers).exits(0);
        let record = Record::read(&run.stdout[0]);
        assert_eq!(record.inner("headers", "x-one").as_deref(), Some(r#""a b""#), "{run:?}");
        assert_eq!(record.inner("headers", "x-raw-bin").as_deref(), Some(r#"{"base64":"AAH+"}"#), "{run:?}");
        // The deadline is told to the service.
        assert!(run.stdout[0].contains("a deadline"), "{run:?}");
        let run = send(nest, "Heroes.FailWithMetadata", "{}", &["-o", "json"]).exits(1);
        let record = Record::read(&run.stdout[0]);
        assert_eq!(record.inner("headers", "x-why").as_deref(), Some(r#""because""#), "{run:?}");
        assert_eq!(record.inner("headers", "x-raw-bin").as_deref(), Some(r#"{"base64":"AAH+"}"#), "{run:?}");
    }
    send(Nest::V12, "Heroes.Headers", "{}", &["-H", "x-bin: ż"]).exits(2).says("base64");
    send(Nest::V12, "Heroes.Headers", "{}", &["-H", "x: ż"]).exits(2).says("ASCII").says("x-bin");
    send(Nest::V12, "Heroes.Headers", "{}", &["-H", "grpc-timeout: 1S"]).exits(2).says("--timeout");
}
