//! The calls that reach a responder: what they ask, and what is answered.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::HeaderMap;
use tokio::sync::mpsc;
use tonic::codec::Streaming;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::tokio_stream::{Stream, StreamExt as _};
use tonic::codegen::{BoxFuture, Service};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use super::server::unimplemented;
use super::{Method, Wording};
use crate::message::{Called, Data, Finding, Headers, Pattern, Reply, ReplyKind};
use crate::transport::{Answer, Call, Error, Incoming, Kind, Result};
use crate::wire::grpc::{json, metadata, status};

/// Answers that wait for the client before whoever gives them has to.
const WAITING: usize = 64;

type Out = mpsc::Sender<Result<Bytes, Status>>;
type Answers = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// Takes the calls of one method.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) method: Method,
    pub(super) wording: Wording,
    pub(super) sender: mpsc::Sender<Incoming>,
}

impl Service<Request<Streaming<Bytes>>> for Handler {
    type Response = Response<Answers>;
    type Error = Status;
    type Future = BoxFuture<Self::Response, Status>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Status>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let handler = self.clone();
        Box::pin(async move {
            let (out, answers) = mpsc::channel(WAITING);
            tokio::spawn(handler.take(request, out));
            let mut answers = ReceiverStream::new(answers);
            // A call that is refused before any value has no body, as Nest has it (`wire.md` §9).
            let first = answers.next().await.transpose()?;
            let answers: Answers = match first {
                Some(first) => Box::pin(tonic::codegen::tokio_stream::once(Ok(first)).chain(answers)),
                None => Box::pin(answers),
            };
            Ok(Response::new(answers))
        })
    }
}

impl Handler {
    /// Reads what is asked. A stream of the client's is one call, whose data is the list of its messages, once it has
    /// ended; where both sides stream, each message is a call of its own.
    async fn take(self, request: Request<Streaming<Bytes>>, out: Out) {
        let (map, extensions, mut messages) = request.into_parts();
        drop(extensions);
        let headers = metadata::read(&map.into_headers());
        let mut all = Vec::new();
        loop {
            let data = match messages.message().await {
                Ok(Some(bytes)) => match self.read(bytes).await {
                    Ok(data) => data,
                    Err(status) => return drop(out.send(Err(status)).await),
                },
                Ok(None) => break,
                // The client gave up.
                Err(_) => return,
            };
            if !self.method.takes_stream() {
                return self.ask(Some(data), headers, out).await;
            }
            if self.method.answers_once() {
                all.push(data);
            } else {
                self.ask(Some(data), headers.clone(), out.clone()).await;
            }
        }
        if self.method.answers_once() {
            let items: Vec<_> = all.iter().map(|data| String::from_utf8_lossy(data.as_bytes())).collect();
            let list = Data::json(format!("[{}]", items.join(","))).ok();
            self.ask(list, headers, out).await;
        }
    }

    async fn ask(&self, data: Option<Data>, headers: Headers, out: Out) {
        let called = Called {
            pattern: Some(Pattern::Text(self.method.name().to_owned())),
            dest: None,
            data,
            headers,
            is_request: true,
        };
        let answer = Box::new(Answering {
            method: self.method.clone(),
            out: Mutex::new(Some(out)),
            is_valued: AtomicBool::new(false),
            sender: self.sender.clone(),
        });
        // Nobody answers any more: dropping the call ends it.
        let _ = self.sender.send(Incoming::Call(Call { called, answer })).await;
    }

    async fn read(&self, bytes: Bytes) -> Result<Data, Status> {
        let Some(method) = &self.method.descriptor else { return Ok(Data::Binary(bytes)) };
        match json::decode(bytes, &method.input(), self.wording.defaults) {
            Ok(data) => Ok(data),
            Err(fault) => {
                let text = format!("a call of `{}` cannot be read: {fault}", self.method.name());
                note(&self.sender, "unreadable-call", text).await;
                Err(Status::new(Code::Internal, fault.to_string()))
            }
        }
    }
}

async fn note(sender: &mpsc::Sender<Incoming>, code: &'static str, text: String) {
    // Nobody listens any more.
    let _ = sender.send(Incoming::Finding(Finding { code: code.into(), text })).await;
}

/// The replies to one call.
struct Answering {
    method: Method,
    /// `None` once the call has ended.
    out: Mutex<Option<Out>>,
    is_valued: AtomicBool,
    sender: mpsc::Sender<Incoming>,
}

impl Answering {
    async fn send(&self, answer: Result<Bytes, Status>, is_last: bool) -> Result<()> {
        let out = {
            let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            if is_last { out.take() } else { out.clone() }
        };
        let Some(out) = out else { return Ok(()) };
        let gone = |_| Error::new(Kind::Closed, "the client has given up its call");
        out.send(answer).await.map_err(gone)
    }

    fn encode(&self, data: Option<&Data>) -> Result<Bytes, crate::fault::Fault> {
        match &self.method.descriptor {
            Some(method) => json::encode(data, &method.output()),
            None => Ok(super::bare(data)),
        }
    }

    /// Ends the call without a further value.
    async fn end(&self) -> Result<()> {
        let is_empty = !self.is_valued.load(Ordering::Relaxed);
        if self.method.answers_once() && is_empty {
            // What grpc-js makes of a handler without a value (`wire.md` §9).
            return self.send(Err(Status::internal("Error serializing response")), true).await;
        }
        self.out.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }
}

impl Drop for Answering {
    /// Whoever was to answer has gone: the client must not take that for the end of a stream.
    fn drop(&mut self) {
        let out = self.out.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(out) = out {
            // A client that does not read is not told.
            let _ = out.try_send(Err(Status::unavailable("the responder ended before its answer")));
        }
    }
}

#[async_trait]
impl Answer for Answering {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        match reply.kind {
            ReplyKind::Next { last } => match self.encode(reply.data.as_ref()) {
                Ok(bytes) => {
                    self.is_valued.store(true, Ordering::Relaxed);
                    self.send(Ok(bytes), last).await
                }
                Err(fault) => {
                    let hint = fault.advice().map(|hint| format!("; {hint}")).unwrap_or_default();
                    let text = format!(
                        "the answer to `{}` does not fit its schema: {fault}{hint}",
                        self.method.name()
                    );
                    note(&self.sender, "misfit-answer", text).await;
                    self.send(Err(Status::internal(format!("the answer does not fit: {fault}"))), true).await
                }
            },
            ReplyKind::Refused => {
                let mut refusal = status::refusal(reply.data.as_ref());
                // A recorded one has them beside its data.
                let (details, own) = metadata::split_details(&reply.headers);
                refusal.metadata.extend(own);
                let mut map = HeaderMap::new();
                if let Err(fault) = metadata::write(&refusal.metadata, &mut map) {
                    note(&self.sender, "misfit-answer", fault.to_string()).await;
                }
                let code = Code::from_i32(refusal.code);
                let map = MetadataMap::from_headers(map);
                let status = Status::with_details_and_metadata(code, refusal.message, details, map);
                self.send(Err(status), true).await
            }
            ReplyKind::End => self.end().await,
        }
    }

    async fn no_handler(&self) -> Result<()> {
        self.send(Err(unimplemented(self.method.path.as_str().rsplit('/').next().unwrap_or_default())), true)
            .await
    }
}
