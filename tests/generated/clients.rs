//! Clients of other services, which `--client` makes, over every transport: called over HTTP, they call services that
//! were made as well, and mocks.

use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::brokers;
use crate::eyas::{self as program, Record};
use crate::project::{Project, command, succeed};
use crate::server::{PATIENCE, Server};
use crate::service::{Answer, Service};

/// The clients, with the setting of a broker where they need one.
const CLIENTS: [(&str, Option<&str>, &str); 9] = [
    ("by-tcp", None, "tcp://localhost:4001"),
    ("by-http", None, "http://localhost:3001"),
    ("by-grpc", None, "grpc://localhost:5001"),
    ("by-redis", Some("REDIS_URL"), "redis://localhost"),
    ("by-nats", Some("NATS_URL"), "nats://localhost"),
    ("by-mqtt", Some("MQTT_URL"), "mqtt://localhost"),
    ("by-kafka", Some("KAFKA_BROKERS"), "kafka://localhost"),
    ("by-rmq", Some("RABBITMQ_URL"), "amqp://localhost"),
    // Two clients on one transport; this one knows of a queue alone.
    ("by-queue", Some("RABBITMQ_URL"), "amqp://localhost?queue=by-queue"),
];

/// Those that call services which were made; the others call mocks.
const MADE: [&str; 2] = ["by-grpc", "by-rmq"];

