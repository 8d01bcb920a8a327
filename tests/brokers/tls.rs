//! TLS against a Nest service: what is trusted, what is not, and why.

use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::eyas::{self as program, Run};
use crate::oracle::{Ask, Nest, Service};

pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate and its key, as PEM.
pub struct Identity {
    pub cert: String,
    pub key: String,
}

/// A certificate authority.
pub fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What `authority` says is called `names`.
pub fn identity(authority: &Authority, names: &[&str]) -> Identity {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let cert = CertificateParams::new(names).unwrap().signed_by(&key, authority).unwrap();
    Identity { cert: cert.pem(), key: key.serialize_pem() }
}

/// A service with a certificate for 127.0.0.1 and orders.internal, and one that wants the client's as well.
struct World {
    ca: String,
    ca_file: String,
    stranger_file: String,
    client: Identity,
    cert_file: String,
    key_file: String,
    url: String,
    _open: Service,
    mutual_url: String,
    _mutual: Service,
}

fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        let (ours, stranger) = (authority("ours"), authority("a stranger"));
        let server = identity(&ours, &["127.0.0.1", "orders.internal"]);
        let client = identity(&ours, &["client"]);
        let mut tls = json!({ "cert": server.cert, "key": server.key });
        let open = Service::spawn(Nest::V12, "tcps://127.0.0.1:0", &json!({ "tlsOptions": tls }));
        tls["ca"] = Value::from(ours.pem());
        tls["requestCert"] = Value::from(true);
        tls["rejectUnauthorized"] = Value::from(true);
        let mutual = Service::spawn(Nest::V12, "tcps://127.0.0.1:0", &json!({ "tlsOptions": tls }));
        World {
            ca_file: program::file("ca.pem", ours.pem()),
            stranger_file: program::file("stranger.pem", stranger.pem()),
            cert_file: program::file("client.pem", &client.cert),
            key_file: program::file("client.key", &client.key),
            ca: ours.pem(),
            client,
            url: open.url.clone(),
            _open: open,
            mutual_url: mutual.url.clone(),
            _mutual: mutual,
        }
    });
    &WORLD
}

fn send(url: &str, more: &[&str]) -> Run {
    program::run(&[&["send", url, "echo", r#"{"a":1}"#, "-o", "json"], more].concat())
}

#[test]
fn a_trusted_service() {
    let world = world();
    let mut ask = Ask::new(&world.url, r#""echo""#, r#"{"a":1}"#);
    ask.options = json!({ "tlsOptions": { "ca": world.ca } });
    let expected = Nest::V12.client().send(&ask);
    assert!(expected.complete, "{expected:?}");
    assert_eq!(send(&world.url, &["--tls-ca", &world.ca_file]).outcome(), expected);
}

#[test]
fn an_authority_that_is_not_trusted() {
    let world = world();
    send(&world.url, &[]).exits(5).says("certificate");
    send(&world.url, &["--tls-ca", &world.stranger_file]).exits(5).says("certificate");
    send(&world.url, &["--insecure"]).exits(0);
}

#[test]
fn the_name_in_the_certificate() {
    let world = world();
    let with_name = |name| send(&world.url, &["--tls-ca", &world.ca_file, "--tls-server-name", name]);
    with_name("orders.internal").exits(0);
    with_name("payments.internal").exits(5).says("payments.internal");
}

#[test]
fn a_service_that_wants_a_certificate() {
    let world = world();
    let mut ask = Ask::new(&world.mutual_url, r#""echo""#, r#"{"a":1}"#);
    ask.options = json!({ "tlsOptions": {
        "ca": world.ca, "cert": world.client.cert, "key": world.client.key,
    } });
    let expected = Nest::V12.client().send(&ask);
    assert!(expected.complete, "{expected:?}");
    let ours = ["--tls-ca", &world.ca_file, "--tls-cert", &world.cert_file, "--tls-key", &world.key_file];
    assert_eq!(send(&world.mutual_url, &ours).outcome(), expected);
    send(&world.mutual_url, &["--tls-ca", &world.ca_file]).exits(5).says("certificate");
    // An event has no reply: that it was refused must come out all the same.
    let arguments = ["emit", &world.mutual_url, "user.created", "--tls-ca", &world.ca_file];
    program::run(&arguments).exits(5).says("certificate");
}

#[test]
fn one_side_without_tls() {
    let world = world();
    let plain = world.url.replace("tcps://", "tcp://");
    let run = send(&plain, &["--timeout", "2s"]);
    assert!(matches!(run.status.code(), Some(1 | 5)), "{run:?}");
    let encrypted = Nest::V12.tcp_service().url.replace("tcp://", "tcps://");
    send(&encrypted, &["--connect-timeout", "2s"]).exits(5).says("tls");
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let world = world();
    let junk = program::file("junk.pem", "not a certificate");
    send(&world.url, &["--tls-ca", "/nonexistent/ca.pem"]).exits(2).says("/nonexistent/ca.pem");
    send(&world.url, &["--tls-ca", &junk]).exits(2).says("junk.pem");
    send(&world.url, &["--tls-ca", &world.ca_file, "--tls-cert", &world.cert_file])
        .exits(2)
        .says("--tls-key");
}
