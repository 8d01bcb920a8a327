//! Tests of the command line: no network, no Node.
