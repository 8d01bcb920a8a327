//! `eyas bench`: many calls or events, measured from when each should have left.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::timeout;

use super::flags::{LinkFlags, PaceFlags, Rate};
use super::outgoing::MessageFlags;
use super::publish::{Pace, publish};
use super::show;
use super::signing::Purpose;
use super::target;
use crate::exit::{Code, Failure};
use crate::fault::Fault;
use crate::load::{self, Latency, Outcome, Plan, Progress, Summary};
use crate::message::{Message, ReplyKind};
use crate::settings::{Settings, parse_duration};
use crate::transport::{self, Transport};
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "Measure how many calls a service answers, and how fast";

/// How long a bench runs where neither -n nor --for says.
const DURATION: Duration = Duration::from_secs(5);

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas bench send @orders orders.get id=7 --rate 500/s --for 30s
  eyas bench send tcp://127.0.0.1:4000 ping -n 100000 --in-flight 64
  eyas bench send @orders ping --expect-p99 20ms        (exit 1 if it is slower)
  eyas bench emit @orders orders.created id=7 -n 1000000

With --rate calls start on schedule, whatever the replies do, and response times count from the schedule: a
service that stalls cannot hide it. Without it, --in-flight calls are kept going.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Requests, each answered
    #[command(override_usage = "eyas bench send [OPTIONS] [TARGET] PATTERN [DATA]...")]
    Send(SendArgs),
    /// Events, nobody answers
    #[command(override_usage = "eyas bench emit [OPTIONS] [TARGET] PATTERN [DATA]...")]
    Emit(EmitArgs),
}

#[derive(clap::Args, Debug)]
struct SendArgs {
    #[command(flatten)]
    message: MessageFlags,
    #[command(flatten)]
    pace: PaceFlags,
    /// How long [default: 5s, unless -n says how many]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    lasting: Option<Duration>,
    /// How many calls may be under way at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Pace")]
    in_flight: u32,
    /// Calls in this time at the start do not count
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    warm_up: Option<Duration>,
    /// Exit with 1 if one call in a hundred takes longer
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expect_p99: Option<Duration>,
    /// Exit with 1 if fewer are answered in a time
    #[arg(long, value_name = "RATE")]
    expect_rate: Option<Rate>,
    #[command(flatten)]
    link: LinkFlags,
}

#[derive(clap::Args, Debug)]
struct EmitArgs {
    #[command(flatten)]
    message: MessageFlags,
    #[command(flatten)]
    pace: PaceFlags,
    /// How long [default: 5s, unless -n says how many]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    lasting: Option<Duration>,
    #[command(flatten)]
    link: LinkFlags,
}

/// Measures.
///
/// # Errors
/// Words that cannot be used, no connection, an expectation that is not met.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    match &args.verb {
        Verb::Send(args) => send(args, settings, ui),
        Verb::Emit(args) => emit(args, settings, ui),
    }
}

/// How long, where neither count nor time was given.
fn lasting(count: Option<u64>, lasting: Option<Duration>) -> Option<Duration> {
    lasting.or(if count.is_none() { Some(DURATION) } else { None })
}

fn send(args: &SendArgs, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let (word, words) = args.message.split()?;
    let target = target::resolve(word, settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    target::require(&spec.can.request, spec.name, ui)?;
    let messages = args.message.messages(words, (&target, spec.written, Purpose::Request), settings)?;
    let Some(mut message) = messages.repeated()? else {
        return Err(Fault::new("bench sends the same message every time")
            .hint("leave out --ndjson and --expand")
            .into());
    };
    let transport = transport::open(target.endpoint)?;
    let patience = args.link.patience(settings).reply;
    let plan = Plan {
        rate: args.pace.rate.map(Rate::per_second),
        count: args.pace.count,
        duration: lasting(args.pace.count, args.lasting),
        in_flight: args.in_flight as usize,
        warm_up: args.warm_up.unwrap_or_default(),
    };
    super::block_on_here(async {
        // The first call shows at once whether there is anybody, and makes the connection.
        if call(&*transport, &message.now(), patience).await == Outcome::Lost {
            transport.request(&message.now()).await?;
        }
        let progress = Arc::new(Progress::default());
        let bar = ui.progress(plan.count, "calls");
        let show = {
            let progress = progress.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    bar.reach(progress.done());
                }
            })
        };
        let message = RefCell::new(message);
        let mut is_interrupted = false;
        let stop = async {
            super::interrupted().await;
            is_interrupted = true;
        };
        let summary = load::run(&plan, &progress, stop, |_| {
            let (transport, message) = (transport.clone(), message.borrow_mut().now());
            async move { call(&*transport, &message, patience).await }
        })
        .await;
        show.abort();
        // The bar goes with its task, and the summary comes after it.
        let _ = show.await;
        tell(&summary, ui)?;
        if is_interrupted { Ok(Code::Interrupted) } else { args.judge(&summary) }
    })
}

