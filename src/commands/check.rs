//! `eyas check`: whether a template holds what it promises, whatever is answered.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{show, template_source, watch_signals};
use crate::exit::Code;
use crate::fault::Fault;
use crate::scaffold::catalog::Catalog;
use crate::scaffold::check::{self, Finding};
use crate::settings::Settings;
use crate::ui::{Format, Ui};

/// What it is for.
pub const ABOUT: &str = "Check that a template renders soundly, whatever is answered";

/// Flags and words.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas check
  eyas check my-template
  eyas check my-template -o github

Every two options of the template are rendered together, where they go together at all, and each result is parsed as
what it is: JSON, YAML, TOML, TypeScript, JavaScript, proto, Dockerfile. Rendered again it must be the same. Variables,
files and conditions that nothing uses are told, too. With any finding the exit code is 1.")]
pub struct Args {
    /// The folder of a template, or another SOURCE; without one, the templates in this eyas
    path: Option<String>,
    /// How findings are shown: `github` makes annotations
    #[arg(short, long, value_name = "FORMAT", value_parser = formats())]
    output: Option<Format>,
}

/// The formats that all commands have, and one more.
fn formats() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = Format::NAMES.into_iter().chain([Format::GITHUB]);
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        Format::GITHUB => Ok(Format::Github),
        name => name.parse::<Format>(),
    })
}

/// Checks it.
///
/// # Errors
/// There is no template.
pub fn run(args: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let stop = watch_signals()?;
    let catalog = match &args.path {
        // What is wrong in the folder itself is a finding, too.
        Some(path) if Path::new(path).is_dir() => Catalog::folder(&shortest(Path::new(path), settings)),
        source => Ok(template_source::open(source.as_deref())?),
    };
    let mut problems = Vec::new();
    let mut totals = Summary::default();
    match catalog {
        Err(wrong) => problems.extend(wrong.0.into_iter().map(always)),
        Ok(catalog) => {
            let names = catalog.names();
            if names.is_empty() {
                let path = args.path.as_deref().unwrap_or("eyas");
                return Err(Fault::new(format!("there is no template in `{path}`"))
                    .hint("a template has a template.toml; `eyas template init DIR` makes one")
                    .into());
            }
            for name in names {
                totals.templates += 1;
                match catalog.template(&name) {
                    Err(wrong) => problems.extend(wrong.0.into_iter().map(always)),
                    Ok(template) => {
                        let report = check::check(&template, &|| stop.load(Ordering::Relaxed));
                        totals.combinations += report.combinations;
                        totals.pairs += report.pairs;
                        totals.files += report.files;
                        problems.extend(report.findings);
                    }
                }
            }
            problems.extend(catalog.strays().0.into_iter().map(always));
        }
    }
    totals.findings = problems.len();
    for finding in &problems {
        tell(finding, ui)?;
    }
    totals.interrupted = stop.load(Ordering::Relaxed);
    finish(&totals, ui)?;
    Ok(match (totals.interrupted, problems.is_empty()) {
        (true, _) => Code::Interrupted,
        (false, true) => Code::Done,
        (false, false) => Code::Failed,
    })
}

fn always(problem: crate::scaffold::problem::Problem) -> Finding {
    Finding { problem, answers: None }
}

/// The path from here, as annotations want it.
fn shortest(path: &Path, settings: &Settings) -> PathBuf {
    path.strip_prefix(&settings.world.cwd).map_or_else(|_| path.to_owned(), Path::to_owned)
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    templates: usize,
    combinations: usize,
    pairs: usize,
    files: usize,
    findings: usize,
    /// Not everything was looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
}

#[derive(Serialize)]
struct Record<'a> {
    r#type: &'static str,
    v: u8,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    hint: Option<&'a str>,
    answers: Option<&'a str>,
}

fn tell(finding: &Finding, ui: &mut Ui) -> anyhow::Result<()> {
    let Finding { problem, answers } = finding;
    let place = problem.place.as_ref();
    let record = Record {
        r#type: "problem",
        v: 1,
        file: place.map(|place| &*place.file),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        message: &problem.message,
        hint: problem.hint.as_deref(),
        answers: answers.as_deref(),
    };
    match ui.format() {
        Format::Quiet => {}
        Format::Json => ui.json_line(serde_json::to_string(&record)?.as_bytes())?,
        Format::Github => ui.out_line(&annotation(&record))?,
        Format::Pretty | Format::Line | Format::Raw => {
            ui.out_line(&problem.to_string())?;
            for (label, text) in [("hint", record.hint), ("with", record.answers)] {
                if let Some(text) = text {
                    ui.out_line(&format!("  {label}: {text}"))?;
                }
            }
        }
    }
    Ok(())
}

/// A workflow command of GitHub Actions: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
fn annotation(record: &Record) -> String {
    let text = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |value: &str| text(value).replace(':', "%3A").replace(',', "%2C");
    let mut properties = vec!["title=eyas check".to_owned()];
    if let (Some(file), Some(line), Some(column)) = (record.file, record.line, record.column) {
        properties.splice(
            0..0,
            [format!("file={}", property(file)), format!("line={line}"), format!("col={column}")],
        );
    }
    let more = [("hint", record.hint), ("with", record.answers)];
    let more = more.iter().filter_map(|(label, more)| Some(format!("\n{label}: {}", (*more)?)));
    let message = record.message.to_owned() + &more.collect::<String>();
    format!("::error {}::{}", properties.join(","), text(&message))
}

fn finish(totals: &Summary, ui: &mut Ui) -> anyhow::Result<()> {
    match ui.format() {
        Format::Json => return show::summary(ui, totals),
        Format::Quiet => return Ok(()),
        _ => {}
    }
    let Summary { combinations, pairs, files, findings, interrupted, .. } = totals;
    let found = match findings {
        0 if *interrupted => "interrupted, nothing wrong so far".to_owned(),
        0 => "nothing is wrong".to_owned(),
        1 => "1 problem".to_owned(),
        _ => format!("{findings} problems"),
    };
    let text =
        format!("{found}: {pairs} pairs of options in {combinations} combinations, {files} different files");
    ui.note(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_escapes_what_github_reads() {
        let record = Record {
            r#type: "problem",
            v: 1,
            file: Some("a,b:c.toml"),
            line: Some(1),
            column: Some(2),
            message: "100% wrong\nand more",
            hint: Some("look: here"),
            answers: None,
        };
        let expected = "::error file=a%2Cb%3Ac.toml,line=1,col=2,title=eyas check::100%25 wrong%0Aand more%0Ahint: look: here";
        assert_eq!(annotation(&record), expected);
    }
}
