//! `eyas health`: whether services are well, and whether what they speak through can be reached.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinSet;

use super::addresses::{self, Address};
use super::flags::LinkFlags;
use super::target::{self, Target};
use crate::exit::Code;
use crate::fault::Fault;
use crate::message::Patience;
use crate::record;
use crate::secret;
use crate::settings::{Settings, parse_duration};
use crate::transport::{self, Check, Health};
use crate::ui::{Format, Ui, table};

/// What it is for.
pub const ABOUT: &str = "Tell whether services are well, and what they speak through can be reached";

/// How long after a round the next begins.
const EVERY: Duration = Duration::from_secs(2);

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas health                          # every address of every service of eyas.toml
  eyas health @orders @billing:http
  eyas health http://127.0.0.1:3000 nats://127.0.0.1:4222
  eyas health --watch --every 10s -o json
  eyas health -o raw                   # the names of those that are not well

An HTTP address is asked at /health, as @nestjs/terminus answers there (-O health=/healthz, or `?health=/healthz` in
its URL, names another place). Everywhere else a connection is made, with its login, and nothing is sent. The exit
code is 1 if anything is not well.")]
pub struct Args {
    /// `@service`, one of its transports, or a URL; none = all services of the nearest eyas.toml
    targets: Vec<String>,
    /// Ask again and again, and tell what changed
    #[arg(short, long)]
    watch: bool,
    /// How long to wait between two rounds [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "watch")]
    every: Option<Duration>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, requires = "watch")]
    lasting: Option<Duration>,
    #[command(flatten)]
    link: LinkFlags,
}

