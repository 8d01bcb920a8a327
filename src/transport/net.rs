//! Sockets: connecting within a time, listening, and TLS on either side.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Endpoint, Error, Kind, Result, Tls, tls};

/// The reading half of a connection.
pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;
/// The writing half of a connection.
pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Connects to `endpoint` within its time; `secure` speaks TLS.
///
/// # Errors
/// [`Kind::Unreachable`], with the cause and what to look at.
pub(super) async fn connect(endpoint: &Endpoint, secure: bool) -> Result<(Reader, Writer)> {
    connect_for(endpoint, secure, &[]).await
}

/// The same for one of `protocols`, which TLS agrees on.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_for(
    endpoint: &Endpoint,
    secure: bool,
    protocols: &[&[u8]],
) -> Result<(Reader, Writer)> {
    let wrong =
        |error: anyhow::Error| Error::unsupported("TLS cannot be used as it is set up").because(error);
    let tls = if secure {
        Some(tls::connector(&endpoint.tls, &endpoint.host, protocols).map_err(wrong)?)
    } else {
        None
    };
    match timeout(endpoint.connect_timeout, dial(endpoint, tls)).await {
        Ok(Ok(halves)) => Ok(halves),
        Ok(Err(error)) => Err(unreachable(endpoint, error, secure)),
        Err(_) => Err(too_slow(endpoint)),
    }
}

/// That `endpoint` cannot be reached, and what to look at.
pub(super) fn unreachable(endpoint: &Endpoint, cause: anyhow::Error, secure: bool) -> Error {
    let hint = advice(&cause, secure);
    Error::new(Kind::Unreachable, format!("could not connect to {}", endpoint.shown()))
        .because(cause)
        .hint(hint)
}

/// That `endpoint` did not answer within its time.
pub(super) fn too_slow(endpoint: &Endpoint) -> Error {
    Error::new(Kind::Unreachable, format!("could not connect to {}", endpoint.shown()))
        .because(anyhow::anyhow!("no answer within {:?}", endpoint.connect_timeout))
        .hint("check host and port, or wait longer with --connect-timeout")
}

/// Goes on in TLS where the peer spoke first in plain text, as a NATS broker does.
///
/// # Errors
/// [`Kind::Unreachable`], with the cause and what to look at.
pub(super) async fn upgrade(
    (reader, writer): (Reader, Writer),
    endpoint: &Endpoint,
) -> Result<(Reader, Writer)> {
    let (connector, name) = tls::connector(&endpoint.tls, &endpoint.host, &[])
        .map_err(|error| Error::unsupported("TLS cannot be used as it is set up").because(error))?;
    let stream = connector.connect(name, tokio::io::join(reader, writer)).await;
    let stream = stream.map_err(|error| unreachable(endpoint, error.into(), true))?;
    let (reader, writer) = tokio::io::split(stream);
    Ok((Box::new(reader), Box::new(writer)))
}

async fn dial(
    endpoint: &Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
) -> anyhow::Result<(Reader, Writer)> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    stream.set_nodelay(true)?;
    let Some((connector, name)) = tls else { return Ok(split_plain(stream)) };
    let (reader, writer) = tokio::io::split(connector.connect(name, stream).await?);
    Ok((Box::new(reader), Box::new(writer)))
}

fn split_plain(stream: TcpStream) -> (Reader, Writer) {
    let (reader, writer) = stream.into_split();
    (Box::new(reader), Box::new(writer))
}

fn advice(error: &anyhow::Error, secure: bool) -> &'static str {
    let io_kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match io_kind {
        Some(io::ErrorKind::ConnectionRefused) => {
            "nothing listens there: is the service running, and is this its port?"
        }
        _ if secure => {
            "check the certificate: --tls-ca names its authority, --tls-server-name the name in it, --tls-cert and --tls-key yours"
        }
        _ => "check host and port",
    }
}

/// A listening socket, with TLS or without.
pub(super) struct Listener {
    socket: TcpListener,
    acceptor: Option<TlsAcceptor>,
}

impl Listener {
    /// Listens on `address` (`host:port`; port 0 takes a free one), with TLS if there is a certificate to show.
    ///
    /// # Errors
    /// [`Kind::Unreachable`]: the address is taken, or not ours.
    pub(super) async fn bind(address: &str, tls: Option<&Tls>) -> Result<Self> {
        Self::bind_for(address, tls, &[]).await
    }

    /// The same for one of `protocols`, which TLS agrees on.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub(super) async fn bind_for(address: &str, tls: Option<&Tls>, protocols: &[&[u8]]) -> Result<Self> {
        let failed = || Error::new(Kind::Unreachable, format!("could not listen on {address}"));
        let wrong =
            |error: anyhow::Error| Error::unsupported("TLS cannot be used as it is set up").because(error);
        let config = |tls| tls::server_config(tls, protocols).map(TlsAcceptor::from);
        let acceptor = tls.map(config).transpose().map_err(wrong)?;
        let socket = TcpListener::bind(address).await.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "something listens there already: take another port, or 0 for a free one"
                }
                _ => "an address looks like 127.0.0.1:4100",
            };
            failed().because(error).hint(hint)
        })?;
        Ok(Self { socket, acceptor })
    }

    /// The address it took.
    pub(super) fn address(&self) -> String {
        self.socket.local_addr().map_or_else(|_| "?".into(), |address| address.to_string())
    }

    /// Waits for the next connection; its TLS handshake is left to [`Incoming::open`], so that a slow peer does
    /// not hold up the others.
    async fn accept(&self) -> io::Result<Incoming> {
        let (stream, peer) = self.socket.accept().await?;
        Ok(Incoming { stream, peer: peer.to_string(), acceptor: self.acceptor.clone() })
    }

    /// Hands every connection, with a number of its own, to `take` until it is `over`; ends with the last of them.
    pub(super) async fn each<F: Future<Output = ()> + Send + 'static>(
        self,
        over: impl Future<Output = ()>,
        take: impl Fn(Incoming, u64) -> F,
    ) {
        let mut over = std::pin::pin!(over);
        let mut connections = JoinSet::new();
        for number in 1.. {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = &mut over => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok(incoming) => drop(connections.spawn(take(incoming, number))),
                // Out of file descriptors, most likely: those that are open will close.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
        drop(self);
        connections.join_all().await;
    }
}

/// A connection that was accepted.
pub(super) struct Incoming {
    stream: TcpStream,
    /// The peer's address.
    pub(super) peer: String,
    acceptor: Option<TlsAcceptor>,
}

impl Incoming {
    /// Completes the TLS handshake, where there is one.
    pub(super) async fn open(self) -> io::Result<(Reader, Writer)> {
        self.stream.set_nodelay(true)?;
        match self.acceptor {
            None => Ok(split_plain(self.stream)),
            Some(acceptor) => {
                let (reader, writer) = tokio::io::split(acceptor.accept(self.stream).await?);
                Ok((Box::new(reader), Box::new(writer)))
            }
        }
    }
}
