//! A connection to a broker: logged in, kept alive, read one thing at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Options, is_secure};
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Endpoint, Error, Kind, Result, net};
use crate::wire::rmq::{
    Closing, Decoder, GREETING, Incoming, Method, Publish, Table, Value, encode_heartbeat, encode_method,
    encode_publish,
};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// How often either side wants a sign of life, in seconds, unless the broker wants it more often.
const HEARTBEAT: u16 = 10;
/// Who logs in where the URL does not say: RabbitMQ knows this user on its own machine.
const GUEST: &str = "guest";

/// An open connection.
pub(super) struct Session {
    pub(super) outbox: Arc<Outbox>,
    pub(super) inlet: Inlet,
    /// The largest frame that the broker takes.
    pub(super) frame_max: usize,
}

/// Connects, logs in and opens the virtual host, within the endpoint's time. The broker shows the connection as `name`.
pub(super) async fn open(endpoint: &Endpoint, options: &Options, name: &str) -> Result<Session> {
    let waited = endpoint.connect_timeout;
    timeout(waited, greet(endpoint, options, name)).await.unwrap_or_else(|_| {
        Err(unreachable(endpoint)
            .because(anyhow::anyhow!("the broker said too little within {waited:?}"))
            .hint("is this a RabbitMQ broker, and is TLS on for both sides or for none (amqps://)?"))
    })
}

fn unreachable(endpoint: &Endpoint) -> Error {
    Error::new(Kind::Unreachable, format!("could not connect to {}", endpoint.shown()))
}

async fn greet(endpoint: &Endpoint, options: &Options, name: &str) -> Result<Session> {
    let (reader, mut writer) = net::connect(endpoint, is_secure(endpoint)).await?;
    let mut inlet = Inlet::new(reader, endpoint.shown());
    writer.write_all(GREETING).await.map_err(|error| inlet.broke(&error))?;
    writer.flush().await.map_err(|error| inlet.broke(&error))?;
    let outbox = Outbox::new(writer);
    inlet.outbox = Some(outbox.clone());
    let mechanisms = match inlet.method().await {
        Ok(Method::Start { mechanisms }) => mechanisms,
        Ok(_) => return Err(inlet.garbled(&"it does not begin with connection.start")),
        Err(error) if error.kind() == Kind::Closed => {
            return Err(unreachable(endpoint).because(error).hint(
                "a RabbitMQ broker speaks first: check the port, and whether it wants TLS (`amqps://`)",
            ));
        }
        Err(error) => return Err(error),
    };
    let (mechanism, response) = login(endpoint, &mechanisms);
    let start = Method::StartOk { properties: client(name), mechanism, response };
    inlet.say(0, &start).await?;
    let refused = |error: Error| match error.kind() {
        // An older broker closes without a word.
        Kind::Closed => denied(endpoint).because(error),
        _ => error,
    };
    let Method::Tune { channel_max, frame_max, heartbeat } = inlet.method().await.map_err(refused)? else {
        return Err(inlet.garbled(&"it does not go on with connection.tune"));
    };
    let heartbeat = if heartbeat == 0 { HEARTBEAT } else { heartbeat.min(HEARTBEAT) };
    // No limit of channels is refused as an answer (`measured.md` §3).
    let channel_max = if channel_max == 0 { 2047 } else { channel_max };
    inlet.say(0, &Method::TuneOk { channel_max, frame_max, heartbeat }).await?;
    inlet.say(0, &Method::Open { vhost: options.vhost.clone() }).await?;
    match inlet.method().await? {
        Method::OpenOk => {}
        _ => return Err(inlet.garbled(&"it does not answer connection.open")),
    }
    inlet.silence = Duration::from_secs(2 * u64::from(heartbeat));
    tokio::spawn(live(Arc::downgrade(&outbox), Duration::from_secs(heartbeat.into()) / 2));
    Ok(Session { outbox, inlet, frame_max: usize::try_from(frame_max).unwrap_or_default() })
}

/// The first mechanism that fits: by certificate where there is one and no user, else by password.
fn login(endpoint: &Endpoint, mechanisms: &str) -> (&'static str, Vec<u8>) {
    let by_certificate = endpoint.user.is_none() && endpoint.tls.cert.is_some();
    if by_certificate && mechanisms.split(' ').any(|mechanism| mechanism == "EXTERNAL") {
        return ("EXTERNAL", Vec::new());
    }
    let (user, password) = credentials(endpoint);
    ("PLAIN", format!("\0{user}\0{password}").into_bytes())
}

/// User and password, for the broker and its management.
pub(super) fn credentials(endpoint: &Endpoint) -> (&str, &str) {
    let password = endpoint.password.as_ref().map_or(GUEST, |password| password.reveal());
    (endpoint.user.as_deref().unwrap_or(GUEST), password)
}

