//! `eyas replay`: sends what was recorded again, and compares what comes back.

mod compare;
mod difference;
mod map;
mod play;
mod selection;
mod streams;
mod total;

use std::path::PathBuf;

use super::flags::{LinkFlags, Rate};
use super::target;
use crate::exit::Code;
use crate::fault::Fault;
use crate::message::HeaderValue;
use crate::payload;
use crate::settings::Settings;
use crate::tape::{Reader, Speed};
use crate::transport;
use crate::ui::{Format, Ui};
use map::Mapping;
use selection::Selection;

/// What it is for.
pub const ABOUT: &str = "Send what was recorded again, and compare the replies";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(override_usage = "eyas replay [OPTIONS] FILE [TARGET] [PATTERN]...")]
#[command(after_long_help = "Examples:
  eyas replay monday.jsonl.zst @orders --compare --ignore .createdAt
  eyas replay monday.jsonl redis://127.0.0.1:6379 --verb emit --speed 10x
  eyas replay monday.jsonl @staging --map 'orders.*=v2.orders.*' --filter '.data.total > 100'
  eyas replay monday.jsonl @orders --dry-run

Requests are sent as requests and events as events, at the times they were recorded. The address that was recorded
is never used: where to send says TARGET, or what stands in for it everywhere else.

With --compare each request is sent when the one before has been answered, and its replies are compared with those
that were recorded, values that a recording masks set aside; events are left out.")]
pub struct Args {
    /// The recording
    file: PathBuf,
    /// TARGET: whom to send to, `@service` or a URL; may be left out. PATTERN: what of the recording, with `*` for
    /// one word and `>` or `#` for all that follow; none = all
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Send all of it so, whatever it was
    #[arg(long, value_name = "VERB")]
    verb: Option<Verb>,
    /// How fast: 2x, 0.5x, max [default: 1x]
    #[arg(long, value_name = "FACTOR", conflicts_with = "rate", help_heading = "Pace")]
    speed: Option<Speed>,
    /// How many in a time instead, whatever the replies do: 200/s, 10/m
    #[arg(long, value_name = "RATE", help_heading = "Pace")]
    rate: Option<Rate>,
    /// End after N messages
    #[arg(short = 'n', long, value_name = "N", help_heading = "Pace")]
    count: Option<u64>,
    /// Send what was recorded for OLD to NEW; a `*` in both stands for the same text; repeatable
    #[arg(long = "map", value_name = "OLD=NEW")]
    maps: Vec<Mapping>,
    /// A header that all of it gets, in place of the recorded one of that name; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = payload::parse_header)]
    headers: Vec<(String, HeaderValue)>,
    /// Only messages for which this jq expression over the record holds
    #[arg(long, value_name = "JQ")]
    filter: Option<String>,
    /// Only messages whose pattern or payload matches
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,
    /// Send the requests and say which replies differ from those that were recorded; 1 if any does
    #[arg(long, conflicts_with_all = ["verb", "dry_run"], help_heading = "Compare")]
    compare: bool,
    /// Leave out these parts of the replies: .createdAt, .items[].id; repeatable
    #[arg(long = "ignore", value_name = "JQ", requires = "compare", help_heading = "Compare")]
    ignored: Vec<String>,
    /// Show the exact bytes and send nothing
    #[arg(long, help_heading = "Safety")]
    dry_run: bool,
    #[command(flatten)]
    link: LinkFlags,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// As an event.
    Emit,
    /// As a request.
    Send,
}

impl std::str::FromStr for Verb {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        match word {
            "emit" => Ok(Self::Emit),
            "send" => Ok(Self::Send),
            other => Err(Fault::new(format!("`--verb {other}` is none")).hint("the verbs are emit and send")),
        }
    }
}

/// Replays.
///
/// # Errors
/// Words that cannot be used, what is no recording, no connection, a `--map` that nothing matches.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Pretty);
    let (word, patterns) = target::split(&args.words, &[])?;
    target::refuse_as_file(&args.file, "replay")?;
    // Before anybody is connected to: what is no recording is told at once.
    let reader = Reader::open(&args.file)?;
    let target = target::resolve(word, settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    let mut selection = Selection::new(args, patterns)?;
    selection.check_maps(&args.file)?;
    let patience = args.link.patience(settings).reply;
    let transport = transport::open(target.endpoint)?;
    let code = if args.compare {
        target::require(&spec.can.request, spec.name, ui)?;
        compare::run(args, reader, &mut selection, &transport, patience, ui)?
    } else {
        let player = play::Player { spec, transport, patience, args };
        player.run(reader, &mut selection, ui)?
    };
    Ok(code)
}
