//! When a recorded message is due again.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use crate::fault::Fault;

/// How fast a recording is played: `2x`, `0.5x`, `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// Without a pause.
    Max,
}

impl Default for Speed {
    fn default() -> Self {
        Self::Times(1.0)
    }
}

impl FromStr for Speed {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix(['x', '×']).unwrap_or(text).trim().parse::<f64>().ok();
        times.filter(|times| times.is_finite() && *times > 0.0).map(Self::Times).ok_or_else(|| {
            Fault::new(format!("`{text}` is no speed"))
                .hint("write `2x` for twice as fast, `0.5x` for half, `max` for no pauses")
        })
    }
}

/// The schedule of a recording.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    speed: Speed,
    first: Option<Timestamp>,
    due: Duration,
}

impl Pacing {
    /// At `speed`.
    pub fn new(speed: Speed) -> Self {
        Self { speed, first: None, due: Duration::ZERO }
    }

    /// How long after the start the next message is due, which was recorded `at`. Never before the one before it.
    pub fn due(&mut self, at: Timestamp) -> Duration {
        let Speed::Times(times) = self.speed else { return Duration::ZERO };
        let first = *self.first.get_or_insert(at);
        let since = at.duration_since(first).as_secs_f64() / times;
        // A recording of years at a hundredth of its speed is due never.
        self.due = self.due.max(Duration::try_from_secs_f64(since.max(0.0)).unwrap_or(Duration::MAX));
        self.due
    }
}
