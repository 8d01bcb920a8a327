//! `eyas new` and the disk: without a network and without Node.

mod disk;
mod git;
mod golden;
mod install;
mod template;
mod wizard;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::EYAS;

/// What lies below a folder: of a file its bytes, of a symlink where it leads, of a folder nothing.
type Disk = BTreeMap<String, Option<Vec<u8>>>;

/// Two empty folders, removed at the end: one to work in and, beside it, a home without settings.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for inside in ["work", "home"] {
            fs::create_dir(folder.path().join(inside)).unwrap();
        }
        Self(folder)
    }

    /// A path below the folder to work in.
    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join("work").join(inside)
    }

    /// Writes a file below the folder to work in.
    fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `program` with nothing of the one who runs the tests, and no programs to find.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.0.path().join("home")).env("PATH", "");
        command.current_dir(self.path("")).stdin(Stdio::null());
        command
    }

    /// `eyas` with `words`, which spaces separate.
    fn eyas(&self, words: &str) -> Command {
        let mut command = self.command(EYAS);
        command.args(words.split_whitespace());
        command
    }

    /// Runs `eyas` to its end.
    fn run(&self, words: &str) -> Run {
        Run::of(&mut self.eyas(words))
    }

    /// All that lies in the folder to work in.
    fn disk(&self) -> Disk {
        disk(&self.path(""))
    }
}

/// What a run came to.
struct Run(Output);

impl Run {
    fn of(command: &mut Command) -> Self {
        Self(command.output().unwrap())
    }

    /// Fails unless the exit code is `code`.
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{self:?}");
        self
    }

    /// Fails unless standard error holds `what`.
    #[track_caller]
    fn says(self, what: &str) -> Self {
        assert!(self.stderr().contains(what), "no `{what}` in {self:?}");
        self
    }

    fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}--- stderr\n{}", self.0.status, self.stdout(), self.stderr())
    }
}

/// All that lies below `root`, hidden files too.
fn disk(root: &Path) -> Disk {
    let mut all = Disk::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let content = match (kind.is_symlink(), kind.is_dir()) {
                (true, _) => Some(fs::read_link(&path).unwrap().to_str().unwrap().into()),
                (_, true) => None,
                _ => Some(fs::read(&path).unwrap()),
            };
            all.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), content);
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    all
}

/// Whether the tests run as one for whom no permission is in the way.
fn is_root() -> bool {
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}
