//! Watching: what all links tell, in the order of one clock, shown or written, until it is enough.

use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::clock::on_one_clock;
use super::joining::Joining;
use super::link::{Link, Told};
use super::plan::Plan;
use super::watched::{Common, Watched};
use super::{WatchFlags, table};
use crate::commands::reach::unreachable;
use crate::commands::show::{self, Show};
use crate::exit::Code;
use crate::message::Delivery;
use crate::settings::Settings;
use crate::traffic::{Only, Statistics, Summary};
use crate::transport::{self, Event, Kind};
use crate::ui::Ui;

/// How often requests are looked through for those nobody has answered.
const EXPIRY: Duration = Duration::from_millis(100);

/// How often a table on a terminal is drawn again.
const REDRAW: Duration = Duration::from_millis(500);

/// How long ending may take before that is explained.
const SILENCE: Duration = Duration::from_millis(500);

/// How long ending may take after Ctrl-C; a second one ends it at once.
const PARTING: Duration = Duration::from_secs(2);

/// How watching ended.
pub struct Ended {
    /// What the run ends with.
    pub code: Code,
    /// The numbers of what was seen.
    pub summary: Summary,
    /// How many messages of it were shown or recorded.
    pub shown: u64,
}

/// Watches what is planned until it is enough, or Ctrl-C. What is seen goes through a [`Show`] that `prepare` may
/// still change; while it grows its numbers are drawn on the terminal, if it `draws`.
///
/// # Errors
/// Filters that do not compile, nobody who can be reached, an output that cannot be written.
pub async fn follow(
    plan: Plan,
    flags: &WatchFlags,
    draws: bool,
    settings: &Settings,
    ui: &mut Ui,
    prepare: impl Fn(Show) -> Show,
) -> anyhow::Result<Ended> {
    let (ending, is_ended) = watch::channel(false);
    let (until, is_bounded) = (plan.watch.until, plan.watch.is_bounded);
    let Plan { sources, watch, shown } = plan;
    let mut joining = flags.all.then(|| Joining::new(settings, &sources));
    let common = Common { flags, watch, shown, is_ended, prepare };
    let (watched, links) = common.all(sources)?;
    let mut watching = Watching {
        watched,
        patience: flags.link.patience(settings).reply,
        statistics: Statistics::new(Timestamp::now()),
        seen: 0,
        left: flags.count,
        until,
        is_bounded,
        wants_unanswered: flags.only.contains(&Only::Unanswered),
        is_lenient: flags.all,
        is_live: draws,
    };
    let links = watching.open(links, ui).await?;
    let mut interrupted = std::pin::pin!(crate::commands::interrupted());
    let mut telling = JoinSet::new();
    for link in links {
        advance(&mut telling, link);
    }
    let outcome = watching.run(&mut telling, &common, &mut joining, interrupted.as_mut(), ui).await;
    // Nobody waits for the end to see what is shown.
    let flushed = ui.flush();
    // The receivers are gone once every link has closed.
    let _ = ending.send(true);
    let limit = match outcome {
        Ok(Code::Interrupted) => PARTING,
        _ => watching.patience.max(PARTING),
    };
    let closing = async {
        let closed = tokio::time::timeout(SILENCE, close(&mut telling)).await;
        if closed.is_err() {
            ui.note("some still wait for replies, which are passed on first; Ctrl-C ends it at once");
            close(&mut telling).await;
        }
    };
    tokio::select! {
        () = closing => {}
        () = tokio::time::sleep(limit) => {}
        () = interrupted, if !matches!(outcome, Ok(Code::Interrupted)) => {}
    }
    let code = outcome?;
    flushed?;
    ui.redraw(&[])?;
    Ok(Ended { code, summary: watching.statistics.summary(Timestamp::now()), shown: watching.seen })
}

/// Whether trying again would change nothing: it cannot be watched so, or not by us.
fn is_final(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<transport::Error>().map(transport::Error::kind);
    matches!(kind, Some(Kind::Unsupported | Kind::Denied))
}

fn advance(telling: &mut JoinSet<(Link, Told)>, mut link: Link) {
    telling.spawn(async move {
        let told = link.next().await;
        (link, told)
    });
}

