//! Over RabbitMQ: what only a broker with queues can do to us, and what only it has.

mod between;
mod faults;
mod letters;
mod services;
mod tail;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::broker::Broker;
use crate::eyas as program;
use crate::fake::free_port;
use crate::ground::Place;
use crate::oracle::{Nest, Service};

/// A broker, and its management.
pub struct Rabbit {
    pub broker: Broker,
    api: u16,
}

/// A virtual host of one's own on a broker.
pub struct Vhost<'a> {
    rabbit: &'a Rabbit,
    pub name: String,
}

impl Rabbit {
    /// Starts one, with further lines in its configuration.
    pub fn start(configuration: &str) -> Self {
        let (api, node) = (free_port(), free_port());
        let file = program::file(&format!("rabbitmq-{api}.conf"), configuration);
        let arguments = ["{folder}", "{port}", &api.to_string(), &node.to_string(), &file];
        let broker = Broker::start("EYAS_RABBITMQ_SERVER", &arguments, "completed with");
        Self { broker, api }
    }

    /// One that listens with TLS, too; its port is that one's.
    pub fn with_certificate(cert: &str, key: &str) -> Broker {
        let port = free_port();
        let mut rabbit = Self::start(&format!(
            "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.certfile = {cert}\nssl_options.keyfile = {key}\n"
        ));
        rabbit.broker.port = port;
        rabbit.broker
    }

    /// What most tests share: a start takes seconds.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Rabbit> = LazyLock::new(|| Rabbit::start(""));
        &SHARED
    }

    /// Asks its management; the answer's status and body.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.api)).expect("the management listens");
        let (login, body) = (STANDARD.encode("guest:guest"), body.to_string());
        let length = body.len();
        write!(
            stream,
            "{method} /api/{path} HTTP/1.0\r\nauthorization: Basic {login}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the management answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it speaks HTTP");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    /// A virtual host where nobody is yet.
    pub fn vhost(&self) -> Vhost<'_> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("v{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let vhost = Vhost { rabbit: self, name };
        vhost.put(&format!("vhosts/{}", vhost.name), &json!({ "description": "kept" }));
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        vhost.put(&format!("permissions/{}/guest", vhost.name), &all);
        vhost
    }
}

impl Vhost<'_> {
    /// Its address for eyas; `options` are the URL's query.
    pub fn url(&self, options: &str) -> String {
        let Rabbit { broker, api } = self.rabbit;
        format!("amqp://127.0.0.1:{}/{}?{options}&api=http://127.0.0.1:{api}", broker.port, self.name)
    }

    fn put(&self, path: &str, body: &Value) {
        let (status, answer) = self.rabbit.ask("PUT", path, body);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
    }

    /// What the management says at `/api/KIND/VHOST`.
    pub fn get(&self, kind: &str) -> Value {
        let (status, answer) = self.rabbit.ask("GET", &format!("{kind}/{}", self.name), &json!(null));
        assert_eq!(status, 200, "{kind}: {answer}");
        serde_json::from_str(&answer).expect("the management speaks JSON")
    }

    /// Makes a durable queue.
    pub fn queue(&self, name: &str, arguments: &Value) {
        let body = json!({ "durable": true, "arguments": arguments });
        self.put(&format!("queues/{}/{name}", self.name), &body);
    }

    /// Makes a durable exchange.
    pub fn exchange(&self, name: &str, kind: &str) {
        self.put(&format!("exchanges/{}/{name}", self.name), &json!({ "type": kind, "durable": true }));
    }

    /// Binds a queue.
    pub fn bind(&self, exchange: &str, queue: &str, key: &str) {
        let path = format!("bindings/{}/e/{exchange}/q/{queue}", self.name);
        let (status, answer) = self.rabbit.ask("POST", &path, &json!({ "routing_key": key }));
        assert_eq!(status, 201, "{answer}");
    }

    /// Queues with what lies in them, handed out or not.
    pub fn depths(&self) -> Vec<(String, u64, u64)> {
        let totals = format!("{}?disable_stats=true&enable_queue_totals=true", self.name);
        let (_, answer) = self.rabbit.ask("GET", &format!("queues/{totals}"), &json!(null));
        let queues: Vec<Value> = serde_json::from_str(&answer).expect("the management lists queues");
        let count = |queue: &Value, key: &str| queue[key].as_u64().unwrap_or_default();
        let name = |queue: &Value| queue["name"].as_str().unwrap_or_default().to_owned();
        let depth = |queue: &Value| {
            (name(queue), count(queue, "messages_ready"), count(queue, "messages_unacknowledged"))
        };
        let mut depths: Vec<_> = queues.iter().map(depth).collect();
        depths.sort();
        depths
    }

    /// Whether its firehose is on.
    pub fn is_tracing(&self) -> bool {
        let vhost = self.get("vhosts");
        // Nothing else about it is ever changed.
        assert_eq!(vhost["description"], "kept");
        vhost["tracing"] == json!(true)
    }
}

/// A virtual host where nobody is yet, whose firehose shows all.
pub fn fresh() -> Place {
    Place { url: Rabbit::shared().vhost().url("queue=q&firehose=true"), broker: None }
}

/// The same on a broker that nobody else needs.
pub fn alone() -> Place {
    let rabbit = Rabbit::start("");
    let vhost = rabbit.vhost();
    vhost.queue("q", &json!({}));
    let url = vhost.url("queue=q&firehose=true");
    Place { url, broker: Some(rabbit.broker) }
}

/// The service of this version that all tests share.
pub fn service(nest: Nest) -> &'static Service {
    fn spawn(nest: Nest) -> Service {
        Service::spawn(nest, &Rabbit::shared().vhost().url("queue=q"), &json!({}))
    }
    static SERVICES: [LazyLock<Service>; 3] = [
        LazyLock::new(|| spawn(Nest::V10)),
        LazyLock::new(|| spawn(Nest::V11)),
        LazyLock::new(|| spawn(Nest::V12)),
    ];
    &SERVICES[nest as usize]
}
