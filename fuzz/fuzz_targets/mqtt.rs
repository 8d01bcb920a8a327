//! Whatever a broker sends is a packet or an error, and cut the same however it is chunked.
#![no_main]

use eyas::wire::NestVersion;
use eyas::wire::mqtt::{Decoder, Packet, Version, called, delivery};
use libfuzzer_sys::fuzz_target;

/// Every packet of `stream` in words, and whether the stream broke.
fn packets(version: Version, stream: &[u8], size: usize) -> (Vec<String>, bool) {
    let mut decoder = Decoder::new(version);
    let mut packets = Vec::new();
    for chunk in stream.chunks(size) {
        decoder.feed(chunk);
        loop {
            match decoder.next_packet() {
                Ok(Some(packet)) => {
                    if let Packet::Publish(message) = &packet {
                        called(message);
                        delivery(message, NestVersion::V12);
                    }
                    packets.push(format!("{packet:?}"));
                }
                Ok(None) => break,
                Err(_) => return (packets, true),
            }
        }
    }
    (packets, false)
}

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (is_5, size, stream) = input;
    let version = if is_5 { Version::V5 } else { Version::V4 };
    let whole = packets(version, stream, stream.len().max(1));
    assert_eq!(packets(version, stream, usize::from(size).max(1)), whole);
});
