//! A connection to a broker: logged in, kept alive, read one operation at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::login::{self, Credentials};
use crate::transport::outbox::Outbox;
use crate::transport::{Endpoint, Error, Kind, Result, net};
use crate::wire::nats::{Decoder, Op};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// After so long without a word the broker is asked whether it is there; after as long again it is not.
const SILENCE: Duration = Duration::from_secs(15);
/// What the broker knows us by.
pub(super) const NAME: &str = "eyas";
/// What it knows those of us by who only look on.
pub(super) const ONLOOKER: &str = "eyas tail";

/// What the broker says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    pub(super) max_payload: usize,
    pub(super) headers: bool,
    pub(super) jetstream: bool,
    tls_required: bool,
    nonce: String,
}

/// An open connection.
pub(super) struct Session {
    pub(super) outbox: Arc<Outbox>,
    pub(super) inlet: Inlet,
    pub(super) info: Info,
}

#[expect(clippy::struct_excessive_bools, reason = "as the protocol has it")]
#[derive(Serialize)]
struct Connect {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    lang: &'static str,
    name: &'static str,
    version: &'static str,
    protocol: u8,
    /// Without these two there is no word when nobody listens (`wire.md` §5).
    headers: bool,
    no_responders: bool,
    #[serde(flatten)]
    credentials: Credentials,
}

/// Connects and logs in, within the endpoint's time.
pub(super) async fn open(endpoint: &Endpoint, name: &'static str) -> Result<Session> {
    let waited = endpoint.connect_timeout;
    timeout(waited, greet(endpoint, name)).await.unwrap_or_else(|_| {
        Err(unreachable(endpoint)
            .because(anyhow::anyhow!("the broker said too little within {waited:?}"))
            .hint("check host and port, or wait longer with --connect-timeout"))
    })
}

fn unreachable(endpoint: &Endpoint) -> Error {
    Error::new(Kind::Unreachable, format!("could not connect to {}", endpoint.shown()))
}

async fn greet(endpoint: &Endpoint, name: &'static str) -> Result<Session> {
    let secure = super::is_secure(endpoint);
    let tls_first = secure && endpoint.flag("tls_first")?;
    let halves = net::connect(endpoint, tls_first).await?;
    let mut inlet = Inlet::new(halves.0, endpoint.shown());
    let info = inlet.info().await?;
    let mut writer = halves.1;
    if secure && !tls_first {
        let (reader, upgraded) = net::upgrade((inlet.reader, writer), endpoint).await?;
        inlet = Inlet::new(reader, endpoint.shown());
        writer = upgraded;
    } else if info.tls_required && !secure {
        return Err(unreachable(endpoint)
            .because(anyhow::anyhow!("the broker speaks TLS only"))
            .hint("write `tls://` instead of `nats://`"));
    }
    let credentials = login::credentials(endpoint, &info.nonce)
        .map_err(|error| Error::unsupported("the login cannot be used as it is set up").because(error))?;
    let connect = Connect {
        verbose: false,
        pedantic: false,
        tls_required: secure,
        lang: "rust",
        name,
        version: env!("CARGO_PKG_VERSION"),
        protocol: 1,
        headers: true,
        no_responders: true,
        credentials,
    };
    let connect = serde_json::to_string(&connect).map_err(|error| inlet.broke(&error))?;
    let hello = format!("CONNECT {connect}\r\nPING\r\n");
    writer.write_all(hello.as_bytes()).await.map_err(|error| inlet.broke(&error))?;
    writer.flush().await.map_err(|error| inlet.broke(&error))?;
    let outbox = Outbox::new(writer);
    inlet.outbox = Some(outbox.clone());
    inlet.welcome().await?;
    Ok(Session { outbox, inlet, info })
}

impl Session {
    /// Sends `subscriptions` and waits until the broker has them.
    ///
    /// # Errors
    /// It refused one, or the link is over.
    pub(super) async fn settle(&mut self, subscriptions: &[u8]) -> Result<()> {
        self.outbox.send(&[subscriptions, b"PING\r\n"].concat()).await?;
        self.inlet.welcome().await
    }
}

/// The reading half.
pub(super) struct Inlet {
    reader: net::Reader,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// Where a `PING` is answered; none before the login.
    outbox: Option<Arc<Outbox>>,
    shown: String,
    /// Silence is nothing to it.
    quiet: bool,
    asked: bool,
    /// What the broker complained of last: it closes after most complaints, and this is why.
    complaint: Option<String>,
}

impl Inlet {
    fn new(reader: net::Reader, shown: String) -> Self {
        let (decoder, buffer) = (Decoder::default(), vec![0; READ_SIZE]);
        Self { reader, decoder, buffer, outbox: None, shown, quiet: false, asked: false, complaint: None }
    }

