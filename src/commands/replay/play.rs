//! Sending a recording: requests as requests, events as events, when they are due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::selection::Selection;
use super::streams::{Part, Streams};
use super::total::Total;
use super::{Args, Verb};
use crate::commands::outgoing::SAMPLE_ID;
use crate::commands::publish::Pace;
use crate::commands::{block_on, interrupted, target};
use crate::exit::{Code, Failure};
use crate::message::{Data, Direction, Message, Reply, ReplyKind};
use crate::tape::{Entry, Pacing, Reader};
use crate::transport::{Delivered, Error, Kind, Publisher, Push, Spec, Transport};
use crate::ui::Ui;

/// How many requests wait for replies at most; then the next waits, too.
const MOST_OPEN: usize = 1024;

/// How long after Ctrl-C a peer may still take what was pushed.
const PARTING: Duration = Duration::from_secs(2);

/// Plays a recording.
pub(super) struct Player<'a> {
    pub(super) spec: &'static Spec,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) patience: Duration,
    pub(super) args: &'a Args,
}

/// What came of a request.
pub(super) enum Outcome {
    /// All its replies.
    Answered(Vec<Reply>),
    /// What came before it was waited for in vain.
    TimedOut(Vec<Reply>),
    /// Nobody takes it.
    Nobody,
    /// The link failed.
    Failed(Error),
}

/// Sends a request, which may be a stream of messages, and waits for all its replies.
pub(super) async fn ask(
    transport: &dyn Transport,
    message: &Message,
    stream: Option<mpsc::Receiver<Data>>,
    patience: Duration,
) -> Outcome {
    let mut replies = Vec::new();
    let asked = match stream {
        None => transport.request(message).await,
        Some(messages) => transport.request_stream(message, messages).await,
    };
    let mut exchange = match asked {
        Ok(exchange) => exchange,
        Err(error) if error.kind() == Kind::NobodyThere => return Outcome::Nobody,
        Err(error) => return Outcome::Failed(error),
    };
    loop {
        match timeout(patience, exchange.replies.recv()).await {
            Err(_) => return Outcome::TimedOut(replies),
            Ok(Some(Ok(reply))) => {
                let is_final = reply.is_final();
                replies.push(reply);
                if is_final {
                    return Outcome::Answered(replies);
                }
            }
            Ok(Some(Err(error))) if error.kind() == Kind::NobodyThere => return Outcome::Nobody,
            Ok(Some(Err(error))) => return Outcome::Failed(error),
            Ok(None) => {
                let closed = format!("{} closed the connection", transport.shown());
                return Outcome::Failed(Error::new(Kind::Closed, closed));
            }
        }
    }
}

/// A message of the recording, to be sent.
struct Due {
    /// The line it stands on.
    line: u64,
    /// When it was recorded.
    at: jiff::Timestamp,
    verb: Verb,
    part: Part,
    message: Message,
}

/// When each message is due.
pub(super) struct Schedule {
    start: Instant,
    pacing: Pacing,
    pace: Option<Pace>,
}

impl Schedule {
    pub(super) fn new(args: &Args) -> Self {
        let pacing = Pacing::new(args.speed.unwrap_or_default());
        Self { start: Instant::now(), pacing, pace: args.rate.map(Pace::new) }
    }

