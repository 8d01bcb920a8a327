//! Tests of what `eyas new` makes, with real npm and a real Node: it installs, builds, passes its own tests, runs, and
//! answers. `script/test` runs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod brokers;
mod chart;
mod clients;
mod dashboard;
mod database;
mod documents;
mod gateway;
mod image;
mod imports;
mod linters;
mod matrix;
mod project;
mod running;
mod service;
mod service_auth;
mod tracing;
mod transports;
mod variants;

#[path = "../brokers/broker.rs"]
mod broker;
#[path = "../brokers/eyas.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod eyas;
#[path = "../brokers/fake.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod fake;
#[path = "../brokers/oracle.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod oracle;
#[path = "../brokers/server.rs"]
#[expect(dead_code, reason = "the other tests use all of it")]
mod server;
