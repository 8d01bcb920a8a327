//! What `tail`, `record` and `mock` share.
