//! AMQP's methods, as far as eyas says or hears them. What it does not know is [`Method::Other`].

use super::value::{Malformed, Reader, Table, put_long, put_short, put_table};

/// Why a peer ends a channel or a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    /// The code: 404, 406, …
    pub code: u16,
    /// The peer's words.
    pub text: String,
    /// The class and the method that it did not like; 0 where it was none.
    pub cause: (u16, u16),
}

/// Where a message lies or was sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The exchange; empty is the default one.
    pub exchange: String,
    /// The routing key; on the default exchange a queue's name.
    pub key: String,
}

/// One method.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "names and fields are those of the AMQP 0-9-1 reference")]
pub enum Method {
    Start { mechanisms: String },
    StartOk { properties: Table, mechanism: &'static str, response: Vec<u8> },
    Tune { channel_max: u16, frame_max: u32, heartbeat: u16 },
    TuneOk { channel_max: u16, frame_max: u32, heartbeat: u16 },
    Open { vhost: String },
    OpenOk,
    Close(Closing),
    CloseOk,
    Blocked { reason: String },
    Unblocked,
    ChannelOpen,
    ChannelOpenOk,
    Flow { active: bool },
    FlowOk { active: bool },
    ChannelClose(Closing),
    ChannelCloseOk,
    ExchangeDeclare { exchange: String, kind: String, passive: bool, durable: bool },
    ExchangeDeclareOk,
    QueueDeclare { queue: String, passive: bool, durable: bool, exclusive: bool },
    QueueDeclareOk { queue: String, messages: u32, consumers: u32 },
    QueueBind { queue: String, route: Route },
    QueueBindOk,
    QueuePurge { queue: String },
    QueuePurgeOk { messages: u32 },
    QueueDelete { queue: String },
    QueueDeleteOk,
    Qos { prefetch: u16 },
    QosOk,
    Consume { queue: String, no_ack: bool },
    ConsumeOk { tag: String },
    Cancel { tag: String },
    CancelOk,
    Publish { route: Route, mandatory: bool },
    Return { code: u16, text: String, route: Route },
    Deliver { consumer: String, tag: u64, redelivered: bool, route: Route },
    Get { queue: String },
    GetOk { tag: u64, redelivered: bool, route: Route },
    GetEmpty,
    Ack { tag: u64, multiple: bool },
    Reject { tag: u64, requeue: bool },
    Nack { tag: u64, multiple: bool, requeue: bool },
    ConfirmSelect,
    ConfirmSelectOk,
    Other { class: u16, method: u16 },
}

fn closing(reader: &mut Reader<'_>) -> Result<Closing, Malformed> {
    let (code, text) = (reader.u16()?, reader.short_string()?);
    Ok(Closing { code, text, cause: (reader.u16()?, reader.u16()?) })
}

fn route(reader: &mut Reader<'_>) -> Result<Route, Malformed> {
    Ok(Route { exchange: reader.short_string()?, key: reader.short_string()? })
}

impl Method {
    /// Reads a method frame's payload.
    ///
    /// # Errors
    /// It is shorter than its method is.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(payload);
        let (class, method) = (reader.u16()?, reader.u16()?);
        match class {
            10 => Self::decode_connection(method, &mut reader),
            20 => Self::decode_channel(method, &mut reader),
            50 => Self::decode_queue(method, &mut reader),
            60 => Self::decode_basic(method, &mut reader),
            _ => Ok(match (class, method) {
                (40, 11) => Self::ExchangeDeclareOk,
                (85, 10) => Self::ConfirmSelect,
                (85, 11) => Self::ConfirmSelectOk,
                _ => Self::Other { class, method },
            }),
        }
    }

