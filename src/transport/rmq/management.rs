//! The broker's management: what AMQP itself does not tell, over HTTP.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Options, is_secure, session};
use crate::secret::Secret;
use crate::transport::{Endpoint, Error, Kind, Result, tls};

/// A client of it.
#[derive(Clone)]
pub(super) struct Management {
    client: reqwest::Client,
    /// Without a slash at its end.
    pub(super) base: String,
    user: String,
    password: Secret,
    pub(super) vhost: String,
}

/// A queue, as it is listed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Queue {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) messages: u64,
    pub(super) messages_unacknowledged: u64,
    pub(super) message_bytes: u64,
    effective_policy_definition: Map<String, Value>,
}

impl Queue {
    /// The argument `x-NAME`, or what a policy says of it.
    fn argument(&self, name: &str) -> Option<&Value> {
        let argument = self.arguments.get(&format!("x-{name}"));
        argument.or_else(|| self.effective_policy_definition.get(name))
    }

    /// Where its dead letters go: exchange, and the key where it is another than they came with.
    pub(super) fn dead_letters(&self) -> Option<(&str, Option<&str>)> {
        let exchange = self.argument("dead-letter-exchange")?.as_str()?;
        Some((exchange, self.argument("dead-letter-routing-key").and_then(Value::as_str)))
    }

    /// How often a message may be handed out before it is given up.
    pub(super) fn delivery_limit(&self) -> Option<u64> {
        self.argument("delivery-limit").and_then(Value::as_u64)
    }
}

/// Who takes from a queue.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Consumer {
    #[serde(rename = "consumer_tag")]
    pub(super) tag: String,
    pub(super) ack_required: bool,
    queue: Named,
    channel_details: Value,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
}

impl Consumer {
    pub(super) fn queue(&self) -> &str {
        &self.queue.name
    }

    /// The connection it came by: `127.0.0.1:35510 -> 127.0.0.1:5672`.
    pub(super) fn connection(&self) -> &str {
        self.channel_details.get("connection_name").and_then(Value::as_str).unwrap_or_default()
    }

    /// What to call it: its tag, and from where it came.
    pub(super) fn shown(&self) -> String {
        format!("{} from {}", self.tag, peer(self.connection()))
    }
}

/// The peer's address of a connection's name.
pub(super) fn peer(connection: &str) -> &str {
    connection.split(" -> ").next().unwrap_or(connection)
}

/// What an exchange hands on to what.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Binding {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) destination_type: String,
    pub(super) routing_key: String,
}

