//! What every transport is asked (`conformance.rs`), as methods of `calls.proto`, whose data is any JSON: what comes
//! back is what Nest's own client resolves there, with `tail` in between, too.

use std::fmt::Write as _;

use crate::conformance::{NO_HANDLER, calls, word};
use crate::eyas as program;
use crate::ground::{self, Ground};
use crate::oracle::{Ask, Outcome};

/// The method, as JSON, of a pattern; `None` for patterns that are no names, and for data that protobuf does not hold:
/// text that is no Unicode, numbers beyond a double.
pub fn method(pattern: &str, data: &str) -> Option<String> {
    let unknown = ["throw.rpc-object", "ret.surrogate", "user.created", "42"];
    let beyond = ["\\ud83d\"", "1e400", "12345678901234567890"];
    let name: String = serde_json::from_str(pattern).ok()?;
    if unknown.contains(&&*name) || beyond.iter().any(|part| data.contains(part)) {
        return None;
    }
    if NO_HANDLER.contains(&pattern) {
        return Some(r#""calls.Calls/ThereIsNoSuchPattern""#.to_owned());
    }
    let capital = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    let method: String = name.split(['.', '-']).map(capital).collect();
    Some(format!(r#""calls.Calls/{method}""#))
}

fn replies(ground: &Ground) {
    let (nest, url) = (ground.nest, ground.url());
    let tail = program::start(&["tail", url, "--listen", "0", "-o", "json"]);
    let through = format!("grpc://{}", tail.listening());
    let mut different = String::new();
    let mut asked = 0;
    for (pattern, data) in calls() {
        let Some(pattern) = method(&pattern, &data) else { continue };
        let ask = |url: &str| nest.client().send(&Ask::new(url, &pattern, &data)).sorted();
        let expected = ask(url);
        let file = program::file(&format!("grpc-{}-{asked}", nest.major()), &data);
        let data = format!("@{file}");
        let run =
            program::run(&["send", url, &word(&pattern), "-d", &data, "-o", "json", "--timeout", "60s"]);
        let found: [Outcome; 2] = [run.outcome().sorted(), ask(&through)];
        asked += 1;
        if found.iter().any(|found| *found != expected) {
            let _ = writeln!(different, "{pattern}\n  Nest: {expected:?}\n  eyas: {found:?}");
        }
    }
    assert!(asked > 15, "{asked}");
    assert!(different.is_empty(), "{different}");
}

#[test]
fn grpc_nest10_replies() {
    replies(&ground::grpc_nest10::GROUND);
}

#[test]
fn grpc_nest11_replies() {
    replies(&ground::grpc_nest11::GROUND);
}

#[test]
fn grpc_nest12_replies() {
    replies(&ground::grpc_nest12::GROUND);
}
