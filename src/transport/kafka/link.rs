//! A connection to one broker: requests out, and each response to whoever waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{
    Decodable as _, Encodable as _, HeaderVersion, Message as _, Request, StrBytes, VersionRange,
};
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::login;
use crate::transport::net::{self, Reader};
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Endpoint, Error, Kind, Result};

/// What a broker's log calls us.
const CLIENT: &str = "eyas";
/// A response of more than this is none: another protocol's first bytes read as a length.
const LARGEST: usize = 256 << 20;
/// How long a broker may take for an answer that needs no waiting for records, or waits for them as long as we say.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How much room there is for what is read next.
const READ_SIZE: usize = 64 << 10;

/// The highest versions to speak: beyond them topics have ids instead of names, or nothing that eyas wants.
const FETCH: i16 = 12;
const PRODUCE: i16 = 9;
/// Beyond these several groups are asked for at once.
const OFFSET_FETCH: i16 = 7;
const FIND_COORDINATOR: i16 = 3;

type Waiting = oneshot::Sender<Bytes>;

/// A connection to one broker.
pub(super) struct Link {
    outbox: Arc<Outbox>,
    state: Mutex<State>,
    versions: HashMap<i16, VersionRange>,
    shown: String,
    has_login: bool,
    /// When anything came last.
    heard: Arc<Mutex<Instant>>,
    /// A silence this long, while something is waited for, is no idle broker.
    patience: Duration,
}

#[derive(Default)]
struct State {
    waiting: HashMap<i32, Waiting>,
    next: i32,
    /// Whether it has answered anything since we were let in.
    has_answered: bool,
    ending: Option<String>,
}

/// A request that was sent.
pub(super) struct Sent<R: Request> {
    response: oneshot::Receiver<Bytes>,
    version: i16,
    link: Arc<Link>,
    request: std::marker::PhantomData<R>,
}

