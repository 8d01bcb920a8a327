//! Standing in between: calls are passed on with their messages untouched, which are decoded on the side.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Mutex;
use tonic::Status;
use tonic::body::Body;

use super::link::{self, Link};
use super::tap::{Seen, Tap};
use super::{Method, Wording, reflection};
use crate::message::Finding;
use crate::transport::{Endpoint, Error, Event, FeedSender, Kind, Proxy, Result, Tls, feed, net, tls};
use crate::wire::grpc::schema::Schema;

/// The service that calls are passed on to.
pub(super) struct Upstream {
    endpoint: Endpoint,
    secure: bool,
    wording: Wording,
    /// By path; `None` until the schema is known.
    methods: Mutex<Option<Arc<HashMap<String, Method>>>>,
    /// How many calls there were, on all connections: a recording has no other way to tell them apart.
    calls: AtomicU64,
}

impl Upstream {
    /// The service at `endpoint`, whose schema is known or will be asked for.
    pub(super) fn new(
        endpoint: &Endpoint,
        secure: bool,
        schema: Option<&Schema>,
        wording: Wording,
    ) -> Result<Self> {
        let methods = schema.map(by_path).transpose()?.map(Arc::new);
        Ok(Self {
            endpoint: endpoint.clone(),
            secure,
            wording,
            methods: Mutex::new(methods),
            calls: AtomicU64::new(0),
        })
    }

    /// The methods, asked for where they are not known. A service that does not tell them is not asked again.
    async fn methods(&self, sender: &FeedSender) -> Option<Arc<HashMap<String, Method>>> {
        let mut methods = self.methods.lock().await;
        if methods.is_none() {
            let asked = async {
                let link = Link::open(&self.endpoint, self.secure, false).await?;
                by_path(&reflection::ask(&link, None).await?)
            };
            match tokio::time::timeout(self.endpoint.connect_timeout, asked).await {
                Ok(Ok(found)) => *methods = Some(Arc::new(found)),
                Ok(Err(error)) if error.kind() == Kind::Unreachable => return None,
                Ok(Err(error)) => {
                    shown_as_bytes(sender, &error.to_string());
                    *methods = Some(Arc::default());
                }
                Err(_) => {
                    shown_as_bytes(sender, "the service does not answer when it is asked for its schema");
                    *methods = Some(Arc::default());
                }
            }
        }
        methods.clone()
    }
}

fn shown_as_bytes(sender: &FeedSender, why: &str) {
    let text = format!("{why}; messages are shown as bytes, unless its proto is named with -O proto=FILE");
    sender.push(Event::Finding(Finding { code: "no-schema".into(), text }), 0);
}

fn by_path(schema: &Schema) -> Result<HashMap<String, Method>> {
    let methods = schema.methods().into_iter().map(|method| {
        let method = Method::described(method)?;
        Ok((method.path.as_str().to_owned(), method))
    });
    methods.collect()
}

/// Listens on `address` and passes on to `upstream`.
pub(super) async fn start(address: &str, tls: Option<&Tls>, upstream: Upstream) -> Result<Proxy> {
    let listener = net::Listener::bind_for(address, tls, &[tls::HTTP2]).await?;
    let listening = listener.address();
    let (sender, events) = feed();
    // Before the first call: it should be readable, too.
    upstream.methods(&sender).await;
    let closing = tokio::spawn(accept(listener, Arc::new(upstream), sender));
    Ok(Proxy { listening, events: events.closed_by(closing) })
}

/// Takes clients until nobody watches any more; ends with the last of their calls.
async fn accept(listener: net::Listener, upstream: Arc<Upstream>, sender: FeedSender) {
    let take = |incoming, scope| join(incoming, upstream.clone(), sender.clone(), scope);
    listener.each(sender.abandoned(), take).await;
}

