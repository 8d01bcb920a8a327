//! What was kept: from where, until when, and where it ends.

use crate::eyas::{self as program, Record};
use crate::oracle::Nest;
use crate::watch::record;

use super::{emit, kept, shared, tail, topic, values};

#[test]
fn kafka_tailed_from_where_it_is_told() {
    let url = shared();
    let topic = topic(&url, 1, &[]);
    for number in 0..5 {
        emit(&url, &topic, &[&number.to_string()]);
    }
    let of = |more: &[&str]| values(&kept(&url, &topic, more)).join(" ");
    let all = r#""0" "1" "2" "3" "4""#;
    assert_eq!(of(&[]), all);
    assert_eq!(of(&["--from", "start"]), all);
    assert_eq!(of(&["--from", "3"]), r#""3" "4""#);
    assert_eq!(of(&["--from", "-1"]), r#""4""#);
    assert_eq!(of(&["--last", "2"]), r#""3" "4""#);
    assert_eq!(of(&["--last", "99"]), all);
    assert_eq!(of(&["--last", "0"]), "");
    assert_eq!(of(&["--since", "1h"]), all);
    assert_eq!(of(&["--from", "end"]), "");
    let times: Vec<_> = kept(&url, &topic, &[])
        .iter()
        .map(|record| serde_json::from_str::<String>(&record.inner("meta", "time").unwrap()).unwrap())
        .collect();
    assert_eq!(of(&["--from", &times[3]]), r#""3" "4""#);
    assert_eq!(of(&["--from", &times[1], "--until", &times[2]]), r#""1" "2""#);
    // Without `--no-follow`: what comes after a time that is over is not waited for.
    let until = ["tail", &url, &topic, "--until", &times[0], "-o", "json"];
    assert_eq!(program::run(&until).exits(0).stdout.len(), 1);
    program::run(&["tail", &url, &topic, "--until", "tomorrow"]).exits(2).says("no time");

    // And what comes after it.
    let watcher = tail(&[&url, &topic, "--last", "1"]);
    emit(&url, &topic, &["5"]);
    let seen = watcher.on_stdout("two", |lines| (lines.len() == 2).then(|| lines.to_vec()));
    assert_eq!(values(&seen.iter().map(|line| Record::read(line)).collect::<Vec<_>>()), [r#""4""#, r#""5""#]);
}

/// The last of all partitions together, by the time that they came.
#[test]
fn kafka_tailed_from_the_last_of_several_partitions() {
    let url = shared();
    let topic = topic(&url, 3, &[]);
    for number in 0..9 {
        emit(&url, &topic, &[&number.to_string(), "-O", &format!("partition={}", number % 3)]);
    }
    assert_eq!(values(&kept(&url, &topic, &["--last", "4"])), [r#""5""#, r#""6""#, r#""7""#, r#""8""#]);
    assert_eq!(kept(&url, &topic, &["--from", "2"]).len(), 3);
}

/// Neither what was given up nor what is not settled is shown, as to Nest's own consumers; what ends a transaction has
/// an offset and is no message.
#[test]
fn kafka_transactions() {
    let url = shared();
    let topic = topic(&url, 1, &[]);
    let write = |values: &str, end: &str| {
        let data = format!(r#"{{"values":{values},"end":"{end}"}}"#);
        let outcome = Nest::V12.client().ask("transaction", &url, &topic, &data);
        assert!(outcome.complete, "{outcome:?}");
    };
    let of = |more: &[&str]| values(&kept(&url, &topic, more)).join(" ");
    emit(&url, &topic, &["\"before\""]);
    write(r#"["a1","a2"]"#, "commit");
    write(r#"["b1","b2"]"#, "abort");
    emit(&url, &topic, &["\"between\""]);
    write(r#"["c1"]"#, "abort");
    assert_eq!(of(&[]), r#""before" "a1" "a2" "between""#);
    assert_eq!(of(&["--last", "2"]), r#""a2" "between""#);
    assert_eq!(of(&["-O", "isolation=read_uncommitted"]), r#""before" "a1" "a2" "b1" "b2" "between" "c1""#);
    let watcher = tail(&[&url, &topic]);
    write(r#"["d1"]"#, "open");
    emit(&url, &topic, &["\"behind\""]);
    // The end is where the open one begins; what stands behind it is not shown yet.
    assert_eq!(of(&[]), r#""before" "a1" "a2" "between""#);
    assert_eq!(of(&["--last", "1", "-O", "isolation=read_uncommitted"]), r#""behind""#);
    assert_eq!(watcher.lines().0, Vec::<String>::new(), "{}", watcher.output());
    let other = tail(&[&url, &topic, "-O", "isolation=read_uncommitted"]);
    emit(&url, &topic, &["\"now\""]);
    record(&other, "the uncommitted", |record| record.text("data_text").as_deref() == Some("now"));
}

/// Of a compacted topic most offsets are gone, and the last of those that are there may lie well before the end.
#[test]
fn kafka_compacted() {
    let url = shared();
    let settings = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("segment.ms", "100"),
        ("delete.retention.ms", "0"),
        ("max.compaction.lag.ms", "100"),
    ];
    let topic = topic(&url, 1, &settings);
    for number in 0..30 {
        emit(&url, &topic, &[&number.to_string(), "-O", "key=same", "-n", "20"]);
    }
    emit(&url, &topic, &["\"other\"", "-O", "key=other"]);
    let deadline = std::time::Instant::now() + crate::server::PATIENCE;
    let left = loop {
        let left = kept(&url, &topic, &[]);
        assert_eq!(values(&left).last().map(String::as_str), Some(r#""other""#));
        if left.len() < 100 {
            break left;
        }
        assert!(std::time::Instant::now() < deadline, "the broker compacts nothing: {} left", left.len());
        emit(&url, &topic, &["\"other\"", "-O", "key=other"]);
    };
    assert_eq!(kept(&url, &topic, &["--last", "2"]).len(), 2.min(left.len()));
    // It asks for a key.
    program::run(&["emit", &url, &topic, "1"]).exits(1).says("1 lost");
}
