//! What the suite stands on: every transport with every major version of Nest. A further transport is a row here.

use eyas::transport::{self, Spec, Support};

use crate::broker::Broker;
use crate::conformance::{NO_HANDLER, word};
use crate::eyas as program;
use crate::grpc;
use crate::kafka;
use crate::mqtt;
use crate::nats;
use crate::oracle::{Nest, Service};
use crate::rabbitmq;
use crate::redis;

/// A transport, and the Nest that speaks it.
pub struct Ground {
    /// [`Spec::name`].
    pub transport: &'static str,
    /// Whose service and client.
    pub nest: Nest,
    /// The service that all tests share.
    pub service: fn(Nest) -> &'static Service,
    /// An address that is good as such, for what is refused before anything connects.
    pub anywhere: &'static str,
    /// Where a responder of ours serves.
    pub serve: fn() -> Place,
}

/// Where a responder of ours can serve: no service answers there as well.
pub struct Place {
    /// The address.
    pub url: String,
    /// What must go on for it to be there.
    pub broker: Option<Broker>,
}

const ANY_TCP: &str = "tcp://127.0.0.1:0";
const ANY_REDIS: &str = "redis://127.0.0.1:1";
const ANY_NATS: &str = "nats://127.0.0.1:0";
const ANY_GRPC: &str = "grpc://127.0.0.1:1";
const ANY_KAFKA: &str = "kafka://127.0.0.1:1";
const ANY_MQTT: &str = "mqtt://127.0.0.1:1";
const ANY_RABBITMQ: &str = "amqp://127.0.0.1:1?queue=q";

fn any_tcp() -> Place {
    Place { url: ANY_TCP.to_owned(), broker: None }
}

impl Ground {
    /// What eyas knows of the transport.
    pub fn spec(&self) -> &'static Spec {
        transport::ALL
            .iter()
            .find(|spec| spec.name == self.transport)
            .unwrap_or_else(|| panic!("eyas has no transport {}", self.transport))
    }

    /// The address of the shared service.
    pub fn url(&self) -> &'static str {
        &(self.service)(self.nest).url
    }

    /// A place to serve whose broker nobody else needs.
    pub fn alone(&self) -> Place {
        if self.transport == "rmq" { rabbitmq::alone() } else { (self.serve)() }
    }

    /// Whether a request that no handler takes is gone without a word, so that Nest's own client waits for ever.
    pub fn is_silent(&self) -> bool {
        matches!(self.transport, "kafka" | "mqtt" | "redis")
    }

    /// Whether nobody ever answers this pattern, given as JSON, and nobody says so.
    pub fn is_unheard(&self, pattern: &str) -> bool {
        // Over Kafka an event's handler answers no request.
        let is_event = self.transport == "kafka" && pattern == r#""user.created""#;
        is_event || (self.is_silent() && NO_HANDLER.contains(&pattern))
    }

    /// Whether there can be a handler of this pattern, given as JSON, that answers as it is meant to. Over Kafka a pattern
    /// is the name of a topic, and before Nest 12 an answer without a value stops all that come after it there. Nest 10
    /// forgets values that come while it still waits for a broker to take the one before (`dataBuffer` in its
    /// `Server#send`), as Kafka and Redis let it.
    pub fn carries(&self, pattern: &str) -> bool {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        match (self.transport, pattern) {
            ("redis", r#""stream.async""#) => self.nest != Nest::V10,
            ("kafka", r#""stream.async""# | r#""stream.empty""#) => self.nest == Nest::V12,
            ("kafka", _) => word(pattern).chars().all(is_legal),
            _ => true,
        }
    }

    /// A JSON value as Nest's client gets it from a service: over Kafka numbers come back as text.
    pub fn received(&self, json: &str) -> String {
        let is_kept = json.starts_with(['{', '[', '"', 'n']);
        if self.transport == "kafka" && !is_kept { format!("{json:?}") } else { json.to_owned() }
    }

    /// `-O nest=…`
    pub fn nest_option(&self) -> String {
        format!("nest={}", self.nest.major())
    }
}

/// What has to be said for a first message to go where nobody has been: over Kafka that a topic be made.
pub fn first(url: &str) -> &'static [&'static str] {
    if url.starts_with("kafka") { &["-O", "create=true"] } else { &[] }
}

macro_rules! grounds {
    ($($module:ident = $ground:expr;)*) => {
        /// All of them.
        pub const ALL: &[Ground] = &[$($ground),*];

        $(pub mod $module {
            use super::*;
            pub const GROUND: Ground = $ground;
        })*
    };
}

