//! The answering side: what `mock` is to a gRPC client. It tells its schema by reflection.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming as Body;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::FileDescriptorSet;
use tokio::sync::mpsc;
use tonic::codec::CompressionEncoding;
use tonic::codegen::{BoxFuture, Service as _};
use tonic::{Code, Status};

use super::answering::Handler;
use super::codec::Bare;
use super::link::LARGEST;
use super::{Method, Wording};
use crate::message::Finding;
use crate::transport::{Endpoint, Error, Incoming, Result, Service, net, tls};
use crate::wire::grpc::schema::Schema;

/// Calls that wait to be answered before connections wait for them.
const CALLS_WAITING: usize = 1024;

type Answered = Response<tonic::body::Body>;
type Reflecting = Arc<dyn Fn(Request<Body>) -> BoxFuture<Answered, Infallible> + Send + Sync>;

/// What is served.
pub(super) struct Served {
    /// By path.
    methods: HashMap<String, Method>,
    reflecting: Vec<(&'static str, Reflecting)>,
    wording: Wording,
}

/// Listens at `endpoint`, whose certificate and key are the server's, and serves every method of `schema`.
pub(super) async fn start(
    endpoint: &Endpoint,
    secure: bool,
    schema: &Schema,
    wording: Wording,
) -> Result<Service> {
    let served = Arc::new(Served::new(schema, wording)?);
    let shown = endpoint.shown();
    let address = shown.split_once("://").map_or("", |(_, address)| address);
    let tls = secure.then_some(&endpoint.tls);
    let listener = net::Listener::bind_for(address, tls, &[tls::HTTP2]).await?;
    let listening = format!("{}://{}", endpoint.scheme, listener.address());
    let (sender, incoming) = mpsc::channel(CALLS_WAITING);
    let closing = tokio::spawn(accept(listener, served, sender));
    Ok(Service { listening, incoming, closing })
}

impl Served {
    fn new(schema: &Schema, wording: Wording) -> Result<Self> {
        let mut methods = HashMap::new();
        for method in schema.methods() {
            let method = Method::described(method)?;
            methods.insert(method.path.as_str().to_owned(), method);
        }
        Ok(Self { methods, reflecting: reflecting(schema.pool())?, wording })
    }
}

/// Both versions of reflection over `pool`.
fn reflecting(pool: &DescriptorPool) -> Result<Vec<(&'static str, Reflecting)>> {
    let files: Vec<_> = pool.files().map(|file| file.file_descriptor_proto().clone()).collect();
    let encoded = FileDescriptorSet { file: files }.encode_to_vec();
    let builder =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(&encoded);
    let unusable = |error| {
        Error::unsupported("the proto cannot be told by reflection").because(anyhow::Error::from(error))
    };
    let newer = builder().build_v1().map_err(unusable)?;
    let older = builder().build_v1alpha().map_err(unusable)?;
    Ok(vec![
        ("/grpc.reflection.v1.ServerReflection/", Arc::new(move |request| newer.clone().call(request))),
        ("/grpc.reflection.v1alpha.ServerReflection/", Arc::new(move |request| older.clone().call(request))),
    ])
}

async fn accept(listener: net::Listener, served: Arc<Served>, sender: mpsc::Sender<Incoming>) {
    listener.each(sender.closed(), |incoming, _| serve(incoming, served.clone(), sender.clone())).await;
}

async fn serve(incoming: net::Incoming, served: Arc<Served>, sender: mpsc::Sender<Incoming>) {
    let peer = incoming.peer.clone();
    let note = |text: String| Incoming::Finding(Finding { code: "not-grpc".into(), text });
    let (reader, writer) = match incoming.open().await {
        Ok(halves) => halves,
        Err(error) => {
            // Nobody listens to the responder any more, or the peer has left: both end this connection.
            let _ = sender.send(note(format!("{peer} could not open its connection: {error}"))).await;
            return;
        }
    };
    let calls = sender.clone();
    let service = service_fn(move |request| answer(request, served.clone(), calls.clone()));
    let io = TokioIo::new(tokio::io::join(reader, writer));
    let mut connection = std::pin::pin!(Builder::new(TokioExecutor::new()).serve_connection(io, service));
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        () = sender.closed() => {
            // What was asked is answered; nothing more is taken.
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
            return;
        }
    };
    if let Err(error) = outcome
        && !is_goodbye(&error)
    {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let _ = sender.send(note(format!("{peer} sent what is not gRPC: {error}{cause}"))).await;
    }
}

/// Whether a connection ended as they do: clients that are killed do not say so.
fn is_goodbye(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    error.is_closed() || error.is_incomplete_message()
}

async fn answer(
    request: Request<Body>,
    served: Arc<Served>,
    sender: mpsc::Sender<Incoming>,
) -> Result<Answered, Infallible> {
    let path = request.uri().path();
    if let Some((_, reflecting)) = served.reflecting.iter().find(|(prefix, _)| path.starts_with(prefix)) {
        return reflecting(request).await;
    }
    let Some(method) = served.methods.get(path) else {
        return Ok(unimplemented(path).into_http());
    };
    let handler = Handler { method: method.clone(), wording: served.wording, sender };
    let mut grpc = tonic::server::Grpc::new(Bare)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(LARGEST);
    Ok(grpc.streaming(handler, request).await)
}

/// What grpc-js answers to a method that it does not have.
pub(super) fn unimplemented(method: &str) -> Status {
    Status::new(Code::Unimplemented, format!("The server does not implement the method {method}"))
}
