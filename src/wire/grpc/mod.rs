//! gRPC as Nest speaks it (`wire.md` §9): no envelope; protobuf by a schema, with JSON on our side of it.

pub mod files;
pub mod frames;
pub mod json;
pub mod metadata;
pub mod schema;
pub mod status;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
