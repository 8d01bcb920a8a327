//! `eyas emit`: publishes events and says how far they were confirmed.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::flags::{LinkFlags, PaceFlags, SafetyFlags};
use super::outgoing::{Cautions, MessageFlags, Messages};
use super::publish::{Pace, publish};
use super::show;
use super::signing::Purpose;
use super::target;
use crate::exit::Code;
use crate::message::Message;
use crate::settings::Settings;
use crate::transport::{self, Delivered, Support, Transport};
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "Emit events, as Nest's ClientProxy.emit() does";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(override_usage = "eyas emit [OPTIONS] [TARGET] PATTERN [DATA]...")]
#[command(after_long_help = "Examples:
  eyas emit @orders orders.created id=7 name=first
  eyas emit tcp://127.0.0.1:4000 '{\"evt\":\"paid\"}' '{\"id\":7}'
  eyas emit orders.created --ndjson events.ndjson --rate 200/s
  eyas emit orders.created 'id={{ uuid() }}' --expand -n 1000")]
pub struct Args {
    #[command(flatten)]
    message: MessageFlags,
    #[command(flatten)]
    pace: PaceFlags,
    #[command(flatten)]
    link: LinkFlags,
    #[command(flatten)]
    safety: SafetyFlags,
}

/// Emits.
///
/// # Errors
/// Words that cannot be used, no connection, a link that ends.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let (word, words) = args.message.split()?;
    let target = target::resolve(word, settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    target::require(&spec.can.emit, spec.name, ui)?;
    let mut messages = args.message.messages(words, (&target, spec.written, Purpose::Event), settings)?;
    let count = args.pace.count.or(if messages.is_finite() { None } else { Some(1) });
    let transport = transport::open(target.endpoint)?;
    super::block_on(async {
        if args.safety.dry_run {
            return super::outgoing::show(&*transport, &mut messages, count, None, ui).await;
        }
        let pace = args.pace.rate.map(Pace::new);
        emit(&*transport, &mut messages, count, pace, &spec.can.confirm, ui).await
    })
}

async fn emit(
    transport: &dyn Transport,
    messages: &mut Messages,
    count: Option<u64>,
    pace: Option<Pace>,
    confirm: &Support,
    ui: &mut Ui,
) -> anyhow::Result<Code> {
    let publisher = transport.publisher().await?;
    let start = Instant::now();
    let progress = ui.progress(count, "emitted");
    let mut cautions = Cautions::default();
    let before = |message: &Message| cautions.look(transport, message, ui);
    let ending = publish(publisher, messages, count, None, pace, progress, before).await;
    for note in transport.take_notes() {
        ui.warn(&note);
    }
    tell(&ending.delivered, start.elapsed(), confirm, ui)?;
    ending.warn(ui);
    ending.outcome?;
    match ending.delivered.error {
        _ if ending.is_interrupted => Ok(Code::Interrupted),
        Some(error) => Err(error.into()),
        None => Ok(judge(&ending.delivered)),
    }
}

/// What the counts mean: only what a transport can confirm counts.
fn judge(delivered: &Delivered) -> Code {
    let missed = delivered.unroutable + delivered.lost;
    match delivered.confirmed + delivered.unconfirmed {
        _ if missed == 0 => Code::Done,
        0 if delivered.lost == 0 => Code::NobodyThere,
        _ => Code::Partial,
    }
}

#[derive(Serialize)]
struct Summary {
    emitted: u64,
    confirmed: u64,
    unconfirmed: u64,
    unroutable: u64,
    lost: u64,
    seconds: f64,
}

fn tell(delivered: &Delivered, took: Duration, confirm: &Support, ui: &mut Ui) -> anyhow::Result<()> {
    let Delivered { confirmed, unconfirmed, unroutable, lost, .. } = *delivered;
    let emitted = confirmed + unconfirmed + unroutable;
    if ui.format() == Format::Json {
        let summary =
            Summary { emitted, confirmed, unconfirmed, unroutable, lost, seconds: took.as_secs_f64() };
        return show::summary(ui, &summary);
    }
    let mut text = format!("{emitted} emitted");
    for (number, what) in [(confirmed, "confirmed"), (unroutable, "unroutable"), (lost, "lost")] {
        if number > 0 {
            text = format!("{text}, {number} {what}");
        }
    }
    let why = match confirm {
        Support::No(why) | Support::Caveat(why) if unconfirmed > 0 => format!(" ({why})"),
        _ => String::new(),
    };
    let text = format!("{text} in {:.2}s{why}", took.as_secs_f64());
    ui.note(&text);
    Ok(())
}
