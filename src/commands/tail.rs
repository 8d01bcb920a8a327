//! `eyas tail`: watches messages on their way, requests paired with their replies.

use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use super::flags::{LinkFlags, ShowFlags};
use super::reach::unreachable;
use super::show::{self, Show};
use super::source::{self, Source};
use super::target;
use crate::exit::Code;
use crate::fault::Fault;
use crate::message::Delivery;
use crate::settings::{Settings, parse_duration};
use crate::traffic::{Criteria, Findings, Only, Pairing, Row, Statistics, Summary};
use crate::transport::{self, Event, Feed, From, Spec, Support, Watch};
use crate::ui::{Format, Ui};
use crate::wire::NestVersion;

/// What it is for.
pub const ABOUT: &str = "Watch messages on their way, requests paired with their replies";

/// How often requests are looked through for those nobody has answered.
const EXPIRY: Duration = Duration::from_millis(100);

/// How long ending may take after Ctrl-C; a second one ends it at once.
const PARTING: Duration = Duration::from_secs(2);

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(override_usage = "eyas tail [OPTIONS] [TARGET] [PATTERN]...")]
#[command(after_long_help = "Examples:
  eyas tail tcp://127.0.0.1:4000 --listen 127.0.0.1:4001
  eyas tail @orders --listen 127.0.0.1:4001 'orders.*' --slow 200ms
  eyas tail @orders --listen 127.0.0.1:4001 -o json | jq .pair.ms

With --listen clients connect to the address given instead of to the service. Bytes pass untouched.")]
pub struct Args {
    /// TARGET: whom to watch, `@service` or a URL; may be left out. PATTERN: what to show, with `*` for one word and
    /// `>` or `#` for all that follow; none = all
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Stand in between: listen here (`127.0.0.1:4001`, or just a port of this machine) and pass everything on
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    listen: Option<String>,
    /// Begin with what came before, where the broker keeps it: start, end, a position, -N (the last N), a time
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, value_parser = parse_place, help_heading = "Begin")]
    from: Option<From>,
    /// Begin with the last N
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "since"], help_heading = "Begin")]
    last: Option<u64>,
    /// Begin with what came within this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "from", help_heading = "Begin")]
    since: Option<Duration>,
    /// Only these: requests, replies, events, errors, unanswered
    #[arg(long, value_name = "SORT", value_delimiter = ',')]
    only: Vec<Only>,
    /// Only what took at least this long
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    slow: Option<Duration>,
    /// A table of rates and latencies at the end
    #[arg(long)]
    stats: bool,
    /// End after N messages
    #[arg(short = 'n', long, value_name = "N", help_heading = "Pace")]
    count: Option<u64>,
    /// End when nothing came for this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    idle: Option<Duration>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, help_heading = "Pace")]
    lasting: Option<Duration>,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    link: LinkFlags,
}

/// Watches.
///
/// # Errors
/// Words that cannot be used, something this transport cannot do, an address that cannot be had.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Json);
    let (targets, patterns): (Vec<_>, Vec<_>) =
        args.words.iter().cloned().partition(|word| target::is_target(word));
    if let [_, second, ..] = &targets[..] {
        return Err(Fault::new(format!("one target at a time: `{second}` is a second one")).into());
    }
    let target = target::resolve(targets.first().map(String::as_str), settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    check(spec, args.listen.as_deref(), ui)?;
    let from = args.begin()?;
    if from != From::Now {
        target::require(&spec.can.history, spec.name, ui)?;
    }
    // A proxy passes on all; a broker is asked for just these, in its own wildcards.
    let shown = if args.listen.is_some() { patterns.clone() } else { Vec::new() };
    let criteria =
        Criteria { only: args.only.clone(), slow: args.slow, patterns: shown, ..Criteria::default() };
    let show = Show::filtered(&args.show, criteria, spec.name, target.service.clone())?;
    let nest = target.endpoint.nest;
    let transport = transport::open(target.endpoint)?;
    let patience = args.link.patience(settings).reply;
    super::block_on(async {
        let source = Source { transport, watch: Watch { patterns, from }, listen: args.listen.clone() };
        let mut feed = source.open(ui).await?;
        let mut watching = Watching {
            show,
            source,
            patience,
            pairing: Pairing::default(),
            findings: Findings::default(),
            nest,
            statistics: Statistics::new(Timestamp::now()),
            seen: 0,
            left: args.count,
            position: None,
        };
        let mut interrupted = std::pin::pin!(super::interrupted());
        let outcome = watching.follow(&mut feed, args, interrupted.as_mut(), ui).await;
        // Nobody waits for the end to see what is shown.
        let flushed = ui.flush();
        match outcome {
            Ok(Code::Interrupted) => source::close(feed, PARTING, std::future::pending()).await,
            _ => source::close(feed, patience.max(PARTING), interrupted).await,
        }
        let code = outcome?;
        flushed?;
        watching.sum_up(args.stats, code == Code::Interrupted, ui)?;
        Ok(code)
    })
}

