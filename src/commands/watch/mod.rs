//! What `tail` and `record` share: several endpoints watched at once, on one clock.

mod clock;
mod flags;
mod follow;
mod joining;
mod link;
mod plan;
pub mod table;
mod watched;

pub use flags::WatchFlags;
pub use follow::{Ended, follow};
pub use plan::{Plan, Planned};
