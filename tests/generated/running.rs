//! The service as it runs: spoken to by eyas, by Nest's own client and over HTTP, and ended.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::alerts;
use crate::dashboard;
use crate::oracle::{Ask, Nest};
use crate::project::Project;
use crate::server::Server;
use crate::service::{Service, node};

/// Made and built once; each test starts it for itself.
pub fn orders() -> &'static Project {
    static PROJECT: LazyLock<Project> =
        LazyLock::new(|| built("running", "orders", "--preset standard --http"));
    &PROJECT
}

fn built(test: &str, name: &str, words: &str) -> Project {
    let project = Project::make(test, name, words);
    project.install();
    project.script("build");
    project
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Makes an item, and gives it.
fn create(service: &Service, name: &str) -> Value {
    let run = service.eyas(&["send", "orders.create", &format!("name={name}")]).exits(0);
    assert_eq!(run.stdout.len(), 1, "{run:?}");
    json(&run.stdout[0])
}

#[test]
fn eyas_speaks_to_it_without_being_told_where_it_is() {
    let service = Service::start(orders());
    let item = create(&service, "first");
    assert_eq!(item["name"], "first");
    let id = format!("id={}", item["id"].as_str().unwrap());
    let run = service.eyas(&["send", "orders.get", &id]).exits(0);
    assert_eq!(json(&run.stdout[0]), item);

    service.eyas(&["send", "orders.get", "id=nope"]).exits(1).says(r#""code":"NOT_FOUND""#);
    let refused = service.eyas(&["send", "orders.create", "name:=7"]).exits(1);
    refused.says(r#""code":"INVALID""#).says(r#""path":"name""#);

    let run = service.eyas(&["send", "orders.update", &id, "name=second"]).exits(0);
    let changed = json(&run.stdout[0]);
    assert_eq!(changed, json!({"id": item["id"], "name": "second", "createdAt": item["createdAt"]}));
    let third = create(&service, "third");
    let run = service.eyas(&["send", "orders.list"]).exits(0);
    assert_eq!(run.stdout.iter().map(|line| json(line)).collect::<Vec<_>>(), [changed, third]);
    service.eyas(&["send", "orders.nothing"]).exits(1).says("no matching message handler");
}

#[test]
fn an_event_is_handled_and_logged_with_its_correlation_id() {
    let service = Service::start(orders());
    let header = "x-correlation-id: from-the-test";
    service.eyas(&["emit", "orders.created", "id=1", "name=x", "-H", header]).exits(0);
    let line = service.logs("line of the event", |line| line["message"] == "created");
    assert!(line.to_string().contains(r#""name":"x""#), "{line}");
    assert_eq!(line["correlationId"], "from-the-test", "{line}");
    assert_eq!((&line["level"], &line["service"]), (&json!("info"), &json!("orders")), "{line}");
    service.eyas(&["send", "orders.get", "id=nope", "-H", "x-correlation-id: another"]).exits(1);
    service.logs("line of the refusal", |line| line["correlationId"] == "another");
}

#[test]
fn eyas_tail_between_them_sees_both() {
    let service = Service::start(orders());
    let words = ["tail", "@orders", "--listen", "127.0.0.1:0", "-o", "json", "-n", "2"];
    let mut tail = Server::spawn("eyas tail", &mut service.eyas_command(&words, true));
    let through = format!("tcp://{}", tail.listening());
    let run = service.eyas(&["send", &through, "orders.create", "name=watched"]).exits(0);
    assert!(tail.ended().success(), "{}", tail.output());
    let (records, _) = tail.lines();
    let records: Vec<_> =
        records.iter().map(|line| json(line)).filter(|one| one["type"] == "message").collect();
    let directions: Vec<_> = records.iter().map(|record| record["dir"].as_str().unwrap()).collect();
    assert_eq!(directions, ["request", "reply"]);
    assert_eq!(records[0]["pattern"], "orders.create");
    assert_eq!(records[0]["data"], json!({"name": "watched"}));
    assert_eq!(records[1]["data"], json(&run.stdout[0]));
}

#[test]
fn nest12_has_a_client_that_gets_what_eyas_gets() {
    let service = Service::start(orders());
    let url = service.url();
    let item = create(&service, "first");
    create(&service, "second");
    let id = item["id"].as_str().unwrap();
    let calls = [
        ("orders.get", json!({"id": id})),
        ("orders.get", json!({"id": "nope"})),
        ("orders.get", json!({})),
        ("orders.update", json!({"id": id, "name": "third"})),
        ("orders.create", json!({"name": 7})),
        ("orders.list", json!({})),
        ("orders.nothing", json!({})),
    ];
    for (pattern, data) in calls {
        let data = data.to_string();
        let expected = Nest::V12.client().send(&Ask::new(&url, &json!(pattern).to_string(), &data));
        let found = service.eyas(&["send", pattern, &data, "-o", "json"]);
        assert_eq!(found.outcome(), expected, "{pattern} {data}");
        assert_eq!(expected.failure, None, "{pattern} {data}");
    }
    let created = Nest::V12.client().send(&Ask::new(&url, r#""orders.create""#, r#"{"name":"of Nest"}"#));
    assert_eq!(json(&created.values[0])["name"], "of Nest");
    let event = json!({"id": "1", "name": "emitted by Nest"}).to_string();
    let emitted = Nest::V12.client().emit(&Ask::new(&url, r#""orders.created""#, &event));
    assert_eq!((emitted.error, emitted.failure), (None, None));
    service.logs("line of the event", |line| line.to_string().contains("emitted by Nest"));
}

#[test]
fn http_answers_for_its_health_its_metrics_and_its_items() {
    let service = Service::start(orders());
    for path in ["/health/live", "/health/ready", "/health"] {
        let answer = service.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json()["status"], "ok", "{path}: {answer:?}");
    }
    let item = service.http_request("POST", "/orders", Some(r#"{"name":"by HTTP"}"#));
    assert_eq!(item.status, 201, "{item:?}");
    let item = item.json();
    let path = format!("/orders/{}", item["id"].as_str().unwrap());
    assert_eq!(service.get(&path).json(), item);
    let changed = service.http_request("PATCH", &path, Some(r#"{"name":"changed"}"#));
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("changed")), "{changed:?}");
    assert_eq!(service.get("/orders").json(), json!([changed.json()]));
    let run = service.eyas(&["send", "orders.list"]).exits(0);
    assert_eq!(json(&run.stdout[0]), changed.json(), "both ways lead to one store");

    let missing = service.get("/orders/nope");
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("NOT_FOUND")), "{missing:?}");
    let refused = service.http_request("POST", "/orders", Some(r#"{"name":7}"#));
    assert_eq!((refused.status, &refused.json()["issues"][0]["path"]), (400, &json!("name")), "{refused:?}");
    assert_eq!(service.get("/nowhere").status, 404);

    let metrics = service.get("/metrics");
    assert_eq!(metrics.status, 200);
    for metric in
        ["handler_duration_seconds_count{", "process_cpu_seconds_total", r#"kind="rpc""#, r#"kind="http""#]
    {
        assert!(metrics.body.contains(metric), "no {metric} in\n{}", metrics.body);
    }
    let asked = dashboard::queries(orders(), "deploy/observability/dashboard.json");
    for queries in [orders().read("deploy/alerts.yaml"), asked] {
        let missing = alerts::missing_metrics(&queries, &metrics.body);
        assert!(missing.is_empty(), "no {missing:?}, which is looked at, in\n{}", metrics.body);
    }
}

#[test]
fn sigterm_ends_it_in_good_order() {
    let service = Service::start(orders());
    create(&service, "first");
    assert_eq!(service.terminate().code(), Some(0));
}

#[test]
fn wrong_settings_stop_the_start_each_named() {
    let mut node = node(&orders().folder, &["dist/main.js"]);
    node.env("TCP_PORT", "abc").env("HTTP_PORT", "70000").env("LOG_LEVEL", "loud");
    let mut server = Server::spawn("the service", &mut node);
    assert_eq!(server.ended().code(), Some(1), "{}", server.output());
    let (_, said) = server.lines();
    assert_eq!(said.len(), 3, "{said:?}");
    for name in ["TCP_PORT", "HTTP_PORT", "LOG_LEVEL"] {
        assert!(said.iter().any(|line| line.contains(name)), "no {name} in {said:?}");
    }
}

#[test]
fn the_least_service_takes_its_settings_from_a_file_and_has_no_more_than_asked_for() {
    let project = built("running_minimal", "shop-orders", "--preset minimal");
    let service = Service::start_with_env_file(&project);
    let run = service.eyas_without_ports(&["send", "shop-orders.create", "name=first"]).exits(0);
    assert_eq!(json(&run.stdout[0])["name"], "first");
    for path in ["/metrics", "/shop-orders"] {
        assert_eq!(service.get(path).status, 404, "{path}");
    }
    assert_eq!(service.terminate().code(), Some(0));
}