/// Reads where to listen: `host:port`; a port alone is one of this machine's own, never one for the whole network.
fn parse_listen(text: &str) -> Result<String, Fault> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    match port.parse::<u16>() {
        Ok(port) if host.is_empty() => Ok(format!("127.0.0.1:{port}")),
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Fault::new(format!("`{text}` is no address to listen on"))
            .hint("write `127.0.0.1:4001`, `:4001` or `0.0.0.0:4001`; port 0 takes a free one")),
    }
}

/// `start`, `end`, a number, a number from the end, or a time.
fn parse_place(text: &str) -> Result<From, Fault> {
    match text {
        "start" => return Ok(From::Start),
        "end" => return Ok(From::Now),
        _ => {}
    }
    if let Some(count) = text.strip_prefix('-').and_then(|count| count.parse().ok()) {
        return Ok(From::Last(count));
    }
    if let Ok(position) = text.parse() {
        return Ok(From::Position(position));
    }
    text.parse().map(From::Time).map_err(|_| {
        Fault::new(format!("`{text}` is no place to begin"))
            .hint("write start, end, a position, -N for the last N, or a time such as 2026-01-31T12:00:00Z")
    })
}

impl Args {
    fn begin(&self) -> Result<From, Fault> {
        if let Some(count) = self.last {
            return Ok(From::Last(count));
        }
        let Some(since) = self.since else { return Ok(self.from.unwrap_or_default()) };
        let time = Timestamp::now().checked_sub(since);
        time.map(From::Time).map_err(|_| Fault::new(format!("`--since {since:?}` is before all time")))
    }
}

/// Done once `limit` has passed since `start`; never without a limit.
async fn over(start: Instant, limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(start + limit).await,
        None => std::future::pending().await,
    }
}

fn check(spec: &Spec, listen: Option<&str>, ui: &mut Ui) -> Result<(), Fault> {
    match (listen, &spec.can.watch, &spec.can.proxy) {
        (Some(_), _, proxy) => target::require(proxy, spec.name, ui),
        (None, Support::No(why), Support::Yes | Support::Caveat(_)) => {
            Err(Fault::new(*why).hint("clients then connect to that address: --listen 127.0.0.1:4001"))
        }
        (None, watch, _) => target::require(watch, spec.name, ui),
    }
}

struct Watching {
    show: Show,
    source: Source,
    patience: Duration,
    pairing: Pairing,
    findings: Findings,
    nest: NestVersion,
    statistics: Statistics,
    seen: u64,
    left: Option<u64>,
    /// Of the last message, where the broker keeps them.
    position: Option<u64>,
}

