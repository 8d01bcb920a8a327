//! Tests against real Nest services and clients, which say what is right. `script/test` runs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod broker;
mod conformance;
mod eyas;
mod fake;
mod faults;
mod ground;
mod grpc;
mod health;
mod http;
mod jetstream;
mod kafka;
mod ls;
mod mock;
mod mqtt;
mod mqtt_faults;
mod nats;
mod oracle;
mod rabbitmq;
mod redis;
mod server;
mod tail;
mod tapes;
mod tls;
mod views;
mod watch;
