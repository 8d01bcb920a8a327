//! Measures one call made many times: on a schedule (open loop) or as fast as replies come (closed loop).
//!
//! With a rate, calls start when the schedule says, whatever is outstanding, and their response time counts from
//! then: a stall of the service shows in every call it delayed, not only in the one that met it.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Calls per second, started on schedule; `None` keeps `in_flight` calls going. Positive and finite.
    pub rate: Option<f64>,
    /// How many calls to measure; `None` = until `duration` has passed or the run is stopped.
    pub count: Option<u64>,
    /// How long to start calls, warm-up not included.
    pub duration: Option<Duration>,
    /// How many calls may be outstanding; with a rate, calls beyond start late and are counted as such.
    pub in_flight: usize,
    /// How long calls are made but not measured, at the start.
    pub warm_up: Duration,
}

/// How one call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service answered.
    Ok,
    /// The service answered with an error.
    Refused,
    /// No answer in time.
    Timeout,
    /// The link failed.
    Lost,
}

/// How far a run has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    failed: AtomicU64,
}

impl Progress {
    /// Measured calls that have ended.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Those among them that were not answered with a value.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// What a run has shown: the fields of the `summary` record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Measured calls that ended.
    pub calls: u64,
    /// Answered with a value.
    pub ok: u64,
    /// Answered with an error.
    pub refused: u64,
    /// Not answered in time.
    pub timeouts: u64,
    /// Ended by a failing link.
    pub lost: u64,
    /// Still outstanding when the run was stopped.
    pub unfinished: u64,
    /// Started later than the schedule said, because `in_flight` calls were outstanding.
    pub late: u64,
    /// Seconds from the first measured start to the last end.
    pub seconds: f64,
    /// Answered calls (errors included) per second.
    pub throughput: f64,
    /// From the intended start to the end, in milliseconds: what a caller who follows the schedule sees. Only with
    /// a rate. Calls that timed out count with the time they waited, lost ones do not.
    pub response_ms: Option<Latency>,
    /// From the actual start to the end, in milliseconds: what the service took.
    pub service_ms: Option<Latency>,
}

/// A distribution of times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// The arithmetic mean.
    pub mean: f64,
    /// Half of the calls took at most this.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// Runs `plan`: `call` makes call number n, from 0. Ends when the plan is fulfilled and all calls have ended, or at
/// once when `stop` is ready; what is outstanding then is dropped and counted as unfinished.
pub async fn run<F, Fut>(plan: &Plan, progress: &Progress, stop: impl Future<Output = ()>, call: F) -> Summary
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let mut schedule = Schedule::start(plan);
    let mut tally = Tally::default();
    let mut calls = JoinSet::new();
    let mut stop = pin!(stop);
    let mut number = 0;
    let mut is_over = false;
    // Since when there is room for another call: what should have started before that is late.
    let mut room_since = None;
    let most = plan.in_flight.max(1);
    while !is_over || !calls.is_empty() {
        let has_room = calls.len() < most;
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = calls.join_next() => {
                if !has_room {
                    room_since = Some(Instant::now());
                }
                tally.add(ended.ok(), progress);
            }
            slot = schedule.next(), if has_room && !is_over => match slot {
                Some(slot) => {
                    tally.start(slot, plan.rate.is_some() && Some(slot.intended) < room_since);
                    calls.spawn(timed(slot, call(number)));
                    number += 1;
                }
                None => is_over = true,
            },
        }
    }
    tally.summary(plan.rate.is_some())
}

/// When a call should start, and whether it counts.
#[derive(Clone, Copy, Debug)]
struct Slot {
    intended: Instant,
    is_measured: bool,
}

struct Ended {
    slot: Slot,
    started: Instant,
    at: Instant,
    outcome: Outcome,
}

async fn timed(slot: Slot, call: impl Future<Output = Outcome>) -> Ended {
    let started = Instant::now();
    let outcome = call.await;
    Ended { slot, started, at: Instant::now(), outcome }
}

/// Gives out the slots of a plan.
enum Schedule {
    /// As they come due.
    Open(mpsc::Receiver<Slot>),
    /// Whenever there is room.
    Closed(Slots),
}

impl Schedule {
    fn start(plan: &Plan) -> Self {
        let slots = Slots::new(plan);
        let Some(rate) = plan.rate else { return Self::Closed(slots) };
        let (sender, receiver) = mpsc::channel(1024);
        // A thread of its own: the runtime's timer is true to a millisecond only, a thread's sleep to some fifty
        // microseconds, and the schedule is what response times count from.
        std::thread::spawn(move || pace(slots, rate, &sender));
        Self::Open(receiver)
    }

