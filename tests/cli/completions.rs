//! The completion scripts in `completions/` are those that eyas prints.

use std::process::Command;

use crate::{EYAS, repository};

/// Each shell and the name its script has.
const SCRIPTS: [(&str, &str); 5] = [
    ("bash", "eyas.bash"),
    ("zsh", "_eyas"),
    ("fish", "eyas.fish"),
    ("powershell", "_eyas.ps1"),
    ("elvish", "eyas.elv"),
];

#[test]
fn committed_scripts_are_fresh() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    for (shell, name) in SCRIPTS {
        let output = Command::new(EYAS).args(["completions", shell]).output().unwrap();
        assert!(output.status.success(), "eyas completions {shell}: {output:?}");
        let file = repository("completions").join(name);
        if std::fs::read(&file).ok().as_ref() == Some(&output.stdout) {
            continue;
        }
        if update {
            std::fs::write(&file, output.stdout).unwrap();
        } else {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "completions/ is stale ({}): run the tests with UPDATE=1", stale.join(", "));
}
