use proptest::prelude::*;

use super::*;
use crate::message::Data;

fn json(text: &str) -> Data {
    Data::json(text).expect("JSON")
}

fn shown(script: &Script) -> String {
    let step = |step: &Step| {
        let data = step.reply.data.as_ref().map(|data| String::from_utf8_lossy(data.as_bytes()).into_owned());
        let kind = match step.reply.kind {
            ReplyKind::Next { last: true } => "last",
            ReplyKind::Next { last: false } => "next",
            ReplyKind::Refused => "refused",
            ReplyKind::End => "end",
        };
        format!("{}ms {kind} {}", step.after.as_millis(), data.unwrap_or_default())
    };
    script.iter().map(step).collect::<Vec<_>>().join("; ")
}

fn answer(rules: Vec<Rule>, defaults: Defaults, pattern: &str) -> Option<String> {
    let rules = Rules::build(rules, defaults, |pattern| pattern.as_str().to_owned()).expect("rules");
    let called = Called {
        pattern: Some(Pattern::Text(pattern.to_owned())),
        dest: None,
        data: Some(json("\"ping\"")),
        headers: Vec::new(),
        is_request: true,
    };
    rules.scripted(pattern).or_else(|| rules.echoed(&called)).as_ref().map(shown)
}

#[test]
fn on() {
    #[track_caller]
    fn check(word: &str, want: Result<(&str, &str), &str>) {
        match (parse_on(word), want) {
            (Ok(rule), Ok((pattern, reply))) => {
                assert_eq!(rule.pattern.as_str(), pattern);
                assert_eq!(rule.outcome.values, [json(reply)]);
            }
            (Err(fault), Err(want)) => assert!(fault.to_string().contains(want), "{fault}"),
            (got, _) => panic!("{word}: {got:?}"),
        }
    }
    check("sum=3", Ok(("sum", "3")));
    check("a=\"b=c\"", Ok(("a", "\"b=c\"")));
    check("{\"a\":\"}=\"}={\"b\":\"=\"}", Ok(("{\"a\":\"}=\"}", "{\"b\":\"=\"}")));
    check("{\"a\":{}} = [1]", Ok(("{\"a\":{}}", "[1]")));
    check("sum", Err("there is no `=`"));
    check("=3", Err("there is no pattern"));
    check("sum=", Err("from offset 4) is not JSON: EOF"));
    check("sum=x", Err("is not JSON"));
    check("{\"a\":1", Err("the pattern starts with `{` and is not JSON"));
    check("{\"a\":1}x=1", Err("ends at offset 7, and no `=`"));
}

#[test]
fn file() {
    #[track_caller]
    fn check(text: &str, pattern: &str, want: &str) {
        let rules = parse_file("rules.toml", text).expect("rules");
        assert_eq!(answer(rules, Defaults::default(), pattern).as_deref(), Some(want));
    }
    check(
        "[[on]]\npattern = \"a\"\nreply = { id = 7, at = 1.5, tags = [\"x\", true] }",
        "a",
        "0ms last {\"id\":7,\"at\":1.5,\"tags\":[\"x\",true]}",
    );
    check(
        "[[on]]\npattern = \"a\"\njson = '''{\"n\": 1e400}'''\ndelay = \"200ms\"",
        "a",
        "200ms last {\"n\": 1e400}",
    );
    check("[[on]]\npattern = { cmd = \"a\" }\nreply = 0x1F", "{\"cmd\":\"a\"}", "0ms last 31");
    check("[[on]]\npattern = '{\"cmd\": \"a\"}'\nreply = 1_000", "{\"cmd\": \"a\"}", "0ms last 1000");
    check("[[on]]\npattern = 7\nreply = \"x\"", "7", "0ms last \"x\"");
    check(
        "[[on]]\npattern = \"a\"\nstream = [1, 2]\nevery = \"1s\"\ndelay = \"5ms\"",
        "a",
        "5ms next 1; 1000ms last 2",
    );
    check("[[on]]\npattern = \"a\"\nstream = [1]\nend = \"separate\"", "a", "0ms next 1; 0ms end ");
    check("[[on]]\npattern = \"a\"\nstream = []", "a", "0ms end ");
    check(
        "[[on]]\npattern = \"a\"\nerror = \"too late\"",
        "a",
        "0ms refused {\"status\":\"error\",\"message\":\"too late\"}",
    );
    check(
        "[[on]]\npattern = \"a\"\nstream = [1]\nerror = { code = 5 }",
        "a",
        "0ms next 1; 0ms refused {\"code\":5}",
    );
    check("[[on]]\npattern = \"b\"\nreply = 1\n[[on]]\npattern = \"a\"\nreply = 2", "a", "0ms last 2");
}

