//! `eyas record`, `replay` and `mock --from` over gRPC, streams of messages and statuses included.

use super::{proto, service, suite};
use crate::conformance::calls;
use crate::eyas as program;
use crate::oracle::{Ask, Nest, Outcome};
use crate::server::Server;
use crate::tapes::{path, until_written};

const SAMPLES: [(&str, &str); 6] = [
    ("FindOne", r#"{"heroId":7}"#),
    ("Sum", r#"[{"heroId":1},{"heroId":2},{"heroId":39}]"#),
    ("Sum", r#"[{"heroId":5}]"#),
    ("Chat", r#"[{"heroId":1},{"heroId":2}]"#),
    ("FailWithMetadata", "{}"),
    ("ListThenFail", "{}"),
];

/// What Nest's client is answered at `url` to all of it.
fn answers(nest: Nest, url: &str) -> Vec<(String, Outcome)> {
    let ask = |pattern: String, data: &str| {
        let outcome = nest.client().send(&Ask::new(url, &pattern, data)).sorted();
        (format!("{pattern} {}", data.get(..60).unwrap_or(data)), outcome)
    };
    let known =
        calls().into_iter().filter_map(|(pattern, data)| Some((suite::method(&pattern, &data)?, data)));
    let known = known.filter(|(pattern, _)| !pattern.contains("NoSuch"));
    let mut found: Vec<_> = known.map(|(pattern, data)| ask(pattern, &data)).collect();
    found.extend(SAMPLES.map(|(name, data)| ask(format!("{:?}", format!("heroes.v1.Heroes/{name}")), data)));
    found
}

fn same(found: &[(String, Outcome)], expected: &[(String, Outcome)], server: &Server) {
    for ((call, found), (_, expected)) in found.iter().zip(expected) {
        if expected.error.is_none() {
            assert_eq!(found, expected, "{call}\n{}", server.output());
        }
        // An error that comes at once with the values before it overtakes them in Nest's client.
        assert_eq!(found.error, expected.error, "{call}\n{}", server.output());
        assert!(expected.values.starts_with(&found.values), "{call}: {found:?}\n{}", server.output());
    }
    assert_eq!(found.len(), expected.len());
}

fn a_recording_is_compared_and_played(nest: Nest) {
    let url = &service(nest).url;
    let file = path(&format!("grpc-{}.jsonl", nest.major()));
    let mut recording = program::start(&["record", &file, url, "--listen", "127.0.0.1:0"]);
    let through = format!("grpc://{}", recording.listening());
    let asked = answers(nest, &through);
    let finals = asked.iter().map(|(_, outcome)| outcome).filter(|outcome| outcome.failure.is_none()).count();
    assert_eq!(finals, asked.len());
    until_written(&file, r#""final":true"#, finals, &recording);
    recording.signal("INT");
    assert_eq!(recording.ended().code(), Some(130), "{}", recording.output());

    program::run(&["replay", &file, url, "--compare"]).exits(0).says("0 different");
    // Errors among the answers are what was recorded, and still errors.
    let all = program::run(&["replay", &file, url, "--speed", "max"]).exits(1);
    all.says(&format!("{} requests", asked.len())).says("answered with an error");

    let protos = format!("{},{}", proto("calls.proto"), proto("heroes.proto"));
    let place = format!("grpc://127.0.0.1:0?proto={protos}");
    let mock = ["mock", &place, "--from", &file];
    let played = program::start(&mock);
    let mocked = format!("grpc://{}", played.listening());
    same(&answers(nest, &mocked), &asked, &played);
    let run = program::run(&["send", &mocked, "Heroes.FailWithMetadata", "-o", "json"]).exits(1);
    assert!(run.stdout[0].contains(r#""x-why":"because""#), "{run:?}");
    drop(played);
    let played = program::start(&mock);
    let mocked = format!("grpc://{}", played.listening());
    program::run(&["replay", &file, &mocked, "--compare"]).exits(0).says("0 different");
    let changed = program::start(&[&mock[..], &["--on", r#"Heroes.Sum={"heroId":1}"#]].concat());
    let mocked = format!("grpc://{}", changed.listening());
    let run = program::run(&["replay", &file, &mocked, "--compare"]).exits(1).says("2 different");
    assert!(run.stdout.iter().any(|line| line.starts_with("  .heroId: ")), "{run:?}");
}

#[test]
fn grpc_nest10_a_recording_is_compared_and_played() {
    a_recording_is_compared_and_played(Nest::V10);
}

#[test]
fn grpc_nest11_a_recording_is_compared_and_played() {
    a_recording_is_compared_and_played(Nest::V11);
}

#[test]
fn grpc_nest12_a_recording_is_compared_and_played() {
    a_recording_is_compared_and_played(Nest::V12);
}

/// What was recorded where nobody knew the schema goes as the bytes it is.
#[test]
fn node_bytes_of_a_recording() {
    let service = crate::oracle::Service::spawn(Nest::V12, "grpc://127.0.0.1:0", &serde_json::json!({}));
    let file = path("grpc-bytes.jsonl");
    let mut recording = program::start(&["record", &file, &service.url, "--listen", "127.0.0.1:0"]);
    let through = format!("grpc://{}", recording.listening());
    let option = format!("proto={}", proto("heroes.proto"));
    program::run(&["send", &through, "Heroes.FindOne", "hero_id=7", "-O", &option]).exits(0);
    until_written(&file, r#""final":true"#, 1, &recording);
    recording.signal("INT");
    recording.ended();
    assert!(std::fs::read_to_string(&file).unwrap().contains("data_base64"));
    program::run(&["replay", &file, &service.url, "--compare"]).exits(0).says("0 different");
}
