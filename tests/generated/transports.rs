//! Services as they run on every transport: called by eyas and by Nest's own client, alone and as two replicas.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::brokers::Brokers;
use crate::oracle::{Ask, Nest};
use crate::project::Project;
use crate::server::PATIENCE;
use crate::service::Service;
use crate::tracing::traces;

/// Starts what was built, calls it, and starts a second one beside it; `copies` is how many of two replicas handle
/// each message.
pub fn speaks(project: &Project, brokers: &Brokers, copies: usize) {
    let service = Service::start_with(project, &brokers.settings);
    let item = answers(&service, "NOT_FOUND", "INVALID");
    tells_events(&service, &item);
    for setting in &brokers.settings {
        has_nest_for_client(&service, setting);
    }
    if has(project, "dlq") {
        keeps_dead_letters(&service, &brokers.options);
    }
    assert_eq!(service.terminate_noisily().code(), Some(0));
    if has(project, "tracing") {
        traces(project, brokers, &["OrdersController.create", "OrdersController.created"]);
    }
    shares(project, brokers, copies);
}

/// The same where there are calls only, each by the proto.
pub fn speaks_grpc(project: &Project, brokers: &Brokers) {
    let service = Service::start(project);
    answers(&service, "NOT_FOUND", "INVALID_ARGUMENT");
    let proto = project.folder.join("proto/orders.proto");
    let options = json!({"package": ["orders.v1"], "protoPath": [proto]});
    let call = |method: &str, data: Value| {
        let method = json!(format!("orders.v1.Orders/{method}")).to_string();
        let ask = Ask::new(&service.grpc_url(), &method, &data.to_string());
        Nest::V12.client().send(&Ask { options: options.clone(), ..ask })
    };
    let created = call("Create", json!({"name": "of Nest"}));
    assert_eq!(created.failure, None, "{created:?}");
    let id = json(&created.values[0])["id"].clone();
    assert_eq!(call("Get", json!({"id": id})).values, created.values);
    let missing = call("Get", json!({"id": "nope"}));
    assert_eq!(json(&missing.error.expect("a status"))["status"], "NOT_FOUND");
    assert_eq!(call("List", json!({})).values.len(), 2);
    assert_eq!(service.terminate().code(), Some(0));
    if has(project, "tracing") {
        traces(project, brokers, &["OrdersGrpcController.create"]);
    }
}