    /// Waits for the next operation; [`Inlet::current`] then gives it. `PING` is answered here.
    ///
    /// # Errors
    /// The link is over: closed, broken, silent, or no NATS.
    pub(super) async fn advance(&mut self) -> Result<()> {
        loop {
            while self.decoder.advance().map_err(|error| self.garbled(&error))? {
                match self.decoder.current() {
                    Op::Ping => {
                        if let Some(outbox) = &self.outbox {
                            // A full outbox means that the broker reads slowly, not that it waits for this.
                            let _ = outbox.interject(|out| out.extend_from_slice(b"PONG\r\n"));
                        }
                    }
                    Op::Error(text) => {
                        self.complaint = Some(text.to_owned());
                        return Ok(());
                    }
                    Op::Ok => {}
                    _ => return Ok(()),
                }
            }
            self.read().await?;
        }
    }

    /// Asks the broker nothing by itself, for somebody else counts its answers.
    pub(super) fn keep_quiet(&mut self) {
        self.quiet = true;
    }

    /// The operation that [`Inlet::advance`] waited for.
    pub(super) fn current(&self) -> Op<'_> {
        self.decoder.current()
    }

    async fn read(&mut self) -> Result<()> {
        let count = match timeout(SILENCE, self.reader.read(&mut self.buffer)).await {
            Ok(Ok(0)) => return Err(self.closed()),
            Ok(Ok(count)) => count,
            Ok(Err(error)) => return Err(self.broke(&error)),
            Err(_) if self.quiet => return Ok(()),
            Err(_) if self.asked => return Err(self.broke(&"it says nothing any more")),
            Err(_) => {
                self.asked = true;
                if let Some(outbox) = &self.outbox {
                    let _ = outbox.interject(|out| out.extend_from_slice(b"PING\r\n"));
                }
                return Ok(());
            }
        };
        self.asked = false;
        self.decoder.feed(&self.buffer[..count]);
        Ok(())
    }

    /// The broker's first word.
    async fn info(&mut self) -> Result<Info> {
        self.advance().await.map_err(|error| match error.kind() {
            Kind::Protocol => error,
            _ => Error::new(Kind::Unreachable, format!("{} closed the connection before a word", self.shown))
                .hint("a NATS broker speaks first: check the port, and whether it wants TLS (`tls://`)"),
        })?;
        match self.current() {
            Op::Info(json) => serde_json::from_str(json).map_err(|error| self.garbled(&error)),
            _ => Err(self.garbled(&"it does not say INFO first")),
        }
    }

    /// Waits until the broker has let us in.
    async fn welcome(&mut self) -> Result<()> {
        loop {
            let advanced = self.advance().await;
            self.take_refusal()?;
            advanced.map_err(|error| {
                let cut = Error::new(Kind::Unreachable, format!("could not log in at {}", self.shown));
                cut.because(error).hint("does the broker want a client certificate, or another login?")
            })?;
            if matches!(self.current(), Op::Pong) {
                return Ok(());
            }
        }
    }

    /// Whether the broker has said what it has to say to what stood before our `PING`.
    pub(super) fn has_settled(&self) -> bool {
        self.complaint.is_some() || matches!(self.current(), Op::Pong)
    }

    /// What the broker refused, where it did.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn take_refusal(&mut self) -> Result<()> {
        match self.complaint.take() {
            Some(complaint) => Err(self.denied(&complaint)),
            None => Ok(()),
        }
    }

    fn denied(&self, complaint: &str) -> Error {
        Error::new(Kind::Denied, format!("{} let us not in: {complaint}", self.shown)).hint(
            "a login stands in the URL (`nats://user:password@host`, `nats://token@host`) or in \
             -O nkey=FILE or -O creds=FILE",
        )
    }

    fn closed(&self) -> Error {
        let why = match &self.complaint {
            Some(complaint) => format!("{} closed the connection: {complaint}", self.shown),
            None if self.decoder.is_halfway() => {
                format!("{} closed the connection in the middle of a message", self.shown)
            }
            None => format!("{} closed the connection", self.shown),
        };
        Error::new(Kind::Closed, why)
    }

    fn broke(&self, cause: &impl ToString) -> Error {
        Error::new(Kind::Closed, format!("the connection to {} broke: {}", self.shown, cause.to_string()))
    }

    fn garbled(&self, what: &impl ToString) -> Error {
        Error::new(Kind::Protocol, format!("{} does not speak NATS: {}", self.shown, what.to_string()))
            .hint("check the port: a broker has others for its monitor and its cluster")
    }
}
