use proptest::prelude::*;

use super::*;

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("JSON")
}

fn event(pattern: Pattern, data: Option<Data>) -> Delivery {
    Delivery {
        at: "2026-11-21T02:10:00.5Z".parse().expect("a time"),
        direction: Direction::Event,
        pattern: Some(pattern),
        dest: None,
        id: None,
        scope: 0,
        headers: Headers::new(),
        data,
        error: None,
        is_final: false,
        position: None,
        size: 12,
        meta: Vec::new(),
    }
}

const CONTEXT: Context<'_> = Context { transport: "tcp", service: None };

fn line(context: &Context<'_>, delivery: &Delivery, pair: Option<&Pair>) -> String {
    let mut out = Vec::new();
    message(&mut out, context, delivery, pair);
    String::from_utf8(out).expect("UTF-8")
}

fn read_back(line: &str) -> Record {
    match Record::parse(line.trim_end()) {
        Ok(Line::Message(record)) => *record,
        other => panic!("{line} was read as {other:?}"),
    }
}

#[test]
fn fields_stand_in_the_order_of_the_contract() {
    let request = Delivery {
        direction: Direction::Request,
        dest: Some("orders".to_owned()),
        id: Some(json("\"3b81\"")),
        headers: vec![
            ("a".to_owned(), HeaderValue::Text("1".to_owned())),
            ("b".to_owned(), HeaderValue::Binary(vec![0xff].into())),
            ("a".to_owned(), HeaderValue::Json(json("2"))),
        ],
        meta: vec![("qos".to_owned(), json("1"))],
        ..event(Pattern::Json(json("{\"cmd\":\"sum\"}")), Some(Data::Json(json("{\"b\":1,\"a\":1.0}"))))
    };
    assert_eq!(
        line(&Context { transport: "mqtt", service: Some("orders") }, &request, None),
        "{\"type\":\"message\",\"v\":1,\"ts\":\"2026-11-21T02:10:00.500000Z\",\"transport\":\"mqtt\",\"service\":\"orders\",\
         \"dir\":\"request\",\"pattern\":{\"cmd\":\"sum\"},\"dest\":\"orders\",\"id\":\"3b81\",\
         \"headers\":{\"a\":[\"1\",2],\"b\":{\"base64\":\"/w==\"}},\"data\":{\"b\":1,\"a\":1.0},\"size\":12,\"meta\":{\"qos\":1}}\n"
    );
    let reply = Delivery {
        direction: Direction::Reply,
        pattern: None,
        id: Some(json("7")),
        data: None,
        error: Some(Data::Text("no".to_owned())),
        ..request
    };
    let pair =
        Pair { of: Some(json("7")), ms: 1.23456, is_final: true, pattern: Some(Pattern::Text("sum".into())) };
    let text = line(&CONTEXT, &reply, Some(&pair));
    assert!(
        text.contains("\"dir\":\"reply\",\"pattern\":\"sum\",\"dest\":\"orders\",\"id\":7,\"headers\""),
        "{text}"
    );
    assert!(
        text.ends_with(",\"size\":12,\"meta\":{\"qos\":1},\"pair\":{\"of\":7,\"ms\":1.235,\"final\":true},\"err\":\"no\"}\n"),
        "{text}"
    );
}