    fn decode_connection(method: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match method {
            10 => {
                let _version = reader.u16()?;
                reader.table()?;
                Self::Start { mechanisms: String::from_utf8_lossy(reader.long_string()?).into_owned() }
            }
            30 => {
                Self::Tune { channel_max: reader.u16()?, frame_max: reader.u32()?, heartbeat: reader.u16()? }
            }
            31 => Self::TuneOk {
                channel_max: reader.u16()?,
                frame_max: reader.u32()?,
                heartbeat: reader.u16()?,
            },
            40 => Self::Open { vhost: reader.short_string()? },
            41 => Self::OpenOk,
            50 => Self::Close(closing(reader)?),
            51 => Self::CloseOk,
            60 => Self::Blocked { reason: reader.short_string()? },
            61 => Self::Unblocked,
            _ => Self::Other { class: 10, method },
        })
    }

    fn decode_channel(method: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match method {
            10 => Self::ChannelOpen,
            11 => Self::ChannelOpenOk,
            20 => Self::Flow { active: reader.u8()? & 1 != 0 },
            21 => Self::FlowOk { active: reader.u8()? & 1 != 0 },
            40 => Self::ChannelClose(closing(reader)?),
            41 => Self::ChannelCloseOk,
            _ => Self::Other { class: 20, method },
        })
    }

    fn decode_queue(method: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match method {
            11 => Self::QueueDeclareOk {
                queue: reader.short_string()?,
                messages: reader.u32()?,
                consumers: reader.u32()?,
            },
            21 => Self::QueueBindOk,
            31 => Self::QueuePurgeOk { messages: reader.u32()? },
            41 => Self::QueueDeleteOk,
            _ => Self::Other { class: 50, method },
        })
    }

    fn decode_basic(method: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match method {
            11 => Self::QosOk,
            20 => {
                let _ticket = reader.u16()?;
                let (queue, _tag) = (reader.short_string()?, reader.short_string()?);
                Self::Consume { queue, no_ack: reader.u8()? & 2 != 0 }
            }
            21 => Self::ConsumeOk { tag: reader.short_string()? },
            30 => Self::Cancel { tag: reader.short_string()? },
            31 => Self::CancelOk,
            40 => {
                let _ticket = reader.u16()?;
                Self::Publish { route: route(reader)?, mandatory: reader.u8()? & 1 != 0 }
            }
            50 => Self::Return { code: reader.u16()?, text: reader.short_string()?, route: route(reader)? },
            60 => Self::Deliver {
                consumer: reader.short_string()?,
                tag: reader.u64()?,
                redelivered: reader.u8()? & 1 != 0,
                route: route(reader)?,
            },
            71 => {
                Self::GetOk { tag: reader.u64()?, redelivered: reader.u8()? & 1 != 0, route: route(reader)? }
            }
            72 => Self::GetEmpty,
            80 => Self::Ack { tag: reader.u64()?, multiple: reader.u8()? & 1 != 0 },
            90 => Self::Reject { tag: reader.u64()?, requeue: reader.u8()? & 1 != 0 },
            120 => {
                let (tag, bits) = (reader.u64()?, reader.u8()?);
                Self::Nack { tag, multiple: bits & 1 != 0, requeue: bits & 2 != 0 }
            }
            _ => Self::Other { class: 60, method },
        })
    }

    /// Whether a content header and a body follow it.
    pub fn has_content(&self) -> bool {
        matches!(self, Self::Publish { .. } | Self::Return { .. } | Self::Deliver { .. } | Self::GetOk { .. })
    }

    /// Writes a method frame's payload. What only brokers say is not written.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::StartOk { .. } | Self::TuneOk { .. } | Self::Open { .. } => self.encode_opening(out),
            Self::Close(closing) => put_closing(out, (10, 50), closing),
            Self::CloseOk => put_id(out, 10, 51),
            Self::ChannelOpen => {
                put_id(out, 20, 10);
                put_short(out, "");
            }
            Self::FlowOk { active } => {
                put_id(out, 20, 21);
                out.push(u8::from(*active));
            }
            Self::ChannelClose(closing) => put_closing(out, (20, 40), closing),
            Self::ChannelCloseOk => put_id(out, 20, 41),
            Self::ExchangeDeclare { exchange, kind, passive, durable } => {
                put_named(out, (40, 10), exchange);
                put_short(out, kind);
                out.push(u8::from(*passive) | u8::from(*durable) << 1);
                put_table(out, &Table::new());
            }
            Self::QueueDeclare { queue, passive, durable, exclusive } => {
                put_named(out, (50, 10), queue);
                // What is exclusive goes with its connection; so it may as well with its consumer.
                let exclusive = u8::from(*exclusive);
                out.push(u8::from(*passive) | u8::from(*durable) << 1 | exclusive << 2 | exclusive << 3);
                put_table(out, &Table::new());
            }
            Self::QueueBind { queue, route } => {
                put_named(out, (50, 20), queue);
                put_short(out, &route.exchange);
                put_short(out, &route.key);
                out.push(0);
                put_table(out, &Table::new());
            }
            Self::QueuePurge { queue } => {
                put_named(out, (50, 30), queue);
                out.push(0);
            }
            Self::QueueDelete { queue } => {
                put_named(out, (50, 40), queue);
                out.push(0);
            }
            _ => self.encode_basic(out),
        }
    }

    fn encode_opening(&self, out: &mut Vec<u8>) {
        match self {
            Self::StartOk { properties, mechanism, response } => {
                put_id(out, 10, 11);
                put_table(out, properties);
                put_short(out, mechanism);
                put_long(out, response);
                put_short(out, "en_US");
            }
            Self::TuneOk { channel_max, frame_max, heartbeat } => {
                put_id(out, 10, 31);
                out.extend_from_slice(&channel_max.to_be_bytes());
                out.extend_from_slice(&frame_max.to_be_bytes());
                out.extend_from_slice(&heartbeat.to_be_bytes());
            }
            Self::Open { vhost } => {
                put_id(out, 10, 40);
                put_short(out, vhost);
                put_short(out, "");
                out.push(0);
            }
            _ => {}
        }
    }

    fn encode_basic(&self, out: &mut Vec<u8>) {
        match self {
            Self::Qos { prefetch } => {
                put_id(out, 60, 10);
                out.extend_from_slice(&0_u32.to_be_bytes());
                out.extend_from_slice(&prefetch.to_be_bytes());
                out.push(0);
            }
            Self::Consume { queue, no_ack } => {
                put_named(out, (60, 20), queue);
                put_short(out, "");
                out.push(u8::from(*no_ack) << 1);
                put_table(out, &Table::new());
            }
            Self::CancelOk => {
                put_id(out, 60, 31);
                put_short(out, "");
            }
            Self::Publish { route, mandatory } => {
                put_named(out, (60, 40), &route.exchange);
                put_short(out, &route.key);
                out.push(u8::from(*mandatory));
            }
            Self::Get { queue } => {
                put_named(out, (60, 70), queue);
                out.push(0);
            }
            Self::Ack { tag, multiple } => put_tagged(out, 80, *tag, u8::from(*multiple)),
            Self::Reject { tag, requeue } => put_tagged(out, 90, *tag, u8::from(*requeue)),
            Self::Nack { tag, multiple, requeue } => {
                put_tagged(out, 120, *tag, u8::from(*multiple) | u8::from(*requeue) << 1);
            }
            Self::ConfirmSelect => {
                put_id(out, 85, 10);
                out.push(0);
            }
            _ => {}
        }
    }
}

fn put_id(out: &mut Vec<u8>, class: u16, method: u16) {
    out.extend_from_slice(&class.to_be_bytes());
    out.extend_from_slice(&method.to_be_bytes());
}

/// A method that begins with a ticket, which nothing has used since AMQP 0-8, and a name.
fn put_named(out: &mut Vec<u8>, (class, method): (u16, u16), name: &str) {
    put_id(out, class, method);
    out.extend_from_slice(&[0, 0]);
    put_short(out, name);
}

fn put_tagged(out: &mut Vec<u8>, method: u16, tag: u64, bits: u8) {
    put_id(out, 60, method);
    out.extend_from_slice(&tag.to_be_bytes());
    out.push(bits);
}

fn put_closing(out: &mut Vec<u8>, (class, method): (u16, u16), closing: &Closing) {
    put_id(out, class, method);
    out.extend_from_slice(&closing.code.to_be_bytes());
    put_short(out, &closing.text);
    put_id(out, closing.cause.0, closing.cause.1);
}
