//! The answering side: what `mock` is to a Nest client.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use super::net;
use crate::message::{Finding, Reply};
use crate::transport::outbox::{Outbox, Taken};
use crate::transport::{Answer, Call, Endpoint, Error, Incoming, Kind, Result, Service};
use crate::wire::{packet, tcp};

/// Calls that wait to be answered before connections wait for them.
const CALLS_WAITING: usize = 1024;
const READ_SIZE: usize = 64 << 10;

/// Listens at `endpoint`, whose certificate and key are the server's.
pub(super) async fn start(endpoint: &Endpoint, secure: bool) -> Result<Service> {
    let host =
        if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
    let tls = secure.then_some(&endpoint.tls);
    let listener = net::Listener::bind(&format!("{host}:{}", endpoint.port), tls).await?;
    let listening = format!("{}://{}", endpoint.scheme, listener.address());
    let (sender, incoming) = mpsc::channel(CALLS_WAITING);
    let closing = tokio::spawn(accept(listener, sender));
    Ok(Service { listening, incoming, closing })
}

async fn accept(listener: net::Listener, sender: mpsc::Sender<Incoming>) {
    listener.each(sender.closed(), |incoming, _| answer(incoming, sender.clone())).await;
}

async fn answer(incoming: net::Incoming, sender: mpsc::Sender<Incoming>) {
    let peer = incoming.peer.clone();
    let note = |text: String| Incoming::Finding(Finding { code: "not-nest".into(), text });
    let (mut reader, writer) = match incoming.open().await {
        Ok(halves) => halves,
        Err(error) => {
            // Nobody listens to the responder any more, or the peer has left: both end this connection.
            let _ = sender.send(note(format!("{peer} could not open its connection: {error}"))).await;
            return;
        }
    };
    let outbox = Outbox::new(writer);
    let mut decoder = tcp::Decoder::new(tcp::MAX_UNITS);
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let count = tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            },
            () = sender.closed() => {
                outbox.flush().await;
                return;
            }
        };
        decoder.feed(&buffer[..count]);
        if let Err(fault) = receive(&mut decoder, &outbox, &sender).await {
            if let Some(text) = fault {
                let _ = sender.send(note(format!("{peer} sent what is not Nest's TCP: {text}"))).await;
            }
            // As Nest does (`wire.md` §3): the connection is closed, without a reply.
            outbox.close();
            break;
        }
    }
    // A client may end its half and wait for what it asked: the other half ends with the last answer.
}

/// Hands on every whole frame. `Err(None)`: nobody listens any more.
async fn receive(
    decoder: &mut tcp::Decoder,
    outbox: &Arc<Outbox>,
    sender: &mpsc::Sender<Incoming>,
) -> Result<(), Option<String>> {
    while let Some(body) = decoder.next_frame().map_err(|error| Some(error.to_string()))? {
        let packet =
            packet::Packet::parse(body).map_err(|error| Some(format!("a frame is not JSON: {error}")))?;
        let called = packet.called();
        let id = packet.id.filter(|_| called.is_request).map(RawValue::to_owned);
        let answer = Box::new(Answers { outbox: outbox.clone(), id });
        sender.send(Incoming::Call(Call { called, answer })).await.map_err(|_| None)?;
    }
    Ok(())
}

/// The replies to one request; an event has no id and takes none.
struct Answers {
    outbox: Arc<Outbox>,
    id: Option<Box<RawValue>>,
}

impl Answers {
    async fn send(&self, encode: impl Fn(&mut Vec<u8>, &RawValue)) -> Result<()> {
        let Some(id) = &self.id else { return Ok(()) };
        let mut body = Vec::new();
        encode(&mut body, id);
        loop {
            match self.outbox.push(|out| tcp::encode_frame(out, &body)) {
                Taken::Yes => return Ok(()),
                Taken::Full => self.outbox.room().await,
                Taken::Closed => {
                    return Err(Error::new(Kind::Closed, "the client has closed its connection"));
                }
            }
        }
    }
}

#[async_trait]
impl Answer for Answers {
    async fn reply(&self, reply: &Reply) -> Result<()> {
        self.send(|out, id| packet::encode_reply(out, reply, Some(id))).await
    }

    async fn no_handler(&self) -> Result<()> {
        self.send(packet::encode_no_handler).await
    }
}
