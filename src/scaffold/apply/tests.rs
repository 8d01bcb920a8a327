use std::cell::Cell;

use super::*;
use crate::scaffold::plan::plan;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), File::new(*text))).collect()
}

/// Everything below `root`, folders with a closing slash.
fn below(root: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().expect("a kind").is_dir() {
                all.push(format!("{name}/"));
                walk(&entry.path(), &format!("{name}/"), all);
            } else {
                all.push(format!("{name}={}", fs::read_to_string(entry.path()).unwrap_or_default()));
            }
        }
    }
    let mut all = Vec::new();
    walk(root, "", &mut all);
    all.sort();
    all
}

fn planned(root: &Path, wanted: &Tree, force: bool) -> Plan {
    let disk = on_disk(root, wanted.keys().map(String::as_str)).expect("a free way");
    plan(&Tree::new(), wanted, &disk, force)
}

const NEVER: &dyn Fn() -> bool = &|| false;

fn wanted() -> Tree {
    tree(&[("README.md", "new"), ("bin/run.sh", "#!/bin/sh\n"), ("src/a/b.ts", "b"), ("src/c.ts", "c")])
}

#[test]
fn a_new_project_appears_whole() {
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("shops/orders");
    apply(&planned(&root, &wanted(), false), &root, NEVER).expect("done");
    let expected = [
        "shops/",
        "shops/orders/",
        "shops/orders/README.md=new",
        "shops/orders/bin/",
        "shops/orders/bin/run.sh=#!/bin/sh\n",
        "shops/orders/src/",
        "shops/orders/src/a/",
        "shops/orders/src/a/b.ts=b",
        "shops/orders/src/c.ts=c",
    ];
    assert_eq!(below(home.path()), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| fs::metadata(root.join(path)).expect("a file").permissions().mode() & 0o111;
        assert_ne!(mode("bin/run.sh"), 0);
        assert_eq!(mode("src/c.ts"), 0);
    }
    apply(&planned(&root, &wanted(), false), &root, NEVER).expect("nothing is left to do");
    assert_eq!(below(home.path()), expected);
}

#[test]
fn nothing_is_overwritten_unasked() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("README.md"), "mine").expect("written");
    let error = apply(&planned(home.path(), &wanted(), false), home.path(), NEVER).expect_err("a conflict");
    assert_eq!(error.to_string(), "would overwrite README.md");
    assert!(error.is::<Fault>());
    assert_eq!(below(home.path()), ["README.md=mine"]);
    apply(&planned(home.path(), &wanted(), true), home.path(), NEVER).expect("forced");
    let expected =
        ["README.md=new", "bin/", "bin/run.sh=#!/bin/sh\n", "src/", "src/a/", "src/a/b.ts=b", "src/c.ts=c"];
    assert_eq!(below(home.path()), expected);
}

#[test]
fn whatever_fails_or_stops_it_the_disk_is_as_it_was() {
    let old = tree(&[("README.md", "old"), ("gone", "x"), ("src/c.ts", "mine")]);
    for is_new in [true, false] {
        for after in 0..12_usize {
            let home = tempfile::tempdir().expect("a folder");
            let root = home.path().join("a/b");
            if !is_new {
                apply(&planned(&root, &old, false), &root, NEVER).expect("done");
            }
            let before = below(home.path());
            let disk = on_disk(&root, ["README.md", "gone", "src/c.ts"]).expect("a free way");
            let base = if is_new { Tree::new() } else { tree(&[("gone", "x")]) };
            let plan = plan(&base, &wanted(), &disk, true);
            let left = Cell::new(after);
            let count = || left.replace(left.get().saturating_sub(1)) == 0;
            let stopped = apply(&plan, &root, &count);
            if let Err(error) = &stopped {
                assert!(error.is::<Interrupted>(), "{error:#}");
                assert_eq!(below(home.path()), before, "interrupted after {after}");
            }
            let full = |target: &Path, file: &File| -> io::Result<()> {
                if count() { Err(io::ErrorKind::StorageFull.into()) } else { write(target, file) }
            };
            left.set(after);
            if stopped.is_err() && after < 4 {
                let error = apply_with(&plan, &root, NEVER, &full).expect_err("a full disk");
                assert!(error.to_string().starts_with("cannot write"), "{error:#}");
                assert_eq!(below(home.path()), before, "full after {after}");
            }
            assert_eq!(stopped.is_ok(), after >= if is_new { 5 } else { 10 }, "{is_new} {after}");
        }
    }
}

#[test]
fn a_move_that_fails_undoes_those_before_it() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("README.md"), "old").expect("written");
    let plan = planned(home.path(), &wanted(), true);
    // A file comes into the way after the plan was made.
    fs::write(home.path().join("src"), "").expect("written");
    let error = apply(&plan, home.path(), NEVER).expect_err("in the way");
    assert!(error.to_string().ends_with("src is a file, where a folder should be"), "{error:#}");
    assert_eq!(below(home.path()), ["README.md=old", "src="]);
    fs::remove_file(home.path().join("src")).expect("removed");
    fs::write(home.path().join("README.md"), "newer").expect("written");
    let error = apply(&plan, home.path(), NEVER).expect_err("changed");
    assert_eq!(error.to_string(), "README.md changed while eyas was at work");
    assert_eq!(below(home.path()), ["README.md=newer"]);
}

#[test]
#[cfg(unix)]
fn nothing_is_written_through_a_symlink() {
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("root");
    let outside = home.path().join("outside");
    fs::create_dir_all(&root).expect("made");
    fs::create_dir(&outside).expect("made");
    let plan = planned(&root, &wanted(), true);
    std::os::unix::fs::symlink(&outside, root.join("src")).expect("linked");
    std::os::unix::fs::symlink(outside.join("x"), root.join("README.md")).expect("linked");
    let problems = on_disk(&root, wanted().keys().map(String::as_str)).expect_err("symlinks");
    assert_eq!(problems.0.len(), 2, "{problems}");
    let error = apply(&plan, &root, NEVER).expect_err("a symlink");
    assert!(error.to_string().contains("nothing is written through one"), "{error:#}");
    assert_eq!(below(&outside), Vec::<String>::new());
}

#[test]
fn a_plan_that_leads_outside_is_refused() {
    let home = tempfile::tempdir().expect("a folder");
    for path in ["../x", "/etc/x", "a/../../x", "con"] {
        let plan = plan(&Tree::new(), &tree(&[(path, "x")]), &Tree::new(), false);
        let error = apply(&plan, &home.path().join("root"), NEVER).expect_err(path);
        assert!(error.is::<Fault>(), "{error:#}");
    }
    assert_eq!(below(home.path()), Vec::<String>::new());
}