    async fn next(&mut self) -> Option<Slot> {
        match self {
            Self::Open(due) => due.recv().await,
            Self::Closed(slots) => slots.slot(Instant::now()),
        }
    }
}

/// Sends each slot when it is due, until the plan is fulfilled or nobody listens.
fn pace(mut slots: Slots, rate: f64, due: &mpsc::Sender<Slot>) {
    const NAP: Duration = Duration::from_millis(100);
    for nth in 0_u64.. {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 calls")]
        let Ok(after) = Duration::try_from_secs_f64(nth as f64 / rate) else { return };
        let Some(intended) = slots.start.checked_add(after) else { return };
        let Some(slot) = slots.slot(intended) else { return };
        loop {
            let wait = intended.saturating_duration_since(Instant::now());
            if due.is_closed() {
                return;
            }
            if wait.is_zero() {
                break;
            }
            std::thread::sleep(wait.min(NAP));
        }
        if due.blocking_send(slot).is_err() {
            return;
        }
    }
}

/// The rules by which slots count and end.
struct Slots {
    start: Instant,
    warm_up: Duration,
    duration: Option<Duration>,
    left: Option<u64>,
}

impl Slots {
    fn new(plan: &Plan) -> Self {
        Self { start: Instant::now(), warm_up: plan.warm_up, duration: plan.duration, left: plan.count }
    }

    /// The slot at `intended`; `None` when the plan is fulfilled.
    fn slot(&mut self, intended: Instant) -> Option<Slot> {
        let measured_for = intended.saturating_duration_since(self.start).checked_sub(self.warm_up);
        if measured_for.is_some() {
            if measured_for >= self.duration.or(Some(Duration::MAX)) {
                return None;
            }
            if let Some(left) = &mut self.left {
                *left = left.checked_sub(1)?;
            }
        }
        Some(Slot { intended, is_measured: measured_for.is_some() })
    }
}

/// Counts what became of the measured calls.
#[derive(Default)]
struct Tally {
    started: u64,
    late: u64,
    outcomes: [u64; 4],
    first: Option<Instant>,
    last: Option<Instant>,
    /// Nanoseconds.
    response: Option<Histogram<u64>>,
    service: Option<Histogram<u64>>,
}

impl Tally {
    fn start(&mut self, slot: Slot, is_late: bool) {
        if slot.is_measured {
            self.started += 1;
            self.late += u64::from(is_late);
            self.first.get_or_insert(slot.intended);
        }
    }

    /// Counts a call that ended; one that panicked is lost.
    fn add(&mut self, ended: Option<Ended>, progress: &Progress) {
        if ended.as_ref().is_some_and(|ended| !ended.slot.is_measured) {
            return;
        }
        let outcome = ended.as_ref().map_or(Outcome::Lost, |ended| ended.outcome);
        self.outcomes[outcome as usize] += 1;
        progress.done.fetch_add(1, Ordering::Relaxed);
        progress.failed.fetch_add(u64::from(outcome != Outcome::Ok), Ordering::Relaxed);
        let Some(ended) = ended else { return };
        self.last = self.last.max(Some(ended.at));
        if outcome != Outcome::Lost {
            record(&mut self.response, ended.at.duration_since(ended.slot.intended));
            record(&mut self.service, ended.at.duration_since(ended.started));
        }
    }

    fn summary(&self, has_rate: bool) -> Summary {
        let [ok, refused, timeouts, lost] = self.outcomes;
        let calls = ok + refused + timeouts + lost;
        let elapsed =
            self.last.zip(self.first).map_or(Duration::ZERO, |(last, first)| last.duration_since(first));
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 calls")]
        let throughput = if seconds > 0.0 { (ok + refused) as f64 / seconds } else { 0.0 };
        Summary {
            calls,
            ok,
            refused,
            timeouts,
            lost,
            unfinished: self.started.saturating_sub(calls),
            late: self.late,
            seconds,
            throughput,
            response_ms: self.response.as_ref().filter(|_| has_rate).map(latency),
            service_ms: self.service.as_ref().map(latency),
        }
    }
}

fn record(histogram: &mut Option<Histogram<u64>>, time: Duration) {
    if histogram.is_none() {
        *histogram = Histogram::new(3).ok();
    }
    if let Some(histogram) = histogram {
        // It fails only for a value that no memory could make room for.
        let _ = histogram.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
    Latency {
        mean: round(histogram.mean() / 1e6),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: milliseconds(histogram.max()),
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    round(Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3)
}

/// To the microsecond.
fn round(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