fn pascal(name: &str) -> String {
    name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn setting(name: &str) -> String {
    name.to_uppercase().replace('-', "_") + "_URL"
}

/// Adds a controller which calls each client, as whoever works on the service would.
fn add_controller(project: &Project) {
    let mut imports = String::new();
    let mut rows = String::new();
    for (name, ..) in CLIENTS {
        let class = pascal(name) + "Client";
        let _ = writeln!(imports, "import {{ {class} }} from './{name}.client.js';");
        let _ = writeln!(rows, "    '{name}': this.all.get({class}),");
    }
    let controller = format!(
        "import {{ Controller, Get, Param, Post }} from '@nestjs/common';
import {{ ModuleRef }} from '@nestjs/core';
{imports}
interface Client {{
  create(data: {{ name: string }}): Promise<unknown>;
  get(data: {{ id: string }}): Promise<unknown>;
}}

@Controller('calls/:client')
export class CallsController {{
  constructor(private readonly all: ModuleRef) {{}}

  @Post()
  create(@Param('client') name: string) {{
    return this.clients()[name]!.create({{ name: 'first' }});
  }}

  @Get(':id')
  async get(@Param('client') name: string, @Param('id') id: string) {{
    try {{
      return await this.clients()[name]!.get({{ id }});
    }} catch (error) {{
      return {{ thrown: (error as Error).constructor.name, ...(error as object) }};
    }}
  }}

  private readonly clients = (): Record<string, Client> => ({{
{rows}  }});
}}
"
    );
    fs::write(project.folder.join("src/clients/calls.controller.ts"), controller).unwrap();
    let module = project.read("src/clients/clients.module.ts");
    let module = module.replace("@Module({ ", "@Module({ controllers: [CallsController], ");
    let module = "import { CallsController } from './calls.controller.js';\n".to_owned() + &module;
    fs::write(project.folder.join("src/clients/clients.module.ts"), module).unwrap();
}

/// What is called: mocks, and services that were made.
struct Others {
    brokers: Vec<Broker>,
    mocks: Vec<(&'static str, Server)>,
    services: Vec<(&'static str, Service)>,
    /// Where they are, as the clients are told.
    settings: Vec<(&'static str, String)>,
}

impl Others {
    fn start() -> Self {
        let mut others = Self { brokers: vec![], mocks: vec![], services: vec![], settings: vec![] };
        let mut known: Vec<(&str, String)> = Vec::new();
        for (name, key, url) in CLIENTS {
            let place = key.map(|key| {
                if let Some((_, place)) = known.iter().find(|(one, _)| *one == key) {
                    return place.clone();
                }
                let (broker, place) = brokers::start(key);
                others.brokers.push(broker);
                known.push((key, place.clone()));
                place
            });
            let url = match place {
                Some(place) if place.contains("://") => place + url.find('?').map_or("", |at| &url[at..]),
                Some(place) => format!("kafka://{place}"),
                None => url.to_owned(),
            };
            let url = if MADE.contains(&name) { others.make(name, &url) } else { others.mock(name, &url) };
            others.settings.push((setting(name).leak(), url));
        }
        others
    }

    fn mock(&mut self, name: &'static str, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let has_broker = !rest.starts_with("localhost:");
        let at = if has_broker { url.to_owned() } else { format!("{scheme}://127.0.0.1:0") };
        let pattern = if scheme == "http" { format!("POST /{name}") } else { format!("{name}.create") };
        let on = format!(r#"{pattern}={{"id":"7"}}"#);
        let more: &[&str] = match name {
            "by-queue" => &["-O", "declare=durable"],
            "by-kafka" => &["-O", "create=true"],
            _ => &[],
        };
        let mock = program::start(&[&["mock", &at, "--on", &on, "-o", "json"], more].concat());
        let listening = mock.listening();
        self.mocks.push((name, mock));
        if has_broker { at } else { format!("{scheme}://{listening}") }
    }

    fn make(&mut self, name: &'static str, url: &str) -> String {
        let (transport, port) = (name.trim_start_matches("by-"), crate::fake::free_port());
        let project = Project::make(
            &format!("client_{name}"),
            name,
            &format!("--preset minimal --transport {transport}"),
        );
        project.install();
        project.script("build");
        let grpc = format!("127.0.0.1:{port}");
        let settings = [("GRPC_URL", grpc.clone()), ("RABBITMQ_URL", url.to_owned())];
        self.services.push((name, Service::start_with(&project, &settings)));
        if transport == "grpc" { format!("grpc://{grpc}") } else { format!("{url}?exchange={name}") }
    }

    /// Where those that were made tell of their health.
    fn health(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.services.iter().map(|(name, service)| {
            let key = name.to_uppercase().replace('-', "_") + "_HEALTH_URL";
            (&*key.leak(), format!("http://127.0.0.1:{}/health/ready", service.http()))
        })
    }

    /// Waits until the other side has seen `correlation`.
    fn have_seen(&self, name: &str, correlation: &str) {
        if let Some((_, service)) = self.services.iter().find(|(one, _)| *one == name) {
            service.logs("line of the call", |line| line["correlationId"] == correlation);
            return;
        }
        let (_, mock) = self.mocks.iter().find(|(one, _)| *one == name).unwrap();
        mock.on_stdout("record with the correlation id", |lines| {
            let seen = |line: &String| {
                Record::read(line)
                    .inner("headers", "x-correlation-id")
                    .is_some_and(|id| id.contains(correlation))
            };
            lines.iter().any(seen).then_some(())
        });
    }
}

/// A call by way of the controller, under the name of the client for a correlation id.
fn call(service: &Service, method: &str, name: &str, id: &str) -> Answer {
    let path = format!("/calls/{name}{id}");
    service.http_request_with(method, &path, &format!("x-correlation-id: for-{name}\r\n"), None)
}

fn made() -> Project {
    let clients = CLIENTS.map(|(name, _, url)| format!(" --client {name}={url}")).concat();
    let words = format!("--preset minimal --with resilience,metrics,compose,docker,discovery{clients}");
    let project = Project::make("clients", "shop", &words);
    project.install();
    for script in ["format:check", "lint", "typecheck", "test"] {
        project.script(script);
    }
    let words = ["vitest", "run", "--config", "vitest.config.e2e.ts", "test/discovery.e2e-spec.ts"];
    succeed(command("npx", &project.folder).args(words));
    add_controller(&project);
    project.script("build");
    project
}

#[test]
fn clients_over_every_transport_call_kafka_nats_server_redis_server_rabbitmq_and_mosquitto() {
    let project = made();
    let mut others = Others::start();
    let mut settings = others.settings.clone();
    settings.extend([
        ("CALL_RETRIES", "0".to_owned()),
        ("CALL_TIMEOUT_MS", "8000".to_owned()),
        ("BREAKER_RESET_MS", "600000".to_owned()),
        ("DISCOVERY_INTERVAL_MS", "100".to_owned()),
    ]);
    settings.extend(others.health());
    let shop = Service::start_with(&project, &settings);
    for (name, ..) in CLIENTS {
        let answer = call(&shop, "POST", name, "");
        assert_eq!(answer.status, 201, "{name}: {answer:?}");
        let id = answer.json()["id"].clone();
        if MADE.contains(&name) {
            assert_eq!(answer.json()["name"], "first", "{name}: {answer:?}");
            let missing = call(&shop, "GET", name, "/none").json();
            assert_eq!(
                (&missing["thrown"], &missing["answer"]["code"]),
                (&json!("RemoteFailure"), &json!("NOT_FOUND"))
            );
            let path = format!("/{}", id.as_str().unwrap());
            assert_eq!(call(&shop, "GET", name, &path).json()["id"], id);
        } else {
            assert_eq!(id, "7", "{name}");
        }
        others.have_seen(name, &format!("for-{name}"));
    }
    for name in MADE {
        tells(&shop, name, "up");
    }
    // Neither brokers nor services are there any more.
    others.mocks.clear();
    others.services.clear();
    others.brokers.clear();
    for name in MADE {
        tells(&shop, name, "degraded");
    }
    thread::scope(|scope| {
        for (name, ..) in CLIENTS {
            let shop = &shop;
            scope.spawn(move || is_left_alone(shop, name));
        }
    });
    let metrics = shop.get("/metrics").body;
    for (name, ..) in CLIENTS {
        assert!(
            metrics.contains(&format!("client_breaker_open{{client=\"{name}\"}} 1")),
            "{name}: {metrics}"
        );
    }
    assert_eq!(shop.terminate_noisily().code(), Some(0));
}

/// Waits until the service tells that one which it calls is so; it is ready itself all the time.
fn tells(shop: &Service, name: &str, status: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = shop.get("/health/ready");
        // Those that are mocks tell nothing of their health.
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("degraded")), "{answer:?}");
        if answer.json()["details"][name]["status"] == status {
            return;
        }
        assert!(Instant::now() < deadline, "{name} is not told {status}: {answer:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A client of whom nobody answers says so. Many calls at once are enough for it to call no more.
fn is_left_alone(shop: &Service, name: &str) {
    let metric = format!("client_breaker_open{{client=\"{name}\"}} 1");
    for _ in 0..5 {
        let calls = thread::scope(|scope| {
            [(); 6].map(|()| scope.spawn(|| call(shop, "POST", name, ""))).map(|call| call.join().unwrap())
        });
        for answer in calls {
            assert_eq!(
                (answer.status, answer.json()["message"].is_string()),
                (503, true),
                "{name}: {answer:?}"
            );
        }
        if shop.get("/metrics").body.contains(&metric) {
            return;
        }
    }
    panic!("{name} is called for ever");
}

#[test]
fn compose_and_chart_hold_what_clients_need() {
    let words = "--transport redis --preset standard --with helm --client stock=redis://localhost:6379 \
                 --client price=amqp://localhost --client box=grpc://box:5001";
    let project = Project::make("clients_of_brokers", "shop", words);
    let compose = project.read("compose.yaml");
    assert_eq!(compose.matches("image: redis:").count(), 1, "one for both:\n{compose}");
    for line in [
        "image: rabbitmq:",
        "STOCK_URL: redis://redis:6379\n",
        "PRICE_URL: amqp://rabbitmq:5672?exchange=price\n",
    ] {
        assert!(compose.contains(line), "{line}:\n{compose}");
    }
    let values = project.read("deploy/chart/values.yaml");
    let egress = values.split("  egress:").nth(1).unwrap();
    for port in [6379, 5672, 5001] {
        assert_eq!(egress.matches(&format!("port: {port}\n")).count(), 1, "{egress}");
    }
    assert!(
        values.contains("BOX_URL: grpc://box:5001") || values.contains("BOX_URL: 'grpc://box:5001'"),
        "{values}"
    );
    assert!(!values.contains("STOCK_URL"), "a login is no value of a chart: {values}");
    assert!(project.read("Dockerfile").contains("COPY proto ./proto"));
    assert!(project.read("proto/box.proto").contains("package box.v1;"));
    assert!(project.package()["dependencies"]["@grpc/reflection"].is_null(), "that is for a server");
    let value: Value = project.package();
    assert!(value["dependencies"]["amqplib"].is_string());
}