#[test]
fn file_faults() {
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let fault = parse_file("r.toml", text).expect_err("faults").to_string();
        for want in want {
            assert!(fault.contains(want), "{fault} lacks {want}");
        }
        assert_eq!(fault.lines().count(), want.len(), "{fault}");
    }
    check(
        "x = 1\n[[on]]\nreply = 1\n",
        &["r.toml:1:1: unknown key `x`", "r.toml:2:1: a rule without `pattern`"],
    );
    check(
        "[[on]]\npattern = \"a\"\nrely = 1\n",
        &["r.toml:3:1: unknown key `rely`", "r.toml:2:1: a rule without an answer"]
            .map(|want| want.replace("2:1: a rule", "1:1: a rule"))
            .each_ref()
            .map(String::as_str),
    );
    check("[[on]]\npattern = \"a\"\nreply = 1\nerror = \"x\"", &["a rule has one of"]);
    check(
        "[[on]]\npattern = true\nreply = 1\nevery = \"1s\"",
        &["r.toml:2:11: a pattern is a string", "r.toml:4:9: `every` belongs"],
    );
    check(
        "[[on]]\npattern = \"a\"\nstream = [1]\nend = \"now\"\ndelay = 5",
        &["r.toml:4:7: `end` is", "r.toml:5:9: a duration"],
    );
    check("[[on]]\npattern = \"ä\" \njson = '{'", &["r.toml:3:8: `json` does not hold JSON: EOF"]);
    check("[[on]]\npattern = \"a\"\nreply = inf", &["r.toml:3:9: JSON has no such number"]);
    check("on = 1", &["r.toml:1:6: `on` is a list of tables"]);
    check("[[on]]\npattern = ", &["r.toml:2:"]);
    check("[[on]]\npattern = '{x'\nreply = 1", &["r.toml:2:11: the pattern starts with { and is not JSON"]);
}

#[test]
fn rules() {
    let rule = |word| parse_on(word).expect("a rule");
    let echo = Defaults { echo: true, delay: Duration::from_millis(3) };
    assert_eq!(answer(vec![rule("a=1")], Defaults::default(), "b"), None);
    assert_eq!(answer(vec![rule("a=1")], echo, "a").as_deref(), Some("3ms last 1"));
    assert_eq!(answer(vec![rule("a=1")], echo, "b").as_deref(), Some("3ms last \"ping\""));
    let own = parse_file("r", "[[on]]\npattern=\"a\"\nreply=1\ndelay=\"0s\"").expect("a rule");
    assert_eq!(answer(own, echo, "a").as_deref(), Some("0ms last 1"));

    let mut twice = parse_file("r.toml", "[[on]]\npattern=\"A\"\nreply=1\n").expect("a rule");
    twice.push(rule("a=2"));
    let fault = Rules::build(twice, echo, |pattern| pattern.as_str().to_lowercase()).expect_err("two rules");
    assert_eq!(fault.to_string(), "r.toml:1:1 and --on `a=2`: two rules for `a`");
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(word in "[a{}=:\"é1]{0,12}", text in "(\\[\\[on\\]\\]\n(pattern|reply|json|stream|error|every|end|delay) = [\\[\\]\"'{}a-cé0-9, =]{0,9}\n){0,3}") {
        if let Ok(rule) = parse_on(&word) {
            prop_assert!(word.starts_with(rule.pattern.as_str()));
        }
        if let Err(fault) = parse_file("r", &text) {
            prop_assert!(fault.to_string().lines().all(|line| line.starts_with("r:")), "{}", fault);
        }
    }
}

fn recording(data: &str, reply: &str, place: &str) -> Recording {
    let reply = Reply { kind: ReplyKind::Next { last: true }, data: Some(json(reply)), headers: Vec::new() };
    let pattern = Pattern::Text("a".to_owned());
    Recording { pattern, data: Some(json(data)), replies: vec![reply], place: place.to_owned() }
}

#[test]
fn recorded() {
    let mut recorded = Recorded::build(
        vec![
            recording(r#"{"id":1,"at":{"x":[1]}}"#, "1", "line 1"),
            recording(r#"{"at":{"x":[1]},"id":1}"#, "2", "line 2"),
            recording(r#"{"id":2,"name":"b"}"#, "3", "line 3"),
            recording(r#"{"id":3,"name":"b"}"#, "4", "line 4"),
            recording("7", "5", "line 5"),
        ],
        |pattern| pattern.as_str().to_owned(),
    );
    let mut check = |data: &str, want: &str, nearest: Option<&str>| {
        let found = recorded.answer("a", Some(&json(data))).expect("an answer");
        assert_eq!(shown(&found.script), format!("0ms last {want}"), "{data}");
        assert_eq!(found.nearest.as_deref(), nearest, "{data}");
    };
    // In the order of the recording, whatever the order of keys; then the last again.
    check(r#"{"id":1,"at":{"x":[1]}}"#, "1", None);
    check(r#"{ "at": {"x":[1]}, "id": 1 }"#, "2", None);
    check(r#"{"id":1,"at":{"x":[1]}}"#, "2", None);
    // The nearest: by what agrees, then by what differs least, then the first.
    check(r#"{"id":3}"#, "4", Some("line 4"));
    check(r#"{"name":"b"}"#, "3", Some("line 3"));
    check(r#"{"id":1,"at":{"x":[2]}}"#, "2", Some("line 1"));
    check("7", "5", None);
    check(r#"{"new":true}"#, "5", Some("line 5"));
    assert!(recorded.answer("b", None).is_none());
    assert_eq!(recorded.patterns().len(), 1);
}
