//! What would be done to each file, before any is touched: pure, from three trees.
//!
//! `base` is what was rendered last time (nothing, for a new project), `wanted` what is rendered now, and `disk`
//! what lies there. A file the user changed is never replaced unless forced; one the user removed stays removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use similar::TextDiff;

use super::render::{File, Tree};

/// What happens to one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is there and as wanted.
    Same,
    /// It is as it was rendered last time, and takes the new text.
    Update,
    /// It differs, and is replaced because that was asked for.
    Overwrite,
    /// It is no longer wanted, and nobody changed it.
    Delete,
    /// It is the user's: changed or removed by hand, while the template has nothing new to say.
    Keep,
    /// It differs, and nobody said which one should win.
    Conflict,
}

impl Action {
    /// The action in one word, as trees show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Same => "same",
            Self::Update => "update",
            Self::Overwrite => "overwrite",
            Self::Delete => "delete",
            Self::Keep => "keep",
            Self::Conflict => "conflict",
        }
    }
}

/// What happens to one file, with what is there and what should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// What lies there.
    pub old: Option<File>,
    /// What should lie there.
    pub new: Option<File>,
}

/// What happens to every file, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: BTreeMap<String, Step>,
}

/// Plans the way from what lies on the disk to what is wanted.
pub fn plan(base: &Tree, wanted: &Tree, disk: &Tree, force: bool) -> Plan {
    let paths: BTreeSet<&String> = base.keys().chain(wanted.keys()).collect();
    let mut plan = Plan::default();
    for path in paths {
        let (base, new, old) = (base.get(path), wanted.get(path), disk.get(path));
        let action = match (base, new, old) {
            (_, None, None) => continue,
            (_, Some(new), Some(old)) if new == old => Action::Same,
            (None, Some(_), None) => Action::Create,
            (Some(_), Some(_), None) if force => Action::Create,
            (Some(base), Some(_), Some(old)) if base == old => Action::Update,
            (_, Some(_), Some(_)) if force => Action::Overwrite,
            (Some(base), Some(new), Some(_)) if base == new => Action::Keep,
            (_, Some(_), Some(_)) => Action::Conflict,
            (Some(base), None, Some(old)) if base == old => Action::Delete,
            // Removed by the user, or no longer wanted but changed by the user.
            (Some(_), Some(_), None) | (_, None, Some(_)) => Action::Keep,
        };
        plan.steps.insert(path.clone(), Step { action, old: old.cloned(), new: new.cloned() });
    }
    plan
}

impl Plan {
    /// The paths that meet `action`.
    pub fn paths(&self, action: Action) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(move |(_, step)| step.action == action).map(|(path, _)| path.as_str())
    }

    /// The files as a tree under `root`; all but new ones say what happens to them.
    pub fn tree(&self, root: &str) -> String {
        let mut text = format!("{root}/\n");
        let paths: Vec<Leaf> =
            self.steps.iter().map(|(path, step)| (path.split('/').collect(), step.action)).collect();
        branch(&paths, 0, "", &mut text);
        text
    }

    /// What changes, as one unified diff; nothing for files that stay.
    pub fn diff(&self) -> String {
        let mut text = String::new();
        for (path, step) in &self.steps {
            let (old, new) = match step.action {
                Action::Same | Action::Keep => continue,
                _ => (step.old.as_ref(), step.new.as_ref()),
            };
            let name = |side: &str, file: Option<&File>| {
                file.map_or("/dev/null".to_owned(), |_| format!("{side}/{path}"))
            };
            let (before, after) = (name("a", old), name("b", new));
            match (lines(old), lines(new)) {
                (Some(old), Some(new)) => {
                    let diff = TextDiff::from_lines(old, new);
                    text.push_str(&diff.unified_diff().header(&before, &after).to_string());
                }
                // Writing to a text cannot fail.
                _ => _ = writeln!(text, "Binary files {before} and {after} differ"),
            }
        }
        text
    }
}

/// The text of a file, where it is one; that of no file is empty.
fn lines(file: Option<&File>) -> Option<&str> {
    file.map_or(Some(""), |file| std::str::from_utf8(&file.bytes).ok().filter(|text| !text.contains('\0')))
}

