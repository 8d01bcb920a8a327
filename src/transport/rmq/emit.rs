//! Events on their way out: a window of them may be unconfirmed, and what no queue takes comes back.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::timeout;

use super::session::{self, Session, refused};
use super::{Options, blocked};
use crate::message::Message;
use crate::transport::awaited::Awaited;
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Delivered, Endpoint, Error, Kind, Publisher, Push, Result};
use crate::wire::rmq::{self, Incoming, Method, Publish};

/// How many messages may wait for the broker's word.
const WINDOW: usize = 4096;

/// The channel that messages take.
const CHANNEL: u16 = 1;

/// What became of what was pushed.
#[derive(Default)]
struct Fate {
    /// Whether each message from number `base` on was answered for.
    open: VecDeque<bool>,
    base: u64,
    acknowledged: u64,
    returned: u64,
    refused: u64,
    /// Why the broker takes nothing at present.
    blocked: Option<String>,
    /// The first refusal, or why the link is over.
    error: Option<Error>,
    over: bool,
}

impl Fate {
    fn settle(&mut self, tag: u64, multiple: bool, acknowledged: bool) {
        let Some(last) = tag.checked_sub(self.base).and_then(|at| usize::try_from(at).ok()) else { return };
        let first = if multiple { 0 } else { last };
        for answered in self.open.iter_mut().take(last.saturating_add(1)).skip(first) {
            if !std::mem::replace(answered, true) {
                if acknowledged {
                    self.acknowledged += 1;
                } else {
                    self.refused += 1;
                }
            }
        }
        while self.open.front() == Some(&true) {
            self.open.pop_front();
            self.base += 1;
        }
    }

    fn known(&self) -> u64 {
        self.acknowledged + self.refused
    }

    fn has_room(&self) -> bool {
        self.over || self.open.len() < WINDOW
    }

    fn see(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Method(Method::Ack { tag, multiple }) => self.settle(tag, multiple, true),
            Incoming::Method(Method::Nack { tag, multiple, .. }) => {
                self.settle(tag, multiple, false);
                self.error.get_or_insert_with(|| {
                    Error::new(Kind::Refused, "the broker refused a message: the queue is full, or failed")
                        .hint("see the queue's x-max-length and x-overflow, and the broker's log")
                });
            }
            Incoming::Message(Method::Return { .. }, ..) => self.returned += 1,
            Incoming::Method(Method::Blocked { reason }) => self.blocked = Some(reason),
            Incoming::Method(Method::Unblocked) => self.blocked = None,
            _ => {}
        }
    }

    fn end(&mut self, error: Error) {
        self.over = true;
        self.error.get_or_insert(error);
    }
}

/// Events on their way out.
pub(super) struct Pipeline {
    outbox: Arc<Outbox>,
    shared: Arc<Awaited<Fate>>,
    endpoint: Endpoint,
    options: Options,
    frame_max: usize,
    /// Room for one message, kept between messages.
    body: Vec<u8>,
    frames: Vec<u8>,
    /// The broker takes nothing any more, which was waited for long enough.
    has_given_up: bool,
}

impl Pipeline {
    pub(super) async fn start(endpoint: &Endpoint, options: &Options) -> Result<Self> {
        let mut session = session::open(endpoint, options, super::NAME).await?;
        if let Some(exchange) = &options.exchange {
            session.look_for_exchange(CHANNEL, exchange).await?;
        }
        session.channel(CHANNEL).await?;
        session.call(CHANNEL, &Method::ConfirmSelect).await?;
        let Session { outbox, mut inlet, frame_max } = session;
        let fate = Fate { base: 1, ..Fate::default() };
        let shared = Arc::new(Awaited::new(fate));
        let (theirs, their_outbox) = (shared.clone(), outbox.clone());
        tokio::spawn(async move {
            let error = loop {
                match inlet.next().await {
                    Ok((_, Incoming::Method(Method::ChannelClose(closing)))) => break refused(&closing),
                    Ok((_, incoming)) => theirs.change(|fate| fate.see(incoming)),
                    Err(error) => break error,
                }
            };
            theirs.change(|fate| fate.end(error));
            their_outbox.close();
        });
        Ok(Self {
            outbox,
            shared,
            endpoint: endpoint.clone(),
            options: options.clone(),
            frame_max,
            body: Vec::new(),
            frames: Vec::new(),
            has_given_up: false,
        })
    }