/// Waits until every link has closed.
async fn close(telling: &mut JoinSet<(Link, Told)>) {
    while let Some(told) = telling.join_next().await {
        if let Ok((link, told)) = told
            && !matches!(told, Told::Closed)
        {
            advance(telling, link);
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
struct Watching {
    watched: Vec<Watched>,
    patience: Duration,
    statistics: Statistics,
    seen: u64,
    left: Option<u64>,
    /// What was kept after this time is not wanted.
    until: Option<Timestamp>,
    /// Nothing is wanted that was not there at the start.
    is_bounded: bool,
    wants_unanswered: bool,
    /// Whoever cannot be watched is left out, for nobody named it.
    is_lenient: bool,
    /// The numbers are shown while they grow.
    is_live: bool,
}

impl Watching {
    /// Opens all links at once. One that is down is told, and tried again while the others are watched.
    async fn open(&mut self, links: Vec<Link>, ui: &mut Ui) -> anyhow::Result<Vec<Link>> {
        let mut opening = JoinSet::new();
        for mut link in links {
            opening.spawn(async move {
                let opened = link.open().await;
                (link, opened)
            });
        }
        let (mut links, mut down) = (Vec::new(), Vec::new());
        while let Some(opened) = opening.join_next().await {
            match opened? {
                (link, Ok(note)) => {
                    ui.note(&note);
                    links.push(link);
                }
                (link, Err(error)) => down.push((link, error)),
            }
        }
        // The first in the order of the words, whichever was told first.
        down.sort_by_key(|(link, _)| link.at);
        let first = down.iter().position(|(_, error)| is_final(error));
        let is_over = links.is_empty() || (first.is_some() && !self.is_lenient);
        if is_over && !down.is_empty() {
            let (link, error) = down.swap_remove(first.unwrap_or(0));
            return Err(match &self.watched[link.at].label {
                Some(label) => error.context(format!("cannot watch {label}")),
                None => error,
            });
        }
        for (link, error) in down {
            self.down(&link, &error, ui);
            if !is_final(&error) {
                links.push(link);
            }
        }
        Ok(links)
    }

    /// Whoever cannot be had, for now or at all.
    fn down(&self, link: &Link, error: &anyhow::Error, ui: &mut Ui) {
        let shown = link.shown();
        let what = if is_final(error) {
            format!("{shown} is left out: {error:#}")
        } else {
            format!("{shown} is down, and is tried again: {error:#}")
        };
        ui.warn(&self.watched[link.at].says(&what));
    }

    async fn run<P: Fn(Show) -> Show>(
        &mut self,
        telling: &mut JoinSet<(Link, Told)>,
        common: &Common<'_, P>,
        joining: &mut Option<Joining>,
        mut interrupted: Pin<&mut impl Future<Output = ()>>,
        ui: &mut Ui,
    ) -> anyhow::Result<Code> {
        let flags = common.flags;
        let (start, limit) = (Instant::now(), flags.limit());
        let mut last = start;
        let mut expiry = tokio::time::interval(EXPIRY);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drawn = start;
        let is_over =
            |since: Instant, limit: Option<Duration>| limit.is_some_and(|limit| since.elapsed() >= limit);
        loop {
            tokio::select! {
                () = &mut interrupted => return Ok(Code::Interrupted),
                Some(told) = telling.join_next() => {
                    if self.round(told?, telling, ui)? {
                        return Ok(Code::Done);
                    }
                    ui.flush()?;
                    // Not before: a reader that holds us up is no silence.
                    last = Instant::now();
                }
                _ = expiry.tick() => {
                    self.expire(ui)?;
                    if self.is_enough() || is_over(start, limit) || is_over(last, flags.idle) {
                        return Ok(Code::Done);
                    }
                    for watched in &self.watched {
                        watched.show.settle()?;
                    }
                    if let Some(joining) = joining {
                        for link in joining.look(common, &mut self.watched, ui) {
                            advance(telling, link);
                        }
                    }
                    if self.is_live && drawn.elapsed() >= REDRAW {
                        drawn = Instant::now();
                        self.redraw(ui)?;
                    }
                }
            }
        }
    }

    /// Takes what one link told, and what others have told by now; says whether it was enough.
    fn round(
        &mut self,
        first: (Link, Told),
        telling: &mut JoinSet<(Link, Told)>,
        ui: &mut Ui,
    ) -> anyhow::Result<bool> {
        let mut round = vec![first];
        while let Some(told) = telling.try_join_next() {
            round.push(told?);
        }
        let mut batches = Vec::new();
        for (link, told) in round {
            let at = link.at;
            match told {
                Told::Events(events) => batches.push((at, events)),
                Told::Down(error) => {
                    self.down(&link, &error, ui);
                    if is_final(&error) {
                        continue;
                    }
                }
                told => self.turn(at, &link, &told, ui)?,
            }
            advance(telling, link);
        }
        for (at, event) in on_one_clock(batches) {
            self.tell(at, event, ui)?;
            if self.is_enough() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A link went or came.
    fn turn(&mut self, at: usize, link: &Link, told: &Told, ui: &mut Ui) -> anyhow::Result<()> {
        let watched = &mut self.watched[at];
        match told {
            Told::Lost { is_kept: false } => {
                let why = format!("the connection to {} was lost", link.shown());
                self.statistics.feed_gap(None);
                watched.show.gap(ui, None, &why)?;
                ui.flush()?;
            }
            Told::Lost { is_kept: true } => {
                ui.detail(&watched.says(&format!("the connection to {} was lost", link.shown())));
            }
            Told::Back(after) => {
                ui.note(&watched.says(&format!("connected again after {:.1}s", after.as_secs_f64())));
            }
            Told::Joined(note) => ui.note(&watched.says(&format!("joined; {note}"))),
            Told::Events(_) | Told::Down(_) | Told::Closed => {}
        }
        Ok(())
    }

    fn tell(&mut self, at: usize, event: Event, ui: &mut Ui) -> anyhow::Result<()> {
        let watched = &mut self.watched[at];
        match event {
            Event::Message(delivery) => return self.message(at, &delivery, ui),
            Event::Gap { lost, why } => {
                self.statistics.feed_gap(lost);
                watched.show.gap(ui, lost, &why)?;
            }
            Event::Finding(finding) => {
                watched.show.finding(ui, &finding)?;
            }
            Event::CaughtUp => watched.has_caught_up = true,
        }
        Ok(())
    }

    fn message(&mut self, at: usize, delivery: &Delivery, ui: &mut Ui) -> anyhow::Result<()> {
        let Watched { show, pairing, findings, trace, nest, has_caught_up, label } = &mut self.watched[at];
        let is_late = self.until.is_some_and(|until| kept_at(delivery).is_some_and(|kept| kept > until));
        if is_late || (self.is_bounded && *has_caught_up) {
            return Ok(());
        }
        if trace.as_mut().is_some_and(|trace| !trace.follows(delivery)) {
            return Ok(());
        }
        let pair = pairing.feed(delivery);
        let pattern = show::asked_for(delivery, pair.as_ref());
        let whose = label.as_ref().map(|_| show.whose(pattern, delivery.dest.as_deref()));
        self.statistics.feed(delivery, pair.as_ref(), whose);
        if !show.message(ui, delivery, pair.as_ref())? {
            return Ok(());
        }
        self.seen += 1;
        // What is not shown is not explained either.
        if let Some(finding) = findings.of(delivery, pair.as_ref()) {
            show.finding(ui, &finding)?;
        }
        if let Some(pattern) = &delivery.pattern
            && let Some(finding) = unreachable(pattern, *nest)
            && let Some(finding) = findings.once(finding, pattern.as_str())
        {
            show.finding(ui, &finding)?;
        }
        Ok(())
    }

    /// Whether everything was shown that was asked for.
    fn is_enough(&self) -> bool {
        let has_all = self.is_bounded && self.watched.iter().all(|watched| watched.has_caught_up);
        has_all || self.left.is_some_and(|left| self.seen >= left)
    }

    /// Tells the requests that nobody answered; they count as messages where they were asked for by --only.
    fn expire(&mut self, ui: &mut Ui) -> anyhow::Result<()> {
        for watched in &mut self.watched {
            for request in watched.pairing.expire(Timestamp::now(), self.patience) {
                let (pattern, dest) = (request.pattern.as_ref(), request.dest.as_deref());
                let whose = watched.label.as_ref().map(|_| watched.show.whose(pattern, dest));
                self.statistics.feed_unanswered(&request, whose);
                let is_shown = watched.show.unanswered(ui, &request)?;
                self.seen += u64::from(is_shown && self.wants_unanswered);
                if self.left.is_some_and(|left| self.seen >= left) {
                    return Ok(ui.flush()?);
                }
            }
        }
        Ok(ui.flush()?)
    }

    fn redraw(&self, ui: &mut Ui) -> anyhow::Result<()> {
        let summary = self.statistics.summary(Timestamp::now());
        let mut lines = table::lines(&summary.patterns);
        lines.push(table::line(&summary));
        Ok(ui.redraw(&lines)?)
    }
}

/// When its broker took it, where it says so.
fn kept_at(delivery: &Delivery) -> Option<Timestamp> {
    let (_, time) = delivery.meta.iter().find(|(name, _)| name == "time")?;
    serde_json::from_str::<String>(time.get()).ok()?.parse().ok()
}
