//! One endpoint that is watched: opened, opened again when its link was lost, closed in good order.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::commands::source::Source;
use crate::transport::{Event, Feed, From};

/// The pause before the first try to connect again; each further one is twice as long, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a link has to tell.
pub(super) enum Told {
    /// What was seen.
    Events(Vec<Event>),
    /// The link is gone. What comes until it is back is missed, unless the broker keeps it.
    Lost { is_kept: bool },
    /// It joined, and watches here.
    Joined(String),
    /// It joined, and cannot be had yet, or at all.
    Down(anyhow::Error),
    /// It is there, after so long.
    Back(Duration),
    /// It was closed, as it was told to.
    Closed,
}

/// An endpoint that is watched.
pub(super) struct Link {
    /// Its place among the others.
    pub(super) at: usize,
    source: Source,
    feed: Option<Feed>,
    /// It was never opened.
    is_new: bool,
    down_since: Instant,
    pause: Duration,
    is_ended: watch::Receiver<bool>,
}

impl Link {
    /// The link number `at`; it closes once `is_ended` says so.
    pub(super) fn new(at: usize, source: Source, is_ended: watch::Receiver<bool>) -> Self {
        Self { at, source, feed: None, is_new: false, down_since: Instant::now(), pause: PAUSE, is_ended }
    }

    /// One that joins those that are watched: it opens itself, and tells how that went.
    pub(super) fn joining(mut self) -> Self {
        self.is_new = true;
        self
    }

    /// Opens it; says where it watches.
    pub(super) async fn open(&mut self) -> anyhow::Result<String> {
        let (feed, note) = self.source.open().await?;
        self.feed = Some(feed);
        Ok(note)
    }

    /// Where it watches, as it may be shown.
    pub(super) fn shown(&self) -> String {
        self.source.transport.shown()
    }

    /// Waits for the next that there is to tell.
    pub(super) async fn next(&mut self) -> Told {
        let mut is_ended = self.is_ended.clone();
        // An end of the sender is an end, too.
        let ended = async move { drop(is_ended.wait_for(|is_ended| *is_ended).await) };
        tokio::select! {
            biased;
            () = ended => {}
            told = self.advance() => return told,
        }
        if let Some(feed) = self.feed.take() {
            feed.close().await;
        }
        Told::Closed
    }

    async fn advance(&mut self) -> Told {
        if std::mem::take(&mut self.is_new) {
            return self.open().await.map_or_else(Told::Down, Told::Joined);
        }
        let Some(feed) = &mut self.feed else {
            self.reopen().await;
            return Told::Back(self.down_since.elapsed());
        };
        if let Some(events) = feed.recv().await {
            self.follow_positions(&events);
            return Told::Events(events);
        }
        self.feed = None;
        (self.down_since, self.pause) = (Instant::now(), PAUSE);
        Told::Lost { is_kept: matches!(self.source.watch.from, From::Position(_)) }
    }

    /// Where the broker keeps what comes nothing is missed: a new watch goes on behind the last message.
    fn follow_positions(&mut self, events: &[Event]) {
        let position = events.iter().rev().find_map(|event| match event {
            Event::Message(delivery) => delivery.position,
            _ => None,
        });
        if let Some(position) = position {
            self.source.watch.from = From::Position(position + 1);
        }
    }

    /// Opens it again, for as long as that takes.
    async fn reopen(&mut self) {
        loop {
            tokio::time::sleep(self.pause).await;
            if self.open().await.is_ok() {
                return;
            }
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }
}
