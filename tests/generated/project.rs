//! A project that `eyas new` made, and Node's tools in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use eyas::scaffold::state::digest;
use serde_json::Value;

use crate::eyas as program;

/// What `script/setup` brings, and a place for what takes long to make.
pub fn cache() -> PathBuf {
    std::env::var_os("EYAS_CACHE").expect("EYAS_CACHE is not set: run this through script/test").into()
}

/// `program` in `folder`, with Node to find.
pub fn command(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    with_node(command.current_dir(folder).stdin(Stdio::null()));
    command
}

/// Lets it find Node before all else, and has one npm cache for all.
fn with_node(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![cache().join("node/bin")];
    folders.extend(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).unwrap()).env("NO_COLOR", "1");
    command.env("npm_config_cache", cache().join("npm")).env("npm_config_update_notifier", "false");
}

/// Runs to the end, and fails unless it went well.
#[track_caller]
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    output
}

/// Copies a file, or all of a folder, as links to the same bytes.
pub fn link(from: &Path, to: &Path) {
    let kind =
        fs::symlink_metadata(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())).file_type();
    if kind.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            link(&entry.path(), &to.join(entry.file_name()));
        }
    } else if kind.is_symlink() {
        symlink(fs::read_link(from).unwrap(), to).unwrap();
    } else {
        fs::hard_link(from, to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    }
}

/// A folder of this name for a test, empty.
pub fn workshop(name: &str) -> PathBuf {
    let folder = cache().join("generated").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A service that was made for a test.
pub struct Project {
    /// Where it lies.
    pub folder: PathBuf,
}

impl Project {
    /// `eyas new NAME` with `words`, in the workshop of a test.
    pub fn make(test: &str, name: &str, words: &str) -> Self {
        let workshop = workshop(test);
        let folder = workshop.join(name);
        let mut eyas = program::command(&["new", name, "--defaults"]);
        with_node(eyas.args(words.split_whitespace()).current_dir(&workshop));
        // A repository of its own, as users have it: tools look no further for what to ignore.
        for who in ["AUTHOR", "COMMITTER"] {
            eyas.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@b.c");
        }
        eyas.env("GIT_CEILING_DIRECTORIES", &workshop).env("GIT_CONFIG_GLOBAL", "/dev/null");
        // npm finds its registry by it.
        eyas.envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
        succeed(&mut eyas);
        succeed(Command::new("git").args(["rev-parse", "--verify", "HEAD"]).current_dir(&folder));
        Self { folder }
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        let path = self.folder.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `package.json`
    pub fn package(&self) -> Value {
        serde_json::from_str(&self.read("package.json")).unwrap()
    }

    /// `npm install`, which is done once for all projects of the same packages.
    pub fn install(&self) {
        let folder = modules(self.package());
        link(&folder.join("node_modules"), &self.folder.join("node_modules"));
        fs::copy(folder.join("package-lock.json"), self.folder.join("package-lock.json")).unwrap();
    }

    /// `npm run SCRIPT`; gives what it printed.
    #[track_caller]
    pub fn script(&self, script: &str) -> String {
        self.script_with(script, &[])
    }

    /// The same with settings in the environment.
    #[track_caller]
    pub fn script_with(&self, script: &str, settings: &[(&str, String)]) -> String {
        let mut npm = command("npm", &self.folder);
        npm.args(["run", "--silent", script]).envs(settings.iter().map(|(key, value)| (key, value)));
        let output = succeed(&mut npm);
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    /// Fails if git sees anything that is not committed, other than what `git status` calls `left`.
    #[track_caller]
    pub fn has_left(&self, left: &str) {
        let output = succeed(command("git", &self.folder).args(["status", "--porcelain"]));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), left);
    }
}

/// A folder in which `npm install` was run for all that `package` names. It is kept for whoever wants the same.
pub fn modules(mut package: Value) -> PathBuf {
    let wanted = ["dependencies", "devDependencies"].map(|key| package[key].as_object().unwrap().clone());
    // One folder for one set of names, so that newer versions take the place of older ones.
    let names: Vec<_> = wanted.iter().flat_map(|packages| packages.keys().cloned()).collect();
    let folder = cache().join("modules").join(&digest(names.join(" ").as_bytes())[..16]);
    let lock = lock(&folder);
    let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
    package["name"] = "modules".into();
    let package = package.to_string();
    let done = folder.join("done");
    if fs::read_to_string(&done).ok().as_ref() != Some(&package) {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("package.json"), &package).unwrap();
        let output = succeed(command("npm", &folder).args(["install", "--no-audit", "--no-fund"]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let warnings: Vec<_> = said.lines().filter(|line| is_of_ours(line)).collect();
        assert!(warnings.is_empty(), "npm install warns:\n{}", warnings.join("\n"));
        fs::write(&done, &package).unwrap();
    }
    folder
}

/// Whether npm warns of what is ours: the settings of the one who runs the tests are not.
fn is_of_ours(line: &str) -> bool {
    line.starts_with("npm warn") && !line.contains("config")
}

/// One lock for each folder.
fn lock(folder: &Path) -> Arc<Mutex<()>> {
    static LOCKS: Mutex<BTreeMap<PathBuf, Arc<Mutex<()>>>> = Mutex::new(BTreeMap::new());
    let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    locks.entry(folder.to_owned()).or_default().clone()
}
