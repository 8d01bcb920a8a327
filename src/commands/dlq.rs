//! `eyas dlq`: letters that nobody could handle, seen and sent again.

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::flags::{LinkFlags, Rate, SafetyFlags, ShowFlags};
use super::publish::Pace;
use super::show::Show;
use super::target::{self, Target};
use crate::exit::{Code, Failure};
use crate::fault::Fault;
use crate::record::{self, Context};
use crate::settings::Settings;
use crate::traffic::{Criteria, Filter};
use crate::transport::{self, Broker, Letter, Store, Transport};
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "See dead letters, send them again, or throw them away";

/// Flags and words.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:
  eyas dlq ls @orders
  eyas dlq show @orders ORDERS_DLQ --filter '.data.id == 7'
  eyas dlq redrive @orders ORDERS_DLQ --rate 50/s
  eyas dlq redrive @orders ORDERS_DLQ --to orders.retry -n 10 --dry-run

A letter is deleted only after the broker has said that its copy is kept.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Where dead letters lie, and how many
    Ls(Ls),
    /// The letters themselves; takes none
    Show(Looking),
    /// Send them again to where they came from, and delete each once its copy is kept
    Redrive(Redrive),
    /// Throw them away
    Purge(Purge),
}

#[derive(ClapArgs, Debug)]
struct Ls {
    /// Whose broker: `@service` or a URL (may be left out)
    target: Option<String>,
    #[command(flatten)]
    link: LinkFlags,
}

/// Which letters.
#[derive(ClapArgs, Debug)]
struct Which {
    /// Whose broker (`@service` or a URL; may be left out), and the stream or queue of the dead letters
    #[arg(value_name = "[TARGET] STORE", required = true)]
    words: Vec<String>,
    /// At most N
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    link: LinkFlags,
}

#[derive(ClapArgs, Debug)]
struct Looking {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    show: ShowFlags,
}

#[derive(ClapArgs, Debug)]
struct Redrive {
    #[command(flatten)]
    which: Which,
    /// Send them here instead of to where they came from
    #[arg(long, value_name = "PATTERN")]
    to: Option<String>,
    /// How many in a time: 200/s, 10/m
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Only letters for which this jq expression over the record holds
    #[arg(long, value_name = "JQ")]
    filter: Option<String>,
    #[command(flatten)]
    safety: SafetyFlags,
}

#[derive(ClapArgs, Debug)]
struct Purge {
    #[command(flatten)]
    which: Which,
    /// Only letters for which this jq expression over the record holds
    #[arg(long, value_name = "JQ")]
    filter: Option<String>,
    #[command(flatten)]
    safety: SafetyFlags,
}

/// Does it.
///
/// # Errors
/// A broker that keeps nothing, a store that is not there, a letter that could not be sent again.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Pretty);
    match &args.action {
        Action::Ls(ls) => {
            let target = target::resolve(ls.target.as_deref(), settings, &ls.link)?;
            let transport = transport::open(target.endpoint)?;
            super::block_on_here(list(&*transport, ui))
        }
        Action::Show(looking) => {
            let (target, store) = looking.which.resolve(settings)?;
            let spec = transport::find(&target.endpoint.scheme)?;
            let mut show = Show::new(&looking.show, spec.name, target.service)?;
            let transport = transport::open(target.endpoint)?;
            super::block_on_here(async {
                let mut letters = Letters::new(broker(&*transport)?, store, ui).await?;
                let mut left = looking.which.count.unwrap_or(u64::MAX);
                while left > 0 {
                    let Some(letter) = letters.next().await? else { break };
                    left -= u64::from(show.message(ui, &letter.delivery, None)?);
                }
                letters.close().await?;
                Ok(Code::Done)
            })
        }
        Action::Redrive(redrive) => {
            let (target, store) = redrive.which.resolve(settings)?;
            let filter = Chosen::new(redrive.filter.as_deref(), &target)?;
            let transport = transport::open(target.endpoint)?;
            super::block_on_here(async {
                let letters = Letters::new(broker(&*transport)?, store, ui).await?;
                tokio::select! {
                    outcome = redrive.run(letters, filter, ui) => outcome,
                    () = super::interrupted() => Ok(Code::Interrupted),
                }
            })
        }
        Action::Purge(purge) => {
            let (target, store) = purge.which.resolve(settings)?;
            let filter = Chosen::new(purge.filter.as_deref(), &target)?;
            let transport = transport::open(target.endpoint)?;
            super::block_on_here(purge.run(broker(&*transport)?, store, filter, ui))
        }
    }
}

