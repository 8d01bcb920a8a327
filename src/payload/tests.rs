use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::message::Headers;

#[test]
fn pattern() {
    #[track_caller]
    fn check(word: &str, want: &Result<Pattern, &str>) {
        match (parse_pattern(word), want) {
            (Ok(got), Ok(want)) => assert_eq!(got, *want),
            (Err(fault), Err(want)) => assert!(fault.to_string().contains(want), "{fault}"),
            (got, _) => panic!("{word}: {got:?}"),
        }
    }
    check("orders.get", &Ok(Pattern::Text("orders.get".into())));
    check("42", &Ok(Pattern::Text("42".into())));
    check("\"x\"", &Ok(Pattern::Text("\"x\"".into())));
    let object = RawValue::from_string("{\"b\":1, \"a\":\"\\ud800\"}".into()).expect("JSON");
    check("{\"b\":1, \"a\":\"\\ud800\"}", &Ok(Pattern::Json(object)));
    check("{cmd:sum}", &Err("line 1 column 2"));
    check("{} x", &Err("column 4"));
}

#[test]
fn header() {
    #[track_caller]
    fn check(word: &str, want: Result<(&str, &str), &str>) {
        match (parse_header(word), want) {
            (Ok((name, HeaderValue::Text(value))), Ok(want)) => assert_eq!((&*name, &*value), want),
            (Err(fault), Err(want)) => assert!(fault.to_string().contains(want), "{fault}"),
            (got, _) => panic!("{word}: {got:?}"),
        }
    }
    check("Name: value", Ok(("Name", "value")));
    check("a:b:c", Ok(("a", "b:c")));
    check("empty:", Ok(("empty", "")));
    check("no colon", Err("no colon"));
    check(": x", Err("no name"));
    check("a: b\r\nc: d", Err("control character '\\r' at offset 4"));
}

