//! Where a template comes from: the binary, a folder, an archive, a git repository.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use flate2::read::MultiGzDecoder;

use crate::exit::{Code, Failure};
use crate::fault::Fault;
use crate::scaffold::archive;
use crate::scaffold::catalog::Catalog;

/// The ends of archives' names.
const ARCHIVES: [&str; 2] = [".tar.gz", ".tgz"];
/// What git may fetch by.
const SCHEMES: [&str; 3] = ["https", "ssh", "file"];

/// The templates of `source`: a folder, a `.tar.gz`, or a git URL with its branch or tag after a `#`; those in the
/// binary without one.
///
/// # Errors
/// There are none, they are not sound in their shape, or git could not fetch them.
pub fn open(source: Option<&str>) -> anyhow::Result<Catalog> {
    let Some(source) = source else { return Ok(Catalog::embedded()) };
    if let Some((scheme, _)) = source.split_once("://") {
        if !SCHEMES.contains(&scheme) {
            let fault = Fault::new(format!("templates do not come over `{scheme}`"));
            return Err(fault.hint(format!("use {}", SCHEMES.join(", "))).into());
        }
        return from_git(source);
    }
    // As git writes it itself: `git@host:path`.
    let is_remote = source.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    if is_remote && !Path::new(source).exists() {
        return from_git(source);
    }
    let path = Path::new(source);
    if ARCHIVES.iter().any(|end| source.ends_with(end)) {
        let file =
            File::open(path).map_err(|error| Fault::new(format!("cannot read `{source}`: {error}")))?;
        return Ok(archive::read(source, MultiGzDecoder::new(file)).map_err(Fault::from)?);
    }
    if !path.is_dir() {
        return Err(Fault::new(format!("no template folder at {source}")).into());
    }
    Ok(Catalog::folder(path).map_err(Fault::from)?)
}

/// Nothing is ever checked out: so no hook and no submodule has its turn.
fn from_git(source: &str) -> anyhow::Result<Catalog> {
    let (url, reference) = source.split_once('#').map_or((source, None), |(url, name)| (url, Some(name)));
    let home = tempfile::tempdir().context("no folder for what git fetches")?;
    let mut clone = git();
    clone.args(["clone", "--quiet", "--bare", "--depth=1", "--template="]);
    clone.args(reference.map(|name| format!("--branch={name}")));
    finished(start(clone.arg("--").arg(url).arg(home.path()), source)?, source)?;
    let mut archive =
        start(git().arg("-C").arg(home.path()).args(["archive", "--format=tar", "HEAD"]), source)?;
    // Read as it comes: what is too much is refused before it fills the memory, and ends git, too.
    let mut tar = archive.stdout.take().context("git has no output")?;
    let catalog = archive::read(source, &mut tar).map_err(Fault::from);
    if catalog.is_ok() {
        io::copy(&mut tar, &mut io::sink())?;
    }
    drop(tar);
    let outcome = finished(archive, source);
    let catalog = catalog?;
    outcome.map(|()| catalog)
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.args(["-c", "core.hooksPath=/dev/null", "-c", "core.attributesFile=/dev/null"]);
    git.env("GIT_ALLOW_PROTOCOL", SCHEMES.join(":")).env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    git
}

fn start(git: &mut Command, source: &str) -> anyhow::Result<Child> {
    git.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(git.spawn().map_err(|error| failed(source, error.to_string()))?)
}

fn finished(git: Child, source: &str) -> anyhow::Result<()> {
    let output = git.wait_with_output().map_err(|error| failed(source, error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let reason = lines.iter().find_map(|line| line.strip_prefix("fatal: ")).or(lines.last().copied());
    Err(failed(source, reason.unwrap_or("it gave no reason").to_owned()).into())
}

fn failed(source: &str, why: String) -> Failure {
    Failure::new(Code::Failed, format!("git could not fetch `{source}`")).because(anyhow::anyhow!(why))
}