#[test]
fn a_payload_stays_byte_for_byte_on_one_line() {
    #[track_caller]
    fn check(data: &str, want: &str) {
        let text = line(&CONTEXT, &event(Pattern::Text("p".into()), Some(Data::Json(json(data)))), None);
        assert!(text.contains(&format!("\"data\":{want},\"size\"")), "{text}");
        assert_eq!(text.matches('\n').count(), 1);
        assert_eq!(read_back(&text).data, Some(Data::Json(json(want))));
    }
    check(r#"{"b": 1e400,  "a":"\ud83d"}"#, r#"{"b": 1e400,  "a":"\ud83d"}"#);
    check("{\n  \"a b\": [1,\r\n\t2]\n}", r#"{"a b":[1,2]}"#);
    check("{\n \"quote \\\" and \\\\\" : \" kept  \"}", r#"{"quote \" and \\":" kept  "}"#);
    check("null", "null");
}

#[test]
fn payloads_and_patterns_of_all_kinds_are_told_apart() {
    #[track_caller]
    fn check(pattern: Pattern, data: Option<&Data>, want: &str) {
        let text = line(&CONTEXT, &event(pattern.clone(), data.cloned()), None);
        assert!(text.contains(want), "{text} lacks {want}");
        let record = read_back(&text);
        assert_eq!(record.pattern, Some(pattern));
        assert_eq!(record.data.as_ref().map(kind_and_bytes), data.map(kind_and_bytes));
    }
    check(Pattern::Text("{not".into()), Some(&Data::Text("a\n\"b".into())), r#""data_text":"a\n\"b""#);
    check(Pattern::Text("42".into()), Some(&Data::Binary(vec![0, 255].into())), r#""pattern":"42""#);
    check(Pattern::Json(json("42")), None, r#""pattern":42,"headers":{},"size":12"#);
    check(Pattern::Json(json(r#""\ud800""#)), None, r#""pattern":"\ud800""#);
}

fn kind_and_bytes(data: &Data) -> (u8, Vec<u8>) {
    let kind = match data {
        Data::Json(_) => 0,
        Data::Text(_) => 1,
        Data::Binary(_) => 2,
    };
    (kind, data.as_bytes().to_vec())
}

#[derive(Serialize)]
struct Body {
    n: u8,
}

#[test]
fn other_records_have_the_same_head() {
    fn check(write: impl FnOnce(&mut Vec<u8>), want: &str) {
        let mut out = Vec::new();
        write(&mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text, format!("{want}\n"));
        assert!(matches!(Record::parse(text.trim_end()), Ok(Line::Note)), "{text}");
    }
    let at = "2026-11-21T02:10:00Z".parse().expect("a time");
    let head = |kind| format!("{{\"type\":\"{kind}\",\"v\":1,\"ts\":\"2026-11-21T02:10:00.000000Z\"");
    let ours = |kind| format!("{},\"transport\":\"tcp\"", head(kind));
    check(
        |out| gap(out, &CONTEXT, at, None, "slow"),
        &format!("{},\"lost\":null,\"why\":\"slow\"}}", ours("gap")),
    );
    check(
        |out| gap(out, &CONTEXT, at, Some(3), "slow"),
        &format!("{},\"lost\":3,\"why\":\"slow\"}}", ours("gap")),
    );
    let seen = Finding { code: "not-nest".into(), text: "x".into() };
    check(
        |out| finding(out, &CONTEXT, at, &seen),
        &format!("{},\"code\":\"not-nest\",\"text\":\"x\"}}", ours("finding")),
    );
    let request = Unanswered {
        at,
        pattern: Some(Pattern::Text("p".into())),
        dest: None,
        id: Some(json("\"1\"")),
        waited: Duration::from_secs(5),
    };
    check(
        |out| unanswered(out, &CONTEXT, at, &request),
        &format!(
            "{},\"pattern\":\"p\",\"id\":\"1\",\"since\":\"2026-11-21T02:10:00.000000Z\",\"waited_ms\":5000.0}}",
            ours("unanswered")
        ),
    );
    check(
        |out| summary(out, at, &Body { n: 1 }).expect("an object"),
        &format!("{},\"n\":1}}", head("summary")),
    );
}

#[test]
fn only_records_of_ours_are_records() {
    #[track_caller]
    fn check(line: &str, want: &str) {
        let got = match Record::parse(line) {
            Ok(Line::Message(_)) => "message".to_owned(),
            Ok(Line::Note) => "note".to_owned(),
            Ok(Line::Foreign) => "foreign".to_owned(),
            Err(fault) => fault.to_string(),
        };
        assert!(got.contains(want), "{line}: {got}");
    }
    check(r#"{"type":"message","v":2}"#, "foreign");
    check(r#"{"type":"order","v":1}"#, "foreign");
    check(r#"{"type":5,"v":1}"#, "foreign");
    check(r#"{"a":{"type":"message","v":1}}"#, "foreign");
    check("[1]", "foreign");
    check("no JSON \"type\" \"v\"", "foreign");
    check(r#"{"v":1,"type":"gap"}"#, "note");
    check(r#"{"type":"message","v":1}"#, "missing field `ts`");
    let head = r#""type":"message","v":1,"ts":"2026-11-21T02:10:00Z","transport":"tcp""#;
    check(&format!(r#"{{{head},"dir":"event","later":{{"added":1}}}}"#), "message");
    check(&format!(r#"{{{head},"dir":"east"}}"#), "`dir` is `east`");
    check(&format!(r#"{{{head},"dir":"event","data":1,"data_text":"x"}}"#), "more than one of");
    check(&format!(r#"{{{head},"dir":"event","data_base64":"%"}}"#), "`data_base64`");
    check(r#"{"type":"message","v":1,"ts":"noon","transport":"tcp","dir":"event"}"#, "`ts`");
}

fn any_json() -> impl Strategy<Value = Box<RawValue>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1e400".to_owned()),
        Just(r#""\udbff lone""#.to_owned()),
        any::<String>().prop_map(|s| serde_json::Value::from(s).to_string()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(k, v)| format!("{}: {v}", serde_json::Value::from(k.as_str())))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
    .prop_map(|text| json(&text))
}

fn any_header() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        any::<String>().prop_map(HeaderValue::Text),
        any::<Vec<u8>>().prop_map(|bytes| HeaderValue::Binary(bytes.into())),
        any_json()
            .prop_filter("a string is a text", |json| !json.get().starts_with('"')
                || json.get().contains("\\udbff"))
            .prop_map(HeaderValue::Json),
    ]
}

fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        any_json().prop_map(Data::Json),
        any::<String>().prop_map(Data::Text),
        any::<Vec<u8>>().prop_map(|bytes| Data::Binary(bytes.into())),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        text in any::<String>(),
        object in any_json().prop_filter("a pattern is no string and not null", |json| {
            !json.get().starts_with('"') && json.get() != "null"
        }),
        is_text in any::<bool>(),
        data in prop::option::of(any_data()),
        id in prop::option::of(any_json()),
        dest in prop::option::of(any::<String>()),
        headers in prop::collection::vec(("[a-c]", any_header()), 0..5),
        error in prop::option::of(any_json()),
        micros in 0..4_000_000_000_000_000_i64,
    ) {
        let at = Timestamp::from_microsecond(micros).expect("in range");
        let pattern = if is_text { Pattern::Text(text) } else { Pattern::Json(object) };
        let delivery = Delivery {
            at, dest, id, headers, error: error.map(Data::Json), direction: Direction::Reply,
            ..event(pattern.clone(), data.clone())
        };
        let pair = Pair { of: delivery.id.clone(), ms: 0.5, is_final: false, pattern: None };
        let record = read_back(&line(&CONTEXT, &delivery, Some(&pair)));
        prop_assert_eq!(record.at, at);
        prop_assert_eq!(record.direction, Direction::Reply);
        prop_assert_eq!(record.pattern, Some(pattern));
        prop_assert_eq!(record.data.as_ref().map(kind_and_bytes), data.as_ref().map(kind_and_bytes));
        prop_assert_eq!(record.dest, delivery.dest);
        prop_assert_eq!(record.id.as_ref().map(|id| id.get()), delivery.id.as_ref().map(|id| id.get()));
        prop_assert_eq!(record.error, delivery.error);
        let pair = record.pair.map(|pair| (pair.of.map(|of| of.get().to_owned()), pair.ms.to_string(), pair.is_final));
        let of = delivery.id.as_ref().map_or("null", |id| id.get());
        prop_assert_eq!(pair, Some((Some(of.to_owned()), "0.5".to_owned(), false)));
        // Headers keep their order per name; a name that repeats stands where it first came.
        for name in ["a", "b", "c"] {
            let of = |headers: &Headers| {
                let values = headers.iter().filter(|(other, _)| other == name).map(|(_, value)| format!("{value:?}"));
                values.collect::<Vec<_>>()
            };
            prop_assert_eq!(of(&record.headers), of(&delivery.headers));
        }
    }
}