    /// Waits until the message that was recorded `at` is due.
    pub(super) async fn wait(&mut self, at: jiff::Timestamp) {
        if let Some(pace) = &mut self.pace {
            return pace.wait().await;
        }
        let due = self.pacing.due(at);
        match self.start.checked_add(due) {
            // What is due already costs no turn of the scheduler.
            Some(due) if due <= Instant::now() => {}
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

impl Player<'_> {
    pub(super) fn run(
        &self,
        mut reader: Reader,
        selection: &mut Selection,
        ui: &mut Ui,
    ) -> anyhow::Result<Code> {
        if self.args.dry_run {
            return self.show(&mut reader, selection, ui);
        }
        if let Some(verb) = self.args.verb {
            self.require(verb, ui)?;
        }
        ui.note(&format!("replaying {} to {}", self.args.file.display(), self.transport.shown()));
        block_on(async {
            let start = Instant::now();
            let mut playing = Playing {
                player: self,
                total: Total::default(),
                publisher: None,
                asking: JoinSet::new(),
                streams: Streams::default(),
            };
            let mut stopped = std::pin::pin!(interrupted());
            let mut outcome = tokio::select! {
                biased;
                () = &mut stopped => Ok(Code::Interrupted),
                outcome = playing.play(&mut reader, selection, ui) => outcome,
            };
            let delivered = playing.finish(matches!(outcome, Ok(Code::Interrupted)), stopped).await;
            let Playing { mut total, .. } = playing;
            total.add(&delivered);
            for note in self.transport.take_notes() {
                ui.warn(&note);
            }
            if let (Ok(_), Some(error)) = (&outcome, delivered.error) {
                outcome = Err(error.into());
            }
            total.tell(start.elapsed(), ui)?;
            tell_rest(&reader, selection, ui);
            match outcome? {
                Code::Interrupted => Ok(Code::Interrupted),
                _ if total.requests + total.emitted == 0 => {
                    Err(Failure::new(Code::Failed, "nothing of the recording was to be sent").into())
                }
                _ => Ok(judge(total.code(), &reader)),
            }
        })
    }

    /// `--dry-run`: the exact bytes.
    fn show(&self, reader: &mut Reader, selection: &mut Selection, ui: &mut Ui) -> anyhow::Result<Code> {
        let mut left = self.args.count.unwrap_or(u64::MAX);
        while left > 0
            && let Some(Due { line, verb, message, .. }) =
                self.next(reader, selection, &mut Streams::default())?
        {
            let id = (verb == Verb::Send).then_some(SAMPLE_ID);
            let bytes = self.transport.encode(&message, id).map_err(|error| self.at_line(line, error))?;
            ui.exact(&bytes)?;
            left -= 1;
        }
        ui.note(&format!("nothing was sent to {}", self.transport.shown()));
        tell_rest(reader, selection, ui);
        Ok(judge(Code::Done, reader))
    }

    /// The next message to send.
    fn next(
        &self,
        reader: &mut Reader,
        selection: &mut Selection,
        streams: &mut Streams,
    ) -> anyhow::Result<Option<Due>> {
        while let Some(entry) = reader.next() {
            let Entry { line, record } = entry?;
            let verb = if record.direction == Direction::Request { Verb::Send } else { Verb::Emit };
            let at = record.at;
            let is_sent = self.args.verb != Some(Verb::Emit);
            let part = if is_sent { streams.part(&record) } else { Part::Alone };
            if let Some(message) = selection.message(record, reader.text()) {
                let message = self.transport.resent(message);
                return Ok(Some(Due { line, at, verb: self.args.verb.unwrap_or(verb), part, message }));
            }
        }
        Ok(None)
    }

    /// `error`, with its line where it is the message's and not the link's.
    fn at_line(&self, line: u64, error: Error) -> anyhow::Error {
        let is_the_link = matches!(error.kind(), Kind::Unreachable | Kind::Denied | Kind::Closed);
        let error = anyhow::Error::from(error);
        if is_the_link {
            return error;
        }
        error.context(format!("{}, line {line}: this message cannot be sent", self.args.file.display()))
    }

    fn require(&self, verb: Verb, ui: &mut Ui) -> anyhow::Result<()> {
        let support = if verb == Verb::Emit { &self.spec.can.emit } else { &self.spec.can.request };
        Ok(target::require(support, self.spec.name, ui)?)
    }
}

/// A recording that is cut short was played in part.
pub(super) fn judge(code: Code, reader: &Reader) -> Code {
    if code == Code::Done && reader.cut().is_some() { Code::Partial } else { code }
}

/// What else there is to say about the recording.
pub(super) fn tell_rest(reader: &Reader, selection: &mut Selection, ui: &mut Ui) {
    if let Some(trouble) = selection.take_trouble() {
        ui.warn(&trouble);
    }
    if selection.masked > 0 {
        ui.warn(&format!(
            "{} messages hold values that the recording masks: they went as \"***\" (-H sets a header)",
            selection.masked
        ));
    }
    if let Some(cut) = reader.cut() {
        ui.warn(&format!("{cut}; what stands before was used"));
    }
}

struct Playing<'a> {
    player: &'a Player<'a>,
    total: Total,
    publisher: Option<Box<dyn Publisher>>,
    /// The requests that wait for replies, with the lines they stand on.
    asking: JoinSet<(u64, Outcome)>,
    streams: Streams,
}

impl Playing<'_> {
    async fn play(
        &mut self,
        reader: &mut Reader,
        selection: &mut Selection,
        ui: &mut Ui,
    ) -> anyhow::Result<Code> {
        let mut schedule = Schedule::new(self.player.args);
        let mut left = self.player.args.count.unwrap_or(u64::MAX);
        while left > 0
            && let Some(due) = self.player.next(reader, selection, &mut self.streams)?
        {
            schedule.wait(due.at).await;
            match (due.verb, &due.part) {
                (_, Part::Further(key)) => self.streams.push(key, due.message.data).await,
                (Verb::Emit, _) => self.emit(&due, ui).await?,
                (Verb::Send, _) => self.send(due, ui).await?,
            }
            left -= 1;
        }
        self.streams.end();
        while let Some(outcome) = self.asking.join_next().await {
            self.count(outcome?)?;
        }
        Ok(Code::Done)
    }

