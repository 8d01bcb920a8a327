//! Nest itself: a real microservice and a real client of one major version, each one process for all tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::server::{Server, shortened};

/// A major version of Nest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nest {
    V10,
    V11,
    V12,
}

impl Nest {
    /// The number, as `-O nest=` takes it.
    pub fn major(self) -> &'static str {
        match self {
            Self::V10 => "10",
            Self::V11 => "11",
            Self::V12 => "12",
        }
    }

    fn command(self, script: &str) -> Command {
        let folder = PathBuf::from(environment("EYAS_ORACLE")).join(format!("nest{}", self.major()));
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script);
        let mut command = Command::new(environment("EYAS_NODE"));
        command.arg(script).arg(folder).env("NO_COLOR", "1");
        command
    }

    /// Node itself, which runs `script`.
    pub fn node(script: &str) -> Command {
        let mut command = Command::new(environment("EYAS_NODE"));
        command.args(["--input-type=module", "-e", script]).env("NO_COLOR", "1");
        command
    }

    /// The client of this version that all tests share.
    pub fn client(self) -> &'static Client {
        static CLIENTS: [LazyLock<Client>; 3] = [
            LazyLock::new(|| Client::spawn(Nest::V10)),
            LazyLock::new(|| Client::spawn(Nest::V11)),
            LazyLock::new(|| Client::spawn(Nest::V12)),
        ];
        &CLIENTS[self as usize]
    }

    /// The TCP service of this version that all tests share.
    pub fn tcp_service(self) -> &'static Service {
        static SERVICES: [LazyLock<Service>; 3] = [
            LazyLock::new(|| Service::spawn(Nest::V10, "tcp://127.0.0.1:0", &json!({}))),
            LazyLock::new(|| Service::spawn(Nest::V11, "tcp://127.0.0.1:0", &json!({}))),
            LazyLock::new(|| Service::spawn(Nest::V12, "tcp://127.0.0.1:0", &json!({}))),
        ];
        &SERVICES[self as usize]
    }
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this through script/test"))
}

/// A running Nest microservice (`tests/oracle/service.mjs`). It ends with this process, whose pipe it reads.
pub struct Service {
    server: Server,
    /// Where it is reached.
    pub url: String,
}

impl Service {
    /// Starts one at `url`, with `options` for its transport.
    pub fn spawn(nest: Nest, url: &str, options: &Value) -> Self {
        let mut command = nest.command("service.mjs");
        command.arg(url).arg(options.to_string());
        Self::ready(url, &mut command)
    }

    /// Starts one that speaks HTTP (`tests/oracle/http.mjs`), on a free port.
    pub fn http() -> Self {
        let url = "http://127.0.0.1:0";
        Self::ready(url, Nest::V12.command("http.mjs").arg(url))
    }

    fn ready(url: &str, command: &mut Command) -> Self {
        let server = Server::spawn("the Nest service", command);
        let port = server.on_stdout("ready line", |lines| {
            let line: Value = serde_json::from_str(lines.first()?).expect("the service speaks JSON");
            Some(line["ready"].clone())
        });
        let mut url = url::Url::parse(url).expect("tests give good addresses");
        if let Some(port) = port.as_u64() {
            url.set_port(u16::try_from(port).ok()).expect("such addresses have ports");
        }
        Self { server, url: url.to_string().trim_end_matches('/').to_owned() }
    }

    /// Waits until `enough` likes the lines that tell which handlers were called with what.
    pub fn called<T>(&self, what: &str, enough: impl FnMut(&[String]) -> Option<T>) -> T {
        self.server.on_stdout(what, enough)
    }

    /// Waits for the line of the call whose data holds `marker`.
    pub fn call_with(&self, marker: &str) -> String {
        self.called(&format!("call with {marker}"), |lines| {
            lines.iter().find(|line| line.contains(marker)).cloned()
        })
    }
}

