//! The answering side: what `mock` is to a client, HTTP/1.1 or HTTP/2.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming as Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::{mpsc, oneshot};

use crate::message::{Called, Data, Finding, Pattern, Reply, ReplyKind};
use crate::transport::{Answer, Call, Endpoint, Error, Incoming, Kind, Result, Service, net};
use crate::wire::http as wire;

/// Calls that wait to be answered before connections wait for them.
const CALLS_WAITING: usize = 1024;
/// A larger body is refused.
const MOST_BODY: usize = 256 << 20;

/// What every connection needs to know.
struct Serving {
    /// The routes of the rules; none takes every call.
    routes: Vec<Pattern>,
    /// The path that all of them lie below: empty, or with a slash before and none after it.
    base: String,
    sender: mpsc::Sender<Incoming>,
}

/// Listens at `endpoint`, whose certificate and key are the server's.
pub(super) async fn start(endpoint: &Endpoint, secure: bool, patterns: &[Pattern]) -> Result<Service> {
    for pattern in patterns {
        wire::split(pattern).map_err(super::unusable)?;
    }
    let host =
        if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
    let tls = secure.then_some(&endpoint.tls);
    let listener = net::Listener::bind(&format!("{host}:{}", endpoint.port), tls).await?;
    let base = match endpoint.path.trim_end_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    };
    let listening = format!("{}://{}{base}", endpoint.scheme, listener.address());
    let (sender, incoming) = mpsc::channel(CALLS_WAITING);
    let serving = Arc::new(Serving { routes: patterns.to_vec(), base, sender });
    let closing = tokio::spawn(accept(listener, serving));
    Ok(Service { listening, incoming, closing })
}

async fn accept(listener: net::Listener, serving: Arc<Serving>) {
    listener.each(serving.sender.closed(), |incoming, _| converse(incoming, serving.clone())).await;
}

async fn converse(incoming: net::Incoming, serving: Arc<Serving>) {
    let peer = incoming.peer.clone();
    let note = |code: &'static str, text: String| Incoming::Finding(Finding { code: code.into(), text });
    let stream = match incoming.open().await {
        Ok((reader, writer)) => tokio::io::join(reader, writer),
        Err(error) => {
            // Nobody may listen to the responder any more.
            let text = format!("{peer} could not open its connection: {error}");
            let _ = serving.sender.send(note("client-lost", text)).await;
            return;
        }
    };
    let service = service_fn(|request| answer(request, serving.clone()));
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = serving.sender.closed() => {
            // What was asked is answered, and nothing more is taken.
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    let garbled =
        ended.err().filter(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse));
    if let Some(error) = garbled {
        let _ = serving.sender.send(note("not-http", format!("{peer} sent what is not HTTP: {error}"))).await;
    }
}

/// A call that nobody answers ends its connection.
#[derive(Debug)]
struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the call has no answer")
    }
}

impl std::error::Error for Unanswered {}

async fn answer(request: Request<Body>, serving: Arc<Serving>) -> Result<Response<Full<Bytes>>, Unanswered> {
    let (head, body) = request.into_parts();
    let method = head.method.clone();
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refused);
    };
    let body = body.to_bytes();
    let encoding = wire::text(&head.headers, &header::CONTENT_ENCODING);
    let data = wire::unpacked(encoding, &body)
        .map_or_else(|_| Data::Binary(body.clone()), |body| Data::classify(&body));
    let named = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let called = Called {
        pattern: Some(serving.route(&method, &target)),
        dest: Some(target.clone()),
        data: (!body.is_empty()).then_some(data),
        headers: wire::headers(named),
        is_request: true,
    };
    let (sender, answered) = oneshot::channel();
    let state = Mutex::new(Answering { sender: Some(sender), values: Vec::new() });
    let answer = Box::new(Answers { method, target, state });
    let _ = serving.sender.send(Incoming::Call(Call { called, answer })).await;
    answered.await.map_err(|_| Unanswered)
}

impl Serving {
    /// The rule that covers the call, else the call itself.
    fn route(&self, method: &Method, target: &str) -> Pattern {
        let below =
            target.strip_prefix(&self.base).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        let Some(path) = below.map(|path| if path.is_empty() { "/" } else { path }) else {
            return Pattern::Text(format!("{method} {target}"));
        };
        let fits = |wanted: fn(&str, &str) -> bool| {
            self.routes.iter().find(|route| {
                wire::split(route).is_ok_and(|(of, filter)| method == of && wanted(filter, path))
            })
        };
        // A route that is written out wins over one with wildcards.
        fits(|filter, path| filter == path)
            .or_else(|| fits(wire::covers))
            .cloned()
            .unwrap_or_else(|| Pattern::Text(format!("{method} {path}")))
    }
}

/// The reply to one request.
struct Answers {
    method: Method,
    target: String,
    state: Mutex<Answering>,
}

struct Answering {
    sender: Option<oneshot::Sender<Response<Full<Bytes>>>>,
    /// The values so far. Of a stream Nest sends the last alone.
    values: Vec<Reply>,
}

impl Answers {
    fn send(&self, status: StatusCode, (kind, body): (Option<&'static str>, Vec<u8>)) -> Result<()> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        }
        self.send_whole(status, headers, body)
    }

    fn send_whole(&self, status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Result<()> {
        let gone = || Error::new(Kind::Closed, "the client has closed its connection");
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = state.sender.take().ok_or_else(gone)?;
        sender.send(response).map_err(|_| gone())
    }
}

#[async_trait]
impl Answer for Answers {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        let values = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !reply.is_final() {
                state.values.push(reply.clone());
                return Ok(());
            }
            std::mem::take(&mut state.values)
        };
        if let Some((status, headers, body)) = wire::played(&values, reply) {
            return self.send_whole(status, headers, body);
        }
        // Nest takes 201 for a POST that did not fail, and 200 for all else.
        let well = if self.method == Method::POST { StatusCode::CREATED } else { StatusCode::OK };
        match reply.kind {
            ReplyKind::Next { .. } => self.send(well, wire::returned(reply.data.as_ref())),
            ReplyKind::Refused => {
                let (status, body) = wire::refused(reply.data.as_ref());
                self.send(status, (Some(wire::JSON), body))
            }
            ReplyKind::End => {
                let last = values.last().and_then(|reply| reply.data.as_ref());
                self.send(well, wire::returned(last))
            }
        }
    }

    async fn no_handler(&self) -> Result<()> {
        let json = wire::no_route(self.method.as_str(), &self.target);
        self.send(StatusCode::NOT_FOUND, wire::returned(Some(&Data::Json(json))))
    }
}
