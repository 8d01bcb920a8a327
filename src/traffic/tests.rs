use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::message::{Data, Delivery, Direction, Pattern};
use crate::record::Pair;

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("JSON")
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).expect("in range")
}

fn seen(direction: Direction, ms: i64, scope: u64, id: &str) -> Delivery {
    Delivery {
        at: at(ms),
        direction,
        pattern: (direction != Direction::Reply).then(|| Pattern::Text("sum".to_owned())),
        dest: None,
        id: (direction != Direction::Event).then(|| json(id)),
        scope,
        headers: Vec::new(),
        data: Data::json("{\"n\":1}").ok(),
        error: None,
        is_final: true,
        position: None,
        size: 10,
        meta: Vec::new(),
    }
}

fn request(ms: i64, id: &str) -> Delivery {
    seen(Direction::Request, ms, 0, id)
}

fn reply(ms: i64, id: &str) -> Delivery {
    seen(Direction::Reply, ms, 0, id)
}

/// What a sequence of deliveries pairs to: the latency, `+` if more follows, `-` where there is no pair.
#[track_caller]
fn check_pairing(deliveries: &[Delivery], want: &str) {
    let mut pairing = Pairing::new(Limits::default());
    let shown = |delivery: &Delivery| {
        pairing.feed(delivery).map_or("-".to_owned(), |pair| {
            assert_eq!(pair.pattern, Some(Pattern::Text("sum".into())));
            format!("{}{}", pair.ms, if pair.is_final { "" } else { "+" })
        })
    };
    assert_eq!(deliveries.iter().map(shown).collect::<Vec<_>>().join(" "), want);
}

#[test]
fn replies_find_their_requests() {
    check_pairing(&[request(0, "1"), request(1, "2"), reply(5, "2"), reply(6, "1")], "- - 4 6");
    check_pairing(&[request(0, "1"), reply(5, "1"), reply(6, "1")], "- 5 -");
    check_pairing(&[request(0, "1"), reply(5, "\"1\"")], "- -");
    check_pairing(&[request(0, "null"), reply(5, "null")], "- 5");
    check_pairing(&[seen(Direction::Request, 0, 1, "1"), seen(Direction::Reply, 5, 2, "1")], "- -");
    let next = |ms| Delivery { is_final: false, ..reply(ms, "1") };
    check_pairing(&[request(0, "1"), next(5), next(6), reply(7, "1")], "- 5+ 6+ 7");
    check_pairing(&[request(0, "1"), request(10, "1"), reply(15, "1")], "- - 5");
    check_pairing(&[seen(Direction::Event, 0, 0, ""), reply(1, "1")], "- -");
}

#[test]
fn a_request_is_told_unanswered_once_and_may_still_be_answered() {
    let timeout = Duration::from_millis(100);
    let mut pairing = Pairing::new(Limits::default());
    for delivery in [request(0, "1"), request(10, "2"), request(50, "3"), reply(60, "2")] {
        pairing.feed(&delivery);
    }
    let mut ids = |now| {
        let unanswered = pairing.expire(at(now), timeout);
        unanswered
            .iter()
            .map(|u| format!("{:?}", (u.id.as_ref().map(|id| id.get()), u.waited.as_millis())))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(99), [""; 0]);
    assert_eq!(ids(120), ["(Some(\"1\"), 120)"]);
    assert_eq!(ids(120), [""; 0]);
    assert_eq!(ids(1000), ["(Some(\"3\"), 950)"]);
    assert_eq!(pairing.feed(&reply(2000, "1")).map(|pair| pair.ms), Some(2000.0));
}

#[test]
fn a_stream_that_has_begun_is_not_unanswered() {
    let mut pairing = Pairing::new(Limits::default());
    pairing.feed(&request(0, "1"));
    pairing.feed(&Delivery { is_final: false, ..reply(1, "1") });
    assert!(pairing.expire(at(1000), Duration::from_millis(100)).is_empty());
    assert!(pairing.feed(&reply(2000, "1")).is_some());
}