impl Link {
    /// Connects and logs in.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Arc<Self>> {
        let late = || {
            let what = format!("{} took the connection and does not answer", endpoint.shown());
            Error::new(Kind::Unreachable, what).hint("is it a Kafka broker, and this a port for clients?")
        };
        timeout(endpoint.connect_timeout, Self::establish(endpoint)).await.map_err(|_| late())?
    }

    async fn establish(endpoint: &Endpoint) -> Result<Arc<Self>> {
        let (reader, writer) = net::connect(endpoint, super::is_secure(endpoint)).await?;
        let mut link = Self {
            outbox: Outbox::new(writer),
            state: Mutex::default(),
            versions: HashMap::new(),
            shown: endpoint.shown(),
            has_login: endpoint.user.is_some(),
            heard: Arc::new(Mutex::new(Instant::now())),
            patience: endpoint.connect_timeout + LONGEST_WAIT,
        };
        let mut reader = Frames::new(reader, link.heard.clone());
        // Spoken one after the other: who we are, and what may be spoken, is settled before anything else.
        link.versions = link.ask_versions(&mut reader).await?;
        login::login(&link, &mut reader, endpoint).await?;
        let link = Arc::new(link);
        tokio::spawn(link.clone().read(reader));
        Ok(link)
    }

    async fn ask_versions(&self, reader: &mut Frames) -> Result<HashMap<i16, VersionRange>> {
        self.put(&ApiVersionsRequest::default(), 0, 0).await?;
        let mut response = reader.next().await.map_err(|why| self.no_broker(&why))?;
        // Read by hand: whoever is no Kafka broker is found out here, before a number of his is taken for one of items to
        // make room for. Correlation id, error, how many; a key, and its lowest and highest version each.
        if response.len() < 10 {
            return Err(self.no_broker("does not speak Kafka"));
        }
        response.advance(6);
        let count = response.get_i32();
        if usize::try_from(count).ok().and_then(|count| count.checked_mul(6)) != Some(response.len()) {
            return Err(self.no_broker("does not speak Kafka"));
        }
        let range = |bytes: &mut Bytes| {
            (bytes.get_i16(), VersionRange { min: bytes.get_i16(), max: bytes.get_i16() })
        };
        Ok((0..count).map(|_| range(&mut response)).collect())
    }

    fn no_broker(&self, why: &str) -> Error {
        Error::new(Kind::Unreachable, format!("{} {why}", self.shown)).hint(
            "is it a Kafka broker? One that wants TLS is kafkas://, one that wants a login is told nothing without a user",
        )
    }

    /// A request and its response where nobody else speaks yet.
    pub(super) async fn converse<R: Request>(
        &self,
        request: &R,
        version: i16,
        reader: &mut Frames,
    ) -> Result<R::Response> {
        self.put(request, version, 0).await?;
        let response = reader.next().await.map_err(|why| self.no_broker(&why))?;
        self.decode::<R>(response, version)
    }

    /// The version that both sides speak, `at_most` that.
    pub(super) fn version<R: Request>(&self, at_most: i16) -> Result<i16> {
        let ours = R::Response::VERSIONS.intersect(&R::VERSIONS);
        let theirs = self.versions.get(&R::KEY).copied().unwrap_or(VersionRange { min: 0, max: -1 });
        let both = ours.intersect(&theirs);
        let version = both.max.min(at_most);
        if both.is_empty() || version < both.min {
            let what = format!("{} does not speak what eyas needs (API {}: {theirs})", self.shown, R::KEY);
            return Err(Error::new(Kind::Protocol, what).hint("eyas speaks to Kafka 2.1 and later"));
        }
        Ok(version)
    }

    /// Sends `request`, in the highest version that both know, once there is room; its response is waited for by
    /// what this returns. What one sends after the other arrives in that order.
    pub(super) async fn send<R: Request>(self: &Arc<Self>, request: &R) -> Result<Sent<R>> {
        const PRODUCE_KEY: i16 = 0;
        const FETCH_KEY: i16 = 1;
        const OFFSET_FETCH_KEY: i16 = 9;
        const FIND_COORDINATOR_KEY: i16 = 10;
        let at_most = match R::KEY {
            PRODUCE_KEY => PRODUCE,
            FETCH_KEY => FETCH,
            OFFSET_FETCH_KEY => OFFSET_FETCH,
            FIND_COORDINATOR_KEY => FIND_COORDINATOR,
            _ => i16::MAX,
        };
        let version = self.version::<R>(at_most)?;
        let (sender, response) = oneshot::channel();
        let id = {
            let mut state = self.lock();
            if state.ending.is_some() {
                drop(state);
                return Err(self.ending());
            }
            state.next = state.next.wrapping_add(1) & i32::MAX;
            let id = state.next;
            state.waiting.insert(id, sender);
            id
        };
        self.put(request, version, id).await?;
        Ok(Sent { response, version, link: self.clone(), request: std::marker::PhantomData })
    }

    /// Sends `request` and waits for its response; a broker that falls silent meanwhile is given up.
    pub(super) async fn ask<R: Request>(self: &Arc<Self>, request: &R) -> Result<R::Response> {
        let mut response = std::pin::pin!(self.send(request).await?.response());
        let asked = Instant::now();
        loop {
            let heard = asked.max(*self.heard.lock().unwrap_or_else(PoisonError::into_inner));
            tokio::select! {
                response = &mut response => return response,
                () = tokio::time::sleep_until(heard + self.patience) => {}
            }
            let heard_since = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard_since <= heard {
                self.end(format!("has not answered for {:?}", self.patience));
                return Err(self.ending());
            }
        }
    }

    async fn put<R: Request>(&self, request: &R, version: i16, id: i32) -> Result<()> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(StrBytes::from_static_str(CLIENT)));
        let mut frame = BytesMut::new();
        let wrong = |error: anyhow::Error| Error::unsupported("a request cannot be written").because(error);
        header.encode(&mut frame, R::header_version(version)).map_err(wrong)?;
        request.encode(&mut frame, version).map_err(wrong)?;
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        loop {
            let taken = self.outbox.push(|out| {
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&frame);
            });
            match taken {
                Taken::Yes => return Ok(()),
                Taken::Full => self.outbox.room().await,
                Taken::Closed => return Err(self.ending()),
            }
        }
    }

    fn decode<R: Request>(&self, mut bytes: Bytes, version: i16) -> Result<R::Response> {
        let strange = |error: anyhow::Error| {
            Error::new(Kind::Protocol, format!("{} does not speak Kafka", self.shown)).because(error)
        };
        ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).map_err(strange)?;
        R::Response::decode(&mut bytes, version).map_err(strange)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; were it to, the table is still a table.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(self: Arc<Self>, mut reader: Frames) {
        let why = loop {
            match reader.next().await {
                Ok(mut frame) if frame.len() >= 4 => {
                    let id = frame.slice(..4).get_i32();
                    let waiting = {
                        let mut state = self.lock();
                        state.has_answered = true;
                        state.waiting.remove(&id)
                    };
                    if let Some(waiting) = waiting {
                        // Whoever asked may have given up.
                        let _ = waiting.send(std::mem::take(&mut frame));
                    }
                }
                Ok(_) => break "does not speak Kafka: a response without a number".to_owned(),
                Err(why) => break why,
            }
        };
        self.end(why);
    }

    fn end(&self, why: String) {
        let mut state = self.lock();
        state.ending.get_or_insert(why);
        // Dropped senders are what tells those who wait.
        state.waiting.clear();
        drop(state);
        self.outbox.close();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ending.is_some()
    }

    fn ending(&self) -> Error {
        let state = self.lock();
        let why = state.ending.as_deref().unwrap_or("closed the connection");
        let what = format!("{} {why}", self.shown);
        if state.has_answered || self.has_login {
            return Error::new(Kind::Closed, what);
        }
        Error::new(Kind::Denied, format!("{what} at the first question"))
            .hint("a broker that wants a login does so: kafka://USER:PASSWORD@host, and -O sasl=… says how")
    }
}

impl<R: Request> Sent<R> {
    /// Waits for the response.
    pub(super) async fn response(self) -> Result<R::Response> {
        let Self { response, version, link, .. } = self;
        match response.await {
            Ok(bytes) => link.decode::<R>(bytes, version),
            Err(_) => Err(link.ending()),
        }
    }
}

/// Cuts what a broker sends into responses.
pub(super) struct Frames {
    reader: Reader,
    buffer: BytesMut,
    heard: Arc<Mutex<Instant>>,
}

impl Frames {
    fn new(reader: Reader, heard: Arc<Mutex<Instant>>) -> Self {
        Self { reader, buffer: BytesMut::with_capacity(READ_SIZE), heard }
    }

    /// The next response; the error says what became of the broker.
    async fn next(&mut self) -> Result<Bytes, String> {
        loop {
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > LARGEST {
                    return Err("does not speak Kafka".to_owned());
                }
                if self.buffer.len() >= 4 + length {
                    self.buffer.advance(4);
                    return Ok(self.buffer.split_to(length).freeze());
                }
                self.buffer.reserve(4 + length - self.buffer.len());
            }
            self.buffer.reserve(READ_SIZE);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) => return Err("closed the connection".to_owned()),
                Ok(_) => *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now(),
                Err(error) => return Err(format!("is gone: {error}")),
            }
        }
    }
}
