//! `eyas tail`: watches messages on their way, requests paired with their replies.

use super::show;
use super::watch::{Ended, Plan, WatchFlags, follow, table};
use crate::exit::Code;
use crate::settings::Settings;
use crate::traffic::Summary;
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "Watch messages on their way, requests paired with their replies";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(override_usage = "eyas tail [OPTIONS] [TARGET]... [PATTERN]...")]
#[command(after_long_help = "Examples:
  eyas tail @orders @billing
  eyas tail --all --stats
  eyas tail redis://127.0.0.1:6379 'orders.*' --slow 200ms
  eyas tail tcp://127.0.0.1:4000 --listen 127.0.0.1:4001
  eyas tail --all --trace 4bf92f3577b34da6a3ce929d0e0e4736
  eyas tail @orders -o json | jq .pair.ms

Several targets are shown on one clock; services that share a broker share one watch. One that is down is told and
tried again while the others are watched.

With --listen clients connect to the address given instead of to the service. Bytes pass untouched.")]
pub struct Args {
    /// TARGET: whom to watch, `@service` or a URL; several may be named, or none. PATTERN: what to show, in each
    /// broker's own wildcards; with --listen `*` is one word and `>` or `#` all that follow; none = all
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// A table of rates and latencies instead of each message: as it grows on a terminal, else at the end. With
    /// `-o json` a record behind the messages
    #[arg(long)]
    stats: bool,
    #[command(flatten)]
    watch: WatchFlags,
}

/// Watches.
///
/// # Errors
/// Words that cannot be used, something this transport cannot do, an address that cannot be had.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Json);
    let plan = Plan::read(&args.words, &args.watch, settings, ui)?;
    let is_for_people =
        args.watch.show.format.is_none() && matches!(ui.format(), Format::Pretty | Format::Line);
    let has_table = args.stats && is_for_people;
    let draws = has_table && ui.is_terminal();
    let following = follow(plan, &args.watch, draws, settings, ui, |show| show.hidden(has_table));
    let Ended { code, summary, .. } = super::block_on(following)?;
    let is_json = args.watch.show.format.is_none() && ui.format() == Format::Json;
    let in_full = args.stats || code == Code::Interrupted;
    match (is_json, in_full) {
        (true, true) => show::summary(ui, &summary)?,
        (true, false) => {}
        (false, _) => sum_up(&summary, args.stats, in_full, ui)?,
    }
    Ok(code)
}

/// The numbers: a line of talk, and a table. What was asked for is data.
fn sum_up(summary: &Summary, is_asked_for: bool, in_full: bool, ui: &mut Ui) -> anyhow::Result<()> {
    ui.flush()?;
    ui.note(&table::line(summary));
    for line in table::lines(&summary.patterns).into_iter().filter(|_| in_full) {
        if is_asked_for {
            ui.out_line(&line)?;
        } else {
            ui.note(&line);
        }
    }
    Ok(())
}