    async fn emit(&mut self, due: &Due, ui: &mut Ui) -> anyhow::Result<()> {
        if self.publisher.is_none() {
            self.player.require(Verb::Emit, ui)?;
            self.publisher = Some(self.player.transport.publisher().await?);
        }
        let Some(publisher) = &mut self.publisher else { return Ok(()) };
        let wrong = |error| self.player.at_line(due.line, error);
        while publisher.push(&due.message).map_err(wrong)? == Push::Full {
            publisher.room().await?;
        }
        Ok(())
    }

    async fn send(&mut self, due: Due, ui: &mut Ui) -> anyhow::Result<()> {
        if self.total.requests == 0 {
            self.player.require(Verb::Send, ui)?;
        }
        while self.asking.len() >= MOST_OPEN
            && let Some(outcome) = self.asking.join_next().await
        {
            self.count(outcome?)?;
        }
        while let Some(outcome) = self.asking.try_join_next() {
            self.count(outcome?)?;
        }
        let (transport, patience) = (self.player.transport.clone(), self.player.patience);
        let Due { line, part, mut message, .. } = due;
        let stream = match part {
            Part::First(key) => Some(self.streams.begin(key, message.data.take())),
            Part::Alone | Part::Further(_) => None,
        };
        self.asking.spawn(async move { (line, ask(&*transport, &message, stream, patience).await) });
        self.total.requests += 1;
        Ok(())
    }

    fn count(&mut self, (line, outcome): (u64, Outcome)) -> anyhow::Result<()> {
        match outcome {
            Outcome::Answered(replies) => {
                let is_refused = replies.iter().any(|reply| reply.kind == ReplyKind::Refused);
                *(if is_refused { &mut self.total.refused } else { &mut self.total.answered }) += 1;
            }
            Outcome::TimedOut(_) => self.total.unanswered += 1,
            Outcome::Nobody => self.total.nobody += 1,
            Outcome::Failed(error) => {
                self.total.failed += 1;
                return Err(self.player.at_line(line, error));
            }
        }
        Ok(())
    }

    /// Waits until every event has left.
    async fn finish(&mut self, is_interrupted: bool, stopped: impl Future<Output = ()>) -> Delivered {
        let Some(publisher) = self.publisher.take() else { return Delivered::default() };
        let finishing = publisher.finish();
        if is_interrupted {
            return timeout(PARTING, finishing).await.unwrap_or_default();
        }
        tokio::select! {
            delivered = finishing => delivered,
            () = stopped => Delivered::default(),
        }
    }
}
