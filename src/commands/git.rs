//! A first commit for what was made, unless it lies in a repository already.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::ui::Ui;

/// Makes `root` a git repository with one commit. What does not work is told and stops nothing: the project is
/// whole without it.
pub fn begin(root: &Path, name: &str, ui: &mut Ui) {
    let is_inside = git(root, &["rev-parse", "--is-inside-work-tree"]);
    match is_inside {
        Err(why) if why.is_missing => return ui.note("git was not found: no repository was made"),
        Ok(()) => return,
        Err(_) => {}
    }
    let message = format!("Make {name}");
    let steps: [&[&str]; 3] =
        [&["init", "--quiet"], &["add", "--all"], &["commit", "--quiet", "-m", &message]];
    for step in steps {
        if let Err(why) = git(root, step) {
            return ui.warn(&format!("`git {}` did not work: {}", step[0], why.text));
        }
    }
}

struct Trouble {
    is_missing: bool,
    text: String,
}

fn git(root: &Path, words: &[&str]) -> Result<(), Trouble> {
    let run = Command::new("git").args(words).current_dir(root).stdin(Stdio::null()).output();
    match run {
        Err(error) => {
            Err(Trouble { is_missing: error.kind() == std::io::ErrorKind::NotFound, text: error.to_string() })
        }
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
            Err(Trouble { is_missing: false, text: first.to_owned() })
        }
    }
}
