//! `eyas doctor`.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::addresses::{self, Address};
use crate::exit::Code;
use crate::secret;
use crate::settings::{Settings, Sourced};
use crate::ui::{Format, Ui, table};

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
        services: addresses::all(settings),
        tools: TOOLS.iter().map(|tool| (tool, version(tool.name))).collect(),
    };
    match ui.format() {
        Format::Quiet => {}
        Format::Json => ui.json_line(report.to_json().to_string().as_bytes())?,
        Format::Pretty | Format::Line | Format::Raw | Format::Github => {
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
                "transport": service.further,
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
        lines.extend(indented(self.settings.iter().map(|row| {
            [row.name.to_owned(), row.value.clone().unwrap_or_else(|| "-".to_owned()), row.origin.clone()]
        })));
        lines.extend([String::new(), "services".to_owned()]);
        if self.services.is_empty() {
            lines.push("  none: there is no eyas.toml with a service here or above".to_owned());
        }
        lines.extend(indented(self.services.iter().map(|service| {
            let name = service.word.clone();
            match (&service.url, service.problem()) {
                (Ok(url), _) => [name, url.clone(), service.origin.clone()],
                (Err(_), problem) => [name, "problem".to_owned(), problem.unwrap_or_default()],
            }
        })));
        lines.extend([String::new(), "tools".to_owned()]);
        lines.extend(indented(self.tools.iter().map(|(tool, version)| {
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

/// Three columns below a title.
fn indented(rows: impl Iterator<Item = [String; 3]>) -> Vec<String> {
    let rows: Vec<_> = rows.map(Vec::from).collect();
    table::lines(&rows).into_iter().map(|line| format!("  {line}")).collect()
}
