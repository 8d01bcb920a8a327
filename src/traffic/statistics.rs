//! Statistics of watched traffic: how much, how fast, how much of it went wrong, per pattern.

use std::collections::HashMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::Serialize;

use crate::message::{Delivery, Direction, Pattern};
use crate::record::{Pair, Unanswered};

/// How many patterns of a service have a row of their own; all others share one.
const MOST_PATTERNS: usize = 500;

/// The row that patterns share which came after [`MOST_PATTERNS`] others.
const OTHERS: &str = "(others)";

/// The row of replies whose request was not seen.
const UNKNOWN: &str = "(unknown)";

/// Counts of what was seen since a start.
#[derive(Debug)]
pub struct Statistics {
    start: Timestamp,
    rows: Vec<Counts>,
    /// Where in `rows` they are: by service, empty where none was named, then by pattern.
    places: HashMap<String, HashMap<String, usize>>,
    /// The row that was counted in last: what comes next is often of the same pattern.
    last: usize,
    lost: u64,
    has_unknown_loss: bool,
}

#[derive(Debug, Default)]
struct Counts {
    service: String,
    pattern: String,
    requests: u64,
    replies: u64,
    events: u64,
    errors: u64,
    unanswered: u64,
    bytes: u64,
    /// Microseconds from a request to its final reply.
    latency: Option<Histogram<u64>>,
}

/// Latency of requests, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the replies came within.
    pub p50: f64,
    /// 99 of 100 came within.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// One pattern's numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Whose it is, where several are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The pattern as a person reads it.
    pub pattern: String,
    /// Requests seen.
    pub requests: u64,
    /// Replies seen, each value of a stream.
    pub replies: u64,
    /// Events seen.
    pub events: u64,
    /// Error replies among the replies.
    pub errors: u64,
    /// Requests that had no reply in time.
    pub unanswered: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Messages per second since the start.
    pub rate: f64,
    /// From a request to its final reply; `None` where no reply found its request.
    pub latency_ms: Option<Latency>,
}

/// All numbers: the fields of the `summary` record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Seconds since the start.
    pub seconds: f64,
    /// Messages seen.
    pub messages: u64,
    /// Messages per second.
    pub rate: f64,
    /// Error replies.
    pub errors: u64,
    /// Requests that had no reply in time.
    pub unanswered: u64,
    /// Messages that gaps are known to have lost; `None` if a gap did not say.
    pub lost: Option<u64>,
    /// One row per pattern, the busiest first.
    pub patterns: Vec<Row>,
}

impl Statistics {
    /// Starts counting at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self { start, rows: Vec::new(), places: HashMap::new(), last: 0, lost: 0, has_unknown_loss: false }
    }

    /// Counts `delivery`, of `service` where several are watched; `pair` is what is known of a reply's request.
    pub fn feed(&mut self, delivery: &Delivery, pair: Option<&Pair>, service: Option<&str>) {
        let pattern = delivery.pattern.as_ref().or_else(|| pair.and_then(|pair| pair.pattern.as_ref()));
        let counts = self.counts(service, pattern);
        counts.bytes += delivery.size as u64;
        counts.errors += u64::from(delivery.error.is_some());
        match delivery.direction {
            Direction::Request => counts.requests += 1,
            Direction::Event => counts.events += 1,
            Direction::Reply => counts.replies += 1,
        }
        if let Some(pair) = pair.filter(|pair| pair.is_final) {
            counts.measure(pair.ms);
        }
    }

    /// Counts a request that had no reply in time.
    pub fn feed_unanswered(&mut self, request: &Unanswered, service: Option<&str>) {
        self.counts(service, request.pattern.as_ref()).unanswered += 1;
    }

    /// Counts a gap.
    pub fn feed_gap(&mut self, lost: Option<u64>) {
        match lost {
            Some(lost) => self.lost = self.lost.saturating_add(lost),
            None => self.has_unknown_loss = true,
        }
    }

    /// All numbers as of `now`.
    pub fn summary(&self, now: Timestamp) -> Summary {
        let seconds = now.duration_since(self.start).as_secs_f64().max(0.0);
        let mut patterns: Vec<_> = self.rows.iter().map(|counts| counts.row(seconds)).collect();
        patterns.sort_by(|a, b| {
            let names = || (&a.service, &a.pattern).cmp(&(&b.service, &b.pattern));
            b.messages().cmp(&a.messages()).then_with(names)
        });
        let messages = patterns.iter().map(Row::messages).sum();
        Summary {
            seconds: round(seconds),
            messages,
            rate: per_second(messages, seconds),
            errors: patterns.iter().map(|row| row.errors).sum(),
            unanswered: patterns.iter().map(|row| row.unanswered).sum(),
            lost: (!self.has_unknown_loss).then_some(self.lost),
            patterns,
        }
    }

    fn counts(&mut self, service: Option<&str>, pattern: Option<&Pattern>) -> &mut Counts {
        let (service, name) = (service.unwrap_or_default(), pattern.map_or(UNKNOWN, Pattern::as_str));
        let is_last = |counts: &Counts| counts.pattern == name && counts.service == service;
        if !self.rows.get(self.last).is_some_and(is_last) {
            self.last = self.place(service, name);
        }
        &mut self.rows[self.last]
    }

    /// Where the row is; what has none yet gets one.
    fn place(&mut self, service: &str, name: &str) -> usize {
        // Looked up before it is entered, so that what is known costs no allocation.
        if !self.places.contains_key(service) {
            self.places.insert(service.to_owned(), HashMap::new());
        }
        let places = self.places.get_mut(service).expect("it was entered above");
        if let Some(place) = places.get(name) {
            return *place;
        }
        let name = if places.len() < MOST_PATTERNS { name } else { OTHERS };
        *places.entry(name.to_owned()).or_insert_with(|| {
            self.rows.push(Counts {
                service: service.to_owned(),
                pattern: name.to_owned(),
                ..Counts::default()
            });
            self.rows.len() - 1
        })
    }
}

impl Counts {
    fn measure(&mut self, ms: f64) {
        let elapsed = Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        if self.latency.is_none() {
            // Two digits keep a row at some ten kilobytes.
            self.latency = Histogram::new(2).ok();
        }
        if let Some(latency) = &mut self.latency {
            // It fails only for a value that no memory could make room for.
            let _ = latency.record(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        }
    }

    fn row(&self, seconds: f64) -> Row {
        let latency = |histogram: &Histogram<u64>| Latency {
            p50: milliseconds(histogram.value_at_quantile(0.5)),
            p99: milliseconds(histogram.value_at_quantile(0.99)),
            max: milliseconds(histogram.max()),
        };
        let messages = self.requests + self.replies + self.events;
        Row {
            service: Some(self.service.clone()).filter(|service| !service.is_empty()),
            pattern: self.pattern.clone(),
            requests: self.requests,
            replies: self.replies,
            events: self.events,
            errors: self.errors,
            unanswered: self.unanswered,
            bytes: self.bytes,
            rate: per_second(messages, seconds),
            latency_ms: self.latency.as_ref().map(latency),
        }
    }
}

impl Row {
    /// Messages of all directions.
    pub fn messages(&self) -> u64 {
        self.requests + self.replies + self.events
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    round(Duration::from_micros(microseconds).as_secs_f64() * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits after the point")]
fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { round(count as f64 / seconds) } else { 0.0 }
}

fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
