//! `eyas send`: a request, and its reply or replies.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::flags::{LinkFlags, SafetyFlags, ShowFlags};
use super::outgoing::{Cautions, MessageFlags, Messages, SAMPLE_ID};
use super::reach::unreachable;
use super::refusal;
use super::show::Show;
use super::signing::Purpose;
use super::target;
use crate::exit::{Code, Failure};
use crate::fault::Fault;
use crate::message::{Data, Delivery, Direction, HeaderValue, Message, Reply, ReplyKind};
use crate::record::Pair;
use crate::settings::Settings;
use crate::traffic::{Findings, Query};
use crate::transport::{self, Exchange, Transport};
use crate::ui::{Format, Ui};
use crate::wire::NestVersion;

/// What it is for.
pub const ABOUT: &str = "Send a request, as Nest's ClientProxy.send() does, and print the reply";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(override_usage = "eyas send [OPTIONS] [TARGET] PATTERN [DATA]...")]
#[command(after_long_help = "Examples:
  eyas send @orders orders.get id=7
  eyas send tcp://127.0.0.1:4000 '{\"cmd\":\"sum\"}' '[1,2,3]'
  eyas send orders.list --timeout 30s -o json
  eyas send @orders:http GET /orders/7 expand==items
  eyas send http://127.0.0.1:3000 POST /orders name=first -H 'Authorization: Bearer x'
  eyas send orders.get id=7 --expect '.name == \"first\"'")]
pub struct Args {
    #[command(flatten)]
    message: MessageFlags,
    /// Send it so many times, one after the other
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    /// Stop after N replies instead of at the end of the stream
    #[arg(long, value_name = "N")]
    replies: Option<u64>,
    /// Every reply's data must fulfil this jq expression, or the exit code is 1
    #[arg(long, value_name = "JQ")]
    expect: Option<String>,
    /// Print more than the data, on stderr
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    print: Vec<Extra>,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    link: LinkFlags,
    #[command(flatten)]
    safety: SafetyFlags,
}

/// What `--print` adds.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Extra {
    /// The reply's headers
    Headers,
    /// How long it took
    Timing,
}

/// Sends.
///
/// # Errors
/// Words that cannot be used, no connection, no reply, an error as reply, an expectation that is not met.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Raw);
    let (word, words) = args.message.split()?;
    let target = target::resolve(word, settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    target::require(&spec.can.request, spec.name, ui)?;
    let expect = args.expect.as_deref().map(Query::compile).transpose()?;
    let mut messages = args.message.messages(words, (&target, spec.written, Purpose::Request), settings)?;
    let count = args.count.or(if messages.is_finite() { None } else { Some(1) });
    let show = Show::new(&args.show, spec.name, target.service)?;
    let nest = target.endpoint.nest;
    let transport = transport::open(target.endpoint)?;
    let patience = args.link.patience(settings).reply;
    super::block_on_here(async {
        if args.safety.dry_run {
            return super::outgoing::show(&*transport, &mut messages, count, Some(SAMPLE_ID), ui).await;
        }
        let mut asking = Asking {
            transport: &*transport,
            patience,
            args,
            expect,
            show,
            findings: Findings::default(),
            cautions: Cautions::default(),
            nest,
            ui,
        };
        tokio::select! {
            outcome = asking.ask_all(&mut messages, count) => outcome,
            () = super::interrupted() => Ok(Code::Interrupted),
        }
    })
}

/// Messages of a stream that are read ahead of the link.
const MESSAGES_AHEAD: usize = 16;

/// A request that was sent.
struct Asked<'a> {
    message: &'a Message,
    exchange: Exchange,
    start: Instant,
    /// How many have come.
    values: u64,
}

/// Gives the data of `first` and of all that follow to `sender`.
async fn feed(
    head: &Message,
    first: Option<Message>,
    messages: &mut Messages,
    sender: mpsc::Sender<Data>,
) -> anyhow::Result<()> {
    let mut next = first;
    for seq in 1.. {
        let Some(message) = next else { break };
        if message.pattern != head.pattern {
            let (one, other) = (head.pattern.as_str(), message.pattern.as_str());
            return Err(Fault::new(format!("message {seq} is for `{other}`, in a stream to `{one}`"))
                .hint("a stream of messages is one request: to one pattern")
                .into());
        }
        // A service may answer before it has read everything.
        if sender.send(message.data.unwrap_or_else(|| Data::classify(b"{}"))).await.is_err() {
            break;
        }
        next = messages.next(seq).await?;
    }
    Ok(())
}

