//! Traces of a running service, as a collector gets them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::{Value, json};

use crate::brokers::Brokers;
use crate::project::Project;
use crate::server::PATIENCE;
use crate::service::Service;

/// Takes traces by OTLP, as JSON over HTTP.
struct Collector {
    url: String,
    spans: Receiver<Value>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, spans) = channel();
        // It ends with the process: nobody waits for it.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if take(&stream, &send).is_none() {
                    return;
                }
            }
        });
        Self { url, spans }
    }

    /// The next span of this name.
    fn span(&self, name: &str) -> Value {
        let mut others = Vec::new();
        loop {
            match self.spans.recv_timeout(PATIENCE) {
                Ok(span) if span["name"] == name => return span,
                Ok(span) => others.push(span["name"].clone()),
                Err(error) => panic!("no span {name}, only {others:?}: {error}"),
            }
        }
    }

    /// Waits for spans of all these names in one trace; in any order, for each is sent when it has ended.
    fn one_trace(&self, names: &[&str], trace: &Value) {
        let mut wanted = names.to_vec();
        while !wanted.is_empty() {
            let span =
                self.spans.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{wanted:?}: {error}"));
            if let Some(at) = wanted.iter().position(|name| span["name"] == *name) {
                wanted.remove(at);
                assert_eq!(span["traceId"], *trace, "{span}");
            }
        }
    }
}

/// One request; nothing once nobody wants its spans any more.
fn take(stream: &TcpStream, spans: &Sender<Value>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    while !line(&mut reader).is_empty() {}
    // Its body comes in chunks, each after its length, the last one empty.
    let mut body = Vec::new();
    loop {
        let length = u64::from_str_radix(&line(&mut reader), 16).unwrap();
        if length == 0 {
            break;
        }
        reader.by_ref().take(length).read_to_end(&mut body).unwrap();
        line(&mut reader);
    }
    { stream }.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").unwrap();
    let export: Value = serde_json::from_slice(&body).unwrap();
    let lists = |value: &Value, key: &str| value[key].as_array().unwrap().clone();
    for resource in lists(&export, "resourceSpans") {
        for scope in lists(&resource, "scopeSpans") {
            for span in lists(&scope, "spans") {
                spans.send(span).ok()?;
            }
        }
    }
    Some(())
}

/// A line without its end.
fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn traced(project: &Project, brokers: &Brokers, collector: &Collector) -> Service {
    let mut settings = brokers.settings.clone();
    settings.push(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()));
    settings.push(("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()));
    settings.push(("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()));
    Service::start_with(project, &settings)
}

fn built(test: &str, words: &str) -> Project {
    let project = Project::make(test, "orders", words);
    project.install();
    project.script("build");
    project
}

#[test]
fn a_trace_runs_from_its_caller_into_the_handler_and_the_log() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let project = built("tracing", "--preset minimal --http --with tracing");
    let collector = Collector::start();
    let service = traced(&project, &Brokers::of(&project), &collector);
    let parent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    service.eyas(&["send", "orders.get", "id=nope", "-H", &parent]).exits(1);
    service.logs("line of the refusal", |line| line["traceId"] == TRACE);
    let handled = collector.span("OrdersController.get");
    assert_eq!((&handled["traceId"], &handled["parentSpanId"]), (&json!(TRACE), &json!("b7ad6b7169203331")));

    service.get("/health/ready");
    assert_eq!(service.get("/orders").status, 200);
    // Health checks leave no trace: that of the orders comes first.
    assert_eq!(collector.spans.recv_timeout(PATIENCE).unwrap()["name"], "GET /orders");
    assert_eq!(service.terminate().code(), Some(0));
}

/// The same over any transport: what the call makes and emits is handled in the caller's trace.
pub fn traces(project: &Project, brokers: &Brokers, handlers: &[&str]) {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let collector = Collector::start();
    let service = traced(project, brokers, &collector);
    let parent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    service.eyas(&["send", "orders.create", "name=traced", "-H", &parent]).exits(0);
    collector.one_trace(handlers, &json!(TRACE));
    assert_eq!(service.terminate_noisily().code(), Some(0));
}

/// A collector that is away holds no shutdown back for long, and fails nothing.
#[test]
fn a_service_whose_collector_is_away_ends_in_good_order() {
    let project = built("tracing_away", "--preset minimal --with tracing");
    let collector = Collector { url: "http://127.0.0.1:9".to_owned(), spans: channel().1 };
    let service = traced(&project, &Brokers::of(&project), &collector);
    service.eyas(&["send", "orders.create", "name=first"]).exits(0);
    assert_eq!(service.terminate_noisily().code(), Some(0));
}

/// What HTTP asks for makes an event, which the service itself handles: all of it is one trace.
fn one_trace(test: &str, words: &str) {
    let project = built(test, words);
    let (brokers, collector) = (Brokers::of(&project), Collector::start());
    let service = traced(&project, &brokers, &collector);
    let item = service.http_request("POST", "/orders", Some(r#"{"name":"by HTTP"}"#));
    assert_eq!(item.status, 201, "{item:?}");
    let log = service.logs("line of the event", |line| line["message"] == "created");
    assert!(log["traceId"].is_string(), "{log}");
    collector.one_trace(&["POST /orders", "OrdersController.created"], &log["traceId"]);
}

#[test]
fn a_trace_runs_through_redis_server() {
    one_trace("tracing_redis", "--transport redis --preset minimal --http --with tracing");
}
