//! A client's connection: HTTP/2, with many calls on it at once.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{CompressionEncoding, Streaming};
use tonic::codegen::{Service, StdError};
use tonic::{Request, Response, Status};

use super::codec::Bare;
use crate::transport::{Endpoint, Error, Kind, Result, net, tls};

/// The largest message that is read. What servers of grpc-js take by default is a sixty-fourth of it.
pub(super) const LARGEST: usize = 256 << 20;

/// How much may be on its way in one stream, and in all of them, before the peer waits: enough that a link is not held
/// up by its own length.
const WINDOW: u32 = 4 << 20;

/// The messages of one side of a call.
pub(super) type Messages = Pin<Box<dyn tonic::codegen::tokio_stream::Stream<Item = Bytes> + Send>>;

/// A connection to a service.
#[derive(Clone)]
pub(super) struct Link {
    sender: SendRequest<Body>,
    origin: http::Uri,
    shown: Arc<str>,
    gzip: bool,
    secure: bool,
    /// Whether the peer has answered anything yet, and so speaks HTTP/2.
    proven: Arc<AtomicBool>,
}

impl Link {
    /// Connects.
    pub(super) async fn open(endpoint: &Endpoint, secure: bool, gzip: bool) -> Result<Self> {
        let halves = net::connect_for(endpoint, secure, &[tls::HTTP2]).await?;
        let sender = handshake(halves).await.map_err(|error| {
            Error::new(Kind::Protocol, format!("{} does not speak HTTP/2", endpoint.shown())).because(error)
        })?;
        let authority = endpoint.shown();
        let authority = authority.split_once("://").map_or("", |(_, rest)| rest);
        let origin = http::Uri::builder()
            .scheme(if secure { "https" } else { "http" })
            .authority(authority)
            .path_and_query("/")
            .build()
            .map_err(|error| {
                Error::unsupported(format!("`{authority}` is no address of HTTP/2")).because(error)
            })?;
        Ok(Self { sender, origin, shown: endpoint.shown().into(), gzip, secure, proven: Arc::default() })
    }

    /// Where it leads, as it may be shown.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The same link, where what is sent is not compressed: for services that take calls so, and nothing else.
    pub(super) fn uncompressed(&self) -> Self {
        Self { gzip: false, ..self.clone() }
    }

    /// Whether no further call can be made.
    pub(super) fn has_ended(&self) -> bool {
        self.sender.is_closed()
    }

    /// Makes a call; its first half is over once the peer has begun to answer. An error with a source is the link's,
    /// one without is the status that the service ended the call with.
    pub(super) async fn call(
        &self,
        path: http::uri::PathAndQuery,
        request: Request<Messages>,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        let mut client = Grpc::with_origin(Channel(self.sender.clone()), self.origin.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(LARGEST);
        if self.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        let response = client.streaming(request, path, Bare).await;
        if response.as_ref().is_ok() || response.as_ref().is_err_and(|status| status.source().is_none()) {
            self.proven.store(true, Ordering::Relaxed);
        }
        response
    }

    /// What to make of a status that is none of the service's: the link has failed.
    pub(super) fn broken(&self, status: &Status) -> Error {
        let mut causes = Vec::new();
        let mut cause = status.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let cause = anyhow::anyhow!("{}", causes.last().map_or(status.message(), String::as_str).to_owned());
        if self.proven.load(Ordering::Relaxed) {
            return Error::new(Kind::Closed, format!("{} closed the connection", self.shown)).because(cause);
        }
        let hint = if self.secure {
            "is this the address of its gRPC, not of its HTTP?"
        } else {
            "is this the address of its gRPC, not of its HTTP? with TLS the address begins with grpcs://"
        };
        Error::new(Kind::Protocol, format!("{} does not speak gRPC", self.shown)).because(cause).hint(hint)
    }
}

/// Begins HTTP/2 on a connection; what comes on it is read by a task of its own, which ends with the last call.
pub(super) async fn handshake<B>(
    (reader, writer): (net::Reader, net::Writer),
) -> hyper::Result<SendRequest<B>>
where
    B: hyper::body::Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<StdError>,
{
    let io = TokioIo::new(tokio::io::join(reader, writer));
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .handshake(io)
        .await?;
    // How it ended the calls on it are told.
    tokio::spawn(connection);
    Ok(sender)
}

/// The connection as tonic takes it.
struct Channel(SendRequest<Body>);

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<http::Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