/// What the broker learns of us, and what it may tell us: why a login failed, that it blocks publishers, that it
/// took a consumer away.
fn client(name: &str) -> Table {
    let can = |name: &str| (name.to_owned(), Value::Bool(true));
    let capabilities = vec![
        can("authentication_failure_close"),
        can("basic.nack"),
        can("connection.blocked"),
        can("consumer_cancel_notify"),
        can("publisher_confirms"),
    ];
    vec![
        ("product".to_owned(), Value::text("eyas")),
        ("version".to_owned(), Value::text(env!("CARGO_PKG_VERSION"))),
        ("connection_name".to_owned(), Value::text(name)),
        ("capabilities".to_owned(), Value::Table(capabilities)),
    ]
}

/// Gives a sign of life every now and then, for as long as the link goes on.
async fn live(outbox: Weak<Outbox>, every: Duration) {
    loop {
        sleep(every).await;
        let Some(outbox) = outbox.upgrade() else { return };
        // A full outbox says more than a sign of life.
        if outbox.interject(encode_heartbeat) == Taken::Closed {
            return;
        }
    }
}

fn denied(endpoint: &Endpoint) -> Error {
    Error::new(Kind::Denied, format!("{} refused the login", endpoint.shown())).hint(
        "the login stands in the URL: amqp://USER:PASSWORD@HOST/VHOST; without one it is guest, whom RabbitMQ lets in \
         from its own machine only",
    )
}

impl Session {
    /// Says `method` and waits for the answer. What else comes meanwhile is kept for [`Inlet::next`].
    ///
    /// # Errors
    /// The broker refuses and closes the channel: why.
    pub(super) async fn call(&mut self, channel: u16, method: &Method) -> Result<Method> {
        self.inlet.say(channel, method).await?;
        self.inlet.answer(channel).await
    }

    /// Opens a channel.
    pub(super) async fn channel(&mut self, channel: u16) -> Result<()> {
        self.call(channel, &Method::ChannelOpen).await.map(drop)
    }

    /// What a queue holds and how many consume it; nothing is declared. Takes a channel of its own, which a refusal
    /// closes.
    pub(super) async fn look(&mut self, channel: u16, queue: &str) -> Result<(u32, u32)> {
        self.channel(channel).await?;
        let look =
            Method::QueueDeclare { queue: queue.to_owned(), passive: true, durable: false, exclusive: false };
        let answer = self.call(channel, &look).await?;
        self.leave(channel).await?;
        match answer {
            Method::QueueDeclareOk { messages, consumers, .. } => Ok((messages, consumers)),
            _ => Err(self.inlet.garbled(&"it does not answer queue.declare")),
        }
    }

    /// Whether an exchange is there; nothing is declared. Takes a channel of its own, which a refusal closes.
    pub(super) async fn look_for_exchange(&mut self, channel: u16, exchange: &str) -> Result<()> {
        self.channel(channel).await?;
        let look = Method::ExchangeDeclare {
            exchange: exchange.to_owned(),
            kind: String::new(),
            passive: true,
            durable: false,
        };
        self.call(channel, &look).await?;
        self.leave(channel).await
    }

    /// Closes a channel.
    pub(super) async fn leave(&mut self, channel: u16) -> Result<()> {
        let closing = Closing { code: 200, text: "done".to_owned(), cause: (0, 0) };
        self.call(channel, &Method::ChannelClose(closing)).await.map(drop)
    }

    /// Sends a message.
    pub(super) async fn publish(&mut self, channel: u16, publish: &Publish<'_>) -> Result<()> {
        let mut frames = Vec::with_capacity(publish.body.len() + 256);
        encode_publish(&mut frames, channel, publish, self.frame_max);
        self.outbox.send(&frames).await
    }
}

/// Says good-bye, so that the broker does not take it for a failure.
pub(super) fn close(outbox: &Outbox) {
    let closing = Closing { code: 200, text: "good-bye".to_owned(), cause: (0, 0) };
    // A link that is gone needs no good-bye.
    let _ = outbox.interject(|out| encode_method(out, 0, &Method::Close(closing)));
    outbox.finish();
}

/// The reading half.
pub(super) struct Inlet {
    reader: net::Reader,
    decoder: Decoder,
    buffer: Vec<u8>,
    outbox: Option<Arc<Outbox>>,
    shown: String,
    /// How long the broker may say nothing; before the login the endpoint's time holds.
    silence: Duration,
    /// When it last said something: whoever stops waiting and goes on waiting must not count anew.
    heard: Instant,
    /// What came while an answer was waited for.
    kept: VecDeque<(u16, Incoming)>,
}

impl Inlet {
    fn new(reader: net::Reader, shown: String) -> Self {
        Self {
            reader,
            decoder: Decoder::default(),
            buffer: vec![0; READ_SIZE],
            outbox: None,
            shown,
            silence: Duration::from_secs(3600),
            heard: Instant::now(),
            kept: VecDeque::new(),
        }
    }

