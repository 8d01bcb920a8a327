//! Making projects from templates: a pure core and one writer.
//!
//! [`catalog`] finds templates, [`manifest`] says what they hold, [`answers`] settles what is wanted, [`render`]
//! makes the tree in memory, [`plan`] compares it with the disk, [`state`] tells what was made, and [`apply`] is
//! the only writer of project files. A template is data: it cannot run code, ask the clock or read a file.

pub mod answers;
pub mod apply;
pub mod archive;
pub mod catalog;
pub mod check;
pub mod condition;
pub mod manifest;
pub mod name;
pub mod path;
mod placeholder;
pub mod plan;
pub mod problem;
mod reader;
pub mod render;
pub mod schema;
pub mod starter;
pub mod state;

#[cfg(test)]
mod tests;
