//! How a run speaks: format, colour, quiet.

use std::fmt;
use std::str::FromStr;

use super::{Origin, Sourced, Typed, World};
use crate::fault::Fault;

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: laid out, in colour.
    Pretty,
    /// For people: one line per message.
    Line,
    /// For programs: one record per line.
    Json,
    /// The bare payload, one per line.
    Raw,
    /// Nothing; the exit code says it.
    Quiet,
    /// Annotations of GitHub Actions: only what finds faults in files has them.
    Github,
}

impl Format {
    /// The formats as they are typed.
    pub const NAMES: [&str; 5] = ["pretty", "line", "json", "raw", "quiet"];
    /// The one that not every command has.
    pub const GITHUB: &str = "github";
}

impl FromStr for Format {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Ok(match text {
            "pretty" => Self::Pretty,
            "line" => Self::Line,
            "json" => Self::Json,
            "raw" => Self::Raw,
            "quiet" => Self::Quiet,
            _ => return Err(one_of("output", text, &Self::NAMES)),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.get(*self as usize).copied().unwrap_or(Self::GITHUB))
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR`, `CLICOLOR_FORCE` or `TERM=dumb` say otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// The choices as they are typed.
    pub const NAMES: [&str; 3] = ["auto", "always", "never"];
}

impl FromStr for Color {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Ok(match text {
            "auto" => Self::Auto,
            "always" => Self::Always,
            "never" => Self::Never,
            _ => return Err(one_of("color", text, &Self::NAMES)),
        })
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
    }
}

fn one_of(what: &str, text: &str, names: &[&str]) -> Fault {
    Fault::new(format!("`{text}` is no {what}")).hint(format!("it is one of {}", names.join(", ")))
}

/// How this run speaks: settled by flags and environment alone.
#[derive(Clone, Debug)]
pub struct Look {
    /// The format asked for; `None` leaves it to the command.
    pub output: Sourced<Option<Format>>,
    /// When colours are used.
    pub color: Sourced<Color>,
    /// No talk on stderr.
    pub quiet: bool,
    /// More talk on stderr.
    pub verbose: bool,
    /// Never ask.
    pub no_input: Sourced<bool>,
}

impl Look {
    /// From flags and environment.
    ///
    /// # Errors
    /// A variable whose value is none of those there are.
    pub fn resolve(typed: &Typed, world: &World) -> Result<Self, Fault> {
        let output = match (typed.output, world.var("EYAS_OUTPUT")) {
            (Some(format), _) => Sourced::new(Some(format), Origin::Flag),
            (None, Some(text)) => {
                Sourced::new(Some(in_variable("EYAS_OUTPUT", text)?), Origin::Environment("EYAS_OUTPUT"))
            }
            (None, None) => Sourced::new(None, Origin::Default),
        };
        let color = match (typed.color, world.var("EYAS_COLOR")) {
            (Some(color), _) => Sourced::new(color, Origin::Flag),
            (None, Some(text)) => {
                Sourced::new(in_variable("EYAS_COLOR", text)?, Origin::Environment("EYAS_COLOR"))
            }
            (None, None) => Sourced::new(Color::Auto, Origin::Default),
        };
        let no_input = match (typed.no_input, world.var("EYAS_NO_INPUT")) {
            (true, _) => Sourced::new(true, Origin::Flag),
            (false, Some(text)) => Sourced::new(text != "0", Origin::Environment("EYAS_NO_INPUT")),
            (false, None) => Sourced::new(false, Origin::Default),
        };
        Ok(Self { output, color, quiet: typed.quiet, verbose: typed.verbose, no_input })
    }
}

fn in_variable<T: FromStr<Err = Fault>>(name: &'static str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|fault: Fault| fault.at(&Origin::Environment(name)))
}
