use std::io::Cursor;

use jiff::Timestamp;

use super::*;
use crate::fault::Fault;

fn masked(line: &str, paths: &[&str]) -> (String, u64) {
    let paths = paths.iter().map(|path| path.parse().expect("a path")).collect();
    let (mut mask, mut out) = (Mask::new(paths), Vec::new());
    mask.record(line, &mut out);
    (String::from_utf8(out).expect("UTF-8"), mask.masked())
}

#[test]
fn secrets_are_masked_by_name_and_all_else_stays() {
    #[track_caller]
    fn check(line: &str, want: &str) {
        let (found, count) = masked(line, &[]);
        assert_eq!(found, want);
        assert_eq!(count, want.matches("\"***\"").count() as u64, "{want}");
    }
    check(
        r#"{"type":"message","headers":{"Authorization":"Bearer x","x-api-key":["a","b"],"trace":"7"}}"#,
        r#"{"type":"message","headers":{"Authorization":"***","x-api-key":"***","trace":"7"}}"#,
    );
    check(
        r#"{"data":{"user":{"password" : "a\"b", "n": 1e400,"x":"\ud83d"}, "list":[{"secret":{"a":[1,"}"]}},2]}}"#,
        r#"{"data":{"user":{"password" : "***", "n": 1e400,"x":"\ud83d"}, "list":[{"secret":"***"},2]}}"#,
    );
    check(
        r#"{"data":{"accessToken":"x","maxTokens":7,"token":null}}"#,
        r#"{"data":{"accessToken":"***","maxTokens":7,"token":null}}"#,
    );
    check(r#"{"data":{"password":1234}}"#, r#"{"data":{"password":"***"}}"#);
    check(r#"{"data":{"pass\u0077ord":"x"}}"#, r#"{"data":{"pass\u0077ord":"***"}}"#);
    // A pattern must stay what it is, and a value is no name.
    check(
        r#"{"pattern":{"password":"x"},"data":"password","err":["token"]}"#,
        r#"{"pattern":{"password":"x"},"data":"password","err":["token"]}"#,
    );
    check(
        r#"{"data":{"a":[],"b":{},"cookie":"c"},"size":7}"#,
        r#"{"data":{"a":[],"b":{},"cookie":"***"},"size":7}"#,
    );
}

#[test]
fn values_are_masked_by_path() {
    #[track_caller]
    fn check(path: &str, line: &str, want: &str) {
        assert_eq!(masked(line, &[path]).0, want, "{path}");
    }
    check(
        "data.card.number",
        r#"{"data":{"card":{"number":7,"x":1},"number":8}}"#,
        r#"{"data":{"card":{"number":"***","x":1},"number":8}}"#,
    );
    check(
        ".data.items[].id",
        r#"{"data":{"items":[{"id":1},{"id":2}]}}"#,
        r#"{"data":{"items":[{"id":"***"},{"id":"***"}]}}"#,
    );
    check("data[1]", r#"{"data":[1,[2,3],4]}"#, r#"{"data":[1,"***",4]}"#);
    check(
        "data.*.id",
        r#"{"data":{"a":{"id":1},"b":{"id":2}}}"#,
        r#"{"data":{"a":{"id":"***"},"b":{"id":"***"}}}"#,
    );
    check("data", r#"{"data":{"a":1},"size":1}"#, r#"{"data":"***","size":1}"#);
    check("headers.\"x.y\"", r#"{"headers":{"x.y":"1"}}"#, r#"{"headers":{"x.y":"***"}}"#);
    for bad in ["", "card", "data..x", "data[", "data[x]", "data.", "pattern.x"] {
        assert!(bad.parse::<MaskPath>().is_err(), "{bad}");
    }
    let mut mask = Mask::new(vec!["data.none".parse().expect("a path")]);
    mask.record(r#"{"data":{}}"#, &mut Vec::new());
    assert_eq!(mask.unused().count(), 1);
}

#[test]
fn a_payload_is_masked_as_in_a_recording() {
    let mut mask = Mask::new(vec!["data.id".parse().expect("a path")]);
    let data = crate::message::Data::json(r#"{"id":7,"password":"x","a":1}"#).expect("JSON");
    assert_eq!(mask.data(&data).as_bytes(), br#"{"id":"***","password":"***","a":1}"#);
}

const HEADER: &str = r#"{"type":"recording","v":1,"masks":["data.id"]}"#;

fn line(kind: &str, id: u32, more: &str) -> String {
    format!(
        r#"{{"type":"message","v":1,"ts":"2026-11-21T11:00:0{id}Z","transport":"tcp","dir":"{kind}","pattern":"a","id":{id}{more}}}"#
    )
}

fn open(text: &str) -> Result<Reader, Fault> {
    Reader::read(Box::new(Cursor::new(text.to_owned().into_bytes())), "tape")
}

/// How many messages `text` has, and what was said at its end.
fn read(text: &str) -> (usize, Option<String>) {
    let mut reader = match open(text) {
        Ok(reader) => reader,
        Err(fault) => return (0, Some(fault.to_string())),
    };
    let mut count = 0;
    for entry in reader.by_ref() {
        match entry {
            Ok(_) => count += 1,
            Err(fault) => return (count, Some(fault.to_string())),
        }
    }
    (count, reader.cut().map(str::to_owned))
}

#[test]
fn what_is_there_is_read() {
    #[track_caller]
    fn check(text: &str, count: usize, said: Option<&str>) {
        let (found, words) = read(text);
        assert_eq!(found, count, "{words:?}");
        match said {
            Some(said) => assert!(words.as_deref().is_some_and(|words| words.contains(said)), "{words:?}"),
            None => assert_eq!(words, None),
        }
    }
    let event = line("event", 1, "");
    check(&format!("{HEADER}\n{event}\n\n{event}\n"), 2, None);
    check(&format!("\u{feff}{HEADER}\r\n{event}\r\n"), 1, None);
    check(&format!("{event}\n{event}"), 2, None);
    check(&format!("{HEADER}\n{event}\n{}", &event[..50]), 1, Some("line 3: the recording is cut short"));
    check(HEADER, 0, None);
    check(&HEADER[..20], 0, Some("cut short within its first line"));
    check(&format!("{HEADER}\n{event}\nx\n{event}\n"), 1, Some("line 3: this is no record"));
    check(&HEADER.replace(":1", ":2"), 0, Some("version 2"));
    check("", 0, Some("it is empty"));
    check("\n\n", 0, Some("does not begin with a line of JSON"));
    check("{\"a\":1}\n", 0, Some("no record of eyas"));
}

#[test]
fn replies_find_their_requests() {
    let reply = |id, is_final| {
        line("reply", id, &format!(r#","data":{id},"pair":{{"of":{id},"ms":1,"final":{is_final}}}"#))
    };
    let text = [
        HEADER.to_owned(),
        line("request", 1, ""),
        line("request", 2, ""),
        line("event", 3, ""),
        reply(2, true),
        reply(1, false),
        reply(1, true),
        reply(1, true),
        // The same id once more is another request.
        line("request", 1, ""),
        line("request", 4, ""),
        reply(1, true),
    ];
    let found = exchanges(&mut open(&text.join("\n")).expect("a recording")).expect("exchanges");
    let told: Vec<_> = found.iter().map(|one| (one.line, one.replies.len(), one.is_complete)).collect();
    assert_eq!(told, [(2, 2, true), (3, 1, true), (9, 1, true), (10, 0, false)]);
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let targets = ["tcp://h:1".to_owned()];
    for name in ["a.jsonl", "a.jsonl.zst"] {
        let file = folder.path().join(name);
        let create = |replaces| Writer::create(&file, &targets, Vec::new(), replaces, Timestamp::UNIX_EPOCH);
        let mut writer = create(false).expect("a file");
        let record =
            line("event", 1, &format!(r#","data":{{"password":"x","pad":"{}"}}"#, "y".repeat(1 << 16)));
        for _ in 0..10 {
            writer.record(format!("{record}\n").as_bytes()).expect("room");
        }
        // It can be read before it is finished, up to what was held back.
        let mut early = Reader::open(&file).expect("a recording");
        assert!(early.by_ref().filter_map(Result::ok).count() >= 4, "{name}");
        let written = writer.finish().expect("room");
        assert_eq!((written.records, written.masked), (10, 10));
        let mut reader = Reader::open(&file).expect("a recording");
        assert_eq!(reader.by_ref().filter_map(Result::ok).count(), 10, "{name}");
        assert_eq!(reader.cut(), None, "{name}");
        let bytes = std::fs::read(&file).expect("a file");
        assert_eq!(bytes.starts_with(b"{\"type\":\"recording\""), name == "a.jsonl");
        assert_eq!(written.bytes, bytes.len() as u64);
        assert!(create(false).is_err() && create(true).is_ok(), "{name}");
    }
}

#[test]
fn messages_are_due_as_they_were_recorded() {
    let at = |ms| Timestamp::from_millisecond(ms).expect("in range");
    let mut twice = Pacing::new("2x".parse().expect("a speed"));
    let due: Vec<_> = [1000, 1500, 1200, 3000].map(|ms| twice.due(at(ms)).as_millis()).into();
    // A clock that goes backwards holds nothing up.
    assert_eq!(due, [0, 250, 250, 1000]);
    assert_eq!(Pacing::new(Speed::Max).due(at(9000)).as_millis(), 0);
    for bad in ["0x", "-1", "x", "", "inf", "NaN"] {
        assert!(bad.parse::<Speed>().is_err(), "{bad}");
    }
    assert_eq!("0.5".parse::<Speed>().ok(), Some(Speed::Times(0.5)));
}

mod any {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_line_makes_the_mask_panic(text in "[{}\\[\\]\",:a\\\\ 0tépassword]{0,40}") {
            masked(&text, &["data.a", "data[]"]);
        }

        #[test]
        fn what_is_masked_is_json_still(json in "(\\{(\"(password|a)\":(\"x\"|[0-9]|\\[\\{\"token\":\"y\"\\}\\]|null),){0,4}\"z\":1\\})") {
            let line = format!(r#"{{"data":{json}}}"#);
            let (found, _) = masked(&line, &[]);
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&found).is_ok(), "{}", found);
        }

        #[test]
        fn no_file_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(reader) = Reader::read(Box::new(Cursor::new([HEADER.as_bytes(), b"\n", &bytes].concat())), "x") {
                let _ = reader.count();
            }
        }
    }
}
