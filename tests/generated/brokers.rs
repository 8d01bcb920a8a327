//! Brokers and a database of a project's own: which it needs, its `.env.example` tells.

use crate::broker::Broker;
use crate::eyas as program;
use crate::project::Project;

/// A setting that tells where a broker is, and what starts one and gives that place; where its management listens
/// elsewhere than by default, that, too.
type Row = (&'static str, fn() -> (Broker, String, Option<String>));

const KNOWN: [Row; 6] = [
    ("REDIS_URL", || {
        let quiet = ["--save", "", "--dir", "{folder}", "--logfile", "/dev/stderr"];
        let all = [&["--bind", "127.0.0.1", "--port", "{port}"], &quiet[..]].concat();
        let broker = Broker::start("EYAS_REDIS_SERVER", &all, "Ready to accept connections");
        let url = format!("redis://127.0.0.1:{}", broker.port);
        (broker, url, None)
    }),
    ("NATS_URL", || {
        let all = ["-a", "127.0.0.1", "-p", "{port}", "-js", "-sd", "{folder}"];
        let broker = Broker::start("EYAS_NATS_SERVER", &all, "Server is ready");
        let url = format!("nats://127.0.0.1:{}", broker.port);
        (broker, url, None)
    }),
    ("RABBITMQ_URL", || {
        let [api, node] = [(); 2].map(|()| crate::fake::free_port().to_string());
        let all = ["{folder}", "{port}", &api, &node];
        let broker = Broker::start("EYAS_RABBITMQ_SERVER", &all, "completed with");
        let url = format!("amqp://127.0.0.1:{}", broker.port);
        (broker, url, Some(format!("http://127.0.0.1:{api}")))
    }),
    ("KAFKA_BROKERS", || {
        let controller = crate::fake::free_port().to_string();
        let all = ["{folder}", "{port}", &controller];
        let broker = Broker::start("EYAS_KAFKA_SERVER", &all, "Kafka Server started");
        let place = format!("127.0.0.1:{}", broker.port);
        (broker, place, None)
    }),
    ("MQTT_URL", || {
        let port = crate::fake::free_port();
        let settings =
            format!("listener {port} 127.0.0.1\nuser root\nlog_dest stderr\nallow_anonymous true\n");
        let file = program::file(&format!("mosquitto-{port}.conf"), settings);
        let broker = Broker::start("EYAS_MOSQUITTO", &["-c", &file], "running");
        (broker, format!("mqtt://127.0.0.1:{port}"), None)
    }),
    ("DATABASE_URL", || {
        let (server, url) = postgres();
        (server, url, None)
    }),
];

/// Starts the broker whose place the setting `key` tells, and gives that place.
pub fn start(key: &str) -> (Broker, String) {
    let (broker, place, _) = KNOWN.iter().find(|(known, _)| *known == key).unwrap().1();
    (broker, place)
}

/// PostgreSQL, and the URL of a database.
pub fn postgres() -> (Broker, String) {
    let server =
        Broker::start("EYAS_POSTGRES_SERVER", &["{folder}", "{port}"], "ready to accept connections");
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    (server, url)
}

/// They end with this.
pub struct Brokers {
    running: Vec<Broker>,
    /// The settings by which the service finds them.
    pub settings: Vec<(&'static str, String)>,
    /// What eyas is told beside, for it asks the management.
    pub options: Vec<String>,
}

impl Brokers {
    /// Starts those that `project` needs.
    pub fn of(project: &Project) -> Self {
        let example = project.read(".env.example");
        let needed = KNOWN.iter().filter(|(key, _)| example.contains(&format!("\n{key}=")));
        let mut brokers = Self { running: vec![], settings: vec![], options: vec![] };
        for (key, start) in needed {
            let (broker, place, api) = start();
            brokers.running.push(broker);
            brokers.settings.push((*key, place));
            brokers.options.extend(api.into_iter().flat_map(|api| ["-O".to_owned(), format!("api={api}")]));
        }
        brokers
    }
}
