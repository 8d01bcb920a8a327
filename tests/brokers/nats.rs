//! Over NATS: what only a broker can do to us, and what only NATS has.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::broker::Broker;
use crate::eyas::{self as program, Record};
use crate::ground::Place;
use crate::oracle::{Nest, Service};
use crate::tls::{authority, identity};
use crate::watch::{is, record, tail};

/// A broker with JetStream, and what else its arguments say.
pub fn broker(arguments: &[&str]) -> Broker {
    configured("", arguments)
}

/// The same with further lines in its configuration.
pub fn configured(more: &str, arguments: &[&str]) -> Broker {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    // A reply of a mebibyte is more than the broker takes by itself.
    let file = format!("max_payload: 8MB\n{more}\n");
    let file = program::file(&format!("nats-{}.conf", FILES.fetch_add(1, Ordering::Relaxed)), file);
    let all = ["-c", &file, "-a", "127.0.0.1", "-p", "{port}", "-js", "-sd", "{folder}"];
    Broker::start("EYAS_NATS_SERVER", &[&all, arguments].concat(), "Server is ready")
}

/// The address of `broker`.
pub fn url(broker: &Broker) -> String {
    format!("nats://127.0.0.1:{}", broker.port)
}

/// A broker where nobody is yet.
pub fn fresh() -> Place {
    let broker = broker(&[]);
    Place { url: url(&broker), broker: Some(broker) }
}

