//! Measures a call under load.
