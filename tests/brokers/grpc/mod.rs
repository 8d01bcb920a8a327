//! Over gRPC: what only it has, against Nest's services and clients, and beside grpcurl.

mod between;
mod faults;
mod heroes;
mod mocked;
mod suite;
mod tapes;

use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::ground::Place;
use crate::oracle::{Nest, Service};

/// A proto of the oracle's.
fn proto(name: &str) -> String {
    format!("{}/tests/oracle/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A port where a responder of ours serves `calls.proto`.
pub fn fresh() -> Place {
    Place { url: format!("grpc://127.0.0.1:0?proto={}", proto("calls.proto")), broker: None }
}

/// The service of this version that all tests share. It tells its schema.
pub fn service(nest: Nest) -> &'static Service {
    fn spawn(nest: Nest) -> Service {
        Service::spawn(nest, "grpc://127.0.0.1:0", &json!({ "reflection": true }))
    }
    static SERVICES: [LazyLock<Service>; 3] = [
        LazyLock::new(|| spawn(Nest::V10)),
        LazyLock::new(|| spawn(Nest::V11)),
        LazyLock::new(|| spawn(Nest::V12)),
    ];
    &SERVICES[nest as usize]
}

/// What a peer says of the same call: grpcurl, which is given the proto, for it cannot read what Nest reflects of
/// Google's types.
struct Curl {
    /// The replies, each as JSON.
    values: Vec<Value>,
    /// The name of the status, and its message.
    error: Option<(String, String)>,
}

fn grpcurl(url: &str, method: &str, data: &str, more: &[&str]) -> Curl {
    let program =
        std::env::var("EYAS_GRPCURL").expect("EYAS_GRPCURL is not set: run this through script/test");
    let address = url.split_once("://").expect("an address").1;
    let output = Command::new(program)
        .args(["-plaintext", "-import-path", &proto(""), "-proto", "heroes.proto", "-proto", "calls.proto"])
        .args(more)
        .args(["-d", data, address, method])
        .output()
        .expect("grpcurl runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = |prefix| said.lines().find_map(|line: &str| line.trim().strip_prefix(prefix)).map(str::trim);
    let error = line("Code:").map(|code| (code.to_owned(), line("Message:").unwrap_or_default().to_owned()));
    assert!(output.status.success() || error.is_some(), "grpcurl: {said}");
    let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    Curl { values: values.map(|value| value.expect("grpcurl writes JSON")).collect(), error }
}
