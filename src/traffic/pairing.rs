//! Replies find their requests: by scope and id, never by order (`wire.md` §1.4).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::message::{Delivery, Direction, Pattern};
use crate::record::{Pair, Unanswered};

/// How much [`Pairing`] may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open requests.
    pub count: usize,
    /// Their ids, patterns and destinations, in bytes, with what holding them costs.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { count: 100_000, bytes: 64 << 20 }
    }
}

/// The requests that may still be answered.
#[derive(Debug, Default)]
pub struct Pairing {
    /// By arrival.
    open: BTreeMap<u64, Open>,
    /// The newest request with this scope and id.
    newest: HashMap<(u64, Box<str>), u64>,
    arrivals: u64,
    /// All requests that arrived before this one have been looked at by [`Pairing::expire`].
    expired_to: u64,
    bytes: usize,
    evicted: u64,
    limits: Limits,
}

#[derive(Debug)]
struct Open {
    at: Timestamp,
    scope: u64,
    id: Box<RawValue>,
    pattern: Option<Pattern>,
    dest: Option<String>,
    is_answered: bool,
}

/// What an entry costs beside its text: two map entries and their share of spare room.
const ENTRY: usize = 256;

impl Open {
    fn bytes(&self) -> usize {
        let pattern = self.pattern.as_ref().map_or(0, |pattern| pattern.as_str().len());
        ENTRY + 2 * self.id.get().len() + pattern + self.dest.as_ref().map_or(0, String::len)
    }
}

impl Pairing {
    /// Holds at most what `limits` say; the oldest request goes first.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes note of `delivery`. For a reply: what is known of its request, `None` where that was never seen or is
    /// no longer held. Each reply of a stream has its pair; the final one closes the request.
    pub fn feed(&mut self, delivery: &Delivery) -> Option<Pair> {
        let id = delivery.id.as_ref()?;
        match delivery.direction {
            Direction::Event => None,
            Direction::Request => {
                self.open(delivery, id);
                None
            }
            Direction::Reply => self.pair(delivery, id),
        }
    }

    /// The requests that no reply was seen for in `timeout`, each told once. They stay open, so that a late reply
    /// still finds them.
    pub fn expire(&mut self, now: Timestamp, timeout: Duration) -> Vec<Unanswered> {
        let mut unanswered = Vec::new();
        for (&arrival, open) in self.open.range(self.expired_to..) {
            let waited = Duration::try_from(now.duration_since(open.at)).unwrap_or_default();
            if waited < timeout {
                break;
            }
            self.expired_to = arrival + 1;
            if !open.is_answered {
                unanswered.push(Unanswered {
                    at: open.at,
                    pattern: open.pattern.clone(),
                    dest: open.dest.clone(),
                    id: Some(open.id.clone()),
                    waited,
                });
            }
        }
        unanswered
    }

    /// How many requests were given up, unanswered so far, because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn open(&mut self, delivery: &Delivery, id: &RawValue) {
        let open = Open {
            at: delivery.at,
            scope: delivery.scope,
            id: id.to_owned(),
            pattern: delivery.pattern.clone(),
            dest: delivery.dest.clone(),
            is_answered: false,
        };
        self.bytes += open.bytes();
        self.newest.insert((open.scope, id.get().into()), self.arrivals);
        self.open.insert(self.arrivals, open);
        self.arrivals += 1;
        while self.open.len() > self.limits.count || self.bytes > self.limits.bytes {
            let Some((arrival, oldest)) = self.open.pop_first() else { break };
            // A request that was told unanswered, or that has had replies, has nothing left to tell.
            self.evicted += u64::from(!oldest.is_answered && arrival >= self.expired_to);
            self.forget(arrival, &oldest);
        }
    }

    fn pair(&mut self, delivery: &Delivery, id: &RawValue) -> Option<Pair> {
        let arrival = *self.newest.get(&(delivery.scope, id.get().into()))?;
        let open = self.open.get_mut(&arrival)?;
        open.is_answered = true;
        let ms = delivery.at.duration_since(open.at).as_secs_f64() * 1e3;
        let mut pair = Pair { of: Some(open.id.clone()), ms, is_final: delivery.is_final, pattern: None };
        if delivery.is_final
            && let Some(closed) = self.open.remove(&arrival)
        {
            self.forget(arrival, &closed);
            pair.pattern = closed.pattern;
        } else {
            pair.pattern = self.open.get(&arrival).and_then(|open| open.pattern.clone());
        }
        Some(pair)
    }

    /// Drops what is held beside the entry itself, unless a newer request has taken its place.
    fn forget(&mut self, arrival: u64, open: &Open) {
        self.bytes -= open.bytes();
        let key = (open.scope, open.id.get().into());
        if self.newest.get(&key) == Some(&arrival) {
            self.newest.remove(&key);
        }
    }
}