/// A client's connection, and the one to the service that belongs to it.
struct Joint {
    upstream: Arc<Upstream>,
    methods: Option<Arc<HashMap<String, Method>>>,
    far: Mutex<Option<SendRequest<Body>>>,
    sender: FeedSender,
    scope: u64,
}

async fn join(incoming: net::Incoming, upstream: Arc<Upstream>, sender: FeedSender, scope: u64) {
    let peer = incoming.peer.clone();
    let tell = |code: &'static str, text: String| {
        sender.push(Event::Finding(Finding { code: code.into(), text }), 0);
    };
    let (reader, writer) = match incoming.open().await {
        Ok(halves) => halves,
        Err(error) => return tell("client-lost", format!("{peer} could not open its connection: {error}")),
    };
    let methods = upstream.methods(&sender).await;
    let joint = Arc::new(Joint { upstream, methods, far: Mutex::default(), sender: sender.clone(), scope });
    let service = service_fn(move |request| pass(request, joint.clone()));
    let io = TokioIo::new(tokio::io::join(reader, writer));
    let mut connection = std::pin::pin!(Builder::new(TokioExecutor::new()).serve_connection(io, service));
    tokio::select! {
        // How it ended the client knows; its calls are told.
        _ = &mut connection => {}
        () = sender.abandoned() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Passes one call on. What clients ask of the schema is not told: it is none of the service's own traffic.
async fn pass(request: Request<Incoming>, joint: Arc<Joint>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let is_told = !path.starts_with("/grpc.reflection.");
    let seen = Seen {
        sender: joint.sender.clone(),
        method: joint.methods.as_ref().and_then(|methods| methods.get(&path)).cloned(),
        wording: joint.upstream.wording,
        scope: joint.scope,
        number: joint.upstream.calls.fetch_add(1, Ordering::Relaxed),
        path,
    };
    let answered = async {
        let mut far = joint.connect().await?;
        let (head, body) = request.into_parts();
        let body = if is_told {
            Body::new(Tap::request(body, seen.clone(), &head.headers))
        } else {
            Body::new(body)
        };
        let mut onward = Request::from_parts(head, body);
        *onward.uri_mut() = joint.address(onward.uri())?;
        let gone = |error| Error::new(Kind::Closed, "the service ended the connection").because(error);
        far.send_request(onward).await.map_err(gone)
    };
    match answered.await {
        Ok(response) => {
            let (head, body) = response.into_parts();
            let body =
                if is_told { Body::new(Tap::reply(body, seen, &head.headers)) } else { Body::new(body) };
            Ok(Response::from_parts(head, body))
        }
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            seen.find("upstream-unreachable", format!("{error}{cause}; `{}` was turned away", seen.path));
            Ok(Status::unavailable(format!("{error}{cause}")).into_http())
        }
    }
}

impl Joint {
    /// The connection to the service, made for the first call and again when it has ended.
    async fn connect(&self) -> Result<SendRequest<Body>> {
        let mut far = self.far.lock().await;
        if let Some(open) = far.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let endpoint = &self.upstream.endpoint;
        let halves = net::connect_for(endpoint, self.upstream.secure, &[tls::HTTP2]).await?;
        let open = link::handshake(halves).await.map_err(|error| {
            Error::new(Kind::Protocol, format!("{} does not speak HTTP/2", endpoint.shown())).because(error)
        })?;
        *far = Some(open.clone());
        Ok(open)
    }

    /// Where a call to `uri` goes: to the service, and to the same path there.
    fn address(&self, uri: &http::Uri) -> Result<http::Uri> {
        let shown = self.upstream.endpoint.shown();
        let authority = shown.split_once("://").map_or("", |(_, rest)| rest);
        let built = http::Uri::builder()
            .scheme(if self.upstream.secure { "https" } else { "http" })
            .authority(authority)
            .path_and_query(uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str))
            .build();
        built.map_err(|error| Error::unsupported(format!("`{uri}` cannot be passed on")).because(error))
    }
}
