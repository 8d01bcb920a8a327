//! The program under test, run in a folder of its own and without anybody's settings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::oracle::Outcome;
use crate::server::Server;

/// A folder for what tests write. Emptied by the first test that asks.
pub fn folder() -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("brokers");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        folder
    });
    FOLDER.clone()
}

/// Writes `content` to a file of `name`, and gives its path.
pub fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder().join(name);
    std::fs::write(&path, content).expect("the target folder can be written");
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// `eyas` with `arguments`, not yet started.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EYAS_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder()).env("HOME", folder()).env("XDG_CONFIG_HOME", folder());
    command
}

/// Starts `eyas` as a server: `tail`, `mock`.
pub fn start(arguments: &[&str]) -> Server {
    Server::spawn(&format!("eyas {}", arguments.join(" ")), &mut command(arguments))
}

/// What a run of `eyas` came to.
pub struct Run {
    /// The command, for messages.
    pub name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// The lines on standard output.
    pub stdout: Vec<String>,
    /// The lines on standard error.
    pub stderr: Vec<String>,
}

/// Runs `eyas` to its end.
pub fn run(arguments: &[&str]) -> Run {
    run_with(arguments, b"")
}

/// Runs `eyas` to its end with `input` on its standard input.
pub fn run_with(arguments: &[&str], input: &[u8]) -> Run {
    let mut server = start(arguments);
    // Whoever reads none of it may end before all is written.
    let _ = server.write(input);
    server.close_stdin();
    let status = server.ended();
    let (stdout, stderr) = server.lines();
    Run { name: format!("eyas {}", arguments.join(" ")), status, stdout, stderr }
}

impl Run {
    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        self
    }

    /// Fails unless standard error tells `what`, in any case.
    #[track_caller]
    pub fn says(self, what: &str) -> Self {
        let said = self.stderr.join("\n").to_lowercase();
        assert!(said.contains(&what.to_lowercase()), "no `{what}` in {self:?}");
        self
    }

    /// What the records on standard output (`-o json`) and the exit code come to, as Nest's client would tell it.
    #[track_caller]
    pub fn outcome(&self) -> Outcome {
        let mut outcome = Outcome { complete: self.status.code() == Some(0), ..Outcome::default() };
        for line in &self.stdout {
            let record = Record::read(line);
            assert_eq!(record.text("type"), Some("message".to_owned()), "{line}");
            assert_eq!(record.text("dir"), Some("reply".to_owned()), "{line}");
            outcome.error = outcome.error.or(record.raw("err"));
            let undefined =
                || (record.inner("pair", "final")? == "false").then(|| r#"{"undefined":true}"#.to_owned());
            if record.raw("err").is_none() {
                outcome.values.extend(record.value().or_else(undefined));
            }
        }
        assert_eq!(self.status.code() == Some(1), outcome.error.is_some(), "{self:?}");
        outcome
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |lines: &[String]| {
            lines.iter().take(40).map(|line| crate::server::shortened(line) + "\n").collect::<String>()
        };
        let Self { name, status, .. } = self;
        let name = crate::server::shortened(name);
        write!(f, "{name}: {status}\n--- stdout\n{}--- stderr\n{}", shown(&self.stdout), shown(&self.stderr))
    }
}

/// One line of `-o json`, its values as they were written.
#[derive(Debug)]
pub struct Record(BTreeMap<String, Box<RawValue>>);

impl Record {
    /// Reads a line.
    #[track_caller]
    pub fn read(line: &str) -> Self {
        Self(serde_json::from_str(line).unwrap_or_else(|error| panic!("no record: {error}: {line}")))
    }

    /// The JSON text at `key`.
    pub fn raw(&self, key: &str) -> Option<String> {
        self.0.get(key).map(|raw| raw.get().to_owned())
    }

    /// The data as JSON: a text that is none is a string.
    pub fn value(&self) -> Option<String> {
        self.raw("data").or_else(|| self.raw("data_text"))
    }

    /// The string at `key`.
    pub fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.0.get(key)?.get()).ok()
    }

    /// The JSON text at `key` of the object at `outer`, where there is one.
    pub fn inner(&self, outer: &str, key: &str) -> Option<String> {
        Self::read(self.0.get(outer)?.get()).raw(key)
    }
}
