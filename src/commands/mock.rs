//! `eyas mock`: answers requests as a Nest service would.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::flags::{LinkFlags, ShowFlags};
use super::neighbours::{Neighbours, route};
use super::show::Show;
use super::target;
use crate::exit::Code;
use crate::fault::Fault;
use crate::message::{Called, Delivery, Direction, Pattern, Reply};
use crate::responder::{self, Defaults, Rule, Rules, Script};
use crate::settings::{Settings, parse_duration};
use crate::transport::{self, Answer, Call, Incoming, Transport};
use crate::ui::{Format, Ui};
use crate::wire::{NestVersion, pattern};

/// What it is for.
pub const ABOUT: &str = "Answer requests as a Nest service would, by rules";

/// Answers on their way at once, before calls wait for them.
const ANSWERS_WAITING: usize = 1024;
/// How long the last answers may take to leave.
const PARTING: Duration = Duration::from_secs(2);

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas mock tcp://127.0.0.1:4100 --on 'ping=\"pong\"' --on '{\"cmd\":\"sum\"}=6'
  eyas mock @orders --rules rules.toml --delay 200ms
  eyas mock tcp://127.0.0.1:0 --echo
  eyas mock @billing --from monday.jsonl.zst
  eyas mock nats://127.0.0.1:4222 --from monday.jsonl.zst --play 'billing.>'
  eyas mock http://127.0.0.1:3000 --on 'GET /orders/:id={\"id\":7}'

Rules file:
  [[on]]
  pattern = \"orders.get\"          # or a table: { cmd = \"sum\" }
  reply = { id = 1 }              # or json = '…', stream = [1, 2], error = \"text\"
  delay = \"200ms\"

What no rule matches is looked for in the recordings of --from, by its pattern and its data. The same data gets the
recorded answers one after the other, and the last one from then on. Other data gets the answer to the request with
that pattern that agrees with it in most values (-v says which). For a service that a recording names, only what was
recorded of it is played. What is not found there either gets Nest's own answer:
there is no matching message handler.")]
pub struct Args {
    /// The address to serve; `@service` or a URL (may be left out)
    target: Option<String>,
    /// Answer PATTERN with JSON; repeatable
    #[arg(long = "on", value_name = "PATTERN=JSON")]
    on: Vec<String>,
    /// Answer by the rules of a TOML file; repeatable
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Answer as in a recording: the same data gets its recorded replies, other data those of the nearest request;
    /// repeatable
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// Play only these patterns of the recordings, with `*` for one word and `>` or `#` for all that follow; repeatable
    #[arg(long, value_name = "PATTERN", requires = "from")]
    play: Vec<String>,
    /// Answer what no rule matches with its own data
    #[arg(long)]
    echo: bool,
    /// Answer beside a live service instead of leaving the patterns to it
    #[arg(long)]
    alongside: bool,
    /// How long each answer waits, where its rule does not say
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    delay: Option<Duration>,
    /// End after N calls
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    lasting: Option<Duration>,
    /// End when nothing came for this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    idle: Option<Duration>,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    link: LinkFlags,
}

/// Serves.
///
/// # Errors
/// Rules that cannot be used, an address that cannot be served.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Line, Format::Line);
    let target = target::resolve(args.target.as_deref(), settings, &args.link)?;
    let spec = transport::find(&target.endpoint.scheme)?;
    target::require(&spec.can.serve, spec.name, ui)?;
    let nest = target.endpoint.nest;
    let neighbours = Neighbours::read(&args.from, target.service.as_deref(), &args.play, nest, ui)?;
    let show = Show::new(&args.show, spec.name, target.service.clone())?;
    let transport = transport::open(target.endpoint)?;
    let rules = args.rules(&*transport, nest, ui)?;
    super::block_on_here(async {
        // What no rule matches is echoed, too: then every pattern is served.
        let patterns = if args.echo { Vec::new() } else { neighbours.with(rules.patterns(), nest) };
        if !args.alongside {
            leave_to_others(&*transport, &patterns).await?;
        }
        let service = transport.serve(&patterns).await?;
        ui.note(&format!("listening on {}", service.listening));
        let serving = Serving {
            rules,
            neighbours,
            delay: args.delay.unwrap_or_default(),
            nest,
            show,
            left: args.count,
            served: 0,
            idle: args.idle,
        };
        let lasting = async {
            match args.lasting {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let code = serve(serving, service.incoming, lasting, ui).await?;
        // A client that does not read its answers is not waited for longer than this.
        let _ = tokio::time::timeout(PARTING, service.closing).await;
        Ok(code)
    })
}

/// A mock beside a live service would answer twice, or take what is the service's.
async fn leave_to_others(transport: &dyn Transport, patterns: &[Pattern]) -> anyhow::Result<()> {
    const SHOWN: usize = 3;
    let consumers = transport.consumers(patterns).await?.unwrap_or_default();
    if consumers.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = consumers.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if consumers.len() > SHOWN {
        format!(" and {} more", consumers.len() - SHOWN)
    } else {
        String::new()
    };
    let what = format!("somebody serves {}{more} on {} already", named.join(", "), transport.shown());
    Err(Fault::new(what).hint("stop that service, or answer beside it with --alongside").into())
}

impl Args {
    fn rules(&self, transport: &dyn Transport, nest: NestVersion, ui: &mut Ui) -> anyhow::Result<Rules> {
        let mut rules: Vec<Rule> =
            self.on.iter().map(|word| responder::parse_on(word)).collect::<Result<_, _>>()?;
        for path in &self.rules {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| Fault::new(format!("cannot read `{name}`: {error}")))?;
            rules.extend(responder::parse_file(&name, &text)?);
        }
        let defaults = Defaults { echo: self.echo, delay: self.delay.unwrap_or_default() };
        for Rule { pattern, place, .. } in &mut rules {
            *pattern = transport.canonical(pattern).with_context(|| format!("{place} cannot be served"))?;
            // A handler of Nest's is registered under its route, which is all that a rule is here.
            pattern::route(pattern, nest)?;
            if !pattern::is_reachable(pattern, nest) {
                ui.warn(&format!(
                    "{place}: Nest reads `{}` as JSON and never finds its handler",
                    pattern.as_str()
                ));
            }
        }
        Ok(Rules::build(rules, defaults, |pattern| route(pattern, nest))?)
    }
}