grounds! {
    tcp_nest10 = Ground { transport: "tcp", nest: Nest::V10, service: Nest::tcp_service, anywhere: ANY_TCP, serve: any_tcp };
    tcp_nest11 = Ground { transport: "tcp", nest: Nest::V11, service: Nest::tcp_service, anywhere: ANY_TCP, serve: any_tcp };
    tcp_nest12 = Ground { transport: "tcp", nest: Nest::V12, service: Nest::tcp_service, anywhere: ANY_TCP, serve: any_tcp };
    redis_server_nest10 = Ground { transport: "redis", nest: Nest::V10, service: redis::service, anywhere: ANY_REDIS, serve: redis::fresh };
    redis_server_nest11 = Ground { transport: "redis", nest: Nest::V11, service: redis::service, anywhere: ANY_REDIS, serve: redis::fresh };
    redis_server_nest12 = Ground { transport: "redis", nest: Nest::V12, service: redis::service, anywhere: ANY_REDIS, serve: redis::fresh };
    nats_server_nest10 = Ground { transport: "nats", nest: Nest::V10, service: nats::service, anywhere: ANY_NATS, serve: nats::fresh };
    nats_server_nest11 = Ground { transport: "nats", nest: Nest::V11, service: nats::service, anywhere: ANY_NATS, serve: nats::fresh };
    nats_server_nest12 = Ground { transport: "nats", nest: Nest::V12, service: nats::service, anywhere: ANY_NATS, serve: nats::fresh };
    mosquitto_nest10 = Ground { transport: "mqtt", nest: Nest::V10, service: mqtt::service, anywhere: ANY_MQTT, serve: mqtt::fresh };
    mosquitto_nest11 = Ground { transport: "mqtt", nest: Nest::V11, service: mqtt::service, anywhere: ANY_MQTT, serve: mqtt::fresh };
    mosquitto_nest12 = Ground { transport: "mqtt", nest: Nest::V12, service: mqtt::service, anywhere: ANY_MQTT, serve: mqtt::fresh };
    kafka_nest10 = Ground { transport: "kafka", nest: Nest::V10, service: kafka::service, anywhere: ANY_KAFKA, serve: kafka::fresh };
    kafka_nest11 = Ground { transport: "kafka", nest: Nest::V11, service: kafka::service, anywhere: ANY_KAFKA, serve: kafka::fresh };
    kafka_nest12 = Ground { transport: "kafka", nest: Nest::V12, service: kafka::service, anywhere: ANY_KAFKA, serve: kafka::fresh };
    rabbitmq_nest10 = Ground { transport: "rmq", nest: Nest::V10, service: rabbitmq::service, anywhere: ANY_RABBITMQ, serve: rabbitmq::fresh };
    rabbitmq_nest11 = Ground { transport: "rmq", nest: Nest::V11, service: rabbitmq::service, anywhere: ANY_RABBITMQ, serve: rabbitmq::fresh };
    rabbitmq_nest12 = Ground { transport: "rmq", nest: Nest::V12, service: rabbitmq::service, anywhere: ANY_RABBITMQ, serve: rabbitmq::fresh };
    grpc_nest10 = Ground { transport: "grpc", nest: Nest::V10, service: grpc::service, anywhere: ANY_GRPC, serve: grpc::fresh };
    grpc_nest11 = Ground { transport: "grpc", nest: Nest::V11, service: grpc::service, anywhere: ANY_GRPC, serve: grpc::fresh };
    grpc_nest12 = Ground { transport: "grpc", nest: Nest::V12, service: grpc::service, anywhere: ANY_GRPC, serve: grpc::fresh };
}

/// Makes a test of each function on each ground but gRPC's: what has methods instead of patterns is asked the same in
/// `grpc/suite.rs`. Their names tell both, so that `script/test` can leave out by
/// name what could not be had.
macro_rules! on_every_ground {
    ($($test:ident),* $(,)?) => {
        on_every_ground! { @[
            tcp_nest10 tcp_nest11 tcp_nest12
            redis_server_nest10 redis_server_nest11 redis_server_nest12
            nats_server_nest10 nats_server_nest11 nats_server_nest12
            mosquitto_nest10 mosquitto_nest11 mosquitto_nest12
            kafka_nest10 kafka_nest11 kafka_nest12
            rabbitmq_nest10 rabbitmq_nest11 rabbitmq_nest12
        ] [$($test)*] }
    };
    (@[$($module:ident)*] $tests:tt) => { $(on_every_ground! { @one $module $tests })* };
    (@one $module:ident [$($test:ident)*]) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test(&crate::ground::$module::GROUND);
            })*
        }
    };
}

pub(crate) use on_every_ground;

/// Whether a transport cannot do this; then `arguments` must be refused for that reason, before connecting.
pub fn cannot(support: &Support, arguments: &[&str]) -> bool {
    let Support::No(why) = support else { return false };
    program::run(arguments).exits(2).says(why);
    true
}

/// `url` as the library takes it.
pub fn endpoint(url: &str, nest: Nest) -> transport::Endpoint {
    let url = url::Url::parse(url).expect("tests give good addresses");
    transport::Endpoint {
        scheme: url.scheme().to_owned(),
        host: url.host_str().expect("tests give a host").to_owned(),
        port: url.port().expect("tests give a port"),
        user: None,
        password: None,
        path: url.path().trim_start_matches('/').to_owned(),
        options: url.query_pairs().into_owned().collect(),
        tls: transport::Tls::default(),
        connect_timeout: crate::server::PATIENCE,
        reply_timeout: crate::server::PATIENCE,
        nest: nest.major().parse().expect("eyas knows this version"),
        state: None,
    }
}

/// No transport without tests. What has no patterns of Nest's has a file of its own.
#[test]
fn every_transport_is_here() {
    for spec in transport::ALL.iter().filter(|spec| spec.written == transport::Written::Pattern) {
        assert!(ALL.iter().any(|ground| ground.transport == spec.name), "nothing tests {}", spec.name);
    }
    for ground in ALL {
        ground.spec();
    }
}