fn broker(transport: &dyn Transport) -> Result<&dyn Broker, Fault> {
    transport
        .broker()
        .ok_or_else(|| Fault::new(format!("{} keeps no letters that eyas knows of", transport.shown())))
}

#[derive(Serialize)]
struct Listed {
    store: String,
    messages: u64,
    bytes: u64,
    sources: Vec<String>,
}

async fn list(transport: &dyn Transport, ui: &mut Ui) -> anyhow::Result<Code> {
    let all = broker(transport)?.stores().await?;
    let (dead, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|store| store.is_dead);
    for store in &dead {
        if ui.format() == Format::Json {
            let listed = Listed {
                store: store.name.clone(),
                messages: store.messages,
                bytes: store.bytes,
                sources: store.sources.clone(),
            };
            ui.json_line(serde_json::to_string(&listed)?.as_bytes())?;
        } else {
            let sources = store.sources.join(" ");
            ui.out_line(&format!("{:<24} {:>9} letters  {sources}", store.name, store.messages))?;
        }
    }
    if dead.is_empty() {
        let names: Vec<_> = others.iter().map(|store| store.name.as_str()).collect();
        let among = if names.is_empty() { "it keeps nothing at all".to_owned() } else { names.join(", ") };
        ui.note(&format!("nothing on {} looks like a place for dead letters: {among}", transport.shown()));
    }
    Ok(Code::Done)
}

impl Which {
    fn resolve(&self, settings: &Settings) -> anyhow::Result<(Target, &str)> {
        let (word, words) = target::split(&self.words, &[])?;
        let store = match words {
            [store] => store,
            [] => {
                return Err(Fault::new("no stream or queue is named")
                    .hint("`eyas dlq ls` lists them")
                    .into());
            }
            [_, second, ..] => {
                return Err(Fault::new(format!("one place at a time: `{second}` is a second one")).into());
            }
        };
        Ok((target::resolve(word, settings, &self.link)?, store))
    }
}

/// The letters of a store that were there at the start: what comes while they are sent again is left alone, so that
/// one which fails again is not sent round and round.
struct Letters<'a> {
    look: Box<dyn transport::Letters + 'a>,
    store: &'a str,
    left: u64,
}

impl<'a> Letters<'a> {
    async fn new(broker: &'a dyn Broker, store: &'a str, ui: &mut Ui) -> anyhow::Result<Self> {
        let found = find(broker, store).await?;
        if let Some(caution) = &found.caution {
            ui.warn(caution);
        }
        let look = broker.letters(store).await?;
        let left = look.waiting().unwrap_or(found.messages);
        Ok(Self { look, store, left })
    }

    async fn next(&mut self) -> anyhow::Result<Option<Letter>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        Ok(self.look.next().await?)
    }

    async fn close(self) -> anyhow::Result<()> {
        Ok(self.look.close().await?)
    }
}

/// The store of this name.
async fn find(broker: &dyn Broker, store: &str) -> anyhow::Result<Store> {
    let stores = broker.stores().await?;
    let names: Vec<_> = stores.iter().map(|store| store.name.as_str()).collect();
    let missing = Fault::new(format!("there is no `{store}`")).hint(match names[..] {
        [] => "the broker keeps nothing at all".to_owned(),
        _ => format!("there are: {}", names.join(", ")),
    });
    Ok(stores.into_iter().find(|known| known.name == store).ok_or(missing)?)
}

/// `--filter` over the records of letters.
struct Chosen {
    filter: Filter,
    transport: &'static str,
    service: Option<String>,
}

impl Chosen {
    fn new(jq: Option<&str>, target: &Target) -> Result<Self, Fault> {
        let criteria = Criteria { jq: jq.map(str::to_owned), ..Criteria::default() };
        let transport = transport::find(&target.endpoint.scheme)?.name;
        Ok(Self { filter: Filter::new(&criteria)?, transport, service: target.service.clone() })
    }

    fn keeps(&mut self, letter: &Letter, ui: &mut Ui) -> bool {
        if !self.filter.reads_records() {
            return true;
        }
        let mut line = Vec::new();
        let context = Context { transport: self.transport, service: self.service.as_deref() };
        record::message(&mut line, &context, &letter.delivery, None);
        let kept = self.filter.keeps_record(String::from_utf8_lossy(&line).trim_end());
        if let Some(trouble) = self.filter.take_trouble() {
            ui.warn(&trouble);
        }
        kept
    }
}

