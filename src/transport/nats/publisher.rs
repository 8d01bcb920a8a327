//! Events on their way out: confirmed by the broker's `PONG`, or by a stream's acknowledgement where one is named.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::timeout;

use super::session::{Info, Session};
use super::{Route, inbox};
use crate::message::{HeaderValue, Headers, Message};
use crate::transport::awaited::Awaited;
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Delivered, Endpoint, Error, Kind, Publisher, Push, Result};
use crate::wire::nats::{self, Inbound, Op};

/// After so many messages the broker is asked whether it has them.
const STEP: u64 = 512;
/// How many messages may wait for a stream's acknowledgement.
const WINDOW: u64 = 4096;
/// Names the stream that must take the message: the broker refuses it where another one would.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";

/// What became of what was pushed.
#[derive(Default)]
struct Fate {
    /// Let go into the outbox.
    pushed: u64,
    /// Told to be there.
    confirmed: u64,
    /// Told to be taken by nobody.
    unroutable: u64,
    /// Told to be refused.
    refused: u64,
    /// How many messages stood before each `PING` that has no `PONG` yet.
    asked: VecDeque<u64>,
    /// The first refusal, or why the link is over.
    error: Option<Error>,
    over: bool,
}

impl Fate {
    fn known(&self) -> u64 {
        self.confirmed + self.unroutable + self.refused
    }

    fn settled(&self) -> bool {
        self.over || self.known() >= self.pushed
    }
}

/// Events on their way out.
pub(super) struct Pipeline {
    outbox: Arc<Outbox>,
    shared: Arc<Awaited<Fate>>,
    info: Info,
    endpoint: Endpoint,
    route: Route,
    /// The header block that all messages share but for their own headers, and where acknowledgements come to.
    stream: Option<(String, String)>,
    /// Room for one message, kept between messages.
    body: Vec<u8>,
    frame: Vec<u8>,
}

impl Pipeline {
    pub(super) fn start(session: Session, endpoint: &Endpoint) -> Self {
        let Session { outbox, mut inlet, info } = session;
        // Its `PING` would be answered among ours.
        inlet.keep_quiet();
        let stream = endpoint.options.get("stream").map(|name| (name.clone(), inbox(endpoint)));
        if let Some((_, inbox)) = &stream {
            let mut subscription = Vec::new();
            nats::subscribe(&mut subscription, inbox, None, 1);
            // Nothing has been pushed: there is room, unless the link is gone, which the reader tells.
            let _ = outbox.interject(|out| out.extend_from_slice(&subscription));
        }
        let shared = Arc::new(Awaited::<Fate>::default());
        let (theirs, their_outbox, by_stream) = (shared.clone(), outbox.clone(), stream.is_some());
        tokio::spawn(async move {
            let error = loop {
                if let Err(error) = inlet.advance().await {
                    break error;
                }
                theirs.change(|fate| fate.see(&inlet.current(), by_stream));
            };
            theirs.change(|fate| {
                fate.over = true;
                fate.error.get_or_insert(error);
            });
            their_outbox.close();
        });
        Self {
            outbox,
            shared,
            info,
            endpoint: endpoint.clone(),
            route: Route::default(),
            stream,
            body: Vec::new(),
            frame: Vec::new(),
        }
    }

    /// Puts `message` into `frame`.
    fn encode(&mut self, message: &Message) -> Result<()> {
        self.body.clear();
        self.frame.clear();
        nats::encode_body(&mut self.body, message, None);
        super::check_size(self.body.len(), &self.info)?;
        let subject = self.route.of(&message.pattern, &self.endpoint)?;
        let wrong = |fault| super::refused(fault);
        let Some((name, inbox)) = &self.stream else {
            return nats::encode_publish(&mut self.frame, subject, None, &message.headers, &self.body)
                .map_err(wrong);
        };
        let mut headers: Headers = message.headers.clone();
        headers.push((EXPECTED_STREAM.to_owned(), HeaderValue::Text(name.clone())));
        nats::encode_publish(&mut self.frame, subject, Some(inbox), &headers, &self.body).map_err(wrong)
    }
}

