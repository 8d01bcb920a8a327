//! Tests against real Nest services.

fn main() {}
