//! How far a long run is, on a terminal's stderr.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A bar where the end is known, else a spinner; nothing where nobody would see it. Cleared when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(total: Option<u64>, what: &'static str, hidden: bool) -> Self {
        // One of one is no progress.
        let hidden = hidden || total == Some(1);
        let target =
            if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        let bar = ProgressBar::with_draw_target(total, target).with_message(what);
        let template = match total {
            Some(_) => "{msg} {bar:30} {human_pos}/{human_len} {rate} {eta}",
            None => "{spinner} {msg} {human_pos} {rate}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            // Its own rate has four digits after the point.
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{:.0}/s", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        if total.is_none() && !hidden {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar }
    }

    /// How many are done.
    pub fn done(&self) -> u64 {
        self.bar.position()
    }

    /// So many are done in all.
    pub fn reach(&self, count: u64) {
        self.bar.set_position(count);
    }

    /// So many more are done.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
