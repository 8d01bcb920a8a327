//! MQTT 3.1.1 and 5 as a client of Nest's services speaks them (`wire.md` §6): packets as bytes, and what Nest
//! makes of topics.
//!
//! Only the client's half is here, and of MQTT 5's properties those that eyas sends or reads.

mod decode;
mod encode;
#[cfg(test)]
mod properties;
mod reason;
mod topic;
#[cfg(test)]
mod vectors;

pub use decode::{Accepted, Decoder, Packet, PacketError, Received};
pub use encode::{Filter, Login, Publish, ack, connect, disconnect, ping, publish, subscribe};
pub use reason::why;
pub use topic::{called, check_filter, check_topic, covers, delivery, is_reply, reply_topic, served};

/// The most that an MQTT packet may hold after its fixed header (MQTT 5 §1.5.5).
pub const MAX_LENGTH: usize = 268_435_455;

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1, whose level is 4: no properties, no reasons.
    V4,
    /// 5.
    V5,
}

impl Version {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::V4 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        }
    }
}

/// How often a message is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub enum Qos {
    /// At most once: nobody confirms anything.
    #[default]
    AtMostOnce = 0,
    /// At least once: the broker confirms each.
    AtLeastOnce = 1,
    /// Exactly once: confirmed in two steps.
    ExactlyOnce = 2,
}

impl Qos {
    fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// The four packets that confirm a message, by their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// PUBACK: the end of a message at QoS 1.
    Ack = 4,
    /// PUBREC: a message at QoS 2 is there.
    Received = 5,
    /// PUBREL: its sender has been told so.
    Release = 6,
    /// PUBCOMP: the end of a message at QoS 2.
    Complete = 7,
}
