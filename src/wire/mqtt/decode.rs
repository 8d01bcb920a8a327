//! Packets that a broker sends.

use std::fmt;

use super::{Ack, MAX_LENGTH, Qos, Version};

/// Bytes of room that a decoder keeps between packets.
const KEPT_ROOM: usize = 1 << 20;

/// A packet from a broker.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// CONNACK with success.
    Accepted(Accepted),
    /// CONNACK with a refusal.
    Refused {
        /// The code, of MQTT 3.1.1 (below 128) or 5.
        reason: u8,
        /// The broker's own words.
        text: Option<&'a str>,
    },
    /// PUBLISH.
    Publish(Received<'a>),
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    Ack {
        /// Which.
        kind: Ack,
        /// Of which message.
        id: u16,
        /// What became of it; 0 in MQTT 3.1.1.
        reason: u8,
    },
    /// SUBACK: for each filter the QoS it has, or a reason from 128 on.
    Subscribed {
        /// Of which SUBSCRIBE.
        id: u16,
        /// One for each filter.
        reasons: &'a [u8],
    },
    /// PINGRESP.
    Pong,
    /// DISCONNECT (MQTT 5): the broker ends the connection.
    Disconnected {
        /// Why.
        reason: u8,
        /// The broker's own words.
        text: Option<&'a str>,
    },
    /// Something that concerns nobody here (UNSUBACK).
    Other,
}

/// What the broker says of itself when it accepts a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How many messages may be unconfirmed at once.
    pub receive_maximum: u16,
    /// The longest packet it takes, in bytes.
    pub packet_maximum: usize,
    /// The highest QoS it takes.
    pub qos_maximum: u8,
    /// Whether it takes retained messages.
    pub can_retain: bool,
    /// The keep-alive it wants instead of ours, in seconds.
    pub keep_alive: Option<u16>,
}

impl Default for Accepted {
    /// What holds in MQTT 3.1.1, where nothing is said.
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            packet_maximum: MAX_LENGTH + 5,
            qos_maximum: 2,
            can_retain: true,
            keep_alive: None,
        }
    }
}

/// A message that was received.
#[derive(Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
    /// Its QoS.
    pub qos: Qos,
    /// Its number, to be confirmed with; 0 at QoS 0.
    pub id: u16,
    /// Whether it was retained, or is to be.
    pub retain: bool,
    /// Whether it may have been delivered before.
    pub duplicate: bool,
    /// User properties.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Content type, response topic, correlation data, as far as they are text.
    pub extras: Vec<(&'static str, &'a str)>,
}

/// Why a stream is no sequence of MQTT packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// Bytes that no packet begins with.
    NotMqtt,
    /// A packet that ends before what it must hold.
    Short,
    /// Text that is not UTF-8.
    NotText,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotMqtt => "the bytes are no MQTT packet",
            Self::Short => "a packet ends too early",
            Self::NotText => "a text in a packet is not UTF-8",
        })
    }
}

impl std::error::Error for PacketError {}

/// Cuts a stream into packets, however it is chunked.
#[derive(Debug)]
pub struct Decoder {
    version: Version,
    bytes: Vec<u8>,
    /// Everything before was taken.
    start: usize,
}

impl Decoder {
    /// A decoder of what a broker says to a client of `version`.
    pub fn new(version: Version) -> Self {
        Self { version, bytes: Vec::new(), start: 0 }
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
            // One huge packet must not hold its room for as long as the connection lives.
            self.bytes.shrink_to(self.bytes.len().max(KEPT_ROOM));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next packet, if all of it is there.
    ///
    /// # Errors
    /// What no broker sends; nothing after it can be cut.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, PacketError> {
        let Some(&[first, ref rest @ ..]) = self.bytes.get(self.start..) else { return Ok(None) };
        check_first(first)?;
        let Some((length, count)) = read_length(rest)? else { return Ok(None) };
        let body = self.start + 1 + count;
        let end = body + length;
        if self.bytes.len() < end {
            return Ok(None);
        }
        self.start = end;
        parse(self.version, first, &self.bytes[body..end]).map(Some)
    }
}

/// What a broker begins a packet with: else this is another protocol, and no length to wait for.
fn check_first(first: u8) -> Result<(), PacketError> {
    let is_known = match (first >> 4, first & 0xF) {
        (2 | 4 | 5 | 7 | 9 | 11 | 13 | 14, flags) => flags == 0,
        (3, flags) => flags & 0b110 != 0b110,
        (6, flags) => flags == 0b10,
        _ => false,
    };
    if is_known { Ok(()) } else { Err(PacketError::NotMqtt) }
}

/// A length and how many bytes it took; `None` while it is not all there.
fn read_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, PacketError> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(PacketError::NotMqtt) }
}

fn parse(version: Version, first: u8, body: &[u8]) -> Result<Packet<'_>, PacketError> {
    let mut body = Cursor(body);
    let is_5 = version == Version::V5;
    Ok(match first >> 4 {
        2 => connected(&mut body)?,
        3 => Packet::Publish(received(first, &mut body, is_5)?),
        4 => acked(Ack::Ack, &mut body)?,
        5 => acked(Ack::Received, &mut body)?,
        6 => acked(Ack::Release, &mut body)?,
        7 => acked(Ack::Complete, &mut body)?,
        9 => {
            let id = body.short()?;
            if is_5 {
                body.properties()?;
            }
            Packet::Subscribed { id, reasons: body.0 }
        }
        13 => Packet::Pong,
        14 => {
            let reason = if body.0.is_empty() { 0 } else { body.byte()? };
            Packet::Disconnected { reason, text: reason_text(&mut body)? }
        }
        _ => Packet::Other,
    })
}

