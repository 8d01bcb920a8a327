//! Nest's own client against `eyas mock`: it resolves what it does against the service that is mocked.

use std::fmt::Write as _;

use crate::conformance::word;
use crate::eyas as program;
use crate::ground::{Ground, Place, cannot, on_every_ground};
use crate::oracle::{Ask, Outcome};
use crate::server::{Server, shortened};

on_every_ground! { rules, rules_on_the_command_line, echo, delay, ends_by_count }

/// Patterns of the service, what makes a rule answer the same, and what to send.
const RULES: &[(&str, &str, &str)] = &[
    (r#""ret.null""#, "json = 'null'", "{}"),
    (r#""ret.false""#, "reply = false", "{}"),
    (r#""ret.zero""#, "reply = 0", "{}"),
    (r#""ret.empty""#, "reply = ''", "{}"),
    (r#""ret.surrogate""#, r#"json = '"a\ud83d"'"#, "{}"),
    (r#""unicode""#, r#"reply = "żółć 😀 漢字 \u2028 \u0000""#, "{}"),
    (r#""nested""#, r#"json = '{"b":[1,[2,{"c":null}]],"a":{"k\"ey":{"deep":["\n",-0.5,1e21]}}}'"#, "{}"),
    (r#""stream.sync""#, "stream = [1, 'two', { three = 3 }]", "{}"),
    (r#""stream.async""#, "stream = [1, 'two', 3]\nevery = '5ms'\nend = 'separate'", "{}"),
    (r#""stream.late-error""#, "stream = [1, 2]\nerror = 'too late'", "{}"),
    (r#""stream.empty""#, "stream = []", "{}"),
    (r#""throw.rpc-text""#, "error = 'no such order'", "{}"),
    (r#""throw.rpc-object""#, "error = { code = 42, message = 'm', details = { a = [1] } }", "{}"),
    (r#""throw.error""#, "error = { status = 'error', message = 'Internal server error' }", "{}"),
    (r#"{"cmd":"sum"}"#, "reply = 6", "[1,2,3]"),
    (r#"{"z":1,"a":{"y":"v","b":true},"Cmd":"n"}"#, "reply = 'sorted'", "{}"),
    ("42", "reply = 'the answer'", "{}"),
    (r#""slow""#, "reply = 7\ndelay = '50ms'", r#"{"ms":50,"answer":7}"#),
];

/// Starts `eyas mock` and gives its address.
fn mock(ground: &Ground, more: &[&str]) -> (Server, String, Place) {
    let (option, place) = (ground.nest_option(), (ground.serve)());
    let server = program::start(&[&["mock", &place.url, "-O", &option], more].concat());
    // Where there is a broker the address is known; else it is what was taken.
    let listening = server.listening();
    let url = match place.url.strip_suffix(":0") {
        Some(_) => format!("{}://{listening}", place.url.split_once("://").map_or("", |(scheme, _)| scheme)),
        None => place.url.clone(),
    };
    (server, url, place)
}

fn rules(ground: &Ground) {
    if cannot(&ground.spec().can.serve, &["mock", ground.anywhere, "--echo"]) {
        return;
    }
    let mut file = format!("[[on]]\npattern = 'big'\nreply = '{}'\n", "x".repeat(1 << 20));
    for (pattern, answer, _) in RULES.iter().filter(|(pattern, ..)| ground.carries(pattern)) {
        // Over Kafka an end of its own is a value more, and the service does without.
        let answer = if ground.transport == "kafka" {
            answer.replace("end = 'separate'", "")
        } else {
            (*answer).to_owned()
        };
        let _ = writeln!(file, "[[on]]\npattern = '{}'\n{answer}", word(pattern));
    }
    let name = format!("rules-{}-{}.toml", ground.transport, ground.nest.major());
    let (server, url, _place) = mock(ground, &["--rules", &program::file(&name, file)]);

    let unknown = (r#""there.is.no.such.pattern""#, "", "{}");
    let other_order = (r#"{"Cmd":"n","a":{"b":true,"y":"v"},"z":1}"#, "", "{}");
    let no_subset = (r#"{"cmd":"sum","x":1}"#, "", "{}");
    let text_of_number = (r#""42""#, "", "{}");
    let more = [unknown, other_order, no_subset, text_of_number, (r#""big""#, "", "{}")];
    let mut different = String::new();
    for (pattern, _, data) in RULES.iter().chain(&more).filter(|(pattern, ..)| ground.carries(pattern)) {
        let ask = |url: &str| {
            let mut ask = Ask::new(url, pattern, data);
            ask.timeout = ground.is_unheard(pattern).then_some(300);
            ground.nest.client().send(&ask)
        };
        let (expected, found) = (ask(ground.url()), ask(&url));
        if in_any_order(&found) != in_any_order(&expected) {
            let show = |outcome: &Outcome| shortened(&format!("{outcome:?}"));
            let _ =
                writeln!(different, "{pattern}\n  service: {}\n  mock: {}", show(&expected), show(&found));
        }
    }
    assert!(different.is_empty(), "{different}{}", server.output());
}

/// The outcome with the keys of its objects sorted: a TOML table has no order that could be kept.
fn in_any_order(outcome: &Outcome) -> String {
    let sorted = |text: &String| match serde_json::from_str::<serde_json::Value>(text) {
        Ok(mut value) => {
            value.sort_all_objects();
            value.to_string()
        }
        // A lone surrogate, which `Value` cannot hold.
        Err(_) => text.clone(),
    };
    let values: Vec<_> = outcome.values.iter().map(sorted).collect();
    let error = outcome.error.as_ref().map(sorted);
    format!("{values:?} {error:?} {:?} {}", outcome.failure, outcome.complete)
}

fn rules_on_the_command_line(ground: &Ground) {
    if cannot(&ground.spec().can.serve, &["mock", ground.anywhere, "--echo"]) {
        return;
    }
    let rules = [(r#""ping""#, r#""x=y""#), (r#"{"cmd":"a=b"}"#, "[1]")];
    let rules: Vec<_> = rules.into_iter().filter(|(pattern, _)| ground.carries(pattern)).collect();
    let words: Vec<_> = rules.iter().map(|(pattern, value)| format!("{}={value}", word(pattern))).collect();
    let arguments: Vec<_> = words.iter().flat_map(|word| ["--on", word]).collect();
    let (server, url, _place) = mock(ground, &arguments);
    for (pattern, value) in rules {
        let found = ground.nest.client().send(&Ask::new(&url, pattern, "{}"));
        let expected = Outcome { values: vec![value.to_owned()], complete: true, ..Outcome::default() };
        assert_eq!(found, expected, "{pattern} {}", server.output());
    }
}

fn echo(ground: &Ground) {
    if cannot(&ground.spec().can.serve, &["mock", ground.anywhere, "--echo"]) {
        return;
    }
    let (server, url, _place) = mock(ground, &["--echo"]);
    for data in [r#"{"b":1,"a":["a\ud83d","ż😀",null]}"#, "0", "false", r#""""#] {
        let expected = ground.nest.client().send(&Ask::new(ground.url(), r#""echo""#, data));
        let found = ground.nest.client().send(&Ask::new(&url, r#""echo""#, data));
        assert_eq!(found, expected, "{}", server.output());
    }
}

/// A delayed answer is overtaken by one that is not.
fn delay(ground: &Ground) {
    if cannot(&ground.spec().can.serve, &["mock", ground.anywhere, "--echo"]) {
        return;
    }
    let rules = "[[on]]\npattern = 'late'\nreply = 1\ndelay = '60s'\n[[on]]\npattern = 'now'\nreply = 2\n";
    let name = format!("delay-{}-{}.toml", ground.transport, ground.nest.major());
    let (server, url, _place) = mock(ground, &["--rules", &program::file(&name, rules)]);
    let mut late = Ask::new(&url, r#""late""#, "{}");
    late.timeout = Some(100);
    let found = ground.nest.client().send(&late);
    assert!(!found.complete && found.values.is_empty(), "{found:?} {}", server.output());
    let found = ground.nest.client().send(&Ask::new(&url, r#""now""#, "{}"));
    let expected = Outcome { values: vec![ground.received("2")], complete: true, ..Outcome::default() };
    assert_eq!(found, expected, "{}", server.output());
}

fn ends_by_count(ground: &Ground) {
    if cannot(&ground.spec().can.serve, &["mock", ground.anywhere, "--echo"]) {
        return;
    }
    let (mut server, url, _place) = mock(ground, &["--echo", "-n", "2"]);
    for number in ["1", "2"] {
        let ask = Ask::new(&url, r#""echo""#, number);
        let found = ground.nest.client().send(&ask);
        assert_eq!(found.values, [ground.received(number)], "{found:?} {}", server.output());
    }
    assert_eq!(server.ended().code(), Some(0), "{}", server.output());
}
