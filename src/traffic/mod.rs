//! What `tail`, `record` and `mock` share: replies find their requests, filters, statistics, findings. All of it
//! is bounded in memory.

mod filter;
mod findings;
mod glob;
mod pairing;
mod query;
mod statistics;
mod trace;

pub use filter::{Criteria, Filter, Only};
pub use findings::Findings;
pub use glob::Glob;
pub use pairing::{Limits, Pairing};
pub use query::Query;
pub use statistics::{Latency, Row, Statistics, Summary};
pub use trace::{Trace, TraceId};

#[cfg(test)]
mod tests;
