//! `eyas send` and `eyas emit` against a real service: what comes back is what Nest's own client resolves there.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::eyas::{self as program, Record, Run};
use crate::ground::{Ground, cannot, on_every_ground};
use crate::oracle::{Ask, Nest};
use crate::server::shortened;

on_every_ground! {
    replies,
    words_of_data,
    bare_replies_in_a_pipe,
    events,
    headers,
    no_reply_in_time,
    many_in_flight_on_one_connection,
}

/// The patterns among [`calls`] that no handler has.
pub const NO_HANDLER: &[&str] = &[r#""there.is.no.such.pattern""#, r#"{"cmd":"sum","x":1}"#];

/// Calls of the service's handlers: pattern and data, both as JSON.
pub fn calls() -> Vec<(String, String)> {
    let calls = [
        (r#""echo""#, r#"{"b":1,"a":[true,null,{"":""}],"n":-0.5}"#),
        (r#""echo""#, r#""text""#),
        (r#""echo""#, "0"),
        (r#""echo""#, "false"),
        (r#""echo""#, r#""żółć 😀 漢字""#),
        (r#""echo""#, r#"["a\ud83d","\ud83d\ude00","\u0000\u2028"]"#),
        (r#""echo""#, "[1.0,1e3,12345678901234567890,1e400]"),
        (r#""ret.null""#, "{}"),
        (r#""ret.false""#, "{}"),
        (r#""ret.zero""#, "{}"),
        (r#""ret.empty""#, "{}"),
        (r#""ret.undefined""#, "{}"),
        (r#""ret.surrogate""#, "{}"),
        (r#""unicode""#, "{}"),
        (r#""big""#, "{}"),
        (r#""nested""#, "{}"),
        (r#""stream.sync""#, "{}"),
        (r#""stream.null""#, "{}"),
        (r#""stream.async""#, "{}"),
        (r#""stream.empty""#, "{}"),
        (r#""stream.late-error""#, "{}"),
        (r#""throw.rpc-text""#, "{}"),
        (r#""throw.rpc-object""#, "{}"),
        (r#""throw.error""#, "{}"),
        (r#""throw.http""#, "{}"),
        (r#""user.created""#, "{}"),
        (r#""there.is.no.such.pattern""#, "{}"),
        (r#"{"cmd":"sum"}"#, "[1,2,3]"),
        (r#"{ "cmd" : "sum" }"#, "[1]"),
        (r#"{"z":1,"a":{"y":"v","b":true},"Cmd":"n"}"#, "{}"),
        (r#"{"Cmd":"n","a":{"b":true,"y":"v"},"z":1}"#, "{}"),
        (r#"{"cmd":"sum","x":1}"#, "[1]"),
        ("42", "{}"),
        (r#""slow""#, r#"{"ms":50,"answer":7}"#),
    ];
    let mut calls: Vec<_> = calls.map(|(pattern, data)| (pattern.to_owned(), data.to_owned())).into();
    calls.push((r#""echo""#.to_owned(), format!(r#"{{"big":"{}"}}"#, "ż😀x".repeat(1 << 17))));
    calls
}

/// The word that means the pattern on the command line.
pub fn word(pattern: &str) -> String {
    serde_json::from_str(pattern).unwrap_or_else(|_| pattern.to_owned())
}

/// `eyas send` of one call, its replies as records.
fn send(ground: &Ground, url: &str, pattern: &str, data: &str, more: &[&str]) -> Run {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let (option, word) = (ground.nest_option(), word(pattern));
    // An argument of this size would be refused by the system.
    let data = if data.len() < 100_000 {
        data.to_owned()
    } else {
        format!("@{}", program::file(&format!("data-{}", FILES.fetch_add(1, Ordering::Relaxed)), data))
    };
    let mut arguments = vec!["send", url, &word, "-d", &data, "-o", "json", "-O", &option];
    arguments.extend(more);
    program::run(&arguments)
}

fn replies(ground: &Ground) {
    if cannot(&ground.spec().can.request, &["send", ground.anywhere, "echo"]) {
        return;
    }
    let mut different = String::new();
    for (pattern, data) in calls() {
        if !ground.carries(&pattern) {
            continue;
        }
        if ground.is_unheard(&pattern) {
            let mut ask = Ask::new(ground.url(), &pattern, &data);
            ask.timeout = Some(300);
            let run = send(ground, ground.url(), &pattern, &data, &["--timeout", "300ms"]);
            // What Nest's client waits for in vain, a broker may have told us.
            let run = run.exits(if ground.transport == "redis" { 6 } else { 4 });
            assert_eq!(run.outcome(), ground.nest.client().send(&ask), "{pattern}");
            continue;
        }
        let expected = ground.nest.client().send(&Ask::new(ground.url(), &pattern, &data));
        let run = send(ground, ground.url(), &pattern, &data, &["--timeout", "60s"]);
        if let Some(failure) = &expected.failure {
            assert!(failure.contains("no subscribers"), "{pattern}: {failure}");
            run.exits(6).says("nobody");
            continue;
        }
        let found = run.outcome();
        if found != expected {
            let (data, expected) = (shortened(&data), shortened(&format!("{expected:?}")));
            let _ = writeln!(different, "{pattern} {data}\n  Nest: {expected}\n  eyas: {run:?}");
        }
    }
    assert!(different.is_empty(), "{different}");
}

/// Httpie's way of writing data comes to the same as JSON.
fn words_of_data(ground: &Ground) {
    if cannot(&ground.spec().can.request, &["send", ground.anywhere, "echo"]) {
        return;
    }
    let words = ["id=7", "n:=7", "tags[]:=1", "tags[]:=true", "user.name=Ann"];
    let data = r#"{"id":"7","n":7,"tags":[1,true],"user":{"name":"Ann"}}"#;
    let expected = ground.nest.client().send(&Ask::new(ground.url(), r#""echo""#, data));
    let option = ground.nest_option();
    let arguments = [&["send", ground.url(), "echo"], &words[..], &["-o", "json", "-O", &option]].concat();
    assert_eq!(program::run(&arguments).outcome(), expected);
}

/// In a pipe the replies come bare, a line each, and an error goes to standard error.
fn bare_replies_in_a_pipe(ground: &Ground) {
    if cannot(&ground.spec().can.request, &["send", ground.anywhere, "echo"]) {
        return;
    }
    let option = ground.nest_option();
    for pattern in ["stream.sync", "stream.async", "nested", "stream.empty", "ret.surrogate"] {
        if !ground.carries(&format!("{pattern:?}")) {
            continue;
        }
        let expected = ground.nest.client().send(&Ask::new(ground.url(), &format!("{pattern:?}"), "{}"));
        let run = program::run(&["send", ground.url(), pattern, "-O", &option]).exits(0);
        // Over Kafka a text travels as it is, without quotes.
        let bare = |value: &String| match serde_json::from_str(value) {
            Ok(text) if ground.transport == "kafka" => text,
            _ => value.clone(),
        };
        assert_eq!(run.stdout, expected.values.iter().map(bare).collect::<Vec<_>>(), "{run:?}");
    }
    let run = program::run(&["send", ground.url(), "stream.late-error", "-O", &option]).exits(1);
    assert_eq!(run.stdout, ["1", "2"], "{run:?}");
    run.says("too late");
}

fn events(ground: &Ground) {
    if cannot(&ground.spec().can.emit, &["emit", ground.anywhere, "user.created"]) {
        return;
    }
    let service = (ground.service)(ground.nest);
    let option = ground.nest_option();
    let patterns = [r#""user.created""#, r#"{"evt":"obj"}"#, r#"{ "evt" : "obj" }"#];
    for (number, pattern) in patterns.into_iter().filter(|pattern| ground.carries(pattern)).enumerate() {
        // Each is found by its own data; the two differ in one word of one length.
        let data = |who: &str| format!(r#"{{"z":[1,"ż😀"],"by":"{who}-{number}","a":null}}"#);
        let sent = ground.nest.client().emit(&Ask::new(ground.url(), pattern, &data("nest")));
        assert!(sent.complete, "{sent:?}");
        program::run(&["emit", ground.url(), &word(pattern), &data("eyas"), "-O", &option]).exits(0);
        let expected = service.call_with(&format!("nest-{number}"));
        let found = service.call_with(&format!("eyas-{number}"));
        assert_eq!(found, expected.replace("nest-", "eyas-"), "{pattern}");
    }
}

/// What `-H` becomes reaches the handler as what Nest's client calls metadata does.
fn headers(ground: &Ground) {
    if cannot(&ground.spec().can.request, &["send", ground.anywhere, "echo"]) {
        return;
    }
    let mut ask = Ask::new(ground.url(), r#""metadata""#, "{}");
    ask.metadata = Some(r#"{"x-trace":"7","who":"żółw: a"}"#.to_owned());
    let expected = ground.nest.client().send(&ask);
    let more = ["-H", "x-trace: 7", "-H", "who: żółw: a"];
    let run = send(ground, ground.url(), r#""metadata""#, "{}", &more);
    assert_eq!(run.outcome(), expected, "{run:?}");
    // The older ones have no metadata: their handlers see none, whoever asks. Headers they have.
    let has_any = ground.nest == Nest::V12 || matches!(ground.transport, "kafka" | "mqtt" | "nats" | "rmq");
    let seen = if has_any { ask.metadata.unwrap() } else { "null".to_owned() };
    assert_eq!(expected.values, [seen]);
}

fn no_reply_in_time(ground: &Ground) {
    if cannot(&ground.spec().can.request, &["send", ground.anywhere, "echo"]) {
        return;
    }
    // Over Kafka a service reads no more while a handler is at work: there nobody is asked.
    let unheard = ground.transport == "kafka";
    let pattern = if unheard { NO_HANDLER[0] } else { r#""never""# };
    let mut ask = Ask::new(ground.url(), pattern, "{}");
    ask.timeout = Some(300);
    let expected = ground.nest.client().send(&ask);
    let run = send(ground, ground.url(), pattern, "{}", &["--timeout", "300ms"]).exits(4);
    assert_eq!(run.outcome(), expected);
    if unheard {
        return;
    }
    let late = r#"{"ms":60000,"answer":1}"#;
    send(ground, ground.url(), r#""slow""#, late, &["--timeout", "300ms"]).exits(4);
}

/// Two hundred requests at once through the library, answered in the opposite order: each gets its own reply.
fn many_in_flight_on_one_connection(ground: &Ground) {
    use eyas::message::{Data, Message, Pattern};
    const REQUESTS: usize = 200;

    if cannot(&ground.spec().can.request, &["send", ground.anywhere, "echo"]) {
        return;
    }
    let target = url::Url::parse(ground.url()).unwrap();
    let relay = crate::fake::Fake::relay(target.authority());
    let through = ground.url().replace(target.authority(), &relay.address.to_string());
    let endpoint = crate::ground::endpoint(&through, ground.nest);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let transport = eyas::transport::open(endpoint).unwrap();
        let mut waiting = Vec::new();
        for number in 0..REQUESTS {
            // Over Kafka one is answered after the other.
            let ms = if ground.transport == "kafka" { 0 } else { REQUESTS - number };
            let data = format!(r#"{{"ms":{ms},"answer":{number}}}"#);
            let message = Message {
                pattern: Pattern::Text("slow".to_owned()),
                data: Some(Data::json(data).unwrap()),
                headers: Vec::new(),
                raw: false,
            };
            waiting.push((number, transport.request(&message).await.unwrap()));
        }
        for (number, mut replies) in waiting {
            let mut values = Vec::new();
            while let Some(reply) = replies.replies.recv().await {
                let reply = reply.unwrap();
                values.extend(reply.data.as_ref().map(|data| data.as_bytes().to_vec()));
                if reply.is_final() {
                    break;
                }
            }
            assert_eq!(values, [number.to_string().into_bytes()]);
        }
    });
    // What waits for records over Kafka has a connection of its own.
    assert_eq!(relay.accepted(), if ground.transport == "kafka" { 2 } else { 1 });
}

/// A record says what it is about; the rest of the suite looks at values alone.
#[test]
fn a_reply_record_tells_all_about_it() {
    let ground = &crate::ground::tcp_nest12::GROUND;
    let run = send(ground, ground.url(), r#""stream.sync""#, "{}", &[]).exits(0);
    let records: Vec<_> = run.stdout.iter().map(|line| Record::read(line)).collect();
    assert_eq!(records.len(), 3, "{run:?}");
    for (number, record) in records.iter().enumerate() {
        let last = number == 2;
        assert_eq!(record.text("transport").as_deref(), Some(ground.transport), "{run:?}");
        assert_eq!(record.raw("v").as_deref(), Some("1"), "{run:?}");
        assert_eq!(record.text("pattern").as_deref(), Some("stream.sync"), "{run:?}");
        assert_eq!(record.inner("pair", "final"), Some(last.to_string()), "{run:?}");
        let ms: f64 = record.inner("pair", "ms").expect("a latency").parse().unwrap();
        assert!(ms >= 0.0, "{run:?}");
        assert!(record.text("ts").is_some_and(|ts| ts.parse::<jiff::Timestamp>().is_ok()), "{run:?}");
    }
}
