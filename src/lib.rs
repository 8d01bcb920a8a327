//! eyas makes NestJS microservices, and speaks to running ones in Nest's own bytes.

pub mod fault;
pub mod load;
pub mod message;
pub mod payload;
pub mod record;
pub mod responder;
pub mod secret;
pub mod traffic;
pub mod transport;
pub mod wire;
