//! `eyas record`: writes what `tail` would show to a file, for `replay` and `mock`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;

use super::show::{self, locked};
use super::target;
use super::watch::{Ended, Plan, WatchFlags, follow};
use crate::exit::Code;
use crate::fault::Fault;
use crate::record;
use crate::settings::Settings;
use crate::tape::{MaskPath, Writer, Written};
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "Write messages on their way to a file, for replay and mock";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(override_usage = "eyas record [OPTIONS] FILE [TARGET]... [PATTERN]...")]
#[command(after_long_help = "Examples:
  eyas record monday.jsonl.zst @orders @billing
  eyas record orders.jsonl tcp://127.0.0.1:4000 --listen 4001 --for 10m
  eyas record all.jsonl --all --mask data.card.number

A recording is a header line and the records of `tail -o json`, a line each. Values of headers and fields called
password, secret, token, authorization, cookie or api key become \"***\", and so do those at each --mask PATH.")]
pub struct Args {
    /// The file to make; with a name that ends in `.zst` it is compressed
    file: PathBuf,
    /// TARGET: whom to watch, `@service` or a URL; several may be named, or none. PATTERN: what to record, in each
    /// broker's own wildcards; none = all
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Do not keep what stands at this path of the record: data.card.number, data.items[].card, headers.x-internal;
    /// repeatable
    #[arg(long = "mask", value_name = "PATH")]
    masks: Vec<MaskPath>,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    watch: WatchFlags,
}

/// Records.
///
/// # Errors
/// Words that cannot be used, a file that cannot be made or written, something this transport cannot do.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    if args.watch.show.format.is_some() {
        return Err(Fault::new("a recording has a format of its own")
            .hint("leave out --format; `eyas tail --format` shows messages by a template")
            .into());
    }
    target::refuse_as_file(&args.file, "record")?;
    let plan = Plan::read(&args.words, &args.watch, settings, ui)?;
    let targets: Vec<_> = plan.sources.iter().map(|source| source.endpoint.shown()).collect();
    let is_new = !args.file.exists();
    let writer = Writer::create(&args.file, &targets, args.masks.clone(), args.force, Timestamp::now())
        .map_err(|error| cannot_make(&args.file, &error))?;
    let tape = std::sync::Arc::new(std::sync::Mutex::new(writer));
    ui.note(&format!("recording to {}", args.file.display()));
    let following = follow(plan, &args.watch, false, settings, ui, |show| show.recorded(tape.clone()));
    let outcome = super::block_on(following);
    if let Ok(Ended { summary, .. }) = &outcome {
        let mut line = Vec::new();
        record::summary(&mut line, Timestamp::now(), summary)?;
        locked(&tape).record(&line)?;
    }
    let unused = locked(&tape).unused_masks();
    // Nobody else has it any more: all that was watched is closed.
    let writer = std::sync::Arc::into_inner(tape).context("the recording is still being written")?;
    let written = writer.into_inner().map_err(|_| anyhow::anyhow!("the recording was left half written"))?;
    let written = written.finish().with_context(|| format!("cannot write `{}`", args.file.display()))?;
    if outcome.is_err() && is_new && written.records == 0 {
        // Nobody wants an empty recording for a target that was not there.
        let _ = std::fs::remove_file(&args.file);
    }
    let Ended { code, shown, .. } = outcome?;
    tell(&args.file, shown, written, &unused, ui)?;
    Ok(code)
}

fn cannot_make(file: &Path, error: &std::io::Error) -> Fault {
    let name = file.display();
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => Fault::new(format!("`{name}` is there already"))
            .hint("take another name, or replace it with --force"),
        _ => Fault::new(format!("cannot make `{name}`: {error}")),
    }
}

fn tell(file: &Path, messages: u64, written: Written, unused: &[String], ui: &mut Ui) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Told<'a> {
        file: &'a Path,
        messages: u64,
        #[serde(flatten)]
        written: Written,
    }
    for path in unused {
        ui.warn(&format!("--mask {path} found nothing"));
    }
    if ui.format() == Format::Json {
        return show::summary(ui, &Told { file, messages, written });
    }
    let Written { masked, bytes, .. } = written;
    ui.note(&format!("{messages} messages in {}, {bytes} bytes, {masked} values masked", file.display()));
    Ok(())
}
