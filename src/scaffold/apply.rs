//! The only writer of project files: whole or not at all.
//!
//! Everything is written to a folder of its own first (so a full disk is met before anything is touched), and only
//! then moved into place: a new project with one rename, an existing one file by file, undone in reverse when a
//! move fails or the user interrupts. Nothing is written through a symlink: each part of each path is looked at
//! before the move. Whoever swaps a folder for a symlink in the instant between is not guarded against.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::path;
use super::plan::{Action, Plan};
use super::problem::{Problem, Problems};
use super::render::{File, Tree};
use crate::fault::Fault;

/// The user asked to stop, and the disk is as it was.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted; nothing was changed")
    }
}

impl std::error::Error for Interrupted {}

/// What lies at `paths` below `root`, or everything that stands in their way: symlinks, and folders where files
/// should be or the other way round.
pub fn on_disk<'a>(root: &Path, paths: impl IntoIterator<Item = &'a str>) -> Result<Tree, Problems> {
    let mut tree = Tree::new();
    let mut problems = Problems::default();
    for path in paths {
        match existing(root, path) {
            Ok(Some(target)) => match fs::read(&target) {
                Ok(bytes) => _ = tree.insert(path.to_owned(), File::new(bytes)),
                Err(error) => {
                    problems.push(Problem::new(format!("cannot read {}: {error}", target.display())));
                }
            },
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    problems.0.dedup();
    problems.or(tree)
}

/// Carries out a plan in `root`. A [`Fault`] when the plan holds conflicts, [`Interrupted`] when `interrupted` said
/// so between two files; in both cases, and when anything fails, the disk is left as it was.
pub fn apply(plan: &Plan, root: &Path, interrupted: &dyn Fn() -> bool) -> anyhow::Result<()> {
    apply_with(plan, root, interrupted, &write)
}

/// How one file is written; tests put a failing one in its place.
type Writer<'a> = &'a dyn Fn(&Path, &File) -> io::Result<()>;

fn apply_with(plan: &Plan, root: &Path, interrupted: &dyn Fn() -> bool, write: Writer) -> anyhow::Result<()> {
    refuse(plan)?;
    let mut made = Made::default();
    let is_new = fs::symlink_metadata(root).is_err();
    let parent =
        if is_new { root.parent().filter(|parent| !parent.as_os_str().is_empty()) } else { Some(root) };
    let parent = parent.unwrap_or(Path::new(".")).to_path_buf();
    made.folders(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let stage = parent.join(format!(".eyas-{}", std::process::id()));
    fs::create_dir(&stage).with_context(|| format!("cannot make {}", stage.display()))?;
    made.stage = Some(stage.clone());
    let writes: BTreeMap<&str, &File> = plan
        .steps
        .iter()
        .filter(|(_, step)| matches!(step.action, Action::Create | Action::Update | Action::Overwrite))
        .filter_map(|(path, step)| Some((path.as_str(), step.new.as_ref()?)))
        .collect();
    for (path, file) in &writes {
        stop_if(interrupted)?;
        let target = stage.join("new").join(path);
        let folder = target.parent().unwrap_or(&stage);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write(&target, file).with_context(|| format!("cannot write {path}"))?;
    }
    stop_if(interrupted)?;
    if is_new {
        fs::create_dir_all(stage.join("new"))?;
        fs::rename(stage.join("new"), root).with_context(|| format!("cannot make {}", root.display()))?;
    } else {
        for (path, step) in &plan.steps {
            stop_if(interrupted)?;
            if writes.contains_key(path.as_str()) || step.action == Action::Delete {
                made.replace(root, &stage, path, step.old.as_ref(), step.new.as_ref())?;
            }
        }
    }
    made.keep();
    Ok(())
}

/// Refuses what must not be carried out at all.
fn refuse(plan: &Plan) -> anyhow::Result<()> {
    let conflicts: Vec<&str> = plan.paths(Action::Conflict).collect();
    if !conflicts.is_empty() {
        let message = format!("would overwrite {}", conflicts.join(", "));
        return Err(Fault::new(message).hint("add --force, or choose another folder").into());
    }
    for path in plan.steps.keys() {
        path::check_shape(path)
            .map_err(|why| Fault::new(format!("cannot write `{}`: {why}", path.escape_debug())))?;
    }
    if let Some((one, other)) = path::collisions(plan.steps.keys().map(String::as_str)).first() {
        return Err(Fault::new(format!("`{one}` and `{other}` are one path on some systems")).into());
    }
    Ok(())
}

fn stop_if(interrupted: &dyn Fn() -> bool) -> anyhow::Result<()> {
    if interrupted() {
        return Err(Interrupted.into());
    }
    Ok(())
}

/// Writes one new file; the system's mask decides who may read it.
fn write(target: &Path, file: &File) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if file.executable { 0o777 } else { 0o666 });
    }
    options.open(target)?.write_all(&file.bytes)
}