async fn call(transport: &dyn Transport, message: &Message, patience: Duration) -> Outcome {
    let Ok(mut exchange) = transport.request(message).await else { return Outcome::Lost };
    loop {
        match timeout(patience, exchange.replies.recv()).await {
            Ok(Some(Ok(reply))) if reply.kind == ReplyKind::Refused => return Outcome::Refused,
            Ok(Some(Ok(reply))) if reply.is_final() => return Outcome::Ok,
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(_)) | None) => return Outcome::Lost,
            Err(_) => return Outcome::Timeout,
        }
    }
}

impl SendArgs {
    /// Whether what was expected came true.
    fn judge(&self, summary: &Summary) -> anyhow::Result<Code> {
        let p99 = summary.response_ms.or(summary.service_ms).map_or(f64::INFINITY, |times| times.p99);
        if let Some(bar) = self.expect_p99
            && p99 > bar.as_secs_f64() * 1000.0
        {
            return Err(Failure::new(
                Code::Failed,
                format!("p99 is {p99:.2} ms, and should be {bar:?} at most"),
            )
            .into());
        }
        if let Some(bar) = self.expect_rate.map(Rate::per_second)
            && summary.throughput < bar
        {
            let rate = summary.throughput;
            return Err(Failure::new(
                Code::Failed,
                format!("{rate:.0} calls/s were answered, and should be {bar:.0}"),
            )
            .into());
        }
        let failed = summary.refused + summary.timeouts + summary.lost;
        match (failed, summary.lost, summary.timeouts) {
            (0, ..) => Ok(Code::Done),
            (_, 0, timeouts) if timeouts > 0 => Ok(Code::TimedOut),
            _ => Ok(Code::Failed),
        }
    }
}

fn tell(summary: &Summary, ui: &mut Ui) -> anyhow::Result<()> {
    if ui.format() == Format::Json {
        return show::summary(ui, summary);
    }
    let Summary { calls, seconds, throughput, .. } = summary;
    ui.out_line(&format!("{calls} calls in {seconds:.2}s, {throughput:.0} answered/s"))?;
    let counts = [
        (summary.refused, "answered with an error"),
        (summary.timeouts, "not answered in time"),
        (summary.lost, "lost with the connection"),
        (summary.unfinished, "still under way at the end"),
        (summary.late, "started late: all calls allowed were under way (--in-flight)"),
    ];
    for (number, what) in counts.into_iter().filter(|(number, _)| *number > 0) {
        ui.out_line(&format!("{number} {what}"))?;
    }
    let times = [("from the schedule", summary.response_ms), ("from the start", summary.service_ms)];
    for (what, times) in times {
        let Some(Latency { mean, p50, p90, p99, p999, max }) = times else { continue };
        ui.out_line(&format!(
            "{what:<18} p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2}  mean {mean:.2} ms"
        ))?;
    }
    Ok(())
}

/// The fields of the `summary` record of `bench emit`.
#[derive(Serialize)]
struct EmitSummary {
    emitted: u64,
    confirmed: u64,
    unroutable: u64,
    lost: u64,
    seconds: f64,
    throughput: f64,
}

fn emit(args: &EmitArgs, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let (word, words) = args.message.split()?;
    let target = target::resolve(word, settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    target::require(&spec.can.emit, spec.name, ui)?;
    let mut messages = args.message.messages(words, (&target, spec.written, Purpose::Event), settings)?;
    let transport = transport::open(target.endpoint)?;
    let count = args.pace.count;
    let limit = lasting(count, args.lasting);
    super::block_on_here(async {
        let publisher = transport.publisher().await?;
        let start = Instant::now();
        let progress = ui.progress(count, "emitted");
        let pace = args.pace.rate.map(Pace::new);
        let ending = publish(publisher, &mut messages, count, limit, pace, progress, |_| {}).await;
        let delivered = &ending.delivered;
        let seconds = start.elapsed().as_secs_f64();
        let emitted = delivered.confirmed + delivered.unconfirmed + delivered.unroutable;
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
        let throughput = emitted as f64 / seconds;
        if ui.format() == Format::Json {
            let (confirmed, unroutable, lost) = (delivered.confirmed, delivered.unroutable, delivered.lost);
            let summary = EmitSummary { emitted, confirmed, unroutable, lost, seconds, throughput };
            show::summary(ui, &summary)?;
        } else {
            ui.out_line(&format!(
                "{emitted} emitted in {seconds:.2}s, {throughput:.0}/s, {} lost",
                delivered.lost
            ))?;
        }
        ending.warn(ui);
        ending.outcome?;
        match ending.delivered.error {
            _ if ending.is_interrupted => Ok(Code::Interrupted),
            Some(error) => Err(error.into()),
            None => Ok(Code::Done),
        }
    })
}
