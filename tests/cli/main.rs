//! Tests of the command line: no network, no Node.

#![expect(clippy::unwrap_used, reason = "a test that fails here says where")]

mod completions;
#[cfg(unix)]
mod new;
mod odd;
mod tidy;

use std::path::{Path, PathBuf};

/// The binary under test.
const EYAS: &str = env!("CARGO_BIN_EXE_eyas");

/// A path in this repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What users see, as data: `TRYCMD=overwrite` rewrites it.
#[test]
fn commands() {
    let cases = trycmd::TestCases::new();
    // What a case sets itself cannot be cleared here, because that would win.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let is_ours = name.starts_with("EYAS_") && name != "EYAS_SKIP";
        assert!(!is_ours && name != "NO_COLOR" && name != "CLICOLOR_FORCE", "unset {name} for these tests");
    }
    // An empty variable is one that is not set: nothing of the one who runs the tests may show.
    cases.env("PATH", "").env("XDG_CONFIG_HOME", "").env("HOME", "home").env("COLUMNS", "100");
    cases.register_bin("eyas", Path::new(EYAS)).case("tests/cli/cmd/*.md");
}
