//! What goes wrong over gRPC, and what is said of it.

use serde_json::json;

use super::{proto, service};
use crate::eyas::{self as program, Run};
use crate::fake;
use crate::oracle::{Nest, Service};
use crate::tls::{authority, identity};

fn send(url: &str, more: &[&str]) -> Run {
    program::run(&[&["send", url], more].concat())
}

#[test]
fn node_without_reflection() {
    let service = Service::spawn(Nest::V12, "grpc://127.0.0.1:0", &json!({}));
    send(&service.url, &["Heroes.FindOne"]).exits(2).says("no reflection").says("-O proto=");
    send(&service.url, &["heroes.v1.Heroes/FindOne"]).exits(2).says("no reflection");
    // With the proto, here and as the service of a workspace, it can be called.
    let option = format!("proto={}", proto("heroes.proto"));
    send(&service.url, &["Heroes.FindOne", "hero_id=1", "-O", &option]).exits(0);
    let folder = program::folder().join("workspace");
    std::fs::create_dir_all(&folder).unwrap();
    let heroes = std::fs::read_to_string(proto("heroes.proto")).unwrap();
    std::fs::write(folder.join("heroes.proto"), heroes).unwrap();
    let url = &service.url;
    let file = format!("version = 1\n[services.heroes]\nurl = {url:?}\nproto = \"heroes.proto\"\n");
    std::fs::write(folder.join("eyas.toml"), file).unwrap();
    let run =
        program::command(&["send", "@heroes", "Heroes.FindOne", "hero_id=1"]).current_dir(&folder).output();
    assert!(run.as_ref().is_ok_and(|run| run.status.success()), "{run:?}");
    // Without a schema bytes go as they are, and come so.
    let run = send(&service.url, &["heroes.v1.Heroes/Ping", "--raw", "-d", "", "-o", "json"]);
    assert!(matches!(run.status.code(), Some(0)), "{run:?}");
}

#[test]
fn node_with_one_version_of_reflection() {
    for version in ["v1", "v1alpha"] {
        let service = Service::spawn(Nest::V12, "grpc://127.0.0.1:0", &json!({ "reflection": version }));
        let run = send(&service.url, &["Heroes.FindOne", "hero_id=1"]).exits(0);
        assert_eq!(run.stdout.len(), 1, "{version}: {run:?}");
    }
}

#[test]
fn protos_that_do_not_do() {
    let any = "grpc://127.0.0.1:1";
    let with = |file: &str| {
        let option = format!("proto={file}");
        send(any, &["A.B", "-O", &option]).exits(2)
    };
    with("/nonexistent/a.proto").says("/nonexistent/a.proto");
    let bad = program::file("bad.proto", "syntax = \"proto3\";\nmessage A {\n  strin g = 1;\n}\n");
    with(&bad).says("bad.proto:3:3");
    let broken = program::file("broken.proto", "syntax = \"proto3\";\nmessage {\n}\n");
    with(&broken).says("broken.proto:2:9");
    let importing = program::file("importing.proto", "syntax = \"proto3\";\nimport \"gone.proto\";\n");
    with(&importing).says("gone.proto").says("importing.proto:2:").says("-O import");
    send(any, &["A.B", "-O", "proto=x.proto", "-O", "import=/nonexistent"]).exits(2).says("/nonexistent");
    send(any, &["A.B", "-O", "gzip=maybe"]).exits(2).says("neither true nor false");
}

#[test]
fn node_data_that_does_not_fit() {
    let url = &service(Nest::V12).url;
    for (data, said) in [
        (r#"{"nme":"a"}"#, "did you mean `name`"),
        (r#"{"powers":[{},{"levl":1}]}"#, "in `powers[1]`"),
        (r#"{"powers":[{},{"level":"two"}]}"#, "`powers[1].level` has to be int32"),
        (r#"{"powers":{"level":1}}"#, "`powers` has to be repeated heroes.v1.Power"),
        (r#"{"scores":{"a":1,"b":"x"}}"#, "`scores.b` has to be int32"),
        (r#"{"rank":"LEGEND"}"#, "RANK_LEGEND"),
        (r#"{"marks":[1,2.5]}"#, "`marks[1]` has to be sfixed64"),
        (r#"{"badge":"*"}"#, "`badge` has to be bytes"),
        (r#"{"city":"a","orbit":1}"#, "home"),
        ("[1]", "heroes.v1.Hero"),
        ("7", "heroes.v1.Hero"),
        (r#"{"name":"\ud83d"}"#, "heroes.v1.Hero"),
    ] {
        send(url, &["Heroes.Save", data]).exits(2).says(said);
    }
    let types = |data: &str| send(url, &["Heroes.SaveTypes", data]).exits(2);
    types(r#"{"at":"yesterday"}"#).says("`at` has to be google.protobuf.Timestamp");
    types(r#"{"any":{"@type":"type.googleapis.com/no.Such"}}"#).says("`any`");
    // A line of a stream: the call is given up, and the place is told.
    let lines = b"{\"heroId\":1}\n{\"heroId\":\"x\"}\n";
    program::run_with(&["send", url, "Heroes.Sum", "--ndjson", "-"], lines).exits(2).says("heroId");
}

#[test]
fn node_a_deadline_and_an_address() {
    let url = &service(Nest::V12).url;
    send(url, &["Heroes.Never", "--timeout", "300ms"]).exits(4).says("--timeout");
    send("grpc://127.0.0.1:1", &["Heroes.Never"]).exits(5).says("connect");
    program::run(&["emit", url, "Heroes.Ping"]).exits(2).says("no events");
    // Something else listens there.
    let tcp = &Nest::V12.tcp_service().url;
    let run = send(&tcp.replace("tcp:", "grpc:"), &["Heroes.Ping", "--timeout", "2s"]);
    assert!(matches!(run.status.code(), Some(1 | 4)), "{run:?}");
    run.says("is this the address of its gRPC");
    // It went away.
    let gone = format!("grpc://127.0.0.1:{}", fake::free_port());
    send(&gone, &["Heroes.Ping"]).exits(5);
}

#[test]
fn node_tls() {
    let (ours, stranger) = (authority("ours"), authority("a stranger"));
    let (server, client) = (identity(&ours, &["127.0.0.1"]), identity(&ours, &["client"]));
    let tls =
        json!({ "side": "server", "ca": ours.pem(), "cert": server.cert, "key": server.key, "mutual": true });
    let options = json!({ "reflection": true, "tls": tls });
    let service = Service::spawn(Nest::V12, "grpcs://127.0.0.1:0", &options);
    let ca = program::file("grpc-ca.pem", ours.pem());
    let other = program::file("grpc-stranger.pem", stranger.pem());
    let (cert, key) = (program::file("grpc.pem", &client.cert), program::file("grpc.key", &client.key));
    let identity = ["--tls-cert", &cert, "--tls-key", &key];
    let call = |ca: &str, more: &[&str]| {
        send(&service.url, &[&["Heroes.FindOne", "hero_id=1", "--tls-ca", ca], more].concat())
    };
    call(&ca, &identity).exits(0);
    call(&other, &identity).exits(5).says("certificate");
    call(&ca, &[]).exits(1);
    let plain = service.url.replace("grpcs:", "grpc:");
    let run = send(&plain, &["Heroes.FindOne", "--timeout", "3s"]);
    run.exits(1).says("grpcs://");
}