struct Serving {
    rules: Rules,
    neighbours: Neighbours,
    delay: Duration,
    nest: NestVersion,
    show: Show,
    left: Option<u64>,
    served: u64,
    idle: Option<Duration>,
}

async fn serve(
    mut serving: Serving,
    mut incoming: tokio::sync::mpsc::Receiver<Incoming>,
    lasting: impl Future<Output = ()>,
    ui: &mut Ui,
) -> anyhow::Result<Code> {
    let interrupted = super::interrupted();
    tokio::pin!(interrupted, lasting);
    let mut answering = JoinSet::new();
    let mut last = Instant::now();
    let mut code = loop {
        if serving.left == Some(serving.served) {
            break Code::Done;
        }
        let quiet = async {
            match serving.idle {
                Some(idle) => tokio::time::sleep_until(last + idle).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = &mut interrupted => break Code::Interrupted,
            () = &mut lasting => break Code::Done,
            received = incoming.recv() => {
                let Some(received) = received else { break Code::Done };
                last = Instant::now();
                serving.receive(received, &mut answering, ui).await?;
                if incoming.is_empty() {
                    ui.flush()?;
                }
            }
            Some(_) = answering.join_next(), if !answering.is_empty() => {}
            () = quiet => break Code::Done,
        }
    };
    // Whoever was promised an answer gets it, unless we are told to stop.
    while code == Code::Done && !answering.is_empty() {
        tokio::select! {
            _ = answering.join_next() => {}
            () = &mut interrupted => code = Code::Interrupted,
        }
    }
    ui.note(&format!("{} calls received", serving.served));
    Ok(code)
}

impl Serving {
    async fn receive(
        &mut self,
        received: Incoming,
        answering: &mut JoinSet<()>,
        ui: &mut Ui,
    ) -> anyhow::Result<()> {
        let Call { called, answer } = match received {
            Incoming::Call(call) => call,
            Incoming::Finding(finding) => {
                self.show.finding(ui, &finding)?;
                return Ok(());
            }
        };
        self.served += 1;
        let key = called.pattern.as_ref().and_then(|pattern| pattern::lookup(pattern, self.nest));
        let script = key.filter(|_| called.is_request).and_then(|key| {
            let scripted = self.rules.scripted(&key);
            let played =
                || self.neighbours.answer(&key, &called, ui).map(|script| delayed(script, self.delay));
            scripted.or_else(played).or_else(|| self.rules.echoed(&called))
        });
        match script {
            _ if !called.is_request => {}
            Some(script) if matches!(&script[..], [step] if step.after.is_zero()) => {
                at_once(async move { deliver(&*answer, &script[0].reply).await }, answering).await;
            }
            Some(script) => drop(answering.spawn(play(script, answer.into()))),
            None => {
                // A client that is gone needs no answer.
                let _ = answer.no_handler().await;
            }
        }
        if ui.format() != Format::Quiet {
            self.show.message(ui, &delivery(called), None)?;
        }
        Ok(())
    }
}

/// Most answers that are due leave at once and need no task; one that waits for a broker's word keeps no other waiting.
async fn at_once(answered: impl Future<Output = ()> + Send + 'static, answering: &mut JoinSet<()>) {
    let mut answered = Box::pin(answered);
    if answered.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
        return;
    }
    if answering.len() < ANSWERS_WAITING {
        answering.spawn(answered);
    } else {
        answered.await;
    }
}

/// Each rule has its own delay; what was recorded waits as it is told to.
fn delayed(mut script: Script, delay: Duration) -> Script {
    if let Some(first) = script.first_mut() {
        first.after = delay;
    }
    script
}

async fn play(script: Script, answer: Arc<dyn Answer>) {
    for step in script {
        tokio::time::sleep(step.after).await;
        deliver(&*answer, &step.reply).await;
    }
}

async fn deliver(answer: &dyn Answer, reply: &Reply) {
    // A client that is gone needs no answer.
    let _ = answer.reply(reply).await;
}

fn delivery(called: Called) -> Delivery {
    let direction = if called.is_request { Direction::Request } else { Direction::Event };
    let size = called.data.as_ref().map_or(0, |data| data.as_bytes().len());
    Delivery {
        pattern: called.pattern,
        dest: called.dest,
        headers: called.headers,
        data: called.data,
        ..Delivery::new(direction, size)
    }
}