/// The service of this version that all tests share, on a broker that nobody else answers at.
pub fn service(nest: Nest) -> &'static Service {
    type Shared = LazyLock<(Broker, Service)>;
    fn spawn(nest: Nest) -> (Broker, Service) {
        let broker = broker(&[]);
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

mod nats_server {
    use super::*;

    #[test]
    fn where_nobody_listens() {
        let place = fresh();
        program::run(&["send", &place.url, "nobody.home"]).exits(6).says("nobody.home").says("hint:");
        // An event is gone; that nobody took it the broker does not tell.
        program::run(&["emit", &place.url, "nobody.home"]).exits(0).says("1 confirmed");
    }

    #[test]
    fn that_is_not_there() {
        let url = format!("nats://127.0.0.1:{}", crate::fake::free_port());
        for verb in ["send", "emit", "tail"] {
            program::run(&[verb, &url, "echo"]).exits(5).says("refused").says("hint:");
        }
        program::run(&["mock", &url, "--echo"]).exits(5).says("refused");
    }

    #[test]
    fn that_is_none() {
        let http = crate::fake::Fake::serve(|mut stream| {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let silent = crate::fake::Fake::serve(|mut stream| drop(std::io::Read::read(&mut stream, &mut [0])));
        let url = |fake: &crate::fake::Fake| fake.url().replace("tcp://", "nats://");
        program::run(&["send", &url(&http), "echo"]).exits(1).says("does not speak NATS");
        let run = program::run(&["send", &url(&silent), "echo", "--connect-timeout", "300ms"]);
        run.exits(5).says("within 300ms");
    }

    /// What cannot be a subject, or is no JSON, never leaves.
    #[test]
    fn that_must_not_be_sent_this() {
        let url = "nats://127.0.0.1:0";
        for pattern in
            ["get user", r#"{"cmd":"get user"}"#, "a..b", ".a", "a.", "a\tb", "orders.*", "orders.>"]
        {
            for verb in ["send", "emit"] {
                program::run(&[verb, url, pattern, "--dry-run"]).exits(2).says("subject");
            }
        }
        program::run(&["emit", url, "a", "-d", "hello"]).exits(2).says("JSON");
        program::run(&["tail", url, "a b"]).exits(2).says("space");
        program::run(&["emit", url, "a", "-H", "x y: 1", "--dry-run"]).exits(2).says("header");
    }

    #[test]
    fn that_takes_only_so_much() {
        let place = fresh();
        let data = program::file("9MiB.json", format!("\"{}\"", "x".repeat(9 << 20)));
        for verb in ["send", "emit"] {
            let run = program::run(&[verb, &place.url, "echo", "-d", &format!("@{data}")]);
            run.exits(1).says("8388608");
        }
    }

    /// Only what was asked for, and the replies to it.
    #[test]
    fn tailed_by_pattern() {
        let service = service(Nest::V12);
        let server = program::start(&["tail", &service.url, "orders.*", "-o", "json", "--idle", "2s"]);
        loop {
            program::run(&["send", &service.url, "echo", "not=this"]).exits(0);
            program::run(&["send", &service.url, "orders.get", "id=1", "-H", "x-trace: ż"]).exits(0);
            if !server.lines().0.is_empty() {
                break;
            }
        }
        record(&server, "reply", |record| is(record, "dir", "reply") && is(record, "pattern", "orders.get"));
        let (lines, _) = server.lines();
        for record in lines.iter().map(|line| Record::read(line)) {
            assert!(is(&record, "pattern", "orders.get"), "{record:?}");
            if is(&record, "dir", "request") {
                assert_eq!(record.inner("headers", "x-trace").as_deref(), Some("\"ż\""));
            }
        }
    }

    /// Text on a watched subject is shown as what it is, and what it does to a service is told, once.
    #[test]
    fn that_carries_no_json() {
        let place = fresh();
        let server = tail(&place.url, &[]);
        for _ in 0..2 {
            program::run(&["emit", &place.url, "plain", "--raw", "-d", "hello"]).exits(0);
        }
        let shown = |record: &Record| is(record, "data_text", "hello");
        server.on_stdout("both", |lines| {
            (lines.iter().filter(|line| shown(&Record::read(line))).count() == 2).then_some(())
        });
        let (lines, _) = server.lines();
        assert_eq!(lines.iter().filter(|line| line.contains("not-json")).count(), 1, "{}", server.output());
    }

    #[test]
    fn that_wants_a_login() {
        let broker = configured("", &["--user", "ann", "--pass", "pa:ss"]);
        let url = |login: &str| format!("nats://{login}127.0.0.1:{}", broker.port);
        for wrong in ["", "ann:wrong@", "token@"] {
            for verb in ["send", "emit", "tail"] {
                program::run(&[verb, &url(wrong), "a"])
                    .exits(5)
                    .says("Authorization Violation")
                    .says("hint:");
            }
        }
        let run = program::run(&["emit", &url("ann:pa%3Ass@"), "a", "-v"]).exits(0);
        assert!(!run.stderr.join("").contains("pa"), "{run:?}");
        let broker = configured("", &["--auth", "t0ken"]);
        let url = |login: &str| format!("nats://{login}127.0.0.1:{}", broker.port);
        program::run(&["emit", &url("t0ken@"), "a"]).exits(0);
        program::run(&["emit", &url(""), "a", "-O", "token=t0ken"]).exits(0);
        program::run(&["emit", &url("wrong@"), "a"]).exits(5).says("Authorization Violation");
    }

    /// Keys made by the NATS project's own `nk`.
    #[test]
    fn that_knows_its_users_by_key() {
        let seed = "SUABHUKOM3SVUKIZHKGD5T6DSBIIC34X5PZFRHTZXNC7K3EGFZD7YZJSFA";
        let public = "UCSFEXVENQZINPCQX7TESVWWZXRIKHI3W6MF7RO6DCORX77KGHDAZR66";
        let broker = configured(&format!("authorization {{ users: [ {{ nkey: {public} }} ] }}"), &[]);
        let url = url(&broker);
        let file = program::file("user.nk", format!("{seed}\n{public}\n"));
        program::run(&["emit", &url, "a", "-O", &format!("nkey={file}")]).exits(0);
        program::run(&["emit", &url, "a"]).exits(5);
        program::run(&["emit", &url, "a", "-O", "nkey=/nonexistent"]).exits(2).says("/nonexistent");
        let junk = program::file("junk.nk", public);
        program::run(&["emit", &url, "a", "-O", &format!("nkey={junk}")]).exits(2).says("junk.nk");
    }

    /// An account of an operator's, as in NATS' own cloud: made by the NATS project's `nats-jwt`, without an end.
    #[test]
    fn that_knows_its_users_by_what_an_account_has_signed() {
        let broker = configured(include_str!("account/server.conf"), &[]);
        let url = url(&broker);
        let creds = |text: &str| format!("creds={}", program::file("ann.creds", text));
        let signed = include_str!("account/ann.creds");
        program::run(&["emit", &url, "a", "-O", &creds(signed)]).exits(0).says("1 confirmed");
        program::run(&["emit", &url, "a"]).exits(5).says("Authorization Violation");
        let unsigned = signed.replacen("eyJ0eXAiOiJKV1Qi", "eyJ0eXAiOiJKV1Qj", 1);
        program::run(&["emit", &url, "a", "-O", &creds(&unsigned)]).exits(5).says("Authorization Violation");
        let cut = signed.replace("USER NKEY SEED", "NOTHING");
        program::run(&["emit", &url, "a", "-O", &creds(&cut)]).exits(2).says("holds no seed");
    }

    /// What a user may not do is told at once, by the broker's own words.
    #[test]
    fn that_allows_only_so_much() {
        let rights = "authorization { users: [ { user: a, password: b, permissions: { \
                      publish: [\"ok\"], subscribe: [\"_INBOX.>\"] } } ] }";
        let broker = configured(rights, &[]);
        let url = format!("nats://a:b@127.0.0.1:{}", broker.port);
        program::run(&["emit", &url, "ok"]).exits(0).says("1 confirmed");
        program::run(&["emit", &url, "no"]).exits(5).says("Permissions Violation");
        program::run(&["send", &url, "no"]).exits(5).says("Permissions Violation");
        program::run(&["tail", &url]).exits(5).says("Permissions Violation");
        program::run(&["mock", &url, "--on", "no=1"]).exits(5).says("Permissions Violation");
    }

    #[test]
    fn that_speaks_tls() {
        let (ours, stranger) = (authority("ours"), authority("a stranger"));
        let server = identity(&ours, &["127.0.0.1", "nats.internal"]);
        let client = identity(&ours, &["client"]);
        let (cert, key) = (program::file("nats.pem", &server.cert), program::file("nats.key", &server.key));
        let (ca, other) =
            (program::file("nats-ca.pem", ours.pem()), program::file("nats-other.pem", stranger.pem()));
        let tls =
            |more: &str| configured(&format!("tls {{ cert_file: {cert:?}, key_file: {key:?}{more} }}"), &[]);
        let emit = |broker: &Broker, more: &[&str]| {
            let url = format!("tls://127.0.0.1:{}", broker.port);
            program::run(&[&["emit", &url, "a"], more].concat())
        };
        let broker = tls("");
        emit(&broker, &["--tls-ca", &ca]).exits(0).says("1 confirmed");
        emit(&broker, &["--insecure"]).exits(0);
        emit(&broker, &["--tls-ca", &ca, "--tls-server-name", "nats.internal"]).exits(0);
        emit(&broker, &["--tls-ca", &ca, "--tls-server-name", "other.internal"])
            .exits(5)
            .says("other.internal");
        emit(&broker, &["--tls-ca", &other]).exits(5).says("certificate");
        emit(&broker, &[]).exits(5).says("certificate");
        program::run(&["emit", &url(&broker), "a"]).exits(5).says("tls://");
        let broker = tls(&format!(", ca_file: {ca:?}, verify: true"));
        let ours =
            (program::file("nats-client.pem", &client.cert), program::file("nats-client.key", &client.key));
        emit(&broker, &["--tls-ca", &ca]).exits(5);
        emit(&broker, &["--tls-ca", &ca, "--tls-cert", &ours.0, "--tls-key", &ours.1]).exits(0);
        let broker = tls(", handshake_first: true");
        emit(&broker, &["--tls-ca", &ca, "-O", "tls_first=true"]).exits(0);
    }

    /// Without a queue group each of two instances answers, with one either does.
    #[test]
    fn with_two_instances() {
        for (options, answers) in [(json!({}), 2), (json!({ "queue": "workers" }), 1)] {
            let broker = broker(&[]);
            let url = url(&broker);
            let _services = [(); 2].map(|()| Service::spawn(Nest::V12, &url, &options));
            let server = tail(&url, &[]);
            program::run(&["send", &url, "echo", r#"{"of":1}"#]).exits(0);
            // A second answer to the first call would come before that to the second.
            program::run(&["send", &url, "slow", r#"{"ms":300,"answer":1}"#]).exits(0);
            record(&server, "slow reply", |record| {
                is(record, "dir", "reply") && is(record, "pattern", "slow")
            });
            let replies = |lines: &[String]| {
                let replies = lines.iter().filter(|line| line.contains(r#""dir":"reply""#));
                replies.filter(|line| line.contains(r#""data":{"of":1}"#)).count()
            };
            assert_eq!(replies(&server.lines().0), answers, "{}", server.output());
        }
    }

    /// A mock leaves to a live service what is the service's, and shares a queue group where it is told one.
    #[test]
    fn with_a_mock() {
        let place = fresh();
        let first =
            program::start(&["mock", &place.url, "--on", "orders.*=1", "-O", "queue=q", "-o", "json"]);
        first.on_stderr("address", |lines| lines.iter().any(|line| line.contains("group q")).then_some(()));
        let run = program::run(&["mock", &place.url, "--on", "orders.get=2"]);
        run.exits(2).says("orders.*").says("--alongside");
        let second = ["mock", &place.url, "--on", "orders.*=1", "-O", "queue=q", "--alongside", "-o", "json"];
        let second = program::start(&second);
        second.on_stderr("address", |lines| lines.iter().any(|line| line.contains("group q")).then_some(()));
        let run = program::run(&["send", &place.url, "orders.get", "-n", "20"]).exits(0);
        assert_eq!(run.stdout.len(), 20, "{run:?}");
        let deadline = std::time::Instant::now() + crate::server::PATIENCE;
        while first.lines().0.len() + second.lines().0.len() < 20 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(first.lines().0.len() + second.lines().0.len(), 20);
        let told = record(&first, "call", |record| is(record, "dest", "orders.get"));
        assert!(is(&told, "pattern", "orders.*"), "{told:?}");
    }

    /// What was confirmed, what left and what was lost add up to what was pushed.
    #[test]
    fn killed_under_an_emit() {
        const MESSAGES: u64 = 5_000_000;
        let mut broker = broker(&[]);
        let url = url(&broker);
        let count = MESSAGES.to_string();
        let data = format!("{{\"x\":\"{}\"}}", "x".repeat(100));
        let mut emit = program::start(&["emit", &url, "flood", &data, "-n", &count, "-o", "json"]);
        let watching = program::start(&["tail", &url, "flood", "-n", "1"]);
        watching.on_stdout("a message", |lines| (!lines.is_empty()).then_some(()));
        broker.stop();
        assert_eq!(emit.ended().code(), Some(1), "{}", emit.output());
        let (lines, _) = emit.lines();
        let summary = Record::read(lines.last().expect("a summary"));
        let number = |key: &str| summary.raw(key).expect("a count").parse::<u64>().unwrap();
        assert!(number("confirmed") + number("unconfirmed") == number("emitted"), "{summary:?}");
        assert!(number("emitted") + number("lost") < MESSAGES, "{summary:?}");
    }
}
