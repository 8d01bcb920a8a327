//! JetStream's own API: JSON over requests, and what a stream says of itself.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::client::Client;
use crate::transport::{Error, Kind, Result};

/// A broker that does not answer by then has no JetStream, or has it elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// Either what was asked for, or why not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Refused { error: Refusal },
    Given(T),
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    description: String,
}

/// Asks `$JS.API.<subject>`.
///
/// # Errors
/// [`Kind::Refused`] in JetStream's own words; [`Kind::Unsupported`] where there is none.
pub(super) async fn ask<T: DeserializeOwned>(
    client: &Client,
    subject: &str,
    request: &(impl Serialize + Sync),
) -> Result<T> {
    let none = || {
        Error::unsupported("the broker has no JetStream, or not for this user")
            .hint("start nats-server with -js, or give the account JetStream")
    };
    if !client.info.jetstream {
        return Err(none());
    }
    let odd =
        |error: serde_json::Error| Error::new(Kind::Protocol, "JetStream gave an odd answer").because(error);
    let payload = serde_json::to_vec(request).map_err(odd)?;
    let subject = format!("$JS.API.{subject}");
    let asked = client.ask(&subject, &[], &payload);
    let answer = match timeout(PATIENCE, asked).await {
        Ok(Err(error)) if error.kind() == Kind::NobodyThere => return Err(none()),
        Ok(answer) => answer?,
        Err(_) => return Err(Error::new(Kind::Closed, "JetStream does not answer")),
    };
    match serde_json::from_slice(&answer).map_err(odd)? {
        Answer::Given(given) => Ok(given),
        Answer::Refused { error: Refusal { code, description } } => {
            let kind = if code == 404 { Kind::NobodyThere } else { Kind::Refused };
            Err(Error::new(kind, format!("JetStream refused: {description}")))
        }
    }
}

/// Reads a stream's answer to a message that was sent to one of its subjects.
///
/// # Errors
/// It did not take it, or it was no stream that answered.
pub(super) fn acknowledged(answer: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Acknowledgement {
        #[serde(rename = "stream")]
        _stream: String,
        #[serde(rename = "seq")]
        _sequence: u64,
    }
    match serde_json::from_slice::<Answer<Acknowledgement>>(answer) {
        Ok(Answer::Given(_)) => Ok(()),
        Ok(Answer::Refused { error }) => {
            Err(Error::new(Kind::Refused, format!("the stream did not take it: {}", error.description)))
        }
        Err(_) => {
            Err(Error::new(Kind::Refused, "somebody answered who is no stream: the copy may not be kept"))
        }
    }
}

/// What a stream is.
#[derive(Debug, Deserialize)]
pub(super) struct Stream {
    pub(super) config: Config,
    pub(super) state: State,
}

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) name: String,
    #[serde(default)]
    pub(super) subjects: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    #[serde(default)]
    pub(super) consumer_count: u64,
}

/// An empty request.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// The stream `name`.
pub(super) async fn stream(client: &Client, name: &str) -> Result<Stream> {
    // A name with a dot or a wildcard would be another subject of the API.
    if name.is_empty() || name.contains(['.', '*', '>', ' ', '\t', '/', '\\']) {
        return Err(Error::unsupported(format!("`{name}` is no name of a stream")));
    }
    ask(client, &format!("STREAM.INFO.{name}"), &Nothing {}).await
}

/// Every stream, or those that capture `subject`.
pub(super) async fn streams(client: &Client, subject: Option<&str>) -> Result<Vec<Stream>> {
    #[derive(Serialize)]
    struct Request<'a> {
        offset: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'a str>,
    }
    #[derive(Deserialize)]
    struct Page {
        total: usize,
        streams: Option<Vec<Stream>>,
    }
    let mut all = Vec::new();
    loop {
        let page: Page = ask(client, "STREAM.LIST", &Request { offset: all.len(), subject }).await?;
        let streams = page.streams.unwrap_or_default();
        let is_last = streams.is_empty();
        all.extend(streams);
        if is_last || all.len() >= page.total {
            return Ok(all);
        }
    }
}

/// The place that a delivery's reply subject tells: `$JS.ACK.…` (`wire.md` has none of it; the form is JetStream's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In the stream.
    pub(super) sequence: u64,
    /// Among what the consumer was given, from 1.
    pub(super) delivery: u64,
    /// When the stream took it, in nanoseconds since 1970.
    pub(super) nanoseconds: i128,
    /// How many are left.
    pub(super) pending: u64,
}

impl Place {
    pub(super) fn parse(reply: &str) -> Option<Self> {
        let words: Vec<_> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        // Domain and account stand in front since 2.9, and a random word may stand at the end.
        let from = match words.len() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        Some(Self {
            sequence: words.get(from)?.parse().ok()?,
            delivery: words.get(from + 1)?.parse().ok()?,
            nanoseconds: words.get(from + 2)?.parse().ok()?,
            pending: words.get(from + 3)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_in_both_forms() {
        let place = Place { sequence: 12, delivery: 3, nanoseconds: 1_700_000_000_000_000_001, pending: 9 };
        let short = "$JS.ACK.ORDERS.abc.1.12.3.1700000000000000001.9";
        let long = "$JS.ACK._.hash.ORDERS.abc.1.12.3.1700000000000000001.9.random";
        assert_eq!(Place::parse(short), Some(place));
        assert_eq!(Place::parse(long), Some(place));
        for none in ["_INBOX.a", "$JS.ACK.a.b.c", "$JS.ACK.ORDERS.abc.1.x.3.1.9"] {
            assert_eq!(Place::parse(none), None, "{none}");
        }
    }
}
