//! Dead letters: messages that a stream keeps because nobody could handle them.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::history::delivery;
use super::jetstream::{self, Nothing, Place};
use super::{Nats, refused};
use crate::message::{HeaderValue, Headers};
use crate::transport::{Broker, Error, Kind, Letter, Letters, Result, Store};
use crate::wire::nats::{self, Inbound, subject};

/// What the subject of a dead letter begins with; the rest is where it came from.
const DEAD: &str = "dlq.";

#[derive(Deserialize)]
struct Found {
    message: Kept,
}

#[derive(Deserialize)]
struct Kept {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
    /// RFC 3339.
    time: String,
}

impl Nats {
    fn letter(store: &str, kept: &Kept) -> Result<Letter> {
        let bytes = |text: &str| {
            STANDARD.decode(text).map_err(|error| {
                Error::new(Kind::Protocol, "JetStream gave a message that is no base64").because(error)
            })
        };
        let (block, payload) = (bytes(&kept.hdrs)?, bytes(&kept.data)?);
        let inbound =
            Inbound { subject: &kept.subject, sid: 0, reply: None, block: &block, payload: &payload };
        let nanoseconds = kept.time.parse().map_or(0, |time: jiff::Timestamp| time.as_nanosecond());
        let place = Place { sequence: kept.seq, delivery: 0, nanoseconds, pending: 0 };
        Ok(Letter {
            place: kept.seq,
            origin: kept.subject.strip_prefix(DEAD).filter(|origin| !origin.is_empty()).map(str::to_owned),
            reason: None,
            delivery: delivery(&inbound, place, store),
            payload: Bytes::from(payload),
        })
    }
}

/// The headers of a message that is sent anew: those that the broker reads were for the sending before.
fn without_broker(headers: &Headers) -> Headers {
    let is_broker = |name: &str| name.to_ascii_lowercase().starts_with("nats-");
    headers.iter().filter(|(name, _)| !is_broker(name)).cloned().collect()
}

impl From<jetstream::Stream> for Store {
    fn from(stream: jetstream::Stream) -> Self {
        let name = stream.config.name.to_ascii_lowercase();
        let is_named = name.contains("dlq") || name.contains("dead");
        Self {
            is_dead: is_named || stream.config.subjects.iter().any(|subject| subject.starts_with(DEAD)),
            name: stream.config.name,
            sources: stream.config.subjects,
            messages: stream.state.messages,
            bytes: stream.state.bytes,
            caution: None,
        }
    }
}

#[async_trait]
impl Broker for Nats {
    async fn stores(&self) -> Result<Vec<Store>> {
        let streams = jetstream::streams(&*self.client().await?, None).await?;
        Ok(streams.into_iter().map(Store::from).collect())
    }

    async fn letters<'a>(&'a self, store: &str) -> Result<Box<dyn Letters + 'a>> {
        // A wrong name is told in other words than the end.
        jetstream::stream(&*self.client().await?, store).await?;
        Ok(Box::new(Look { nats: self, store: store.to_owned(), after: 0 }))
    }

    async fn purge(&self, store: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Purged {
            purged: u64,
        }
        let client = self.client().await?;
        jetstream::stream(&client, store).await?;
        let purged: Purged = jetstream::ask(&client, &format!("STREAM.PURGE.{store}"), &Nothing {}).await?;
        Ok(purged.purged)
    }
}

/// A look through a stream: letters are asked for by number.
struct Look<'a> {
    nats: &'a Nats,
    store: String,
    after: u64,
}

#[async_trait]
impl Letters for Look<'_> {
    async fn next(&mut self) -> Result<Option<Letter>> {
        #[derive(Serialize)]
        struct Next {
            seq: u64,
            next_by_subj: &'static str,
        }
        let client = self.nats.client().await?;
        let next = Next { seq: self.after + 1, next_by_subj: ">" };
        match jetstream::ask::<Found>(&client, &format!("STREAM.MSG.GET.{}", self.store), &next).await {
            Ok(found) => {
                self.after = found.message.seq;
                Nats::letter(&self.store, &found.message).map(Some)
            }
            Err(error) if error.kind() == Kind::NobodyThere => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn copy(&mut self, letter: &Letter, to: &str) -> Result<()> {
        subject::check_literal(to).map_err(refused)?;
        let mut headers = without_broker(&letter.delivery.headers);
        // Told again after a break, the copy is taken for the one it is: the stream drops the second.
        let id = format!("eyas-{}-{}", self.store, letter.place);
        headers.push(("Nats-Msg-Id".to_owned(), HeaderValue::Text(id)));
        let mut block = Vec::new();
        nats::encode_headers(&mut block, &headers).map_err(refused)?;
        let client = self.nats.client().await?;
        let told = timeout(self.nats.endpoint.connect_timeout, client.ask(to, &block, &letter.payload)).await;
        let unkept = || {
            let what = format!("no stream keeps what is sent to `{to}`, so nobody could confirm the copy");
            Error::new(Kind::Refused, what).hint("name a subject that a stream captures: --to SUBJECT")
        };
        let answer = match told {
            Ok(Err(error)) if error.kind() == Kind::NobodyThere => return Err(unkept()),
            Ok(answer) => answer?,
            Err(_) => return Err(unkept()),
        };
        jetstream::acknowledged(&answer)
    }

    async fn remove(&mut self, letter: &Letter) -> Result<()> {
        #[derive(Serialize)]
        struct Delete {
            seq: u64,
            no_erase: bool,
        }
        let delete = Delete { seq: letter.place, no_erase: true };
        let subject = format!("STREAM.MSG.DELETE.{}", self.store);
        jetstream::ask::<IgnoredAny>(&*self.nats.client().await?, &subject, &delete).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_tells_where_it_came_from() {
        let kept = |subject: &str| Kept {
            subject: subject.to_owned(),
            seq: 7,
            hdrs: STANDARD.encode("NATS/1.0\r\nx-a: b\r\nNats-Msg-Id: 1\r\n\r\n"),
            data: STANDARD.encode(r#"{"pattern":"a","data":1}"#),
            time: "2026-01-02T03:04:05.678Z".to_owned(),
        };
        let letter = Nats::letter("DLQ", &kept("dlq.orders.paid")).expect("a letter");
        assert_eq!((letter.place, letter.origin.as_deref()), (7, Some("orders.paid")));
        assert_eq!(without_broker(&letter.delivery.headers).len(), 1);
        assert_eq!(letter.payload, r#"{"pattern":"a","data":1}"#);
        assert_eq!(Nats::letter("DLQ", &kept("orders.paid")).expect("a letter").origin, None);
    }
}
