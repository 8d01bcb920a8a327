//! Recordings: what `tail -o json` shows, in a file that a later eyas still reads.
//!
//! # The format, version 1
//! Lines of JSON. The first is the header: `{"type":"recording","v":1,"ts":…,"eyas":…,"targets":[…],"masks":[…]}`.
//! All others are records as [`crate::record`] writes them, the last one a `summary` where the recording ended in good
//! order. Values that must not be kept are `"***"` ([`Mask`]). A file without a header whose first line is a record is
//! taken for a recording, too. The whole may be compressed with Zstandard; that is told by its first bytes.
//!
//! A field may be added within a version, and readers pass over what they do not know. A change that a reader of
//! version 1 would misunderstand is version 2.

mod exchange;
mod mask;
mod pacing;
mod reader;
mod writer;

pub use exchange::{Exchange, Further, Key, exchanges};
pub use mask::{Mask, MaskPath};
pub use pacing::{Pacing, Speed};
pub use reader::{Entry, Reader};
pub use writer::{Writer, Written};

/// The version that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// What stands in place of a value that must not be kept.
pub const MASKED: &str = "\"***\"";

#[cfg(test)]
mod tests;