/// Whether it was made with a feature.
fn has(project: &Project, feature: &str) -> bool {
    project.read(".eyas/project.toml").contains(&format!("\"{feature}\""))
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// `eyas.toml` tells where it is. Gives what it has made.
fn answers(service: &Service, missing: &str, refused: &str) -> Value {
    let header = "x-correlation-id: from-eyas";
    let run = service.eyas(&["send", "orders.create", "name=first", "-H", header]).exits(0);
    let item = json(&run.stdout[0]);
    assert_eq!(item["name"], "first");
    let id = format!("id={}", item["id"].as_str().unwrap());
    assert_eq!(json(&service.eyas(&["send", "orders.get", &id]).exits(0).stdout[0]), item);
    let run = service.eyas(&["send", "orders.get", "id=nope", "-H", "x-correlation-id: of-a-refusal"]);
    run.exits(1).says(missing);
    service.logs("line of the refusal", |line| line["correlationId"] == "of-a-refusal");
    service.eyas(&["send", "orders.create", "name="]).exits(1).says(refused);
    let run = service.eyas(&["send", "orders.list"]).exits(0);
    let listed: Vec<_> = run.stdout.iter().map(|line| json(line)).collect();
    assert_eq!(listed, std::slice::from_ref(&item));
    item
}

/// What was made has made an event, and one that is emitted is handled, too.
fn tells_events(service: &Service, item: &Value) {
    let told = service.logs("line of the event", |line| line["message"] == "created");
    assert_eq!((&told["item"], &told["correlationId"]), (item, &json!("from-eyas")), "{told}");
    service.eyas(&["emit", "orders.created", "id=1", "name=x", "-H", "x-correlation-id: emitted"]).exits(0);
    service.logs("line of what was emitted", |line| line["correlationId"] == "emitted");
}

/// Where Nest's own client finds the service, and what it must know beside.
fn peer((key, value): &(&'static str, String)) -> (String, Value) {
    match *key {
        "KAFKA_BROKERS" => (format!("kafka://{value}"), json!({"patterns": ["orders.create", "orders.get"]})),
        "RABBITMQ_URL" => (value.clone(), json!({"exchange": "orders", "wildcards": true})),
        _ => (value.clone(), json!({})),
    }
}

fn has_nest_for_client(service: &Service, setting: &(&'static str, String)) {
    let (url, options) = peer(setting);
    let ask = |pattern: &str, data: Value| Ask {
        options: options.clone(),
        ..Ask::new(&url, &json!(pattern).to_string(), &data.to_string())
    };
    let created = Nest::V12.client().send(&ask("orders.create", json!({"name": "of Nest"})));
    assert_eq!((created.failure, created.error), (None, None), "{url}");
    let id = json(&created.values[0])["id"].clone();
    let got = Nest::V12.client().send(&ask("orders.get", json!({"id": id})));
    assert_eq!(got.values, created.values);
    let event = json!({"id": url, "name": "emitted by Nest"});
    let emitted = Nest::V12.client().emit(&ask("orders.created", event));
    assert_eq!((emitted.error, emitted.failure), (None, None));
    service.logs("line of the event", |line| line["item"]["id"] == url);
}

/// An event that is refused is kept, where eyas finds it.
fn keeps_dead_letters(service: &Service, options: &[String]) {
    let dlq = |words: &[&str]| {
        let told = options.iter().map(String::as_str);
        service
            .eyas(&["dlq"].into_iter().chain(words.iter().copied()).chain(told).collect::<Vec<_>>())
            .exits(0)
    };
    service.eyas(&["emit", "orders.created", "id=refused"]).exits(0);
    let stores = || {
        let run = dlq(&["ls", "-o", "json"]);
        let name = |line: &String| json(line)["store"].as_str().unwrap().to_owned();
        run.stdout.iter().map(name).collect::<Vec<_>>()
    };
    // What the service's own tests had refused may lie there, too.
    let holds = |store: &String| {
        let run = dlq(&["show", store, "-F", "{data.id}"]);
        run.stdout.iter().any(|id| id == "refused")
    };
    let mut kept = None;
    until("dead letter", || {
        kept = stores().into_iter().find(holds);
        kept.is_some()
    });
    let run = dlq(&["redrive", &kept.unwrap(), "--dry-run"]);
    // To the event's own place, or the service's queue.
    assert!(run.stdout.iter().all(|line| line.contains("-> orders")), "{run:?}");
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "no {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Two replicas on one broker: of a hundred events none is lost, and each is handled by as many as is said.
fn shares(project: &Project, brokers: &Brokers, copies: usize) {
    const EVENTS: usize = 100;
    let replicas = [(); 2].map(|()| Service::start_with(project, &brokers.settings));
    let event = |id: usize| json!({"id": id.to_string(), "name": "shared"}).to_string() + "\n";
    let events: String = (0..EVENTS).map(event).collect();
    replicas[0].eyas_reads(&["emit", "orders.created", "--ndjson", "-"], &events).exits(0);
    let is_shared = |line: &Value| line["message"] == "created" && line["item"]["name"] == "shared";
    until("end of the events", || {
        replicas.iter().map(|replica| replica.logged(is_shared)).sum::<usize>() >= EVENTS * copies
    });
    let mut handled: BTreeMap<String, usize> = BTreeMap::new();
    let mut workers = 0;
    for replica in replicas {
        let (status, log) = replica.end();
        assert_eq!(status.code(), Some(0));
        let events = log.iter().filter(|line| is_shared(line));
        let ids: Vec<_> = events.map(|line| line["item"]["id"].as_str().unwrap().to_owned()).collect();
        workers += usize::from(!ids.is_empty());
        for id in ids {
            *handled.entry(id).or_default() += 1;
        }
    }
    // A topic of Kafka's has one partition here, and a partition one reader of each group.
    let is_kafka = brokers.settings.iter().any(|(key, _)| *key == "KAFKA_BROKERS");
    assert_eq!(workers, if is_kafka { 1 } else { 2 }, "replicas that had work");
    assert_eq!(handled.len(), EVENTS);
    assert!(handled.values().all(|count| *count == copies), "{handled:?}");
}
