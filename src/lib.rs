//! eyas makes NestJS microservices, and speaks to running ones in Nest's own bytes.

pub mod fault;
pub mod message;
pub mod secret;
pub mod transport;
pub mod wire;
