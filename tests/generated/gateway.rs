//! A gateway: over HTTP alone it hands calls on, here to a service that was made, too, and to a mock.

use std::process::Command;

use serde_json::{Value, json};

use crate::eyas as program;
use crate::imports;
use crate::project::Project;
use crate::running;
use crate::service::{Answer, Service};

fn made() -> Project {
    let words = "--transport none --http --preset standard --with tracing,discovery,helm \
                 --client orders=tcp://localhost:4001 --client billing=redis://localhost";
    let project = Project::make("gateway", "gateway", words);
    imports::are_declared(&project);
    project.install();
    for script in ["format:check", "lint", "typecheck", "build", "test", "test:e2e"] {
        project.script(script);
    }
    project.has_left("?? package-lock.json\n");
    project
}

fn post(gateway: &Service, path: &str, body: &Value) -> Answer {
    gateway.http_request("POST", path, Some(&body.to_string()))
}

#[test]
fn a_gateway_hands_calls_on_to_a_service_and_over_redis_server() {
    let project = made();
    let (broker, redis) = crate::brokers::start("REDIS_URL");
    let words = ["mock", &redis, "--on", r#"billing.create={"id":"7"}"#, "-o", "json"];
    let billing = program::start(&words);
    billing.listening();
    let orders = Service::start(running::orders());
    let settings = [
        ("ORDERS_URL", orders.url()),
        ("BILLING_URL", redis),
        ("ORDERS_HEALTH_URL", format!("http://127.0.0.1:{}/health/ready", orders.http())),
        ("CALL_RETRIES", "0".to_owned()),
    ];
    let gateway = Service::start_with(&project, &settings);

    let header = "x-correlation-id: from-outside\r\n";
    let body = json!({"name": "first"}).to_string();
    let created = gateway.http_request_with("POST", "/orders", header, Some(&body));
    assert_eq!((created.status, &created.json()["name"]), (201, &json!("first")), "{created:?}");
    let path = format!("/orders/{}", created.json()["id"].as_str().unwrap());
    assert_eq!(gateway.get(&path).json(), created.json());
    let changed = gateway.http_request("PATCH", &path, Some(r#"{"name":"second"}"#));
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("second")), "{changed:?}");
    assert_eq!(post(&gateway, "/billing", &json!({})).json(), json!({"id": "7"}));

    let missing = gateway.get("/orders/nope");
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("NOT_FOUND")), "{missing:?}");
    let refused =
        gateway.http_request_with("POST", "/orders", "x-correlation-id: refused\r\n", Some(r#"{"name":7}"#));
    assert_eq!((refused.status, &refused.json()["issues"][0]["path"]), (400, &json!("name")), "{refused:?}");
    orders.logs("line of the refusal", |line| line["correlationId"] == "refused");
    // The mock listens for nothing else.
    assert_eq!(gateway.get("/billing/7").status, 503);
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains(r#"handler="OrdersController.get",code="NOT_FOUND"} 1"#), "{metrics}");

    // `eyas.toml` says where it is.
    let run = gateway.eyas(&["send", "GET", &path]).exits(0);
    assert!(run.stdout[0].contains("second"), "{run:?}");

    assert_eq!(orders.terminate().code(), Some(0));
    let gone = gateway.get("/orders/1");
    assert_eq!((gone.status, &gone.json()["code"]), (503, &json!("SERVICE_UNAVAILABLE")), "{gone:?}");
    assert_eq!(gateway.get("/health/ready").status, 200);
    drop((billing, broker));
    assert_eq!(gateway.terminate_noisily().code(), Some(0));
}

#[test]
fn a_service_without_a_transport_needs_http_and_somebody_to_call() {
    for (words, told) in [
        ("--transport none", "none needs http"),
        ("--transport none --http", "none needs clients"),
        ("--transport none,tcp --http --client a=tcp://a:1", "none does not go with tcp"),
        ("--transport none --http --client a=tcp://a:1 --with auth", "none does not go with auth"),
    ] {
        let mut new: Command = program::command(&["new", "gateway", "--defaults", "--dry-run"]);
        let output = new.args(words.split_whitespace()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(told), "{words}: {said}");
    }
}
