//! `eyas ls`: the services there are, and what a live address offers.

use serde::Serialize;
use serde_json::{Map, Value};

use super::addresses::{self, Address};
use super::flags::LinkFlags;
use super::target::{self, Target};
use crate::exit::Code;
use crate::settings::Settings;
use crate::transport::{self, Offer, Offers};
use crate::ui::{Format, Ui, table};

/// What it is for.
pub const ABOUT: &str = "List services, or what a live address offers and who takes from it";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas ls                              # the services of eyas.toml
  eyas ls @orders                      # who subscribes to what, and which streams there are
  eyas ls nats://127.0.0.1:4222 -o json | jq 'select(.consumers == 0)'
  eyas ls redis://127.0.0.1 -o raw     # names alone

Nothing is taken from anyone. What a transport tells nobody is said in a sentence.")]
pub struct Args {
    /// `@service` or a URL; without one the services of the nearest eyas.toml are listed
    target: Option<String>,
    #[command(flatten)]
    link: LinkFlags,
}

/// Lists.
///
/// # Errors
/// A transport that tells nobody what it offers, no connection.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.defaulting(Format::Pretty, Format::Pretty);
    match &args.target {
        None => services(settings, ui),
        Some(word) => offers(target::resolve(Some(word), settings, &args.link)?, ui),
    }
}

/// The record of one address.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    v: u8,
    service: &'a str,
    target: &'a str,
    transport: Option<&'a str>,
    url: Option<&'a str>,
    problem: Option<String>,
}

fn services(settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let all = addresses::all(settings);
    if all.is_empty() {
        ui.note("there is no eyas.toml with a service here or above");
    }
    let is_sound = all.iter().all(|address| address.url.is_ok());
    match ui.format() {
        Format::Quiet => {}
        Format::Json => {
            for Address { service, word, transport, url, .. } in &all {
                let url = url.as_deref();
                let problem = url.err().map(ToString::to_string);
                let (kind, v) = ("service", 1);
                let listed =
                    Listed { kind, v, service, target: word, transport: *transport, url: url.ok(), problem };
                ui.json_line(&serde_json::to_vec(&listed)?)?;
            }
        }
        Format::Raw => print(ui, all.into_iter().map(|address| address.word).collect())?,
        Format::Pretty | Format::Line | Format::Github => {
            let row = |address: &Address| {
                let transport = address.transport.unwrap_or("-").to_owned();
                let url = address.url.as_ref().map_or_else(
                    |_| format!("problem: {}", address.problem().unwrap_or_default()),
                    Clone::clone,
                );
                vec![address.word.clone(), transport, url]
            };
            let rows: Vec<_> = all.iter().map(row).collect();
            if !rows.is_empty() {
                print(ui, table::titled(&["target", "transport", "address"], &rows))?;
            }
        }
    }
    Ok(if is_sound { Code::Done } else { Code::Failed })
}

/// The record of one offer.
#[derive(Serialize)]
struct Offered<'a> {
    #[serde(rename = "type")]
    is: &'static str,
    v: u8,
    transport: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    kind: &'a str,
    name: &'a str,
    /// `null` where nobody can tell.
    consumers: Option<u64>,
    by: &'a [String],
    /// `null` where it keeps none.
    messages: Option<u64>,
    details: Map<String, Value>,
}

fn offers(target: Target, ui: &mut Ui) -> anyhow::Result<Code> {
    let spec = transport::find(&target.endpoint.scheme)?;
    target::require(&spec.can.list, spec.name, ui)?;
    let transport = transport::open(target.endpoint)?;
    let offers = super::block_on_here(async {
        tokio::select! {
            offers = transport.offers() => Ok(Some(offers?)),
            () = super::interrupted() => Ok(None),
        }
    })?;
    let Some(Offers { found, unseen }) = offers else { return Ok(Code::Interrupted) };
    match ui.format() {
        Format::Json => {
            for offer in &found {
                let details =
                    offer.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                ui.json_line(&serde_json::to_vec(&Offered {
                    is: "offer",
                    v: 1,
                    transport: spec.name,
                    service: target.service.as_deref(),
                    kind: offer.kind,
                    name: &offer.name,
                    consumers: offer.consumers,
                    by: &offer.by,
                    messages: offer.messages,
                    details,
                })?)?;
            }
        }
        Format::Raw => print(ui, found.iter().map(|offer| offer.name.clone()).collect())?,
        Format::Pretty | Format::Line | Format::Github if !found.is_empty() => {
            let heading = ["kind", "name", "consumers", "by", "messages", "details"];
            let rows: Vec<_> = found.iter().map(row).collect();
            print(ui, table::titled(&heading, &rows))?;
        }
        Format::Pretty | Format::Line | Format::Github | Format::Quiet => {}
    }
    if found.is_empty() {
        ui.note(&format!("there is nothing to be seen on {}", transport.shown()));
    }
    if let Some(unseen) = unseen {
        ui.note(&unseen);
    }
    Ok(Code::Done)
}

fn row(offer: &Offer) -> Vec<String> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let detail = |(name, value): &(&str, Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let words: Vec<_> = all.iter().filter_map(Value::as_str).collect();
            format!("{name}={}", words.join(","))
        }
        other => format!("{name}={other}"),
    };
    let details: Vec<_> = offer.details.iter().map(detail).collect();
    let Offer { kind, name, consumers, by, messages, .. } = offer;
    vec![
        (*kind).to_owned(),
        name.clone(),
        number(*consumers),
        by.join(","),
        number(*messages),
        details.join("  "),
    ]
}

fn print(ui: &mut Ui, lines: Vec<String>) -> anyhow::Result<()> {
    for line in lines {
        ui.out_line(&line)?;
    }
    Ok(())
}