#[test]
fn words() {
    #[track_caller]
    fn check(words: &[&str], want: &str) {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        match from_words(&words) {
            Ok(data) => assert_eq!(String::from_utf8_lossy(data.as_bytes()), want, "{words:?}"),
            Err(fault) => {
                assert!(!want.starts_with('{') && fault.to_string().contains(want), "{words:?}: {fault}");
            }
        }
    }
    check(&[], "{}");
    check(&["{\"a\": 1e400}"], "{\"a\": 1e400}");
    check(
        &["id=7", "n:=7", "user.name=Ann", "ok:=true"],
        r#"{"id":"7","n":7,"user":{"name":"Ann"},"ok":true}"#,
    );
    check(&["tags[]:=1", "tags[]=x"], r#"{"tags":[1,"x"]}"#);
    check(&["a.b[0].c=1", "a.b[1].c=2", "a.b[0].d:=null"], r#"{"a":{"b":[{"c":"1","d":null},{"c":"2"}]}}"#);
    check(&["a[b]=1", "m[][]:=1"], r#"{"a":{"b":"1"},"m":[[1]]}"#);
    check(
        &[r"a\.b=1", r"c\=d=2", r"e\:=3", r"f\[0]=4", r"g\\=5", r"h\i=6"],
        r#"{"a.b":"1","c=d":"2","e:":"3","f[0]":"4","g\\":"5","h\\i":"6"}"#,
    );
    check(&["a=b=c:=d", "t:=x:=1"], "word 2 of 2): what follows `:=` at offset 3 is not JSON");
    check(&["a=b=c:=d"], r#"{"a":"b=c:=d"}"#);
    check(&["s:=\"\\ud83d\""], r#"{"s":"\ud83d"}"#);
    check(&["q=say \"hi\"\n"], r#"{"q":"say \"hi\"\n"}"#);
    check(&["id=7", "{\"a\":1}"], "word 2 of 2): a JSON text stands alone");
    check(&["{\"a\":", "1}"], "word 1 of 2): not JSON: EOF");
    check(&["{\"a\":1,}"], "not JSON: key must be a string at line 1 column 8");
    check(&["hello"], "neither JSON nor");
    check(&["7", "8"], "word 1 of 2): neither JSON nor");
    check(&["=7"], "a key is missing at offset 0");
    check(&["a.=7"], "after the `.` at offset 1");
    check(&["a[0=7"], "`[` at offset 1 is not closed");
    check(&["a[0]b=7"], "after `]`");
    check(&["a=1", "a=2"], "`a` is set twice");
    check(&["a=1", "a.b=2"], "an earlier word");
    check(&["a[]=1", "a.b=2"], "an earlier word made this an array");
    check(&["a[3]=1"], "would leave a hole");
}

#[test]
fn source() {
    #[track_caller]
    fn check(source: &str, stdin: &[u8], raw: bool, want: &Result<Data, &str>) {
        let got = read_source(source, &mut &*stdin, false, raw).and_then(|source| source.into_data(raw));
        match (got, want) {
            (Ok(got), Ok(want)) => {
                assert_eq!(std::mem::discriminant(&got), std::mem::discriminant(want), "{got:?}");
                assert_eq!(got, *want);
            }
            (Err(fault), Err(want)) => assert!(fault.to_string().contains(want), "{fault}"),
            (got, _) => panic!("{source}: {got:?}"),
        }
    }
    let json = |text: &str| Data::json(text).expect("JSON");
    check(" {\"a\":\n1}\n", b"", false, &Ok(json("{\"a\":\n1}")));
    check("-", "\u{feff}[1]\r\n".as_bytes(), false, &Ok(json("[1]")));
    check(
        "-",
        b"{\n  \"a\": x}",
        false,
        &Err("standard input is not JSON: expected value at line 2 column 8"),
    );
    check("-", b"\"\xff\"", false, &Err("not UTF-8 at offset 1"));
    check("-", b"", false, &Err("standard input is empty"));
    check("-", b"", true, &Ok(Data::Text(String::new())));
    check("-", b"[1]", true, &Ok(json("[1]")));
    check("-", b"[1]\n", true, &Ok(Data::Text("[1]\n".into())));
    check("-", b"\xff", true, &Ok(Data::Binary(vec![0xff].into())));
    check("@/nowhere/x", b"", false, &Err("cannot read `/nowhere/x`"));

    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, "\u{feff}7\n".as_bytes()).expect("written");
    check(&format!("@{}", file.path().display()), b"", false, &Ok(json("7")));

    let fault = read_source("-", &mut &b""[..], true, false).expect_err("a terminal");
    assert!(fault.to_string().contains("standard input is a terminal"));
}

fn items(text: &str, bare: bool, raw: bool) -> Vec<String> {
    let shown = |item: Result<Item, Fault>| match item {
        Err(fault) => format!("fault {fault}"),
        Ok(item) => format!(
            "{} {} {} {}",
            item.line,
            item.pattern.map_or("-".into(), |pattern| pattern.as_str().to_owned()),
            item.data.map_or("-".into(), |data| String::from_utf8_lossy(data.as_bytes()).into_owned()),
            item.headers.len()
        ),
    };
    Ndjson::new(Cursor::new(text.to_owned()), "`x`", bare, raw).map(shown).collect()
}

#[test]
fn ndjson() {
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        assert_eq!(items(text, false, false), want);
    }
    const HEAD: &str = r#"{"type":"message","v":1,"ts":"2026-11-21T02:10:00Z","transport":"tcp""#;
    check("", &[]);
    check(
        "\u{feff}1\n\n  \r\n{\"a\": \"\\ud800\"}\r\n\"x\"",
        &["1 - 1 0", "4 - {\"a\": \"\\ud800\"} 0", "5 - \"x\" 0"],
    );
    let event = format!(r#"{HEAD},"dir":"event","pattern":"p","headers":{{"h":"1"}},"data":[1]}}"#);
    let bare_request = format!(r#"{HEAD},"dir":"request","pattern":{{"cmd":1}},"headers":{{}}}}"#);
    let reply = format!(r#"{HEAD},"dir":"reply","pattern":"p","data":1}}"#);
    let gap = r#"{"type":"gap","v":1,"lost":1}"#;
    check(
        &format!("{event}\n{reply}\n{gap}\n{bare_request}\n2\n"),
        &["1 p [1] 1", "4 {\"cmd\":1} - 0", "5 - 2 0"],
    );
    check("1\nnope\n2", &["1 - 1 0", "fault `x`, line 2: not JSON: expected ident at column 2", "3 - 2 0"]);
    check(
        "{\"type\":\"message\",\"v\":1}",
        &[
            "fault `x`, line 1: this line says that it is a message record and is not one: missing field `ts` at line 1 column 24",
        ],
    );
    assert_eq!(items(gap, true, false), [format!("1 - {gap} 0")]);
    assert_eq!(items("nope\n", false, true), ["1 - nope 0"]);
}

#[test]
fn ndjson_that_is_not_utf8() {
    let bytes = b"1\n\"\xff\"\n".as_slice();
    let mut lines = Ndjson::new(bytes, "`x`", false, false).skip(1);
    let fault = lines.next().expect("a line").expect_err("not UTF-8");
    assert_eq!(fault.to_string(), "`x`, line 2: not UTF-8 at column 2");
    let mut lines = Ndjson::new(bytes, "`x`", false, true).skip(1);
    let item = lines.next().expect("a line").expect("raw bytes");
    assert!(matches!(item.data, Some(Data::Binary(bytes)) if *bytes == *b"\"\xff\""));
    assert_eq!(Headers::len(&item.headers), 0);
}

fn noon() -> jiff::Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

const SEEDED: Expand = Expand { seed: Some(1), allow_env: false, clock: noon };

fn render(template: &str, expand: &Expand) -> Result<Vec<String>, String> {
    let mut expansion = Expansion::compile(template, expand).map_err(|fault| fault.to_string())?;
    let one = |seq| {
        let data = expansion.render(seq, false).map_err(|fault| fault.to_string())?;
        Ok(String::from_utf8_lossy(data.as_bytes()).into_owned())
    };
    (0..3).map(one).collect()
}

#[test]
fn expand() {
    #[track_caller]
    fn check(template: &str, want: Result<&str, &str>) {
        match (render(template, &SEEDED), want) {
            (Ok(got), Ok(want)) => assert_eq!(got.join(" "), want),
            (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
            (got, _) => panic!("{template}: {got:?}"),
        }
    }
    check("{\"n\":{\"m\":{{ seq }}}}", Ok("{\"n\":{\"m\":0}} {\"n\":{\"m\":1}} {\"n\":{\"m\":2}}"));
    check("\"<{{ now() }}>\"", Ok(&["\"<2026-11-21T12:00:00.000000Z>\""; 3].join(" ")));
    check("{{ random(min=4,max=4) }}", Ok("4 4 4"));
    check("{{ random(min=9,max=1) }}", Err("min 9 is greater than max 1"));
    check("{{ nothing }}", Err("`--expand` failed"));
    check("{\"a\":{{ seq }", Err("`--expand` cannot read the payload"));
    check("hello {{ seq }}", Err("message 0 is not JSON after `--expand`"));
    check("\"{{ env(name='HOME') }}\"", Err("env() works in DATA words only"));
}

#[test]
fn a_seed_makes_expansion_repeatable() {
    let template = "[\"{{ uuid() }}\",{{ random(max=1000000) }}]";
    let first = render(template, &SEEDED).expect("rendered");
    assert_eq!(first, render(template, &SEEDED).expect("rendered"));
    assert_ne!(first[0], first[1]);
    assert_ne!(first, render(template, &Expand { seed: Some(2), ..SEEDED }).expect("rendered"));
    let uuid =
        regex::Regex::new(r#"^\["[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}","#)
            .expect("a regex");
    assert!(first.iter().all(|text| uuid.is_match(text)), "{first:?}");
}

#[test]
fn words_as_a_template() {
    #[track_caller]
    fn check(words: &[&str], want: Result<&str, &str>) {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        let template = template_from_words(&words).map_err(|fault| fault.to_string());
        let expand = Expand { allow_env: true, ..SEEDED };
        match (template.and_then(|template| render(&template, &expand)), want) {
            (Ok(got), Ok(want)) => assert_eq!(got[1], want),
            (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
            (got, _) => panic!("{words:?}: {got:?}"),
        }
    }
    check(&["id:={{ seq }}", "a.b:={{ seq }}", "t=\"{{ seq }}\""], Ok(r#"{"id":1,"a":{"b":1},"t":"\"1\""}"#));
    check(&["{\"id\":{{ seq }}}"], Ok("{\"id\":1}"));
    check(&["v={{ env(name=\"EYAS_NOT_SET\", default=\"d\") }}"], Ok("{\"v\":\"d\"}"));
    check(&["v={{ env(name=\"EYAS_NOT_SET\") }}"], Err("`EYAS_NOT_SET`"));
    check(&["id:={{ seq"], Err("cannot read the payload"));
    check(&["id:=nope"], Err("is not JSON"));
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(words in prop::collection::vec("[a{}\\[\\]:=.\"\\\\0-2é ]{0,8}", 0..4), bytes in any::<Vec<u8>>()) {
        if let Ok(data) = from_words(&words) {
            prop_assert!(serde_json::from_slice::<&RawValue>(data.as_bytes()).is_ok(), "{:?}", data);
        }
        if let Ok(template) = template_from_words(&words) {
            let _ = render(&template, &SEEDED);
        }
        let lines = Ndjson::new(&*bytes, "`x`", false, false);
        prop_assert!(lines.count() <= bytes.len());
    }
}
