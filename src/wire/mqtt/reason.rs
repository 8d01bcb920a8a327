//! Why a broker said no.

/// A reason of either version in words (MQTT 5 §2.4; MQTT 3.1.1 table 3.1).
pub fn why(reason: u8) -> &'static str {
    match reason {
        1 | 0x84 => "it does not speak this version of MQTT",
        2 | 0x85 => "the client's name is not valid",
        3 | 0x88 => "it is not available",
        4 | 0x86 => "the user name or the password is wrong",
        5 | 0x87 => "not authorised",
        0x10 => "nobody subscribes to this topic",
        0x8D => "we were silent for too long",
        0x8E => "another client came with the same name",
        0x89 => "it is busy",
        0x8A => "this client is banned",
        0x8B => "it is shutting down",
        0x8C => "it wants another way of authentication",
        0x8F => "the topic filter is not valid",
        0x90 => "the topic is not valid",
        0x93 => "too many messages are unconfirmed",
        0x95 => "the packet is too large",
        0x96 | 0x9F => "messages come too fast",
        0x97 => "a quota is used up",
        0x98 => "its administrator ended the connection",
        0x99 => "the payload is not of the format it names",
        0x9A => "it takes no retained messages",
        0x9B => "it does not take this QoS",
        0x9C | 0x9D => "another server is to be used",
        0x9E => "it has no shared subscriptions",
        0xA1 => "it has no subscription identifiers",
        0xA2 => "it has no wildcard subscriptions",
        _ => "it does not say why",
    }
}