fn connected<'a>(body: &mut Cursor<'a>) -> Result<Packet<'a>, PacketError> {
    body.byte()?;
    let reason = body.byte()?;
    if reason != 0 {
        return Ok(Packet::Refused { reason, text: reason_text(body)? });
    }
    let mut accepted = Accepted::default();
    // A broker of 3.1.1 has no properties to say.
    if !body.0.is_empty() {
        let mut properties = body.properties()?;
        while let Some(property) = properties.property()? {
            match property {
                Property::Short(0x21, number) => accepted.receive_maximum = number.max(1),
                Property::Byte(0x24, number) => accepted.qos_maximum = number,
                Property::Byte(0x25, number) => accepted.can_retain = number != 0,
                Property::Long(0x27, number) => accepted.packet_maximum = number as usize,
                Property::Short(0x13, number) => accepted.keep_alive = Some(number),
                _ => {}
            }
        }
    }
    Ok(Packet::Accepted(accepted))
}

fn received<'a>(first: u8, body: &mut Cursor<'a>, is_5: bool) -> Result<Received<'a>, PacketError> {
    let qos = Qos::from_bits(first >> 1 & 0b11).ok_or(PacketError::NotMqtt)?;
    let topic = body.text()?;
    let id = if qos == Qos::AtMostOnce { 0 } else { body.short()? };
    let (mut headers, mut extras) = (Vec::new(), Vec::new());
    if is_5 {
        let mut properties = body.properties()?;
        while let Some(property) = properties.property()? {
            match property {
                Property::Pair(name, value) => headers.push((name, value)),
                Property::Bytes(key @ (0x03 | 0x08 | 0x09), bytes) => {
                    let name = match key {
                        0x03 => "content_type",
                        0x08 => "response_topic",
                        _ => "correlation_data",
                    };
                    extras.extend(std::str::from_utf8(bytes).ok().map(|text| (name, text)));
                }
                _ => {}
            }
        }
    }
    let (retain, duplicate) = (first & 1 != 0, first & 0b1000 != 0);
    Ok(Received { topic, payload: body.0, qos, id, retain, duplicate, headers, extras })
}

fn acked<'a>(kind: Ack, body: &mut Cursor<'a>) -> Result<Packet<'a>, PacketError> {
    let id = body.short()?;
    let reason = if body.0.is_empty() { 0 } else { body.byte()? };
    Ok(Packet::Ack { kind, id, reason })
}

/// The broker's words, after a reason.
fn reason_text<'a>(body: &mut Cursor<'a>) -> Result<Option<&'a str>, PacketError> {
    if body.0.is_empty() {
        return Ok(None);
    }
    let mut properties = body.properties()?;
    while let Some(property) = properties.property()? {
        if let Property::Bytes(0x1F, text) = property {
            return Ok(std::str::from_utf8(text).ok());
        }
    }
    Ok(None)
}

/// A property: its key and its value.
enum Property<'a> {
    Byte(u8, u8),
    Short(u8, u16),
    Long(u8, u32),
    Bytes(u8, &'a [u8]),
    /// A subscription's number, which eyas never gives.
    Subscription,
    /// A user property.
    Pair(&'a str, &'a str),
}

/// What of a packet is not read yet.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], PacketError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(PacketError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PacketError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(PacketError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, PacketError> {
        self.array().map(u8::from_be_bytes)
    }

    fn short(&mut self) -> Result<u16, PacketError> {
        self.array().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Result<u32, PacketError> {
        self.array().map(u32::from_be_bytes)
    }

    fn bytes(&mut self) -> Result<&'a [u8], PacketError> {
        let length = self.short()?;
        self.take(usize::from(length))
    }

    fn text(&mut self) -> Result<&'a str, PacketError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| PacketError::NotText)
    }

    fn length(&mut self) -> Result<usize, PacketError> {
        let (length, count) = read_length(self.0)?.ok_or(PacketError::Short)?;
        self.take(count)?;
        Ok(length)
    }

    fn properties(&mut self) -> Result<Self, PacketError> {
        let length = self.length()?;
        Ok(Self(self.take(length)?))
    }

    /// The next property (MQTT 5 §2.2.2.2).
    fn property(&mut self) -> Result<Option<Property<'a>>, PacketError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.byte()?;
        Ok(Some(match key {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => Property::Byte(key, self.byte()?),
            0x13 | 0x21 | 0x22 | 0x23 => Property::Short(key, self.short()?),
            0x02 | 0x11 | 0x18 | 0x27 => Property::Long(key, self.long()?),
            0x0B => {
                self.length()?;
                Property::Subscription
            }
            0x26 => Property::Pair(self.text()?, self.text()?),
            0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1A | 0x1C | 0x1F => {
                Property::Bytes(key, self.bytes()?)
            }
            _ => return Err(PacketError::NotMqtt),
        }))
    }
}
