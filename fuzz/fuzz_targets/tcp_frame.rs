//! However a stream is chunked, the same bodies, the same error and the same remainder come out; every body
//! survives another round.

#![no_main]

use eyas::wire::tcp::{Decoder, FrameError, Pending, encode_frame};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 12;

fn decode(stream: &[u8], chunk: usize) -> (Vec<String>, Option<FrameError>, Option<Pending>) {
    let mut decoder = Decoder::new(LIMIT);
    let mut bodies = Vec::new();
    for bytes in stream.chunks(chunk) {
        decoder.feed(bytes);
        loop {
            match decoder.next_frame() {
                Ok(Some(body)) => bodies.push(body.to_owned()),
                Ok(None) => break,
                Err(error) => return (bodies, Some(error), decoder.pending()),
            }
        }
    }
    let pending = decoder.pending();
    (bodies, None, pending)
}

fuzz_target!(|input: &[u8]| {
    let Some((&chunk, stream)) = input.split_first() else { return };
    let whole = decode(stream, usize::MAX);
    assert_eq!(decode(stream, usize::from(chunk) + 1), whole);
    let mut again = Vec::new();
    for body in &whole.0 {
        assert!(body.encode_utf16().count() <= LIMIT);
        encode_frame(&mut again, body.as_bytes());
    }
    assert_eq!(decode(&again, 7), (whole.0, None, None));
});