/// The file at `path` below `root`, if there is one; a problem when its way is barred.
fn existing(root: &Path, path: &str) -> Result<Option<PathBuf>, Problem> {
    let mut target = root.to_path_buf();
    let parts: Vec<&str> = path.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        target.push(part);
        let kind = match fs::symlink_metadata(&target) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::new(format!("cannot look at {}: {error}", target.display()))),
        };
        let is_last = at + 1 == parts.len();
        let what = match (kind.is_symlink(), is_last, kind.is_dir()) {
            (true, _, _) => "a symlink, and nothing is written through one",
            (_, true, true) => "a folder, where a file should be",
            (_, false, false) => "a file, where a folder should be",
            _ => continue,
        };
        return Err(Problem::new(format!("{} is {what}", target.display())));
    }
    Ok(Some(target))
}

/// What was done so far; unless kept, dropping it undoes it all.
#[derive(Default)]
struct Made {
    stage: Option<PathBuf>,
    /// Folders that were not there.
    folders: Vec<PathBuf>,
    /// Files that were moved into place, with where the old one was moved to.
    files: Vec<(PathBuf, Option<PathBuf>)>,
}

impl Made {
    /// Makes `folder` and those above it.
    fn folders(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && fs::symlink_metadata(folder).is_err())
            .collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder)?;
            self.folders.push(folder.to_path_buf());
        }
        Ok(())
    }

    /// Moves the staged file to its place, or the one that is there away.
    fn replace(
        &mut self,
        root: &Path,
        stage: &Path,
        path: &str,
        old: Option<&File>,
        new: Option<&File>,
    ) -> anyhow::Result<()> {
        let target = root.join(path);
        let found = existing(root, path).map_err(|problem| Fault::from(Problems::from(problem)))?;
        let found = found.map(fs::read).transpose().with_context(|| format!("cannot read {path}"))?;
        if found.as_deref() != old.map(|file| file.bytes.as_slice()) {
            bail!("{path} changed while eyas was at work");
        }
        let moved = old.map(|_| stage.join("old").join(self.files.len().to_string()));
        let done = || -> io::Result<()> {
            if let Some(moved) = &moved {
                fs::create_dir_all(stage.join("old"))?;
                fs::rename(&target, moved)?;
            }
            Ok(())
        };
        self.folders(target.parent().unwrap_or(root))
            .with_context(|| format!("cannot make the folder of {path}"))?;
        done().with_context(|| format!("cannot move {path}"))?;
        self.files.push((target.clone(), moved));
        if new.is_some() {
            fs::rename(stage.join("new").join(path), &target)
                .with_context(|| format!("cannot write {path}"))?;
        }
        Ok(())
    }

    /// Everything is in place: nothing is undone any more.
    fn keep(&mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Whatever cannot be undone here is already the second failure; the first one is what is told.
        for (target, old) in self.files.drain(..).rev() {
            let _ = match old {
                Some(old) => fs::rename(old, target),
                None => fs::remove_file(target),
            };
        }
        if let Some(stage) = self.stage.take() {
            let _ = fs::remove_dir_all(stage);
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests;
