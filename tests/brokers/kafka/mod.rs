//! Over Kafka: what only a broker can do to us, and what only Kafka has. All of it on Apache Kafka itself.

mod cluster;
mod faults;
mod history;
mod letters;
pub mod secure;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::eyas::{self as program, Record, Run};
use crate::fake::free_port;
use crate::ground::Place;
use crate::oracle::{Ask, Nest, Service};
use crate::server::Server;

/// A broker, with further lines in its configuration; `options` are those of its first start.
pub fn configured(more: &str, options: &[&str]) -> Broker {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let file = program::file(&format!("kafka-{}.properties", FILES.fetch_add(1, Ordering::Relaxed)), more);
    let controller = free_port().to_string();
    let arguments = [&["{folder}", "{port}", &controller, &file], options].concat();
    Broker::start("EYAS_KAFKA_SERVER", &arguments, "Kafka Server started")
}

/// The address of `broker`.
pub fn url(broker: &Broker) -> String {
    format!("kafka://127.0.0.1:{}", broker.port)
}

/// A broker where nobody is yet.
pub fn fresh() -> Place {
    let broker = configured("", &[]);
    Place { url: url(&broker), broker: Some(broker) }
}

/// The service of this version that all tests share, on a broker that nobody else answers at.
pub fn service(nest: Nest) -> &'static Service {
    type Shared = LazyLock<(Broker, Service)>;
    fn spawn(nest: Nest) -> (Broker, Service) {
        let broker = configured("", &[]);
        let service = Service::spawn(nest, &url(&broker), &json!({}));
        (broker, service)
    }
    static SERVICES: [Shared; 3] = [
        LazyLock::new(|| spawn(Nest::V10)),
        LazyLock::new(|| spawn(Nest::V11)),
        LazyLock::new(|| spawn(Nest::V12)),
    ];
    &SERVICES[nest as usize].1
}

/// The broker that all tests share which have topics of their own. It looks for what compaction may drop all the
/// time.
fn shared() -> String {
    static BROKER: LazyLock<Broker> = LazyLock::new(|| configured("log.cleaner.backoff.ms=100", &[]));
    url(&BROKER)
}

/// A topic that nobody else has, with so many partitions and these settings.
fn topic(url: &str, partitions: u32, settings: &[(&str, &str)]) -> String {
    static TOPICS: AtomicUsize = AtomicUsize::new(0);
    let name = format!("topic-{}", TOPICS.fetch_add(1, Ordering::Relaxed));
    let entries: Vec<_> =
        settings.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let topics = json!([{ "topic": name, "numPartitions": partitions, "configEntries": entries }]);
    admin(url, "createTopics", &json!({ "topics": topics, "waitForLeaders": true }));
    name
}

/// What kafkajs' admin client says.
fn admin(url: &str, method: &str, arguments: &Value) -> Value {
    let outcome = Nest::V12.client().ask("admin", url, method, &arguments.to_string());
    assert!(outcome.complete, "{method}: {outcome:?}");
    serde_json::from_str(&outcome.values[0]).expect("JSON")
}

/// Everything that is kept in `topic`, as records.
fn kept(url: &str, topic: &str, more: &[&str]) -> Vec<Record> {
    let run = program::run(&[&["tail", url, topic, "--no-follow", "-o", "json"], more].concat()).exits(0);
    run.stdout.iter().map(|line| Record::read(line)).collect()
}

fn emit(url: &str, topic: &str, more: &[&str]) -> Run {
    program::run(&[&["emit", url, topic], more].concat()).exits(0)
}

fn values(records: &[Record]) -> Vec<String> {
    records.iter().filter_map(Record::value).collect()
}

