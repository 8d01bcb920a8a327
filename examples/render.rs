//! Renders a template into a folder: `render TEMPLATES NAME TRANSPORTS FEATURES OUT [key=value]…`.
//!
//! `-` stands for no features; a word `preset:NAME` among the features chooses a preset.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use eyas::fault::Fault;
use eyas::scaffold::answers::{Request, Resolution, resolve};
use eyas::scaffold::apply::{apply, on_disk};
use eyas::scaffold::catalog::Catalog;
use eyas::scaffold::plan::plan;
use eyas::scaffold::render::{Tree, render};
use eyas::scaffold::state::with_state;

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    let hint = error.downcast_ref::<Fault>().and_then(Fault::advice).unwrap_or("none");
    let _ = writeln!(std::io::stderr(), "error: {error:#}\n  hint: {hint}");
    ExitCode::FAILURE
}

fn run() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [templates, name, transports, features, out, set @ ..] = words.as_slice() else {
        anyhow::bail!("render TEMPLATES NAME TRANSPORTS FEATURES OUT [key=value]…");
    };
    let mut request =
        Request { name: Some(name.clone()), set: set.to_vec(), defaults: true, ..Request::default() };
    request.transports.push(transports.clone());
    for feature in features.split(',').filter(|feature| *feature != "-") {
        match feature.strip_prefix("preset:") {
            Some(preset) => request.preset = Some(preset.to_owned()),
            None => request.features.push(feature.to_owned()),
        }
    }
    if features == "-" {
        request.preset = Some("minimal".to_owned());
    }
    let catalog = Catalog::folder(Path::new(templates)).map_err(Fault::from)?;
    let template =
        catalog.template(catalog.names().first().map_or("service", String::as_str)).map_err(Fault::from)?;
    let Resolution::Ready(answers) = resolve(&template, &request).map_err(Fault::from)? else {
        anyhow::bail!("questions are left open");
    };
    let rendered = render(&template, &answers).map_err(Fault::from)?;
    let wanted = with_state(&template, &answers, &rendered.tree);
    let root = Path::new(out);
    let disk = on_disk(root, wanted.keys().map(String::as_str)).map_err(Fault::from)?;
    apply(&plan(&Tree::new(), &wanted, &disk, true), root, &|| false)?;
    let notes = answers.left_out.iter().chain(&rendered.notes).map(|note| format!("note: {note}\n"));
    std::io::stderr().write_all(notes.collect::<String>().as_bytes())?;
    Ok(())
}