struct Asking<'a> {
    transport: &'a dyn Transport,
    patience: Duration,
    args: &'a Args,
    expect: Option<Query>,
    show: Show,
    findings: Findings,
    cautions: Cautions,
    nest: NestVersion,
    ui: &'a mut Ui,
}

impl Asking<'_> {
    /// Asks one after the other; goes on after an answer that is no, and ends with the last such answer.
    async fn ask_all(&mut self, messages: &mut Messages, count: Option<u64>) -> anyhow::Result<Code> {
        let mut outcome = Ok(Code::Done);
        let mut next = messages.next(0).await?;
        if messages.is_finite()
            && let Some(head) = next.clone().or(messages.head()?)
            && self.transport.takes_stream(&head.pattern).await?
        {
            let head = Message { data: None, ..head };
            self.ask_stream(&head, next, messages).await?;
            return outcome;
        }
        for seq in 1.. {
            let Some(message) = next.take_if(|_| seq <= count.unwrap_or(u64::MAX)) else { break };
            if let Err(error) = self.ask(&message).await {
                let is_answer = error.is::<Failure>();
                if let Err(before) = std::mem::replace(&mut outcome, Err(error)) {
                    self.ui.warn(&format!("{before:#}"));
                }
                if !is_answer {
                    break;
                }
            }
            if Some(seq) != count {
                next = messages.next(seq).await?;
            }
        }
        outcome
    }

    async fn ask(&mut self, message: &Message) -> anyhow::Result<()> {
        self.cautions.look(self.transport, message, self.ui);
        let start = Instant::now();
        let exchange = self.transport.request(message).await?;
        self.follow(Asked { message, exchange, start, values: 0 }).await
    }

    /// All messages there are as one request. Replies are told as they come; for those after the last message no
    /// longer is waited than for any.
    async fn ask_stream(
        &mut self,
        head: &Message,
        first: Option<Message>,
        messages: &mut Messages,
    ) -> anyhow::Result<()> {
        let (sender, receiver) = mpsc::channel(MESSAGES_AHEAD);
        let start = Instant::now();
        let exchange = self.transport.request_stream(head, receiver).await?;
        let mut asked = Asked { message: head, exchange, start, values: 0 };
        self.introduce(&mut asked)?;
        {
            let mut feeding = std::pin::pin!(feed(head, first, messages, sender));
            loop {
                tokio::select! {
                    outcome = &mut feeding => break outcome?,
                    reply = asked.exchange.replies.recv() => {
                        let reply = reply.ok_or_else(|| self.closed())?;
                        if self.take(&mut asked, &reply?)? {
                            return Ok(());
                        }
                    }
                }
            }
        }
        self.follow(asked).await
    }

    /// What there is to say before the first reply.
    fn introduce(&mut self, asked: &mut Asked<'_>) -> anyhow::Result<()> {
        self.warn_of_link();
        let pattern = &asked.message.pattern;
        let findings = [asked.exchange.finding.take(), unreachable(pattern, self.nest)];
        for finding in findings.into_iter().flatten() {
            if let Some(finding) = self.findings.once(finding, pattern.as_str()) {
                self.show.finding(self.ui, &finding)?;
            }
        }
        Ok(())
    }

    fn warn_of_link(&mut self) {
        for note in self.transport.take_notes() {
            self.ui.warn(&note);
        }
    }

    fn closed(&self) -> anyhow::Error {
        anyhow::anyhow!("{} closed the connection", self.transport.shown())
    }

    /// Tells replies until one is the last.
    async fn follow(&mut self, mut asked: Asked<'_>) -> anyhow::Result<()> {
        self.introduce(&mut asked)?;
        loop {
            let reply = self.wait(&mut asked.exchange, asked.message, asked.values).await?;
            if self.take(&mut asked, &reply)? {
                break;
            }
        }
        if asked.values == 0 {
            self.ui.note("the service answered without a value: undefined, or a stream that was empty");
        }
        Ok(())
    }

    /// Tells one reply; whether it was the last that is wanted.
    fn take(&mut self, asked: &mut Asked<'_>, reply: &Reply) -> anyhow::Result<bool> {
        let took = asked.start.elapsed();
        asked.values += u64::from(matches!(reply.kind, ReplyKind::Next { .. }));
        self.tell(asked.message, &asked.exchange.id, reply, took)?;
        if reply.is_final() {
            self.warn_of_link();
        }
        if reply.kind == ReplyKind::Refused {
            return Err(self.refused(asked.message, reply));
        }
        self.check(reply)?;
        Ok(reply.is_final() || self.args.replies.is_some_and(|limit| asked.values >= limit))
    }

    async fn wait(
        &mut self,
        exchange: &mut Exchange,
        message: &Message,
        values: u64,
    ) -> anyhow::Result<Reply> {
        match timeout(self.patience, exchange.replies.recv()).await {
            Ok(Some(reply)) => Ok(reply?),
            Ok(None) => Err(self.closed()),
            Err(_) => {
                let which = if values == 0 { "no reply" } else { "no further reply" };
                let (pattern, patience) = (message.pattern.as_str(), self.patience);
                let what =
                    format!("{which} to `{pattern}` from {} within {patience:?}", self.transport.shown());
                let hint = "a handler that never answers looks like this, too; wait longer with --timeout";
                Err(Failure::new(Code::TimedOut, what).hint(hint).into())
            }
        }
    }

    fn tell(&mut self, message: &Message, id: &str, reply: &Reply, took: Duration) -> anyhow::Result<()> {
        let ms = took.as_secs_f64() * 1000.0;
        for extra in &self.args.print {
            match extra {
                Extra::Timing => self.ui.note(&format!("{ms:.2} ms")),
                Extra::Headers => {
                    for (name, value) in &reply.headers {
                        self.ui.note(&format!("{name}: {}", header_text(value)));
                    }
                }
            }
        }
        let delivery = delivery(message, reply);
        let pair = Pair {
            of: serde_json::value::to_raw_value(id).ok(),
            ms,
            is_final: reply.is_final(),
            pattern: Some(message.pattern.clone()),
        };
        self.show.reply(self.ui, &delivery, &pair)?;
        // A refusal is told by the error that ends this.
        if reply.kind != ReplyKind::Refused
            && let Some(finding) = self.findings.of(&delivery, Some(&pair))
        {
            self.show.finding(self.ui, &finding)?;
        }
        if reply.status().is_some_and(|status| status.starts_with('3'))
            && let Some(location) = reply.text("location")
        {
            self.ui.note(&format!("this is a redirect to {location}: -O follow=true goes there"));
        }
        // Replies of a stream are shown as they come.
        Ok(self.ui.flush()?)
    }

    fn check(&mut self, reply: &Reply) -> anyhow::Result<()> {
        let (Some(expect), ReplyKind::Next { .. }) = (&mut self.expect, reply.kind) else { return Ok(()) };
        let data = match &reply.data {
            Some(Data::Json(json)) => json.get(),
            _ => "null",
        };
        let held = expect.holds(data).map_err(|error| Fault::new(format!("--expect failed: {error}")))?;
        if held {
            return Ok(());
        }
        let expression = self.args.expect.as_deref().unwrap_or_default();
        Err(Failure::new(Code::Failed, format!("the reply is not as expected: {expression}")).into())
    }

    /// The service's error, which is the record's `err` in JSON and told on stderr otherwise.
    fn refused(&self, message: &Message, reply: &Reply) -> anyhow::Error {
        let error = reply
            .data
            .as_ref()
            .map_or_else(Default::default, |data| String::from_utf8_lossy(data.as_bytes()));
        let failure = if self.ui.format() == Format::Json {
            Failure::silent(Code::Failed)
        } else {
            let status = reply.status().map_or_else(String::new, |status| format!(" ({status})"));
            let what = format!("`{}` was answered with an error{status}: {error}", message.pattern.as_str());
            Failure::new(Code::Failed, what)
        };
        match refusal::advice(&error, self.args.message.sender.as_deref()) {
            Some(hint) => failure.hint(hint).into(),
            None => failure.into(),
        }
    }
}

fn delivery(message: &Message, reply: &Reply) -> Delivery {
    let (data, error) = match reply.kind {
        ReplyKind::Refused => (None, reply.data.clone()),
        _ => (reply.data.clone(), None),
    };
    let size = reply.data.as_ref().map_or(0, |data| data.as_bytes().len());
    Delivery {
        pattern: Some(message.pattern.clone()),
        headers: reply.headers.clone(),
        data,
        error,
        is_final: reply.is_final(),
        ..Delivery::new(Direction::Reply, size)
    }
}

fn header_text(value: &HeaderValue) -> String {
    match value {
        HeaderValue::Text(text) => text.clone(),
        HeaderValue::Json(json) => json.get().to_owned(),
        HeaderValue::Binary(bytes) => format!("{bytes:?}"),
    }
}