impl Fate {
    fn see(&mut self, op: &Op<'_>, by_stream: bool) {
        match op {
            Op::Pong if !by_stream => {
                // What was refused meanwhile stands among those that are now read.
                if let Some(count) = self.asked.pop_front() {
                    self.confirmed = count.saturating_sub(self.refused);
                }
            }
            Op::Message(inbound) if by_stream => self.acknowledge(inbound),
            // The broker drops what one may not publish, and says so once for each.
            Op::Error(complaint) => {
                self.refused += u64::from(complaint.starts_with("Permissions Violation for Publish"));
                self.error
                    .get_or_insert(Error::new(Kind::Denied, format!("the broker refused: {complaint}")));
            }
            _ => {}
        }
    }
}

/// JetStream's answer to a publish.
#[derive(Deserialize)]
struct Acknowledged {
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    description: String,
}

impl Fate {
    fn acknowledge(&mut self, inbound: &Inbound<'_>) {
        if inbound.headers().status == Some(nats::NO_RESPONDERS) {
            self.unroutable += 1;
            return;
        }
        match serde_json::from_slice(inbound.payload) {
            Ok(Acknowledged { error: None }) => self.confirmed += 1,
            // A service that answers an event, among the acknowledgements.
            Err(_) => {}
            Ok(Acknowledged { error: Some(refusal) }) => {
                self.refused += 1;
                let what = format!("the stream did not take it: {}", refusal.description);
                self.error.get_or_insert(Error::new(Kind::Refused, what));
            }
        }
    }
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        self.encode(message)?;
        let mut fate = self.shared.lock();
        if self.stream.is_some() && fate.pushed - fate.known().min(fate.pushed) >= WINDOW {
            return Ok(Push::Full);
        }
        let count = fate.pushed + 1;
        let ask = self.stream.is_none() && count.is_multiple_of(STEP);
        let taken = self.outbox.push(|out| {
            out.extend_from_slice(&self.frame);
            if ask {
                out.extend_from_slice(b"PING\r\n");
            }
        });
        match taken {
            Taken::Yes => {
                fate.pushed = count;
                if ask {
                    fate.asked.push_back(count);
                }
                Ok(Push::Taken)
            }
            Taken::Full => Ok(Push::Full),
            Taken::Closed => Err(fate.error.take().unwrap_or_else(|| super::closed(&self.endpoint))),
        }
    }

    async fn room(&mut self) -> Result<()> {
        self.outbox.room().await;
        if self.stream.is_some() {
            self.shared.until(|fate| fate.over || fate.pushed - fate.known().min(fate.pushed) < WINDOW).await;
        }
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Delivered {
        if self.stream.is_none() {
            let mut fate = self.shared.lock();
            let pushed = fate.pushed;
            if self.outbox.interject(|out| out.extend_from_slice(b"PING\r\n")) == Taken::Yes {
                fate.asked.push_back(pushed);
            }
        }
        self.settle().await;
        let is_all = {
            let fate = self.shared.lock();
            fate.known() >= fate.pushed
        };
        if !is_all {
            self.outbox.close();
        }
        let (pushed, written) = self.outbox.flush().await;
        self.outbox.finish();
        let mut fate = self.shared.lock();
        Delivered {
            confirmed: fate.confirmed,
            unconfirmed: written.saturating_sub(fate.known()),
            unroutable: fate.unroutable,
            lost: fate.refused + (pushed - written),
            error: fate.error.take().filter(|_| !is_all || fate.refused > 0),
        }
    }
}

impl Pipeline {
    /// Waits until all is told, for as long as there is something told every now and then.
    async fn settle(&self) {
        loop {
            let before = self.shared.lock().known();
            let told = self.shared.until(Fate::settled);
            if timeout(self.endpoint.connect_timeout, told).await.is_ok() {
                return;
            }
            let mut fate = self.shared.lock();
            if fate.known() == before {
                let what = format!("{} confirmed nothing any more", self.endpoint.shown());
                fate.error.get_or_insert(Error::new(Kind::Closed, what));
                return;
            }
        }
    }
}