/// The parts of a path, and what happens to it.
type Leaf<'a> = (Vec<&'a str>, Action);

/// Writes what lies below one folder, all of whose `paths` agree up to `depth`.
fn branch(paths: &[Leaf], depth: usize, indent: &str, text: &mut String) {
    let mut groups: Vec<(&str, Vec<Leaf>)> = Vec::new();
    for path in paths {
        let Some(part) = path.0.get(depth) else { continue };
        match groups.iter_mut().find(|(name, _)| name == part) {
            Some((_, group)) => group.push(path.clone()),
            None => groups.push((part, vec![path.clone()])),
        }
    }
    let last = groups.len();
    for (at, (name, group)) in groups.iter().enumerate() {
        let (knot, rail) = if at + 1 == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let is_file = group.iter().all(|(parts, _)| parts.len() == depth + 1);
        let note = match group.first() {
            Some((_, action)) if is_file && *action != Action::Create => format!(" ({})", action.word()),
            _ => String::new(),
        };
        text.extend([indent, knot, name, if is_file { "" } else { "/" }, &note, "\n"]);
        if !is_file {
            branch(group, depth + 1, &format!("{indent}{rail}"), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files.iter().map(|(path, text)| ((*path).to_owned(), File::new(*text))).collect()
    }

    /// Each of the three: what it holds, or nothing.
    fn check(base: Option<&str>, wanted: Option<&str>, disk: Option<&str>, expected: [Option<Action>; 2]) {
        let one = |text: Option<&str>| text.map(|text| tree(&[("f", text)])).unwrap_or_default();
        let actions = [false, true].map(|force| {
            plan(&one(base), &one(wanted), &one(disk), force).steps.get("f").map(|step| step.action)
        });
        assert_eq!(actions, expected, "{base:?} {wanted:?} {disk:?}");
    }

    #[test]
    fn a_new_project_overwrites_only_when_forced() {
        check(None, Some("a"), None, [Some(Action::Create); 2]);
        check(None, Some("a"), Some("a"), [Some(Action::Same); 2]);
        check(None, Some("a"), Some("b"), [Some(Action::Conflict), Some(Action::Overwrite)]);
        check(None, None, Some("b"), [None; 2]);
    }

    #[test]
    fn what_the_user_did_stays() {
        check(Some("a"), Some("b"), Some("a"), [Some(Action::Update); 2]);
        check(Some("a"), Some("a"), Some("b"), [Some(Action::Keep), Some(Action::Overwrite)]);
        check(Some("a"), Some("b"), Some("c"), [Some(Action::Conflict), Some(Action::Overwrite)]);
        check(Some("a"), Some("b"), None, [Some(Action::Keep), Some(Action::Create)]);
        check(Some("a"), None, Some("a"), [Some(Action::Delete); 2]);
        check(Some("a"), None, Some("b"), [Some(Action::Keep); 2]);
        check(Some("a"), None, None, [None; 2]);
    }

    #[test]
    fn a_plan_is_shown_as_a_tree_and_as_a_diff() {
        let wanted =
            tree(&[("README.md", "one\ntwo\n"), ("src/a.ts", "a\n"), ("src/b/c.ts", "c\n"), ("x", "\0")]);
        let plan = plan(&Tree::new(), &wanted, &tree(&[("README.md", "one\n"), ("src/a.ts", "a\n")]), true);
        let expected = "orders/\n├── README.md (overwrite)\n├── src/\n│   ├── a.ts (same)\n│   └── b/\n│       └── c.ts\n└── x\n";
        assert_eq!(plan.tree("orders"), expected);
        let expected = "--- a/README.md\n+++ b/README.md\n@@ -1 +1,2 @@\n one\n+two\n--- /dev/null\n+++ b/src/b/c.ts\n\
                        @@ -0,0 +1 @@\n+c\nBinary files /dev/null and b/x differ\n";
        assert_eq!(plan.diff(), expected);
        assert_eq!(plan.paths(Action::Create).collect::<Vec<_>>(), ["src/b/c.ts", "x"]);
    }
}