#[test]
fn pairing_is_bounded() {
    #[track_caller]
    fn check(limits: Limits, want_evicted: u64) {
        let mut pairing = Pairing::new(limits);
        for n in 0..10 {
            pairing.feed(&request(n, &n.to_string()));
        }
        assert_eq!(pairing.evicted(), want_evicted);
        let found = (0..10).filter(|n| pairing.feed(&reply(20, &n.to_string())).is_some()).count() as u64;
        assert_eq!(found, 10 - want_evicted);
    }
    check(Limits { count: 3, bytes: usize::MAX }, 7);
    check(Limits { count: 100, bytes: 1024 }, 7);
    check(Limits { count: 100, bytes: 0 }, 10);
    check(Limits::default(), 0);
}

#[test]
fn glob() {
    #[track_caller]
    fn check(word: &str, yes: &[&str], no: &[&str]) {
        let glob = Glob::compile(word).expect("a pattern");
        let text = |text: &&&str| glob.matches(&Pattern::Text((**text).to_owned()));
        assert_eq!(yes.iter().filter(|t| !text(t)).collect::<Vec<_>>(), [&""; 0], "{word} should match");
        assert_eq!(no.iter().filter(text).collect::<Vec<_>>(), [&""; 0], "{word} should not match");
    }
    check("orders", &["orders"], &["orders.get", "order", "xorders"]);
    check("orders.*", &["orders.get"], &["orders", "orders.", "orders.a.b", "orders/get"]);
    check("*", &["a"], &["a.b", ""]);
    check("ord*.g*t", &["orders.get", "ord.gt"], &["orders.x.get"]);
    check("orders.#", &["orders", "orders.a", "orders.a.b"], &["ordersx", "order"]);
    check("orders/**", &["orders", "orders/a/b"], &["ordersx"]);
    check("orders.>", &["orders.a", "orders.a.b"], &["orders", "orders."]);
    check("#", &["", "a", "a.b"], &[]);
    check(">", &["a", "a.b"], &[""]);
    check("#.created", &["created", "a.created", "a.b.created"], &["xcreated", "a.created.b"]);
    check("a.#.z", &["a.z", "a.b.z", "a.b.c.z"], &["a", "az"]);
    check("a+b(c)", &["a+b(c)"], &["aab(c)"]);
    check("{\"a\":1,\"b\":2}", &["{\"b\": 2, \"a\": 1}"], &["{\"a\":1}", "a"]);
    assert!(Glob::compile("{x").expect_err("not JSON").to_string().contains("column 2"));
}

