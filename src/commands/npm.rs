//! `--install`: Node's version first, then `npm install`.

use std::path::Path;
use std::process::{Command, Stdio};

use semver::{Version, VersionReq};

use crate::exit::{Code, Failure};
use crate::fault::Fault;
use crate::ui::Ui;

/// Looks for a Node that `package` (a package.json) takes, before anything is written.
///
/// # Errors
/// No Node, or one that is too old.
pub fn require_node(package: Option<&[u8]>) -> Result<(), Fault> {
    let package: serde_json::Value =
        package.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default();
    let wanted = package["engines"]["node"].as_str().unwrap_or("*");
    let hint = format!("install Node {wanted}, or leave out --install");
    let found = Command::new("node").arg("--version").stdin(Stdio::null()).output();
    let Ok(found) = found else {
        return Err(Fault::new("--install needs Node, which was not found").hint(hint));
    };
    let found = String::from_utf8_lossy(&found.stdout);
    let found = found.trim().trim_start_matches('v');
    let fits = match (Version::parse(found), VersionReq::parse(wanted)) {
        (Ok(found), Ok(wanted)) => wanted.matches(&found),
        // A range that cannot be read here is left to npm, which says what it thinks of it.
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::new(format!("Node {found} is too old for this service")).hint(hint))
    }
}

/// Runs `npm install` in `root`.
///
/// # Errors
/// npm is not there, or fails: then with the last that it said.
pub fn install(root: &Path, ui: &mut Ui) -> anyhow::Result<()> {
    let progress = ui.progress(None, "npm install");
    let run = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output();
    drop(progress);
    let failed = |why: String| {
        Failure::new(Code::Failed, "`npm install` did not work")
            .because(anyhow::anyhow!(why))
            .hint("the service is made all the same: run `npm install` in it again")
    };
    let output = run.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        ui.note("npm install: done");
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(failed(lines[lines.len().saturating_sub(5)..].join("; ")).into())
}
