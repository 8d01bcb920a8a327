//! The `eyas` binary.
fn main() {}
