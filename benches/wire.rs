//! What the hot paths of the wire cost: `cargo bench`. Nanoseconds per message, the median of several rounds.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::hint::black_box;
use std::time::Instant;

use eyas::message::{Data, Delivery, Direction, Message, Pattern};
use eyas::record::{self, Context};
use eyas::wire::{NestVersion, packet, pattern, tcp};

const ROUNDS: usize = 15;
const MESSAGES: u32 = 20_000;
const ID: &str = "31d8d51c231676aca4394";

fn main() -> serde_json::Result<()> {
    let payload = format!(r#"{{"id":7,"name":"first","text":"{}"}}"#, "x".repeat(90));
    let message = Message {
        pattern: Pattern::Text("orders.create".to_owned()),
        data: Some(Data::json(payload)?),
        headers: Vec::new(),
        raw: false,
    };
    let (mut body, mut frame, mut out) = (Vec::new(), Vec::new(), Vec::new());
    packet::encode_request(&mut body, &message, ID);
    tcp::encode_frame(&mut frame, &body);
    let text = String::from_utf8_lossy(&body).into_owned();

    measure("encode a request and frame it", || {
        body.clear();
        out.clear();
        packet::encode_request(&mut body, &message, ID);
        tcp::encode_frame(&mut out, &body);
        black_box(&out);
    });
    let mut decoder = tcp::Decoder::default();
    measure("unframe and parse it", || {
        decoder.feed(black_box(&frame));
        while let Ok(Some(body)) = decoder.next_frame() {
            black_box(packet::Packet::parse(body).is_ok());
        }
    });
    measure("parse it and take it over", || {
        black_box(packet::Packet::parse(black_box(&text)).map(|packet| packet.called()).ok());
    });
    let keyed = Pattern::Json(serde_json::from_str(r#"{"service":"orders","cmd":"create"}"#)?);
    measure("route of a pattern with two keys", || {
        black_box(pattern::route(black_box(&keyed), NestVersion::V12).ok());
    });
    let mut delivery = Delivery::new(Direction::Event, text.len());
    delivery.pattern = Some(message.pattern.clone());
    delivery.data.clone_from(&message.data);
    let context = Context { transport: "tcp", service: None };
    measure("write it as a record", || {
        out.clear();
        record::message(&mut out, &context, black_box(&delivery), None);
    });
    Ok(())
}

fn measure(what: &str, mut once: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..MESSAGES).for_each(|_| once());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(MESSAGES)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<36} {:>8.0} ns", rounds[ROUNDS / 2]);
}