/// Looking at what is not there says so, and makes nothing; nor does it join a group, or leave one behind.
#[test]
fn kafka_is_left_as_it_was() {
    let url = shared();
    let known = topic(&url, 1, &[]);
    let mine = || {
        let topics = admin(&url, "listTopics", &Value::Null);
        let names = topics.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name"));
        names
            .filter(|name| name.contains("no.such") || name.starts_with(&known))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let groups = || {
        let groups = admin(&url, "listGroups", &Value::Null)["groups"].clone();
        groups.as_array().expect("a list").iter().filter(|group| group.to_string().contains("eyas")).count()
    };
    program::run(&["tail", &url, "no.such"]).exits(6).says("there is no topic `no.such`").says("hint:");
    program::run(&["send", &url, "no.such"]).exits(6).says("there is no topic `no.such`");
    program::run(&["emit", &url, "no.such"]).exits(6).says("create=true");
    program::run(&["send", &url, &known]).exits(6).says("for replies").says("create=true");
    program::run(&["tail", &url, "no.such.*", "--for", "100ms"]).exits(0);
    program::run(&["mock", &url, "--on", "no.such=1", "--for", "100ms", "--alongside"])
        .exits(0)
        .says("no topic");
    emit(&url, &known, &["1"]);
    assert_eq!(values(&kept(&url, &known, &[])), [r#""1""#]);
    assert_eq!(mine(), std::slice::from_ref(&known));
    program::run(&["send", &url, &known, "-O", "create=true", "--timeout", "100ms"]).exits(4);
    assert_eq!(mine().len(), 2, "{:?}", mine());
    assert_eq!(groups(), 0);
}

/// A key comes to the same partition whoever sends it.
#[test]
fn kafka_keys_go_where_kafkajs_sends_them() {
    let url = shared();
    let topic = topic(&url, 7, &[]);
    let keys = ["a", "order-17", "żółw", "abcd", "abcde", "abcdef", "abcdefg", ""];
    for key in keys {
        let data = json!({ "key": key, "value": "nest" }).to_string();
        let sent = Nest::V12.client().emit(&Ask {
            options: json!({ "patterns": ["echo"] }),
            ..Ask::new(&url, &format!("{topic:?}"), &data)
        });
        assert!(sent.complete, "{sent:?}");
        emit(&url, &topic, &["\"eyas\"", "-O", &format!("key={key}")]);
        emit(&url, &topic, &[&json!({ "key": key, "value": "both" }).to_string()])
            .says("the data has a `value`");
    }
    let records = kept(&url, &topic, &[]);
    for key in keys {
        let key = Value::from(key).to_string();
        let of_key = records.iter().filter(|record| record.inner("meta", "key").as_ref() == Some(&key));
        let partitions: Vec<_> = of_key.filter_map(|record| record.inner("meta", "partition")).collect();
        assert_eq!(partitions.len(), 3, "{key}");
        assert!(partitions.iter().all(|partition| *partition == partitions[0]), "{key}: {partitions:?}");
    }
    emit(&url, &topic, &["1", "-O", "partition=5"]);
    assert_eq!(kept(&url, &topic, &["--last", "1"])[0].inner("meta", "partition").as_deref(), Some("5"));
    program::run(&["emit", &url, &topic, "-O", "partition=7"]).exits(2).says("it has 7");
}

/// What Nest's client makes of data: a `value` makes it the message itself, said before it goes; a tombstone is no
/// `null` that somebody wrote; headers keep their order and repeat; bytes stay bytes.
#[test]
fn kafka_messages_of_all_sorts() {
    let url = shared();
    let topic = topic(&url, 1, &[]);
    emit(&url, &topic, &[r#"{"value":9,"unit":"kg"}"#]).says("the data has a `value`");
    emit(&url, &topic, &[r#"{"value":9,"unit":"kg"}"#, "--raw"]);
    emit(&url, &topic, &["null", "-O", "key=gone"]);
    emit(&url, &topic, &["null", "--raw"]);
    emit(&url, &topic, &["\"text\"", "-H", "z: 1", "-H", "a: 2", "-H", "z: 3"]);
    let bytes = format!("@{}", program::file("kafka.bin", b"\xff\xfe\x01"));
    emit(&url, &topic, &["--raw", "-d", &bytes]);
    let records = kept(&url, &topic, &[]);
    let data: Vec<_> = records
        .iter()
        .map(|record| {
            let of = |name: &str| record.raw(name).map(|value| format!("{name} {value}"));
            of("data").or_else(|| of("data_text")).or_else(|| of("data_base64")).expect("some data")
        })
        .collect();
    let expected = [
        r#"data_text "9""#,
        r#"data {"value":9,"unit":"kg"}"#,
        "data null",
        r#"data_text "null""#,
        r#"data_text "text""#,
        r#"data_base64 "//4B""#,
    ];
    assert_eq!(data, expected);
    assert_eq!(records[4].raw("headers").as_deref(), Some(r#"{"z":["1","3"],"a":"2"}"#));
    // What was shown can be sent again.
    let again = kept(&url, &topic, &["--last", "1"]);
    assert_eq!(again[0].raw("data_base64").as_deref(), Some(r#""//4B""#));
}

/// Packed batches are what the broker and kafkajs take them for.
#[test]
fn kafka_takes_every_compression() {
    let url = shared();
    let data = format!("{:?}", "x".repeat(500));
    for way in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = topic(&url, 3, &[]);
        let option = format!("compression={way}");
        emit(&url, &topic, &[&data, "-n", "5000", "-O", &option]).says("5000 emitted, 5000 confirmed");
        assert_eq!(kept(&url, &topic, &[]).len(), 5000, "{way}");
    }
    let service = service(Nest::V12);
    emit(&service.url, "flood", &[r#"{"by":"gzip"}"#, "-n", "2000", "-O", "compression=gzip"]);
    service.called("all of them", |lines| {
        (lines.iter().filter(|line| line.contains(r#"{"by":"gzip"}"#)).count() == 2000).then_some(())
    });
    program::run(&["emit", &url, "a", "-O", "compression=rar"]).exits(2).says("gzip");
}

/// Several partitions, of the topic and of its replies, and Nest's client at the same ones.
#[test]
fn kafka_replies_come_in_the_partition_that_was_asked_for() {
    let url = shared();
    let asked = topic(&url, 3, &[]);
    admin(
        &url,
        "createTopics",
        &json!({ "topics": [{ "topic": format!("{asked}.reply"), "numPartitions": 3 }], "waitForLeaders": true }),
    );
    let mock = program::start(&["mock", &url, "--on", &format!("{asked}=1"), "--alongside"]);
    mock.listening();
    let watcher = tail(&[&url, &asked]);
    let ask = Ask { options: json!({ "patterns": [asked] }), ..Ask::new(&url, &format!("{asked:?}"), "{}") };
    assert_eq!(Nest::V12.client().send(&ask).values, [r#""1""#], "{}", mock.output());
    assert_eq!(program::run(&["send", &url, &asked]).exits(0).stdout, ["1"]);
    let replies = watcher.on_stdout("two replies", |lines| {
        let records = lines.iter().map(|line| Record::read(line));
        let replies: Vec<_> =
            records.filter(|record| record.text("dir").as_deref() == Some("reply")).collect();
        (replies.len() == 2).then_some(replies)
    });
    let partitions: Vec<_> = replies.iter().filter_map(|reply| reply.inner("meta", "partition")).collect();
    assert_eq!(partitions, ["0", "2"]);
    assert!(
        replies.iter().all(|reply| reply.inner("pair", "final").as_deref() == Some("true")),
        "{replies:?}"
    );
    // A client that waits where there is nothing.
    let header = |name: &str, value: &str| format!("{name}: {value}");
    let headers = [
        header("kafka_correlationId", "x1"),
        header("kafka_replyTopic", &format!("{asked}.reply")),
        header("kafka_replyPartition", "3"),
    ];
    emit(&url, &asked, &["-H", &headers[0], "-H", &headers[1], "-H", &headers[2]]);
    mock.on_stderr("word of it", |lines| lines.iter().any(|line| line.contains("partition 3")).then_some(()));
}

/// A mock leaves topics to those who read them, and says who does.
#[test]
fn kafka_mock_beside_a_service() {
    let service = service(Nest::V12);
    for rule in [&["--on", "echo=1"][..], &["--echo"]] {
        program::run(&[&["mock", &service.url], rule].concat()).exits(2).says("oracle-").says("--alongside");
    }
    let mock = program::start(&["mock", &service.url, "--on", "echo.not=1"]);
    mock.on_stderr("word of it", |lines| lines.iter().any(|line| line.contains("no topic")).then_some(()));
}

#[test]
fn kafka_refuses_what_cannot_be() {
    let url = shared();
    for name in ["a b", "a/b", "żółw", "..", r#"{"cmd":"sum"}"#, &"x".repeat(250)] {
        for verb in ["send", "emit", "tail"] {
            program::run(&[verb, &url, name]).exits(2).says("kafka");
        }
    }
    let small = topic(&url, 1, &[("max.message.bytes", "1000")]);
    let data = |size: usize| format!("{:?}", "x".repeat(size));
    program::run(&["emit", &url, &small, &data(2000)]).exits(1).says("1 lost").says("max.message.bytes");
    // Of many messages only those are lost that are too large.
    let lines = format!("{}\n{}\n{}\n", data(800), data(2000), data(800));
    program::run_with(&["emit", &url, &small, "--ndjson", "-"], lines.as_bytes())
        .exits(1)
        .says("2 emitted, 2 confirmed, 1 lost");
    assert_eq!(kept(&url, &small, &[]).len(), 2);
    program::run(&["send", &url, &small, &data(2000), "-O", "create=true"])
        .exits(1)
        .says("max.message.bytes");
    program::run(&["tail", &url, &small, "--from", "77"]).exits(2).says("holds 0 to 1");
    program::run(&["emit", &url, &small, "1", "-O", "acks=1"]).exits(0).says("1 confirmed");
    program::run(&["emit", &url, &small, "-O", "acks=0"]).exits(2).says("neither all nor 1");
    program::run(&["emit", &format!("{url},b:x"), &small]).exits(2).says("`b:x` is no address of a broker");
    let several = url.replace("kafka:", "redis:") + ",b";
    program::run(&["emit", &several, &small]).exits(2).says("names several addresses, and redis takes one");
    program::run(&["emit", &url, &small, "-O", "isolation=none"]).exits(2).says("read_committed");
    program::run(&["tail", &url, "^("]).exits(2).says("regular expression");
}

/// Starts `eyas tail`, and waits until it watches.
fn tail(arguments: &[&str]) -> Server {
    let server = program::start(&[&["tail", "-o", "json"], arguments].concat());
    server.on_stderr("watching", |lines| lines.iter().any(|line| line.contains("watching")).then_some(()));
    server
}

/// The topics that are meant, those that come later too, and no others.
#[test]
fn kafka_topics_by_what_they_look_like() {
    let url = shared();
    let (globbed, matched) = (tail(&[&url, "wild.*"]), tail(&[&url, "^wild\\.(a|c)$"]));
    for name in ["wild.a", "wild.b", "tame.a", "wild.c"] {
        emit(&url, name, &[&format!("{name:?}"), "-O", "create=true"]);
    }
    for (watcher, expected) in [(&globbed, 3), (&matched, 2)] {
        let mut seen = watcher.on_stdout("them all", |lines| {
            (lines.len() == expected).then(|| {
                lines.iter().filter_map(|line| Record::read(line).text("pattern")).collect::<Vec<_>>()
            })
        });
        seen.sort_unstable();
        let all = if expected == 3 { &["wild.a", "wild.b", "wild.c"][..] } else { &["wild.a", "wild.c"] };
        assert_eq!(seen, all);
    }
}
