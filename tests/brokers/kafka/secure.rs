//! Over TLS and behind logins: one broker that has a port for each.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::eyas::{self as program, Run};
use crate::fake::free_port;
use crate::tls::{authority, identity};

use super::configured;

/// A store of a certificate and its key that Java takes: PEM, in one file.
fn store(name: &str, parts: &[&str]) -> String {
    program::file(&format!("kafka-{name}.pem"), parts.concat())
}

/// Settings of a broker that speaks TLS alone, with the certificate and the key in these files.
pub fn tls(cert: &str, key: &str) -> String {
    static STORES: AtomicUsize = AtomicUsize::new(0);
    let read = |path: &str| std::fs::read_to_string(path).expect("a test has written it");
    let name = format!("server-{}", STORES.fetch_add(1, Ordering::Relaxed));
    let keys = store(&name, &[&read(key), &read(cert)]);
    format!(
        "listeners=CLIENT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},OWN://127.0.0.1:{}
listener.security.protocol.map=CLIENT:SSL,CONTROLLER:PLAINTEXT,OWN:PLAINTEXT
inter.broker.listener.name=OWN
ssl.keystore.type=PEM
ssl.keystore.location={keys}
",
        free_port()
    )
}

fn send(url: &str, more: &[&str]) -> Run {
    program::run(&[&["emit", url, "secured", "1", "-O", "create=true"], more].concat())
}

/// The ports of one broker.
struct Ports {
    tls: u16,
    mutual: u16,
    plain: u16,
    scram: u16,
    both: u16,
}

/// A port of its own for each way, with the certificate in `keys`; `ca` signs those of clients.
fn settings(ports: &Ports, keys: &str, ca: &str) -> String {
    let Ports { tls, mutual, plain, scram, both } = ports;
    let at = |name: &str, port: &u16| format!("{name}://127.0.0.1:{port}");
    let listeners =
        [at("TLS", tls), at("MUTUAL", mutual), at("PLAIN", plain), at("SCRAM", scram), at("BOTH", both)];
    let module = "org.apache.kafka.common.security";
    format!(
        "listeners=CLIENT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},{}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,PLAIN:SASL_PLAINTEXT,SCRAM:SASL_PLAINTEXT,BOTH:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={keys}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.mutual.ssl.client.auth=required
listener.name.plain.sasl.enabled.mechanisms=PLAIN
listener.name.plain.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_ann=\"s3cret\";
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.scram.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.scram.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.both.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.both.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
",
        listeners.join(",")
    )
}

const USERS: [&str; 4] = [
    "--add-scram",
    "SCRAM-SHA-256=[name=ann,password=s3cret]",
    "--add-scram",
    "SCRAM-SHA-512=[name=ann,password=s3cret]",
];

fn at(scheme: &str, login: &str, port: u16) -> String {
    format!("{scheme}://{login}127.0.0.1:{port}")
}

#[test]
fn kafka_behind_tls_and_logins() {
    let (ours, stranger) = (authority("ours"), authority("a stranger"));
    let (server, client) = (identity(&ours, &["127.0.0.1", "broker.internal"]), identity(&ours, &["client"]));
    let (ca, other) = (store("ca", &[&ours.pem()]), store("stranger", &[&stranger.pem()]));
    let (cert, key) = (store("client", &[&client.cert]), store("client-key", &[&client.key]));
    let keys = store("server", &[&server.key, &server.cert]);
    let [tls, mutual, plain, scram, both] = [(); 5].map(|()| free_port());
    let ports = Ports { tls, mutual, plain, scram, both };
    let _broker = configured(&settings(&ports, &keys, &ca), &USERS);

    let secure = at("kafkas", "", tls);
    send(&secure, &["--tls-ca", &ca]).exits(0).says("1 confirmed");
    send(&secure, &["--insecure"]).exits(0);
    send(&secure, &["--tls-ca", &ca, "--tls-server-name", "broker.internal"]).exits(0);
    send(&secure, &["--tls-ca", &ca, "--tls-server-name", "another.internal"])
        .exits(5)
        .says("another.internal");
    send(&secure, &[]).exits(5).says("certificate");
    send(&secure, &["--tls-ca", &other]).exits(5).says("certificate");
    send(&at("kafka", "", tls), &["--connect-timeout", "1s"]).exits(5).says("kafkas://");
    let mine = ["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
    send(&at("kafkas", "", mutual), &mine).exits(0);
    send(&at("kafkas", "", mutual), &["--tls-ca", &ca]).exits(5).says("certificate");
    behind_logins(&ports);
    let both = at("kafkas", "ann:s3cret@", both);
    let with = ["-O", "sasl=scram-sha-512", "--tls-ca", &ca];
    send(&both, &with).exits(0).says("1 confirmed");
    let seen = ["tail", &both, "secured", "--no-follow", "-o", "json"];
    assert_eq!(program::run(&[&seen[..], &with].concat()).exits(0).stdout.len(), 9);
}

fn behind_logins(&Ports { plain, scram, .. }: &Ports) {
    for (port, options) in [
        (plain, &["-O", "sasl=plain"][..]),
        (plain, &[]),
        (scram, &["-O", "sasl=scram-sha-256"]),
        (scram, &["-O", "sasl=scram-sha-512"]),
    ] {
        send(&at("kafka", "ann:s3cret@", port), options).exits(0).says("1 confirmed");
        for wrong in ["ann:wrong@", "bob:s3cret@", "ann@"] {
            let run =
                send(&at("kafka", wrong, port), options).exits(5).says("refuses the login").says("hint:");
            assert!(!format!("{run:?}").replace(&run.name, "").contains("s3cret"), "{run:?}");
        }
    }
    send(&at("kafka", "ann:s3cret@", scram), &[]).exits(5).says("scram-sha-256");
    send(&at("kafka", "", plain), &["--connect-timeout", "1s"]).exits(5).says("login");
}