impl Watching {
    async fn follow(
        &mut self,
        feed: &mut Feed,
        args: &Args,
        mut interrupted: Pin<&mut impl Future<Output = ()>>,
        ui: &mut Ui,
    ) -> anyhow::Result<Code> {
        let start = Instant::now();
        let mut last = start;
        let mut expiry = tokio::time::interval(EXPIRY);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut interrupted => return Ok(Code::Interrupted),
                events = feed.recv() => {
                    let Some(events) = events else {
                        let lost_at = Instant::now();
                        self.lose(ui)?;
                        tokio::select! {
                            () = &mut interrupted => return Ok(Code::Interrupted),
                            () = over(start, args.lasting) => return Ok(Code::Done),
                            reopened = self.source.reopen() => *feed = reopened,
                        }
                        ui.note(&format!("connected again after {:.1}s", lost_at.elapsed().as_secs_f64()));
                        continue;
                    };
                    for event in events {
                        self.tell(event, ui)?;
                        if self.is_enough() {
                            return Ok(Code::Done);
                        }
                    }
                    ui.flush()?;
                    // Not before: a reader that holds us up is no silence.
                    last = Instant::now();
                }
                _ = expiry.tick() => {
                    self.expire(args.only.contains(&Only::Unanswered), ui)?;
                    if self.is_enough() {
                        return Ok(Code::Done);
                    }
                    let is_over = |since: Instant, limit: Option<Duration>| limit.is_some_and(|limit| since.elapsed() >= limit);
                    if is_over(start, args.lasting) || is_over(last, args.idle) {
                        return Ok(Code::Done);
                    }
                }
            }
        }
    }

    /// The link is gone: what comes until it is back is missed.
    fn lose(&mut self, ui: &mut Ui) -> anyhow::Result<()> {
        if let Some(position) = self.position {
            // Where the broker keeps what comes nothing is missed.
            self.source.watch.from = From::Position(position + 1);
            return Ok(());
        }
        let why = format!("the connection to {} was lost", self.source.transport.shown());
        self.statistics.feed_gap(None);
        self.show.gap(ui, None, &why)?;
        Ok(ui.flush()?)
    }

    fn tell(&mut self, event: Event, ui: &mut Ui) -> anyhow::Result<()> {
        match event {
            Event::Message(delivery) => self.message(&delivery, ui)?,
            Event::Gap { lost, why } => {
                self.statistics.feed_gap(lost);
                self.show.gap(ui, lost, &why)?;
            }
            Event::Finding(finding) => {
                self.show.finding(ui, &finding)?;
            }
            Event::CaughtUp => {}
        }
        Ok(())
    }

    fn message(&mut self, delivery: &Delivery, ui: &mut Ui) -> anyhow::Result<()> {
        self.position = delivery.position.or(self.position);
        let pair = self.pairing.feed(delivery);
        self.statistics.feed(delivery, pair.as_ref());
        if !self.show.message(ui, delivery, pair.as_ref())? {
            return Ok(());
        }
        self.seen += 1;
        // What is not shown is not explained either.
        if let Some(finding) = self.findings.of(delivery, pair.as_ref()) {
            self.show.finding(ui, &finding)?;
        }
        if let Some(pattern) = &delivery.pattern
            && let Some(finding) = unreachable(pattern, self.nest)
            && let Some(finding) = self.findings.once(finding, pattern.as_str())
        {
            self.show.finding(ui, &finding)?;
        }
        Ok(())
    }

    /// Whether as many were shown as were asked for.
    fn is_enough(&self) -> bool {
        self.left.is_some_and(|left| self.seen >= left)
    }

    /// Tells the requests that nobody answered; they count as messages where they were `asked_for` by --only.
    fn expire(&mut self, asked_for: bool, ui: &mut Ui) -> anyhow::Result<()> {
        for request in self.pairing.expire(Timestamp::now(), self.patience) {
            self.statistics.feed_unanswered(&request);
            let is_shown = self.show.unanswered(ui, &request)?;
            self.seen += u64::from(is_shown && asked_for);
            if self.is_enough() {
                break;
            }
        }
        Ok(ui.flush()?)
    }

    /// The numbers: a record in JSON, else a line of talk and a table. What was asked for is data.
    fn sum_up(&self, is_asked_for: bool, is_interrupted: bool, ui: &mut Ui) -> anyhow::Result<()> {
        let summary = self.statistics.summary(Timestamp::now());
        let in_full = is_asked_for || is_interrupted;
        if self.show.is_json(ui) {
            if in_full {
                show::summary(ui, &summary)?;
            }
            return Ok(());
        }
        ui.flush()?;
        let Summary { messages, seconds, errors, unanswered, .. } = summary;
        ui.note(&format!("{messages} messages in {seconds:.1}s, {errors} errors, {unanswered} unanswered"));
        if in_full {
            for line in table(&summary.patterns) {
                if is_asked_for {
                    ui.out_line(&line)?;
                } else {
                    ui.note(&line);
                }
            }
        }
        Ok(())
    }
}

fn table(rows: &[Row]) -> Vec<String> {
    let width = rows.iter().map(|row| row.pattern.chars().count()).max().unwrap_or(0).clamp(7, 48);
    let head = format!(
        "{:<width$} {:>8} {:>8} {:>8} {:>7} {:>7} {:>9} {:>9} {:>9}",
        "pattern", "requests", "replies", "events", "errors", "unansw.", "p50 ms", "p99 ms", "max ms"
    );
    let row = |row: &Row| {
        let Row { pattern, requests, replies, events, errors, unanswered, latency_ms, .. } = row;
        let times = latency_ms.map_or_else(
            || format!("{:>9} {:>9} {:>9}", "-", "-", "-"),
            |times| format!("{:>9.2} {:>9.2} {:>9.2}", times.p50, times.p99, times.max),
        );
        format!(
            "{pattern:<width$} {requests:>8} {replies:>8} {events:>8} {errors:>7} {unanswered:>7} {times}"
        )
    };
    std::iter::once(head).chain(rows.iter().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_listen() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse_listen(text).ok().as_deref(), expected, "{text}");
        };
        check("127.0.0.1:4001", Some("127.0.0.1:4001"));
        check(":4001", Some("127.0.0.1:4001"));
        check("4001", Some("127.0.0.1:4001"));
        check("[::1]:0", Some("[::1]:0"));
        for none in ["", "nope", "host:", "host:x", "70000"] {
            check(none, None);
        }
    }
}
