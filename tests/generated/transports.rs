//! Services over brokers as they run: called by eyas and by Nest's own client, alone and as two replicas.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::brokers::Brokers;
use crate::oracle::{Ask, Nest};
use crate::project::Project;
use crate::service::Service;

/// Starts what was built, calls it, and starts a second one beside it; `copies` is how many of two replicas handle
/// each message.
pub fn speaks(project: &Project, brokers: &Brokers, copies: usize) {
    let service = Service::start_with(project, &brokers.settings);
    answers(&service);
    for (_, url) in &brokers.settings {
        has_nest_for_client(&service, url);
    }
    drop(service);
    shares(project, brokers, copies);
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// `eyas.toml` tells where it is.
fn answers(service: &Service) {
    let header = "x-correlation-id: from-eyas";
    let run = service.eyas(&["send", "orders.create", "name=first", "-H", header]).exits(0);
    let item = json(&run.stdout[0]);
    let told = service.logs("line of the event", |line| line["message"] == "created");
    assert_eq!((&told["item"], &told["correlationId"]), (&item, &json!("from-eyas")), "{told}");
    let id = format!("id={}", item["id"].as_str().unwrap());
    assert_eq!(json(&service.eyas(&["send", "orders.get", &id]).exits(0).stdout[0]), item);
    service.eyas(&["send", "orders.get", "id=nope"]).exits(1).says(r#""code":"NOT_FOUND""#);
    service.eyas(&["send", "orders.create", "name:=7"]).exits(1).says(r#""path":"name""#);
    let run = service.eyas(&["send", "orders.list"]).exits(0);
    assert_eq!(run.stdout.iter().map(|line| json(line)).collect::<Vec<_>>(), [item]);
    service.eyas(&["emit", "orders.created", "id=1", "name=x", "-H", "x-correlation-id: emitted"]).exits(0);
    service.logs("line of what was emitted", |line| line["correlationId"] == "emitted");
}

fn has_nest_for_client(service: &Service, url: &str) {
    let create = Ask::new(url, r#""orders.create""#, r#"{"name":"of Nest"}"#);
    let created = Nest::V12.client().send(&create);
    assert_eq!(created.failure, None, "{url}");
    let id = json(&created.values[0])["id"].clone();
    let got = Nest::V12.client().send(&Ask::new(url, r#""orders.get""#, &json!({"id": id}).to_string()));
    assert_eq!(got.values, created.values);
    let event = json!({"id": url, "name": "emitted by Nest"}).to_string();
    let emitted = Nest::V12.client().emit(&Ask::new(url, r#""orders.created""#, &event));
    assert_eq!((emitted.error, emitted.failure), (None, None));
    service.logs("line of the event", |line| line["item"]["id"] == url);
}

/// Two replicas on one broker: of a hundred events none is lost, and each is handled by as many as is said.
fn shares(project: &Project, brokers: &Brokers, copies: usize) {
    const EVENTS: usize = 100;
    let replicas = [(); 2].map(|()| Service::start_with(project, &brokers.settings));
    let event = |id: usize| json!({"id": id.to_string(), "name": "shared"}).to_string() + "\n";
    let events: String = (0..EVENTS).map(event).collect();
    replicas[0].eyas_reads(&["emit", "orders.created", "--ndjson", "-"], &events).exits(0);
    // What was sent last is not always handled last, but nobody ends before what it has begun.
    let last = (EVENTS - 1).to_string();
    let has_last = |replica: &Service| replica.has_logged(|line| line["item"]["id"] == *last);
    while replicas.iter().filter(|replica| has_last(replica)).count() < copies {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut handled: BTreeMap<String, usize> = BTreeMap::new();
    let mut workers = 0;
    for replica in replicas {
        let (status, log) = replica.end();
        assert_eq!(status.code(), Some(0));
        let events = log.iter().filter(|line| line["message"] == "created");
        let ids: Vec<_> = events.map(|line| line["item"]["id"].as_str().unwrap().to_owned()).collect();
        workers += usize::from(!ids.is_empty());
        for id in ids {
            *handled.entry(id).or_default() += 1;
        }
    }
    assert_eq!(workers, 2, "both have work");
    assert_eq!(handled.len(), EVENTS);
    assert!(handled.values().all(|count| *count == copies), "{handled:?}");
}