/// What a call came to: as JSON texts, for `serde_json::Value` cannot hold all that Nest sends.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The values, in order. `{"undefined":true}` where Nest gave `undefined`.
    pub values: Vec<String>,
    /// The service's error.
    pub error: Option<String>,
    /// An error of the asking side.
    pub failure: Option<String>,
    /// Whether the stream of replies ended in good order.
    pub complete: bool,
}

impl Outcome {
    /// With the keys of its objects sorted.
    pub fn sorted(mut self) -> Self {
        let sorted = |text: &mut String| {
            // A lone surrogate is what `Value` cannot hold.
            if let Ok(mut value) = serde_json::from_str::<Value>(text) {
                value.sort_all_objects();
                *text = value.to_string();
            }
        };
        self.values.iter_mut().chain(&mut self.error).for_each(sorted);
        self
    }
}

/// One call of Nest's client.
#[derive(Clone, Debug)]
pub struct Ask {
    pub url: String,
    /// A JSON text.
    pub pattern: String,
    /// A JSON text.
    pub data: String,
    /// A JSON text.
    pub metadata: Option<String>,
    /// In milliseconds, over all.
    pub timeout: Option<u64>,
    /// Options of the transport, as JSON.
    pub options: Value,
}

impl Ask {
    pub fn new(url: &str, pattern: &str, data: &str) -> Self {
        Self {
            url: url.to_owned(),
            pattern: pattern.to_owned(),
            data: data.to_owned(),
            metadata: None,
            timeout: None,
            options: json!({}),
        }
    }
}

/// A running Nest client (`tests/oracle/client.mjs`).
pub struct Client {
    server: Server,
    next: AtomicU64,
}

impl Client {
    fn spawn(nest: Nest) -> Self {
        let server = Server::spawn("the Nest client", &mut nest.command("client.mjs"));
        server.on_stdout("ready line", |lines| (!lines.is_empty()).then_some(()));
        Self { server, next: AtomicU64::new(1) }
    }

    /// `ClientProxy#send`.
    pub fn send(&self, ask: &Ask) -> Outcome {
        self.run("send", ask)
    }

    /// `ClientProxy#emit`.
    pub fn emit(&self, ask: &Ask) -> Outcome {
        self.run("emit", ask)
    }

    /// What another `verb` of `tests/oracle/client.mjs` says.
    pub fn ask(&self, verb: &str, url: &str, pattern: &str, data: &str) -> Outcome {
        self.run(verb, &Ask::new(url, &format!("{pattern:?}"), data))
    }

    fn run(&self, verb: &str, ask: &Ask) -> Outcome {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let Ask { pattern, data, metadata, timeout, options, .. } = ask;
        let url = Value::from(ask.url.as_str());
        let metadata = metadata.as_deref().unwrap_or("null");
        let timeout = timeout.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
        // Spliced, not built: the texts may hold what `serde_json::Value` cannot.
        let command = format!(
            r#"{{"id":{id},"verb":"{verb}","url":{url},"pattern":{pattern},"data":{data},"metadata":{metadata},"timeout":{timeout},"options":{options}}}"#
        );
        let written = self.server.write(format!("{command}\n").as_bytes());
        written.unwrap_or_else(|error| panic!("the Nest client is gone: {error}\n{}", self.server.output()));
        let prefix = format!(r#"{{"id":{id},"#);
        let line = self.server.on_stdout(&format!("answer to {}", shortened(&command)), |lines| {
            lines.iter().rev().find(|line| line.starts_with(&prefix)).cloned()
        });
        read_outcome(&line)
    }
}

fn read_outcome(line: &str) -> Outcome {
    let mut answer: BTreeMap<&str, &RawValue> = serde_json::from_str(line).expect("the client speaks JSON");
    let values: Vec<Box<RawValue>> =
        answer.remove("values").map(|raw| serde_json::from_str(raw.get()).unwrap()).unwrap_or_default();
    Outcome {
        values: values.iter().map(|raw| raw.get().to_owned()).collect(),
        error: answer.get("error").map(|raw| raw.get().to_owned()),
        failure: answer.get("failure").map(|raw| raw.get().to_owned()),
        complete: answer.get("complete").is_some_and(|raw| raw.get() == "true"),
    }
}
