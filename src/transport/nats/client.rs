//! The asking side: requests out, replies back to whoever asked, by the inbox they come to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use super::session::{Inlet, Session};
use super::{Info, check_size, encode_headers, inbox, route};
use crate::message::{Message, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::{Endpoint, Error, Exchange, Kind, Result};
use crate::wire::NestVersion;
use crate::wire::nats::{self, Answer, Inbound, Op};

/// Replies that wait for one caller before the connection waits for it.
const REPLIES_WAITING: usize = 64;

/// A connection that asks.
pub(super) struct Client {
    outbox: Arc<Outbox>,
    pub(super) info: Info,
    calls: Mutex<Calls>,
    /// What the inboxes of all our requests begin with: one subscription covers them.
    inbox: String,
    shown: String,
    ending: watch::Sender<Option<Ending>>,
}

#[derive(Default)]
struct Calls {
    open: HashMap<u64, Call>,
    next: u64,
    /// At this many open calls those that nobody waits for are swept out.
    sweep_at: usize,
}

struct Call {
    subject: String,
    waiting: Waiting,
}

enum Waiting {
    /// For the replies of a Nest service to the request `id`.
    Replies { id: String, sender: mpsc::Sender<Result<Reply>> },
    /// For the one answer of the broker itself.
    Once(oneshot::Sender<Result<Vec<u8>>>),
}

/// Why a link is over: told to every caller, so kept as text.
#[derive(Clone, Debug)]
struct Ending {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl Ending {
    fn error(&self) -> Error {
        let error = Error::new(self.kind, &self.message);
        match &self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Appends `message` as it is published: a request if it has an `id`.
pub(super) fn encode(
    out: &mut Vec<u8>,
    message: &Message,
    id: Option<&str>,
    reply: Option<&str>,
    endpoint: &Endpoint,
) -> Result<usize> {
    let subject = route(&message.pattern, endpoint)?;
    let mut body = Vec::new();
    nats::encode_body(&mut body, message, id);
    nats::publish(out, &subject, reply, &encode_headers(message)?, &body);
    Ok(body.len())
}

impl Client {
    pub(super) fn new(session: Session, endpoint: &Endpoint) -> Arc<Self> {
        let Session { outbox, inlet, info } = session;
        let inbox = inbox(endpoint);
        let mut subscription = Vec::new();
        nats::subscribe(&mut subscription, &format!("{inbox}.*"), None, 1);
        // Nothing has been pushed: there is room, unless the link is gone, which the reader tells.
        let _ = outbox.interject(|out| out.extend_from_slice(&subscription));
        let client = Arc::new(Self {
            outbox,
            info,
            calls: Mutex::new(Calls { sweep_at: 1024, ..Calls::default() }),
            inbox,
            shown: endpoint.shown(),
            ending: watch::Sender::new(None),
        });
        tokio::spawn(client.clone().read(inlet, endpoint.nest));
        client
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request; the receiver gets its replies.
    pub(super) async fn request(&self, message: &Message, endpoint: &Endpoint) -> Result<Exchange> {
        let (sender, replies) = mpsc::channel(REPLIES_WAITING);
        let id = inbox_id();
        let subject = route(&message.pattern, endpoint)?;
        let key = self.register(Call { subject, waiting: Waiting::Replies { id: id.clone(), sender } });
        let mut frame = Vec::new();
        let sent = match encode(&mut frame, message, Some(&id), Some(&self.address(key)), endpoint) {
            Ok(size) => check_size(size, &self.info),
            Err(error) => Err(error),
        };
        sent.inspect_err(|_| self.forget(key))?;
        self.put(key, &frame).await?;
        Ok(Exchange { id, replies, finding: None })
    }

    /// Asks the broker itself: one answer, its payload as it came.
    ///
    /// # Errors
    /// [`Kind::NobodyThere`] where the broker has nobody for `subject`.
    pub(super) async fn ask(&self, subject: &str, headers: &[u8], payload: &[u8]) -> Result<Vec<u8>> {
        let (sender, answer) = oneshot::channel();
        let key = self.register(Call { subject: subject.to_owned(), waiting: Waiting::Once(sender) });
        let mut frame = Vec::new();
        nats::publish(&mut frame, subject, Some(&self.address(key)), headers, payload);
        self.put(key, &frame).await?;
        answer.await.unwrap_or_else(|_| Err(self.error()))
    }

    async fn put(&self, key: u64, frame: &[u8]) -> Result<()> {
        if self.outbox.send(frame).await.is_err() {
            self.forget(key);
            // The sender lives in `self`, so waiting cannot fail.
            let _ = self.ending.subscribe().wait_for(Option::is_some).await;
            return Err(self.error());
        }
        // The reader may have ended, and told everyone it knew, before this call was one of them.
        if self.has_ended() {
            self.tell_all();
        }
        Ok(())
    }

    fn address(&self, key: u64) -> String {
        format!("{}.{key:x}", self.inbox)
    }

    fn register(&self, call: Call) -> u64 {
        let mut calls = self.lock();
        if calls.open.len() >= calls.sweep_at {
            calls.open.retain(|_, call| call.is_awaited());
            calls.sweep_at = (calls.open.len() * 2).max(1024);
        }
        let key = calls.next;
        calls.next += 1;
        calls.open.insert(key, call);
        key
    }

    fn forget(&self, key: u64) {
        self.lock().open.remove(&key);
    }

    async fn read(self: Arc<Self>, mut inlet: Inlet, nest: NestVersion) {
        let ending = loop {
            if let Err(error) = inlet.advance().await {
                break error;
            }
            match inlet.current() {
                Op::Message(inbound) => self.dispatch(&inbound, nest).await,
                Op::Error(complaint) => self.complain(complaint),
                _ => {}
            }
        };
        let (kind, message, hint) = (ending.kind(), ending.to_string(), ending.advice().map(str::to_owned));
        self.ending.send_replace(Some(Ending { kind, message, hint }));
        self.outbox.close();
        self.tell_all();
    }

    async fn dispatch(&self, inbound: &Inbound<'_>, nest: NestVersion) {
        let suffix = inbound.subject.strip_prefix(&*self.inbox).and_then(|rest| rest.strip_prefix('.'));
        let Some(key) = suffix.and_then(|text| u64::from_str_radix(text, 16).ok()) else { return };
        let (id, sender, subject) = {
            let mut calls = self.lock();
            let Some(call) = calls.open.remove(&key) else { return };
            match call.waiting {
                Waiting::Once(sender) => {
                    drop(calls);
                    // Whoever asked may have gone.
                    let _ = sender.send(self.broker_answer(inbound, &call.subject));
                    return;
                }
                Waiting::Replies { id, sender } => (id, sender, call.subject),
            }
        };
        let (told, is_final) = match nats::answer(inbound, &id, nest) {
            Answer::NotOurs => (None, false),
            Answer::Reply(reply) => {
                let is_final = reply.is_final();
                (Some(Ok(reply)), is_final)
            }
            Answer::NobodyThere => (Some(Err(self.nobody(&subject))), true),
            Answer::Empty => (Some(Err(empty(&subject))), true),
        };
        let mut is_awaited = true;
        if let Some(told) = told {
            is_awaited = sender.send(told).await.is_ok();
        }
        if is_awaited && !is_final {
            let call = Call { subject, waiting: Waiting::Replies { id, sender } };
            self.lock().open.insert(key, call);
        }
    }

    fn broker_answer(&self, inbound: &Inbound<'_>, subject: &str) -> Result<Vec<u8>> {
        let status = if inbound.payload.is_empty() { inbound.headers().status } else { None };
        match status {
            Some(nats::NO_RESPONDERS) => Err(self.nobody(subject)),
            _ => Ok(inbound.payload.to_vec()),
        }
    }

    /// The broker goes on after it has refused a subject; only those whom it concerns are told.
    fn complain(&self, complaint: &str) {
        if !complaint.starts_with("Permissions Violation") {
            return;
        }
        let mut calls = self.lock();
        let is_inbox = complaint.contains("for Subscription");
        let concerned: Vec<_> = calls
            .open
            .iter()
            .filter(|(_, call)| is_inbox || complaint.contains(&format!("\"{}\"", call.subject)))
            .map(|(key, _)| *key)
            .collect();
        for key in concerned {
            let error = Error::new(Kind::Denied, format!("{} refused: {complaint}", self.shown))
                .hint("a user's inboxes may begin otherwise: -O inbox=PREFIX");
            if let Some(call) = calls.open.remove(&key) {
                call.fail(error);
            }
        }
    }

    fn nobody(&self, subject: &str) -> Error {
        Error::new(Kind::NobodyThere, format!("nobody at {} listens to `{subject}`", self.shown)).hint(
            "is the service running, and does a @MessagePattern of its own match in every key and letter?",
        )
    }

    /// Tells every open call that the link is over.
    fn tell_all(&self) {
        let open = std::mem::take(&mut self.lock().open);
        for call in open.into_values() {
            call.fail(self.error());
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending.borrow().is_some()
    }

    fn error(&self) -> Error {
        self.ending.borrow().as_ref().map_or_else(
            || Error::new(Kind::Closed, format!("the connection to {} is closed", self.shown)),
            Ending::error,
        )
    }
}

impl Call {
    fn is_awaited(&self) -> bool {
        match &self.waiting {
            Waiting::Replies { sender, .. } => !sender.is_closed(),
            Waiting::Once(sender) => !sender.is_closed(),
        }
    }

    fn fail(self, error: Error) {
        match self.waiting {
            // A caller that has not read 64 replies sees its channel end, which is told as a closed link, too.
            Waiting::Replies { sender, .. } => drop(sender.try_send(Err(error))),
            Waiting::Once(sender) => drop(sender.send(Err(error))),
        }
    }
}

/// An id as Nest's are: 21 hexadecimal digits.
fn inbox_id() -> String {
    format!("{:016x}{:05x}", fastrand::u64(..), fastrand::u32(..) & 0xf_ffff)
}

fn empty(subject: &str) -> Error {
    Error::new(Kind::Protocol, format!("the reply to `{subject}` is empty"))
        .hint("Nest's client takes that for nobody there, too: whoever answers must answer with JSON")
}
