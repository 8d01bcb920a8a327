//! What a broker sends: messages to their sink, confirmations to where they are counted.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::link::{Ending, Link, NOBODY, Sink};
use super::net;
use crate::transport::Kind;
use crate::transport::outbox::Taken;
use crate::wire::mqtt::{self, Ack, Decoder, Packet, Qos, why};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;

impl Link {
    /// Reads to the end of the connection, and tells everyone of it.
    pub(super) async fn read(
        self: Arc<Self>,
        mut reader: net::Reader,
        mut decoder: Decoder,
        mut sink: impl Sink,
        silence: Duration,
    ) {
        let mut buffer = vec![0; READ_SIZE];
        // What came with the login's answer is read before anything else.
        let mut ending = self.dispatch(&mut decoder, &mut sink).await.err();
        while ending.is_none() {
            // The broker answers our pings: a silence this long is no idle broker.
            ending = match timeout(silence, reader.read(&mut buffer)).await {
                Ok(Ok(0)) => Some(self.over(Kind::Closed, "closed the connection")),
                Ok(Ok(count)) => {
                    decoder.feed(&buffer[..count]);
                    self.dispatch(&mut decoder, &mut sink).await.err()
                }
                Ok(Err(error)) => Some(self.over(Kind::Closed, &format!("is gone: {error}"))),
                Err(_) => Some(self.over(Kind::Closed, &format!("has not answered for {silence:?}"))),
            };
        }
        self.ending.send_replace(ending);
        self.outbox.close();
        self.lock().subscribing.clear();
        self.changed.notify_waiters();
        sink.end(&self);
    }

    fn over(&self, kind: Kind, what: &str) -> Ending {
        Ending { kind, message: format!("{} {what}", self.shown) }
    }

    async fn dispatch(self: &Arc<Self>, decoder: &mut Decoder, sink: &mut impl Sink) -> Result<(), Ending> {
        loop {
            let packet = match decoder.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.over(Kind::Protocol, &format!("does not speak MQTT: {error}"))),
            };
            match packet {
                Packet::Publish(message) => {
                    sink.take(self, &message).await;
                    // Confirmed once it was taken, so that the broker does not send faster than we take.
                    match message.qos {
                        Qos::AtMostOnce => {}
                        Qos::AtLeastOnce => self.confirm(Ack::Ack, message.id).await?,
                        Qos::ExactlyOnce => self.confirm(Ack::Received, message.id).await?,
                    }
                }
                Packet::Ack { kind: Ack::Release, id, .. } => self.confirm(Ack::Complete, id).await?,
                Packet::Ack { kind, id, reason } => self.acked(kind, id, reason, sink).await?,
                Packet::Subscribed { id, reasons } => {
                    if let Some(waiting) = self.lock().subscribing.remove(&id) {
                        // Whoever asked may have given up.
                        let _ = waiting.send(reasons.to_vec());
                    }
                }
                Packet::Pong => {
                    self.lock().answered_pings += 1;
                    self.changed.notify_waiters();
                }
                Packet::Disconnected { reason, text } => {
                    let why = text.unwrap_or_else(|| why(reason));
                    return Err(self.over(Kind::Closed, &format!("ended the connection: {why}")));
                }
                Packet::Accepted(_) | Packet::Refused { .. } | Packet::Other => {}
            }
        }
    }

    async fn confirm(&self, kind: Ack, id: u16) -> Result<(), Ending> {
        let mut packet = Vec::new();
        mqtt::ack(&mut packet, kind, id);
        self.send(&packet).await.map_err(|_| self.over(Kind::Closed, "is gone"))
    }

    async fn acked(&self, kind: Ack, id: u16, reason: u8, sink: &mut impl Sink) -> Result<(), Ending> {
        if kind == Ack::Received && reason < 0x80 {
            if let Some(open) = self.lock().open.get_mut(&id) {
                *open = reason;
            }
            return self.confirm(Ack::Release, id).await;
        }
        let reason = {
            let mut state = self.lock();
            let Some(before) = state.open.remove(&id) else { return Ok(()) };
            let reason = if kind == Ack::Complete { before } else { reason };
            let fates = &mut state.fates;
            match reason {
                NOBODY => fates.unroutable += 1,
                0x80.. => {
                    fates.refused += 1;
                    fates.why.get_or_insert(reason);
                }
                _ => fates.confirmed += 1,
            }
            reason
        };
        self.changed.notify_waiters();
        sink.settle(id, reason);
        Ok(())
    }
}

/// Tells the broker in time that we are there, whatever else is sent.
pub(super) async fn ping(link: Weak<Link>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(link) = link.upgrade().filter(|link| !link.has_ended()) else { return };
        if link.ping().0 == Taken::Closed {
            return;
        }
    }
}
