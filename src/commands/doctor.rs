//! `eyas doctor`.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::target;
use crate::exit::Code;
use crate::fault::Fault;
use crate::secret;
use crate::settings::{Settings, Sourced};
use crate::ui::{Format, Ui};

/// Show every setting, where it came from, and what there is to work with
///
/// Tells each setting with its origin (flag > environment > profile > project > user file > default), the
/// services of the nearest eyas.toml with their addresses, and which tools are found. Passwords are never shown.
/// The exit code is 1 if a service's address cannot be used.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas doctor
  eyas doctor --profile staging
  eyas doctor -o json | jq '.services[] | select(.problem)'")]
pub struct Args {}

/// Shows it.
///
/// # Errors
/// stdout cannot be written.
pub fn run(_: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let shown = |file: &Option<std::path::PathBuf>| file.as_ref().map(|file| file.display().to_string());
    let report = Report {
        files: [("project", shown(&settings.project_file)), ("user", shown(&settings.user_file))],
        settings: rows(settings),
        services: services(settings),
        tools: TOOLS.iter().map(|tool| (tool, version(tool.name))).collect(),
    };
    match ui.format() {
        Format::Quiet => {}
        Format::Json => ui.json_line(report.to_json().to_string().as_bytes())?,
        Format::Pretty | Format::Line | Format::Raw => {
            for line in report.lines() {
                ui.out_line(&line)?;
            }
        }
    }
    let is_sound = report.services.iter().all(|service| service.url.is_ok());
    Ok(if is_sound { Code::Done } else { Code::Failed })
}

/// Everything that is told.
struct Report {
    /// Each file by name, and where it is.
    files: [(&'static str, Option<String>); 2],
    settings: Vec<Row>,
    services: Vec<Address>,
    tools: Vec<(&'static Tool, Option<String>)>,
}

/// One setting: its name, its value where it has one, and its origin.
struct Row {
    name: &'static str,
    value: Option<String>,
    origin: String,
}

/// One address of a service.
struct Address {
    service: String,
    /// The further transport it is for; `None` for the main address.
    transport: Option<String>,
    /// As it may be shown; or why it cannot be used.
    url: Result<String, Fault>,
    origin: String,
}

/// A program that some commands, or what they make, need.
struct Tool {
    name: &'static str,
    needed: &'static str,
    advice: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        name: "node",
        needed: "to run the services",
        advice: "install Node 20 or newer: https://nodejs.org",
    },
    Tool {
        name: "npm",
        needed: "to install their packages",
        advice: "it comes with Node: https://nodejs.org",
    },
    Tool { name: "helm", needed: "for charts only", advice: "https://helm.sh/docs/intro/install" },
];

fn rows(settings: &Settings) -> Vec<Row> {
    fn row<T: Clone>(name: &'static str, of: &Sourced<T>, show: impl Fn(&T) -> Option<String>) -> Row {
        Row { name, value: show(&of.value), origin: of.origin.to_string() }
    }
    let look = &settings.look;
    let url = settings.url.as_ref();
    vec![
        row("profile", &settings.profile, Clone::clone),
        match url {
            Some(url) => row("url", url, |text| Some(secret::mask_text(text))),
            None => Row { name: "url", value: None, origin: "default".to_owned() },
        },
        row("timeout", &settings.timeout, |time| Some(format!("{time:?}"))),
        row("connect_timeout", &settings.connect_timeout, |time| Some(format!("{time:?}"))),
        row("output", &look.output, |format| format.map(|format| format.to_string())),
        row("color", &look.color, |color| Some(color.to_string())),
        row("no_input", &look.no_input, |no_input| Some(no_input.to_string())),
    ]
}

fn services(settings: &Settings) -> Vec<Address> {
    let mut addresses = Vec::new();
    for (name, service) in &settings.services {
        let main = service.url.iter().map(|url| (None, url));
        let further = service.transports.iter().map(|(transport, url)| (Some(transport.clone()), url));
        for (transport, url) in main.chain(further) {
            let word = match &transport {
                Some(transport) => format!("@{name}:{transport}"),
                None => format!("@{name}"),
            };
            addresses.push(Address {
                service: name.clone(),
                url: target::check(&word, settings)
                    .and_then(|()| settings.expand(url))
                    .map(|url| secret::mask_text(&url)),
                transport,
                origin: url.origin.to_string(),
            });
        }
    }
    addresses
}

/// The first line that `program --version` prints; `None` where there is no such program.
fn version(program: &str) -> Option<String> {
    let mut command = Command::new(program);
    // `helm --version` is an error before Helm 4; `version --short` is understood by all.
    command.args(if program == "helm" { &["version", "--short"][..] } else { &["--version"] });
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

impl Report {
    fn to_json(&self) -> Value {
        let files = self.files.iter().map(|(name, file)| ((*name).to_owned(), json!(file)));
        let settings = self
            .settings
            .iter()
            .map(|row| json!({ "name": row.name, "value": row.value, "origin": row.origin }));
        let services = self.services.iter().map(|service| {
            json!({
                "service": service.service,
                "transport": service.transport,
                "url": service.url.as_ref().ok(),
                "problem": service.url.as_ref().err().map(ToString::to_string),
                "origin": service.origin,
            })
        });
        let tools = self.tools.iter().map(|(tool, version)| json!({ "name": tool.name, "version": version }));
        json!({
            "type": "doctor",
            "version": env!("CARGO_PKG_VERSION"),
            "files": files.collect::<serde_json::Map<_, _>>(),
            "settings": settings.collect::<Vec<_>>(),
            "services": services.collect::<Vec<_>>(),
            "tools": tools.collect::<Vec<_>>(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines =
            vec![format!("eyas {}", env!("CARGO_PKG_VERSION")), String::new(), "files".to_owned()];
        let files = self.files.iter();
        lines.extend(
            files.map(|(name, file)| format!("  {name:7}  {}", file.as_deref().unwrap_or("not there"))),
        );
        lines.extend([String::new(), "settings".to_owned()]);
        lines.extend(table(self.settings.iter().map(|row| {
            [row.name.to_owned(), row.value.clone().unwrap_or_else(|| "-".to_owned()), row.origin.clone()]
        })));
        lines.extend([String::new(), "services".to_owned()]);
        if self.services.is_empty() {
            lines.push("  none: there is no eyas.toml with a service here or above".to_owned());
        }
        lines.extend(table(self.services.iter().map(|service| {
            let name = match &service.transport {
                Some(transport) => format!("@{}:{transport}", service.service),
                None => format!("@{}", service.service),
            };
            match &service.url {
                Ok(url) => [name, url.clone(), service.origin.clone()],
                Err(fault) => [name, "problem".to_owned(), problem(fault)],
            }
        })));
        lines.extend([String::new(), "tools".to_owned()]);
        lines.extend(table(self.tools.iter().map(|(tool, version)| {
            let (found, advice) = match version {
                Some(version) => (version.clone(), ""),
                None => ("not found".to_owned(), tool.advice),
            };
            [
                tool.name.to_owned(),
                found,
                if advice.is_empty() { tool.needed.to_owned() } else { format!("{}; {advice}", tool.needed) },
            ]
        })));
        lines
    }
}

fn problem(fault: &Fault) -> String {
    match fault.advice() {
        Some(hint) => format!("{fault}; {hint}"),
        None => fault.to_string(),
    }
}

/// Three columns, as wide as they need.
fn table(rows: impl Iterator<Item = [String; 3]>) -> Vec<String> {
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    rows.iter().map(|[a, b, c]| format!("  {a:first$}  {b:second$}  {c}")).collect()
}
