//! The command line: what is global, and which commands there are.

use std::ffi::OsString;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    bench, check, completions, dlq, doctor, emit, health, help, ls, man, mock, new, record, replay, send,
    tail, template,
};
use crate::settings::{Color, Format, Typed};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Makes NestJS microservices, and speaks to running ones in Nest's own wire format.
#[derive(Debug, Parser)]
#[command(name = "eyas", version, styles = STYLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "`eyas help COMMAND` tells more; `eyas help exit-codes` lists the exit codes")]
pub struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// How results are shown
    #[arg(short, long, global = true, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::NAMES).try_map(|name| name.parse::<Format>()))]
    pub output: Option<Format>,
    /// No talk on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More talk on stderr
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_parser = PossibleValuesParser::new(Color::NAMES).try_map(|name| name.parse::<Color>()))]
    pub color: Option<Color>,
    /// Never ask, not even on a terminal
    #[arg(long, global = true)]
    pub no_input: bool,
    /// The profile of eyas.toml to use
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
}

/// The commands there are.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each command's `Args` says what it does, and is the help")]
pub enum Command {
    #[command(about = new::ABOUT)]
    New(new::Args),
    #[command(about = check::ABOUT)]
    Check(check::Args),
    #[command(about = template::ABOUT)]
    Template(template::Args),
    #[command(about = emit::ABOUT)]
    Emit(emit::Args),
    #[command(about = send::ABOUT)]
    Send(send::Args),
    #[command(about = tail::ABOUT)]
    Tail(tail::Args),
    #[command(about = record::ABOUT)]
    Record(record::Args),
    #[command(about = replay::ABOUT)]
    Replay(replay::Args),
    #[command(about = mock::ABOUT)]
    Mock(mock::Args),
    #[command(about = bench::ABOUT)]
    Bench(bench::Args),
    #[command(about = dlq::ABOUT)]
    Dlq(dlq::Args),
    #[command(about = health::ABOUT)]
    Health(health::Args),
    #[command(about = ls::ABOUT)]
    Ls(ls::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    Help(help::Args),
}

impl Global {
    /// As plain words for [`crate::settings`].
    pub fn typed(&self) -> Typed {
        Typed {
            output: self.output,
            color: self.color,
            quiet: self.quiet,
            verbose: self.verbose,
            no_input: self.no_input,
            profile: self.profile.clone(),
        }
    }
}

impl Cli {
    /// Whether an error is told as JSON: by `-o`, else by `EYAS_OUTPUT`.
    pub fn wants_json(&self) -> bool {
        match self.global.output {
            Some(format) => format == Format::Json,
            None => environment_wants_json(),
        }
    }
}

/// The same for words that clap could not parse.
pub fn words_want_json(words: impl IntoIterator<Item = OsString>) -> bool {
    let words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<_> = words.take_while(|word| word != "--").collect();
    let joined = words.iter().find_map(|word| {
        let short = word.strip_prefix("-o").filter(|_| !word.starts_with("--"));
        short.or_else(|| word.strip_prefix("--output=")).filter(|value| !value.is_empty())
    });
    let parted = words.windows(2).find(|pair| pair[0] == "-o" || pair[0] == "--output").map(|pair| &*pair[1]);
    match joined.or(parted) {
        Some(value) => value.trim_start_matches('=') == "json",
        None => environment_wants_json(),
    }
}

fn environment_wants_json() -> bool {
    std::env::var_os("EYAS_OUTPUT").is_some_and(|value| value == "json")
}