#[test]
fn query() {
    #[track_caller]
    fn check(code: &str, input: &str, want: Result<bool, &str>) {
        match (Query::compile(code).expect("jq").holds(input), want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{code} over {input}"),
            (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
            (got, want) => panic!("{code} over {input}: {got:?}, not {want:?}"),
        }
    }
    check(".data.total > 100", "{\"data\":{\"total\":101}}", Ok(true));
    check(".a", "{\"a\":null}", Ok(false));
    check(".a", "{\"a\":0}", Ok(true));
    check("empty", "1", Ok(false));
    check("select(.a == 1)", "{\"a\":1}", Ok(true));
    check("repeat(true)", "1", Ok(true));
    check(".a | test(\"^x\")", "{\"a\":\"xy\"}", Ok(true));
    check(".a > 1e300", "{\"a\":1e400}", Ok(true));
    check(".a == \"\\ufffd!\"", "{\"a\":\"\\ud83d!\"}", Ok(true));
    check(".a == \"\\ufffd\\ufffd\"", "{\"a\":\"\\ude00\\uD83D\"}", Ok(true));
    check(".a == \"😀\"", "{\"a\":\"\\ud83d\\ude00\"}", Ok(true));
    check(".a == \"\\\\ud83d\"", "{\"a\":\"\\\\ud83d\"}", Ok(true));
    check(".a.b", "{\"a\":1}", Err("cannot index 1"));
    check("halt", "1", Err("halt"));
    check(".", "{", Err(""));
}

#[test]
fn query_faults() {
    #[track_caller]
    fn check(code: &str, want: &str) {
        let fault = Query::compile(code).err().expect("a fault").to_string();
        assert!(fault.contains(want), "{fault}");
    }
    check(".a | nope", "column 6: there is no");
    check(".a |", "column 5: expected term");
    check("(.a", "column 4: expected closing parenthesis");
    check(".a ]", "column 4");
    check("é & 1", "column 1");
    check("$x", "column 1: there is no");
}

#[test]
fn queries_and_filters_go_to_any_thread() {
    fn check<T: Send + Sync>() {}
    check::<Query>();
    check::<Filter>();
}

#[test]
fn filter() {
    #[track_caller]
    fn check(criteria: &Criteria, want: &str) {
        let filter = Filter::new(criteria).expect("criteria");
        let pair = |ms, pattern: &str| Pair {
            of: None,
            ms,
            is_final: true,
            pattern: Some(Pattern::Text(pattern.into())),
        };
        let refused = Delivery { data: None, error: Data::json("\"broken\"").ok(), ..reply(0, "1") };
        let mut kept = Vec::new();
        let mut keep = |name, delivery: &Delivery, pair: Option<&Pair>| {
            if filter.keeps(delivery, pair) {
                kept.push(name);
            }
        };
        keep("request", &request(0, "1"), None);
        keep("reply", &reply(0, "1"), Some(&pair(5.0, "sum")));
        keep("slow", &reply(0, "1"), Some(&pair(500.0, "orders.get")));
        keep("error", &refused, Some(&pair(5.0, "sum")));
        keep("event", &seen(Direction::Event, 0, 0, ""), None);
        let mut pairing = Pairing::new(Limits::default());
        pairing.feed(&request(0, "1"));
        if filter.keeps_unanswered(&pairing.expire(at(10), Duration::ZERO)[0]) {
            kept.push("unanswered");
        }
        assert_eq!(kept.join(" "), want);
    }
    let with = Criteria::default;
    check(&with(), "request reply slow error event unanswered");
    check(&Criteria { only: vec![Only::Requests], ..with() }, "request");
    check(&Criteria { only: vec![Only::Replies], ..with() }, "reply slow error");
    check(&Criteria { only: vec![Only::Errors, Only::Events], ..with() }, "error event");
    check(&Criteria { only: vec![Only::Unanswered], ..with() }, "unanswered");
    check(&Criteria { slow: Some(Duration::from_millis(200)), ..with() }, "slow unanswered");
    check(&Criteria { patterns: vec!["orders.*".into()], ..with() }, "slow");
    check(
        &Criteria { patterns: vec!["s*".into(), "x".into()], ..with() },
        "request reply error event unanswered",
    );
    check(&Criteria { grep: Some("brok".into()), ..with() }, "error");
    check(&Criteria { grep: Some("^sum$".into()), ..with() }, "request reply error event unanswered");
    check(&Criteria { grep: Some("\"n\":1".into()), ..with() }, "request reply slow event");
    assert!(Filter::new(&Criteria { grep: Some("(".into()), ..with() }).is_err());
    assert!("requests".parse::<Only>().is_ok_and(|only| only == Only::Requests));
    assert!("pigeons".parse::<Only>().is_err());
}

#[test]
fn a_filter_that_fails_keeps_nothing_and_says_so_once() {
    let mut filter = Filter::new(&Criteria { jq: Some(".a.b".into()), ..Criteria::default() }).expect("jq");
    assert!(filter.reads_records());
    assert!(filter.keeps_record("{\"a\":{\"b\":1}}"));
    assert!(filter.take_trouble().is_none());
    assert!(!filter.keeps_record("{\"a\":1}"));
    assert!(filter.take_trouble().is_some());
    assert!(!filter.keeps_record("{\"a\":1}"));
    assert!(filter.take_trouble().is_none());
}

#[test]
fn statistics() {
    let mut pairing = Pairing::new(Limits::default());
    let mut statistics = Statistics::new(at(0));
    let refused = Delivery { error: Data::json("1").ok(), ..reply(30, "2") };
    for delivery in
        [request(0, "1"), request(10, "2"), reply(10, "1"), refused, seen(Direction::Event, 40, 0, "")]
    {
        let pair = pairing.feed(&delivery);
        statistics.feed(&delivery, pair.as_ref(), None);
    }
    statistics.feed(&reply(50, "9"), None, None);
    pairing.feed(&request(60, "3"));
    statistics.feed_unanswered(&pairing.expire(at(500), Duration::ZERO)[0], None);
    statistics.feed_gap(Some(4));
    let summary = statistics.summary(at(2000));
    assert_eq!((summary.messages, summary.errors, summary.unanswered, summary.lost), (6, 1, 1, Some(4)));
    assert_eq!((summary.seconds.to_string(), summary.rate.to_string()), ("2".into(), "3".into()));
    let names: Vec<_> = summary.patterns.iter().map(|row| &*row.pattern).collect();
    assert_eq!(names, ["sum", "(unknown)"]);
    let row = &summary.patterns[0];
    assert_eq!((row.requests, row.replies, row.events, row.bytes), (2, 2, 1, 50));
    // A histogram of two digits is true to one percent.
    let latency = row.latency_ms.expect("measured");
    assert!((9.9..10.1).contains(&latency.p50) && (19.8..20.2).contains(&latency.max), "{latency:?}");
    statistics.feed_gap(None);
    assert_eq!(statistics.summary(at(0)).lost, None);
}

#[test]
fn statistics_are_bounded() {
    let mut statistics = Statistics::new(at(0));
    for n in 0..2000 {
        let event = seen(Direction::Event, 0, 0, "");
        statistics.feed(&Delivery { pattern: Some(Pattern::Text(format!("p{n}"))), ..event }, None, None);
    }
    let summary = statistics.summary(at(1000));
    assert_eq!((summary.patterns.len(), summary.messages), (501, 2000));
    assert_eq!((&*summary.patterns[0].pattern, summary.patterns[0].events), ("(others)", 1500));
}

#[test]
fn findings() {
    #[track_caller]
    fn check(findings: &mut Findings, delivery: &Delivery, pair: Option<&Pair>, want: Option<&str>) {
        assert_eq!(findings.of(delivery, pair).map(|finding| finding.code.into_owned()).as_deref(), want);
    }
    let error = "\"There is no matching message handler defined in the remote service.\"";
    let unhandled = Delivery { data: None, error: Data::json(error).ok(), ..reply(0, "1") };
    let pair = |pattern: &str| Pair {
        of: None,
        ms: 1.0,
        is_final: true,
        pattern: Some(Pattern::Text(pattern.into())),
    };
    let mut findings = Findings::default();
    check(&mut findings, &request(0, "1"), None, None);
    check(&mut findings, &reply(0, "1"), Some(&pair("a")), None);
    check(&mut findings, &unhandled, Some(&pair("a")), Some("no-handler"));
    check(&mut findings, &unhandled, Some(&pair("a")), None);
    check(&mut findings, &unhandled, Some(&pair("b")), Some("no-handler"));
    check(&mut findings, &reply(0, "2"), None, Some("unmatched-reply"));
    check(&mut findings, &reply(0, "4"), None, None);
    // Two instances answer: the second reply of one id comes after its last.
    check(&mut findings, &reply(0, "3"), Some(&pair("c")), None);
    check(&mut findings, &reply(0, "3"), None, Some("answered-twice"));
    check(&mut findings, &reply(0, "3"), None, None);
    check(&mut findings, &reply(1, "3"), None, None);
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(code in "[.a|()\\[\\]{}\"$&é<0-1 ]{0,10}", text in "[\\\\ud8DcCfFé\"a0]{0,24}", pattern in ".{0,9}") {
        let string = format!("\"{text}\"");
        if let Ok(query) = Query::compile(&code) {
            let _ = query.holds("{\"a\":[1,\"x\"]}");
        }
        // Whatever serde_json takes for JSON, jaq must be able to read: a filter sees every record.
        if serde_json::from_str::<&RawValue>(&string).is_ok() {
            prop_assert_eq!(Query::compile("true").expect("jq").holds(&string), Ok(true));
        }
        if let Ok(glob) = Glob::compile(&pattern) {
            let _ = glob.matches(&Pattern::Text(pattern));
        }
    }
}