    /// Waits for the next thing that concerns more than the link itself.
    ///
    /// # Errors
    /// The link is over: closed, broken, silent, or no AMQP.
    pub(super) async fn next(&mut self) -> Result<(u16, Incoming)> {
        match self.kept.pop_front() {
            Some(kept) => Ok(kept),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<(u16, Incoming)> {
        loop {
            while let Some((channel, incoming)) =
                self.decoder.advance().map_err(|error| self.garbled(&error))?
            {
                match incoming {
                    Incoming::Heartbeat => {}
                    Incoming::Method(Method::Close(closing)) => {
                        self.say(0, &Method::CloseOk).await?;
                        return Err(self.closed_by(&closing));
                    }
                    Incoming::Method(Method::Flow { active }) => {
                        self.say(channel, &Method::FlowOk { active }).await?;
                    }
                    other => return Ok((channel, other)),
                }
            }
            let deadline = self.heard + self.silence;
            let count = match timeout_at(deadline, self.reader.read(&mut self.buffer)).await {
                Ok(Ok(0)) => return Err(self.closed()),
                Ok(Ok(count)) => count,
                Ok(Err(error)) => return Err(self.broke(&error)),
                Err(_) => return Err(self.broke(&"it says nothing any more")),
            };
            self.heard = Instant::now();
            self.decoder.feed(&self.buffer[..count]);
        }
    }

    /// The next thing, which must be a method of the connection itself.
    async fn method(&mut self) -> Result<Method> {
        match self.read().await? {
            (0, Incoming::Method(method)) => Ok(method),
            _ => Err(self.garbled(&"it speaks of a channel that is not open")),
        }
    }

    /// Waits for the answer on `channel`; what else comes is kept.
    async fn answer(&mut self, channel: u16) -> Result<Method> {
        loop {
            match self.read().await? {
                (from, Incoming::Method(Method::ChannelClose(closing))) if from == channel => {
                    self.say(channel, &Method::ChannelCloseOk).await?;
                    return Err(refused(&closing));
                }
                // These answer nothing that was asked.
                (from, Incoming::Method(method))
                    if from == channel
                        && !matches!(
                            method,
                            Method::Ack { .. } | Method::Nack { .. } | Method::Cancel { .. }
                        ) =>
                {
                    return Ok(method);
                }
                other => self.kept.push_back(other),
            }
        }
    }

    /// Says `method`.
    pub(super) async fn say(&mut self, channel: u16, method: &Method) -> Result<()> {
        let mut frame = Vec::new();
        encode_method(&mut frame, channel, method);
        match &self.outbox {
            Some(outbox) => outbox.send(&frame).await,
            None => Ok(()),
        }
    }

    fn closed_by(&self, closing: &Closing) -> Error {
        let Closing { code, text, .. } = closing;
        let told = format!("{} closed the connection: {text}", self.shown);
        match code {
            403 => Error::new(Kind::Denied, format!("{} refused the login: {text}", self.shown)).hint(
                "the login stands in the URL: amqp://USER:PASSWORD@HOST/VHOST; without one it is guest, whom RabbitMQ \
                 lets in from its own machine only",
            ),
            530 => Error::new(Kind::Denied, format!("{} refused the virtual host: {text}", self.shown)).hint(
                "the virtual host is the URL's path: amqp://HOST/VHOST; none is `/`, one that begins with a slash is \
                 written %2F…",
            ),
            501..=505 => Error::new(Kind::Protocol, told),
            _ => Error::new(Kind::Closed, told),
        }
    }

    fn closed(&self) -> Error {
        let middle = if self.decoder.is_halfway() { " in the middle of a message" } else { "" };
        Error::new(Kind::Closed, format!("{} closed the connection{middle}", self.shown))
    }

    fn broke(&self, cause: &impl ToString) -> Error {
        Error::new(Kind::Closed, format!("the connection to {} broke: {}", self.shown, cause.to_string()))
    }

    fn garbled(&self, what: &impl ToString) -> Error {
        Error::new(Kind::Protocol, format!("{} does not speak AMQP 0-9-1: {}", self.shown, what.to_string()))
            .hint("check the port: RabbitMQ's is 5672, with TLS 5671; 15672 is its management's")
    }
}

/// Why the broker closed a channel, and what to do about it.
pub(super) fn refused(closing: &Closing) -> Error {
    let Closing { code, text, .. } = closing;
    let kind = match code {
        404 => Kind::NobodyThere,
        403 => Kind::Denied,
        _ => Kind::Refused,
    };
    let error = Error::new(kind, format!("the broker refused: {text}"));
    match advice(*code, text) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn advice(code: u16, text: &str) -> Option<&'static str> {
    match code {
        404 if text.contains("exchange") => Some(
            "is this the exchange of a service with `wildcards: true` or `exchangeType: 'fanout'`, and does it run?",
        ),
        404 => Some("has the service ever run here? It declares its queue when it starts"),
        403 => Some("the user's permissions in this virtual host do not allow it"),
        405 => Some("another connection has it for itself alone"),
        406 if text.contains("inequivalent arg") => Some(
            "it is there already with other arguments, and those cannot be changed: leave out -O declare, or declare \
             it exactly as the service's queueOptions do; a Nest client that does not hangs without a word",
        ),
        406 if text.contains("larger than") => {
            Some("max_message_size in the broker's configuration says how much")
        }
        _ => None,
    }
}