impl Redrive {
    async fn run(&self, mut letters: Letters<'_>, mut chosen: Chosen, ui: &mut Ui) -> anyhow::Result<Code> {
        let mut pace = self.rate.map(Pace::new);
        let (mut sent, mut stuck) = (0, 0);
        while self.which.count.is_none_or(|count| sent + stuck < count) {
            let Some(letter) = letters.next().await? else { break };
            if !chosen.keeps(&letter, ui) {
                continue;
            }
            if let Some(pace) = &mut pace {
                pace.wait().await;
            }
            match self.redrive(&mut letters, &letter, ui).await {
                Ok(()) => sent += 1,
                Err(error) if self.which.count == Some(1) => return Err(error),
                Err(error) => {
                    stuck += 1;
                    let hint = error.downcast_ref().and_then(transport::Error::advice);
                    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                    ui.warn(&format!("letter {} stays where it is: {error:#}{hint}", letter.place));
                }
            }
        }
        letters.close().await?;
        let done = if self.safety.dry_run { "would be sent again" } else { "sent again and deleted" };
        ui.note(&format!("{sent} {done}, {stuck} left where they are"));
        match (sent, stuck) {
            (_, 0) => Ok(Code::Done),
            (0, _) => Err(Failure::new(Code::Failed, "no letter could be sent again").into()),
            _ => Ok(Code::Partial),
        }
    }

    async fn redrive(&self, letters: &mut Letters<'_>, letter: &Letter, ui: &mut Ui) -> anyhow::Result<()> {
        let to = self.to.as_ref().or(letter.origin.as_ref()).ok_or_else(|| {
            Fault::new(format!("where letter {} came from cannot be told", letter.place))
                .hint("name where it goes: --to PATTERN")
        })?;
        if to == letters.store {
            let fault = Fault::new(format!("sending it to `{to}` would only put it back"));
            return Err(fault.hint("name where it goes: --to PATTERN").into());
        }
        if self.safety.dry_run {
            let why = letter.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            ui.out_line(&format!("{} {}{why} -> {to}", letters.store, letter.place))?;
            return Ok(());
        }
        letters.look.copy(letter, to).await?;
        // Only now: a letter that is lost on the way would be lost for good.
        Ok(letters.look.remove(letter).await?)
    }
}

impl Purge {
    async fn run(
        &self,
        broker: &dyn Broker,
        store: &str,
        mut chosen: Chosen,
        ui: &mut Ui,
    ) -> anyhow::Result<Code> {
        let mut gone = 0;
        let is_whole = self.which.count.is_none() && self.filter.is_none();
        if !self.safety.dry_run {
            self.ask(find(broker, store).await?.messages, store, is_whole, ui)?;
        }
        if is_whole && !self.safety.dry_run {
            gone = broker.purge(store).await?;
        } else {
            let mut letters = Letters::new(broker, store, ui).await?;
            while self.which.count.is_none_or(|count| gone < count) {
                let Some(letter) = letters.next().await? else { break };
                if !chosen.keeps(&letter, ui) {
                    continue;
                }
                if self.safety.dry_run {
                    ui.out_line(&format!("{store} {}", letter.place))?;
                } else {
                    letters.look.remove(&letter).await?;
                }
                gone += 1;
            }
            letters.close().await?;
        }
        let done = if self.safety.dry_run { "would be deleted" } else { "deleted" };
        ui.note(&format!("{gone} {done}"));
        Ok(Code::Done)
    }

    /// Nothing is thrown away unasked.
    fn ask(&self, there: u64, store: &str, is_whole: bool, ui: &mut Ui) -> anyhow::Result<()> {
        if self.safety.yes || there == 0 {
            return Ok(());
        }
        let which = if is_whole { format!("all {there} letters") } else { "the chosen letters".to_owned() };
        if !ui.can_ask() {
            let fault = Fault::new(format!("deleting {which} of `{store}` must be confirmed"));
            return Err(fault.hint("say so with --yes, or look first with --dry-run").into());
        }
        ui.flush()?;
        if ui.prompt().confirm(&format!("Delete {which} of {store} for good?"), false)? {
            return Ok(());
        }
        Err(Failure::new(Code::Interrupted, "nothing was deleted").into())
    }
}