/// Asks.
///
/// # Errors
/// Nobody or nothing known is meant.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Pretty);
    let subjects = args.subjects(settings)?;
    let patience = args.link.patience(settings);
    super::block_on_here(async {
        let lasting = async {
            match args.lasting {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let mut told = Vec::new();
        let ended = tokio::select! {
            ended = args.go_round(&subjects, patience, &mut told, ui) => ended?,
            () = lasting => Code::Done,
            () = super::interrupted() => Code::Interrupted,
        };
        let is_sick = told.iter().any(|state: &State| !state.healthy);
        Ok(if ended == Code::Done && is_sick { Code::Failed } else { ended })
    })
}

/// What is asked.
struct Subject {
    /// What a target is that means it.
    word: String,
    /// The transport's name, where its address can be used.
    transport: Option<&'static str>,
    /// Where to connect; or why nobody can.
    target: Result<Target, String>,
}

impl Subject {
    fn new(word: &str, settings: &Settings, link: &LinkFlags) -> anyhow::Result<Self> {
        let target = target::resolve(Some(word), settings, link)?;
        let transport = Some(transport::find(&target.endpoint.scheme)?.name);
        Ok(Self { word: secret::mask_text(word), transport, target: Ok(target) })
    }

    fn listed(address: &Address, settings: &Settings, link: &LinkFlags) -> Self {
        let told = |error: anyhow::Error| {
            let hint = error.downcast_ref().and_then(Fault::advice);
            hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
        };
        let target = address.target(settings, link).map_err(told);
        Self { word: address.word.clone(), transport: address.transport, target }
    }
}

/// How one of them is.
#[derive(Clone, Debug, Serialize)]
struct State {
    #[serde(skip)]
    at: Timestamp,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    transport: Option<&'static str>,
    url: Option<String>,
    healthy: bool,
    status: String,
    ms: Option<f64>,
    checks: Vec<Checked>,
    /// Why it is not well, or what else is to be known.
    why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Checked {
    name: String,
    up: bool,
    status: String,
    details: String,
}

impl State {
    fn told(self, health: Health, took: Duration) -> Self {
        let checked = |check: Check| {
            let up = check.is_up();
            Checked { name: check.name, up, status: check.status, details: check.details }
        };
        Self {
            healthy: health.is_well,
            status: health.status,
            ms: Some((took.as_secs_f64() * 1e6).round() / 1e3),
            checks: health.checks.into_iter().map(checked).collect(),
            why: health.note,
            ..self
        }
    }

    fn failed(self, error: &anyhow::Error) -> Self {
        let status = match error.downcast_ref().map(transport::Error::kind) {
            Some(transport::Kind::Unreachable) => "unreachable",
            Some(transport::Kind::Denied) => "denied",
            _ => "problem",
        };
        let hint = error.downcast_ref().and_then(transport::Error::advice);
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        Self { status: status.to_owned(), why: Some(format!("{error:#}{hint}")), ..self }
    }

    fn is_as(&self, other: &Self) -> bool {
        let of = |state: &Self| (state.healthy, state.status.clone(), state.why.clone());
        let down = |state: &Self| -> Vec<_> {
            state.checks.iter().filter(|check| !check.up).map(|check| check.name.clone()).collect()
        };
        of(self) == of(other) && down(self) == down(other)
    }

    fn row(&self) -> Vec<String> {
        let down = self.checks.iter().filter(|check| !check.up);
        let mut details: Vec<_> = down
            .map(|check| {
                format!("{} is {} {}", check.name, check.status, check.details).trim_end().to_owned()
            })
            .collect();
        details.extend(self.why.clone());
        vec![
            self.target.clone(),
            self.transport.unwrap_or("-").to_owned(),
            self.status.clone(),
            self.ms.map_or_else(String::new, |ms| format!("{ms:.1}")),
            details.join("; "),
        ]
    }
}

impl Args {
    /// What is asked: every address of the services that are named, or of all.
    fn subjects(&self, settings: &Settings) -> anyhow::Result<Vec<Subject>> {
        let all = addresses::all(settings);
        let listed = |address: &Address| Subject::listed(address, settings, &self.link);
        if self.targets.is_empty() && !all.is_empty() {
            return Ok(all.iter().map(listed).collect());
        }
        let url = settings.url.as_ref().map(|url| &url.value).filter(|_| self.targets.is_empty());
        let mut subjects = Vec::new();
        for word in self.targets.iter().chain(url) {
            let named = |address: &&Address| word.strip_prefix('@') == Some(&address.service);
            let before = subjects.len();
            subjects.extend(all.iter().filter(named).map(listed));
            if subjects.len() == before {
                subjects.push(Subject::new(word, settings, &self.link)?);
            }
        }
        if subjects.is_empty() {
            return Err(Fault::new(
                "nobody is named, and there is no eyas.toml with a service here or above",
            )
            .hint("name a service or a URL: eyas health http://127.0.0.1:3000")
            .into());
        }
        Ok(subjects)
    }

    /// One round, or one after the other for as long as it is watched; `told` is how everything is.
    async fn go_round(
        &self,
        subjects: &[Subject],
        patience: Patience,
        told: &mut Vec<State>,
        ui: &mut Ui,
    ) -> anyhow::Result<Code> {
        loop {
            let states = ask_all(subjects, patience).await;
            if told.is_empty() {
                show(&states, ui)?;
            } else {
                for (state, before) in states.iter().zip(told.iter()) {
                    if !state.is_as(before) {
                        change(state, before, ui)?;
                    }
                }
            }
            ui.flush()?;
            *told = states;
            if !self.watch {
                return Ok(Code::Done);
            }
            tokio::time::sleep(self.every.unwrap_or(EVERY)).await;
        }
    }
}

/// All at once, in their order.
async fn ask_all(subjects: &[Subject], patience: Patience) -> Vec<State> {
    let mut asking = JoinSet::new();
    for (at, subject) in subjects.iter().enumerate() {
        let target = subject.target.clone();
        let (word, transport) = (subject.word.clone(), subject.transport);
        asking.spawn(async move { (at, ask(word, transport, target, patience).await) });
    }
    let mut states = asking.join_all().await;
    states.sort_by_key(|(at, _)| *at);
    states.into_iter().map(|(_, state)| state).collect()
}

async fn ask(
    target: String,
    transport: Option<&'static str>,
    found: Result<Target, String>,
    patience: Patience,
) -> State {
    let (service, url) = match &found {
        Ok(found) => (found.service.clone(), Some(found.endpoint.shown())),
        Err(_) => (None, None),
    };
    let blank = State {
        at: Timestamp::now(),
        target,
        service,
        transport,
        url,
        healthy: false,
        status: "problem".to_owned(),
        ms: None,
        checks: Vec::new(),
        why: None,
    };
    let found = match found {
        Ok(found) => found,
        Err(why) => return State { why: Some(why), ..blank },
    };
    let limit = patience.connect + patience.reply;
    let asked = async {
        let transport = transport::open(found.endpoint)?;
        anyhow::Ok(transport.health().await?)
    };
    let start = Instant::now();
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(health)) => blank.told(health, start.elapsed()),
        Ok(Err(error)) => blank.failed(&error),
        Err(_) => {
            let why = format!("no answer within {limit:?}");
            State { status: "silent".to_owned(), why: Some(why), ..blank }
        }
    }
}

fn show(states: &[State], ui: &mut Ui) -> anyhow::Result<()> {
    match ui.format() {
        Format::Quiet => {}
        Format::Json => {
            for state in states {
                let mut line = Vec::new();
                record::report(&mut line, "health", state.at, state)?;
                ui.json_line(&line)?;
            }
        }
        Format::Raw => {
            for state in states.iter().filter(|state| !state.healthy) {
                ui.out_line(&state.target)?;
            }
        }
        Format::Pretty | Format::Line | Format::Github => {
            let rows: Vec<_> = states.iter().map(State::row).collect();
            for line in table::titled(&["target", "transport", "health", "ms", "details"], &rows) {
                ui.out_line(&line)?;
            }
        }
    }
    Ok(())
}

/// One that is no longer as it was.
fn change(state: &State, before: &State, ui: &mut Ui) -> anyhow::Result<()> {
    match ui.format() {
        Format::Pretty | Format::Line | Format::Github => {
            let row = state.row();
            let details = row.last().filter(|details| !details.is_empty());
            let details = details.map_or_else(String::new, |details| format!(": {details}"));
            let State { at, target, status, .. } = state;
            let line = format!("{at:.0} {target} {} -> {status}{details}", before.status);
            Ok(ui.out_line(&line)?)
        }
        _ => show(std::slice::from_ref(state), ui),
    }
}
