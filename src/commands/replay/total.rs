//! What became of what was replayed.

use std::time::Duration;

use serde::Serialize;

use crate::commands::show;
use crate::exit::Code;
use crate::transport::Delivered;
use crate::ui::{Format, Ui};

/// The counts.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Total {
    /// Requests that were sent.
    pub(super) requests: u64,
    /// Those with an answer that is no error.
    pub(super) answered: u64,
    /// Those that were answered with an error.
    pub(super) refused: u64,
    /// Those without a reply in time.
    pub(super) unanswered: u64,
    /// Those that nobody takes.
    pub(super) nobody: u64,
    /// Those that the link failed under.
    pub(super) failed: u64,
    /// Events that left.
    pub(super) emitted: u64,
    /// Events that are known to have arrived.
    pub(super) confirmed: u64,
    /// Events that nobody takes.
    pub(super) unroutable: u64,
    /// Events that never left.
    pub(super) lost: u64,
    /// How long it took.
    pub(super) seconds: f64,
}

impl Total {
    /// Adds what became of the events.
    pub(super) fn add(&mut self, delivered: &Delivered) {
        let Delivered { confirmed, unconfirmed, unroutable, lost, .. } = delivered;
        self.emitted += confirmed + unconfirmed + unroutable;
        self.confirmed += confirmed;
        self.unroutable += unroutable;
        self.lost += lost;
    }

    /// What it means.
    pub(super) fn code(&self) -> Code {
        let missed = self.unanswered + self.nobody + self.unroutable + self.lost;
        let done = self.answered + self.refused + (self.emitted - self.unroutable);
        match (missed, done) {
            (0, _) if self.refused > 0 => Code::Failed,
            (0, _) => Code::Done,
            (_, 0) if self.unanswered > 0 => Code::TimedOut,
            (_, 0) if self.lost == 0 => Code::NobodyThere,
            _ => Code::Partial,
        }
    }

    /// Tells it: a record in JSON, else a line of talk.
    pub(super) fn tell(&mut self, took: Duration, ui: &mut Ui) -> anyhow::Result<()> {
        self.seconds = took.as_secs_f64();
        if ui.format() == Format::Json {
            return show::summary(ui, self);
        }
        let counts = |head: String, parts: &[(u64, &str)]| {
            let parts = parts.iter().filter(|(number, _)| *number > 0);
            parts.fold(head, |text, (number, what)| format!("{text}, {number} {what}"))
        };
        let mut told = Vec::new();
        if self.requests > 0 {
            let parts = [
                (self.answered, "answered"),
                (self.refused, "answered with an error"),
                (self.unanswered, "without a reply in time"),
                (self.nobody, "that nobody takes"),
                (self.failed, "failed"),
            ];
            told.push(counts(format!("{} requests", self.requests), &parts));
        }
        if self.emitted + self.lost > 0 || told.is_empty() {
            let parts = [(self.confirmed, "confirmed"), (self.unroutable, "unroutable"), (self.lost, "lost")];
            told.push(counts(format!("{} events emitted", self.emitted), &parts));
        }
        ui.note(&format!("{} in {:.2}s", told.join("; "), self.seconds));
        Ok(())
    }
}
