//! `--install`, before npm comes into it.

use std::process::Command;

use super::{Place, Run};

/// Puts a program where it is found instead of the real one. Another process writes it: what this one has just
/// written may be open yet in a child that another test is about to start, and then it cannot be run.
fn fake(place: &Place, name: &str, script: &str) {
    let folder = place.path("../bin");
    let write = r#"mkdir -p "$1"; printf '#!/bin/sh\n%s\n' "$3" >"$1/$2"; chmod 755 "$1/$2""#;
    let status = Command::new("sh").args(["-c", write, "sh"]).arg(folder).args([name, script]).status();
    assert!(status.unwrap().success());
}

fn install(place: &Place) -> Run {
    let mut command = place.eyas("new orders --defaults --no-git --install");
    Run::of(command.env("PATH", place.path("../bin")))
}

#[test]
fn a_node_too_old_or_missing_is_told_before_anything_is_written() {
    let place = Place::new();
    install(&place).exits(2).says("needs Node").says("leave out --install");
    fake(&place, "node", "echo v18.0.0");
    install(&place).exits(2).says("Node 18.0.0 is too old").says(">=24.15.0");
    assert!(place.disk().is_empty());
}

#[test]
fn npm_runs_in_the_folder_and_what_it_says_is_told_when_it_fails() {
    let place = Place::new();
    fake(&place, "node", "echo v24.15.0");
    fake(
        &place,
        "npm",
        "echo \"$1\" >npm-was-here; echo 'npm error: the registry is on holiday' >&2; exit 1",
    );
    install(&place).exits(1).says("the registry is on holiday").says("the service is made all the same");
    assert_eq!(place.disk()["orders/npm-was-here"].as_deref(), Some(&b"install\n"[..]));

    let place = Place::new();
    fake(&place, "node", "echo v26.0.0");
    fake(&place, "npm", "exit 0");
    let run = install(&place).exits(0).says("npm install: done");
    assert!(!run.stderr().contains("  npm install"), "what was done is not advised: {run:?}");
}
