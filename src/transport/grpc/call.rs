//! One call: its messages out, its replies back, and the status that ends it.

use std::error::Error as _;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use tokio::sync::mpsc;
use tonic::codec::Streaming;
use tonic::codegen::tokio_stream;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use super::link::{Link, Messages};
use super::{Method, Notes, Wording, bare};
use crate::message::{Data, Headers, Message, Reply, ReplyKind};
use crate::transport::{Error, Kind, Result};
use crate::wire::grpc::{metadata, status};

/// Replies that wait for the caller before the service has to.
const WAITING: usize = 64;

/// Messages of ours that wait for the link.
const OUTGOING: usize = 16;

/// A call that is about to be made.
pub(super) struct Asking {
    pub(super) request: Request<()>,
    pub(super) method: Method,
    /// The only message, or the others come by `more`.
    pub(super) first: Option<Bytes>,
    pub(super) more: Option<mpsc::Receiver<Data>>,
    pub(super) wording: Wording,
    pub(super) notes: Notes,
}

/// The head of a call. Where one message is answered with one, `timeout` is the service's deadline, too; in a stream
/// it runs from reply to reply, of which a deadline knows nothing.
pub(super) fn request(method: &Method, message: &Message, timeout: Option<Duration>) -> Result<Request<()>> {
    let mut map = HeaderMap::new();
    metadata::write(&message.headers, &mut map).map_err(super::uncallable)?;
    map.entry(http::header::USER_AGENT)
        .or_insert(http::HeaderValue::from_static(concat!("eyas/", env!("CARGO_PKG_VERSION"))));
    let mut request = Request::new(());
    *request.metadata_mut() = MetadataMap::from_headers(map);
    if let Some(timeout) = timeout.filter(|_| method.answers_once() && !method.takes_stream()) {
        request.set_timeout(timeout);
    }
    Ok(request)
}

type Replies = mpsc::Sender<Result<Reply>>;

impl Asking {
    /// Makes the call, which ends with its status, or when nobody receives any more.
    pub(super) fn start(self, link: Link) -> mpsc::Receiver<Result<Reply>> {
        let (replies, received) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let gone = replies.clone();
            tokio::select! {
                // Dropping the call tells the service that it was given up.
                () = gone.closed() => {}
                () = self.run(link, replies) => {}
            }
        });
        received
    }

    async fn run(mut self, link: Link, replies: Replies) {
        let (messages, pump): (Messages, _) = match (self.first.take(), self.more.take()) {
            (_, Some(more)) => {
                let (sender, outgoing) = mpsc::channel(OUTGOING);
                (Box::pin(ReceiverStream::new(outgoing)), Some((more, sender)))
            }
            (first, None) => (Box::pin(tokio_stream::once(first.unwrap_or_default())), None),
        };
        let request = std::mem::replace(&mut self.request, Request::new(())).map(|()| messages);
        let pumping = async {
            if let Some((more, sender)) = pump {
                pour(&self.method, more, sender).await?;
            }
            // The replies are the end of it.
            std::future::pending::<Result<()>>().await
        };
        tokio::select! {
            outcome = pumping => {
                if let Err(error) = outcome {
                    let _ = replies.send(Err(error)).await;
                }
            }
            () = self.receive(&link, request, &replies) => {}
        }
    }

    async fn receive(&self, link: &Link, request: Request<Messages>, replies: &Replies) {
        let outcome = match link.call(self.method.path.clone(), request).await {
            Ok(response) => {
                let (map, stream, _) = response.into_parts();
                self.follow(metadata::read(&map.into_headers()), stream, replies).await
            }
            Err(status) => Err(status),
        };
        let Err(status) = outcome else { return };
        // Whoever is gone needs no end.
        let _ = replies.send(self.ended(link, &status)).await;
    }

    /// Passes on the values as they come. The only value of a call waits for the status behind it: only then it is
    /// the last.
    async fn follow(
        &self,
        mut headers: Headers,
        mut stream: Streaming<Bytes>,
        replies: &Replies,
    ) -> Result<(), Status> {
        let mut held: Option<Data> = None;
        let mut values = 0u64;
        let mut send = async |data| {
            let headers = std::mem::take(&mut headers);
            replies.send(Ok(Reply { kind: ReplyKind::Next { last: false }, data: Some(data), headers })).await
        };
        let ended = loop {
            let bytes = match stream.message().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break Ok(()),
                Err(status) => break Err(status),
            };
            let data = match self.method.decode_reply(bytes, self.wording) {
                Ok(data) => data,
                Err(error) => {
                    let _ = replies.send(Err(error)).await;
                    return Ok(());
                }
            };
            values += 1;
            if self.method.answers_once() && values == 2 {
                self.note_twice();
            }
            let ready = if self.method.answers_once() { held.replace(data) } else { Some(data) };
            if let Some(data) = ready
                && send(data).await.is_err()
            {
                return Ok(());
            }
        };
        if let Err(status) = ended {
            if let Some(data) = held {
                let _ = send(data).await;
            }
            return Err(status);
        }
        let trailers = stream.trailers().await?.unwrap_or_default();
        headers.extend(metadata::read(&trailers.into_headers()));
        let kind = if held.is_some() { ReplyKind::Next { last: true } } else { ReplyKind::End };
        let _ = replies.send(Ok(Reply { kind, data: held, headers })).await;
        Ok(())
    }

    fn note_twice(&self) {
        let note = format!(
            "`{}` answers one message with several, though its schema says one: Nest sends every value of an \
             Observable, and other clients fail on it",
            self.method.name()
        );
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// What a status comes to: the service's answer, its deadline, or a broken link.
    fn ended(&self, link: &Link, status: &Status) -> Result<Reply> {
        if status.source().is_some() {
            return Err(link.broken(status));
        }
        if status.code() == Code::DeadlineExceeded {
            let what =
                format!("no reply to `{}` from {}: DEADLINE_EXCEEDED", self.method.name(), link.shown());
            return Err(Error::new(Kind::TimedOut, what)
                .because(anyhow::anyhow!("the service ended the call: {}", status.message()))
                .hint("wait longer with --timeout, which is the deadline that the service is told"));
        }
        Ok(Reply {
            kind: ReplyKind::Refused,
            data: Some(status::to_data(status.code().into(), status.message())),
            headers: metadata::read(&status.metadata().clone().into_headers()),
        })
    }
}

/// Encodes what comes and passes it on until there is no more.
async fn pour(method: &Method, mut more: mpsc::Receiver<Data>, sender: mpsc::Sender<Bytes>) -> Result<()> {
    while let Some(data) = more.recv().await {
        let bytes =
            if method.descriptor.is_some() { method.encode_request(Some(&data))? } else { bare(Some(&data)) };
        if sender.send(bytes).await.is_err() {
            break;
        }
    }
    Ok(())
}