impl Management {
    /// Sets it up; connects when something is asked.
    pub(super) fn new(endpoint: &Endpoint, options: &Options) -> Result<Self> {
        let base = options.api.clone().unwrap_or_else(|| {
            let host = if endpoint.host.contains(':') {
                format!("[{}]", endpoint.host)
            } else {
                endpoint.host.clone()
            };
            if is_secure(endpoint) { format!("https://{host}:15671") } else { format!("http://{host}:15672") }
        });
        let config = if base.starts_with("https") {
            tls::client_config(&endpoint.tls)
        } else {
            tls::no_client_config()
        };
        let wrong =
            |error: anyhow::Error| Error::unsupported("the management cannot be reached").because(error);
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(endpoint.connect_timeout)
            .timeout(endpoint.connect_timeout)
            .tls_backend_preconfigured(config.map_err(wrong)?)
            .build()
            .map_err(|error| wrong(error.into()))?;
        let (user, password) = session::credentials(endpoint);
        Ok(Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            user: user.to_owned(),
            password: Secret::new(password),
            vhost: options.vhost.clone(),
        })
    }

    /// A path below `/api/`: `words`, and the virtual host.
    fn path(&self, words: &str) -> String {
        format!("{words}/{}", utf8_percent_encode(&self.vhost, NON_ALPHANUMERIC))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let text = self.ask(Method::GET, path, None).await?;
        serde_json::from_str(&text).map_err(|error| {
            Error::new(Kind::Protocol, format!("{} does not answer as RabbitMQ does", self.base))
                .because(error)
                .hint("-O api=URL says where the broker's management is")
        })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<String> {
        let request = self.client.request(method, format!("{}/api/{path}", self.base));
        let mut request = request.basic_auth(&self.user, Some(self.password.reveal()));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let unreachable = |error: reqwest::Error| {
            let what = format!("the broker's management at {} cannot be asked", self.base);
            Error::new(Kind::Unreachable, what).because(causes(&error)).hint(
                "it is a plugin (`rabbitmq-plugins enable rabbitmq_management`); -O api=URL says where it listens",
            )
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        match status {
            status if status.is_success() => Ok(text),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let what =
                    format!("the broker's management at {} does not let `{}` do this", self.base, self.user);
                Err(Error::new(Kind::Denied, what).hint(
                    "looking wants the user's tag `monitoring` or `management`, the firehose `administrator`",
                ))
            }
            StatusCode::NOT_FOUND => {
                let what = format!("the broker's management at {} knows no /api/{path}", self.base);
                Err(Error::new(Kind::NobodyThere, what))
            }
            _ => Err(Error::new(Kind::Refused, format!("the broker's management says {status}: {text}"))),
        }
    }

    /// Whether the firehose is on.
    pub(super) async fn is_tracing(&self) -> Result<bool> {
        Ok(self.vhost().await?.get("tracing").and_then(Value::as_bool).unwrap_or_default())
    }

    /// Switches the firehose; all else about the virtual host stays.
    pub(super) async fn trace(&self, on: bool) -> Result<()> {
        let vhost = self.vhost().await?;
        // What a PUT leaves out is taken for empty.
        let kept = ["description", "tags", "default_queue_type"];
        let mut body: Map<String, Value> = kept
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), vhost.get(*key)?.clone())))
            .filter(|(_, value)| value.as_str() != Some("undefined"))
            .collect();
        body.insert("tracing".to_owned(), json!(on));
        self.ask(Method::PUT, &self.path("vhosts"), Some(Value::Object(body))).await.map(drop)
    }

    async fn vhost(&self) -> Result<Map<String, Value>> {
        self.get(&self.path("vhosts")).await
    }

    /// Every queue. How much lies in them is counted now; the size and the policy may be seconds old.
    pub(super) async fn queues(&self) -> Result<Vec<Queue>> {
        let path = self.path("queues");
        let mut queues: Vec<Queue> =
            self.get(&format!("{path}?disable_stats=true&enable_queue_totals=true")).await?;
        let older: Vec<Queue> = self.get(&path).await?;
        for queue in &mut queues {
            if let Some(known) = older.iter().find(|known| known.name == queue.name) {
                queue.message_bytes = known.message_bytes;
                queue.effective_policy_definition.clone_from(&known.effective_policy_definition);
            }
        }
        Ok(queues)
    }

    /// Everyone who takes from a queue.
    pub(super) async fn consumers(&self) -> Result<Vec<Consumer>> {
        self.get(&self.path("consumers")).await
    }

    /// What the exchanges hand on.
    pub(super) async fn bindings(&self) -> Result<Vec<Binding>> {
        self.get(&self.path("bindings")).await
    }

    /// The exchanges' names.
    pub(super) async fn exchanges(&self) -> Result<Vec<String>> {
        let exchanges: Vec<Named> = self.get(&self.path("exchanges")).await?;
        Ok(exchanges.into_iter().map(|exchange| exchange.name).collect())
    }
}

/// An error of the library's with all its causes; its own words leave them out.
fn causes(error: &reqwest::Error) -> anyhow::Error {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let _ = write!(text, "{}{error}", if text.is_empty() { "" } else { ": " });
        cause = error.source();
    }
    anyhow::anyhow!(if text.is_empty() { error.to_string() } else { text })
}