    /// Waits for `told`, for as long as there is something told every now and then.
    ///
    /// # Errors
    /// Nothing was told any more.
    async fn wait(&self, told: impl Fn(&Fate) -> bool) -> Result<()> {
        loop {
            let before = self.shared.lock().known();
            if timeout(self.endpoint.connect_timeout, self.shared.until(&told)).await.is_ok() {
                return Ok(());
            }
            let fate = self.shared.lock();
            if fate.known() == before {
                if let Some(reason) = &fate.blocked {
                    return Err(blocked(&self.endpoint, reason));
                }
                let what = format!("{} confirmed nothing any more", self.endpoint.shown());
                return Err(Error::new(Kind::Closed, what));
            }
        }
    }
}

#[async_trait]
impl Publisher for Pipeline {
    fn push(&mut self, message: &Message) -> Result<Push> {
        let route = self.options.route(&message.pattern, &self.endpoint)?;
        self.body.clear();
        self.frames.clear();
        rmq::encode_body(&mut self.body, message, None);
        let properties = rmq::properties(message, None, self.options.persistent);
        let publish = Publish { route: &route, mandatory: true, properties: &properties, body: &self.body };
        rmq::encode_publish(&mut self.frames, CHANNEL, &publish, self.frame_max);
        let mut fate = self.shared.lock();
        if !fate.has_room() {
            return Ok(Push::Full);
        }
        match self.outbox.push(|out| out.extend_from_slice(&self.frames)) {
            Taken::Yes => {
                fate.open.push_back(false);
                Ok(Push::Taken)
            }
            Taken::Full => Ok(Push::Full),
            Taken::Closed => Err(fate.error.take().unwrap_or_else(|| super::closed(&self.endpoint))),
        }
    }

    async fn room(&mut self) -> Result<()> {
        // A broker that takes nothing any more fills either.
        let full = self.outbox.room();
        if timeout(self.endpoint.connect_timeout, full).await.is_err() {
            let fate = self.shared.lock();
            if let Some(reason) = &fate.blocked {
                self.has_given_up = true;
                return Err(blocked(&self.endpoint, reason));
            }
        }
        let told = self.wait(Fate::has_room).await;
        self.has_given_up = told.is_err();
        told
    }

    async fn finish(self: Box<Self>) -> Delivered {
        if !self.has_given_up
            && let Err(error) = self.wait(|fate| fate.over || fate.open.is_empty()).await
        {
            self.shared.lock().error.get_or_insert(error);
        }
        let (is_all, is_over) = {
            let fate = self.shared.lock();
            (fate.open.is_empty(), fate.over)
        };
        if is_all && !is_over {
            session::close(&self.outbox);
        } else {
            self.outbox.close();
        }
        let (pushed, written) = self.outbox.written();
        let mut fate = self.shared.lock();
        let open = fate.open.iter().filter(|answered| !**answered).count() as u64;
        // What was not written was pushed last, and cannot have been confirmed.
        let unwritten = open.min(pushed - written);
        Delivered {
            confirmed: fate.acknowledged.saturating_sub(fate.returned),
            unconfirmed: open - unwritten,
            unroutable: fate.returned,
            lost: fate.refused + unwritten,
            error: fate.error.take().filter(|_| !is_all || fate.refused > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_come_in_any_order_and_count_once() {
        let mut fate = Fate { base: 1, ..Fate::default() };
        fate.open.extend([false; 6]);
        fate.settle(3, false, true);
        assert_eq!((fate.base, fate.acknowledged), (1, 1));
        fate.settle(2, true, true);
        assert_eq!((fate.base, fate.acknowledged), (4, 3));
        // Said again, and of what was never sent.
        fate.settle(3, false, true);
        fate.settle(99, false, true);
        assert_eq!((fate.base, fate.acknowledged), (4, 3));
        fate.settle(4, false, false);
        fate.settle(6, true, true);
        assert_eq!((fate.open.len(), fate.acknowledged, fate.refused), (0, 5, 1));
    }
}
