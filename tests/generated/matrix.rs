//! Every two options together: typechecked by the native compiler of TypeScript, which is fast enough for all of
//! them, and laid out as prettier would.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use eyas::scaffold::catalog::Catalog;
use eyas::scaffold::check::combinations;
use eyas::scaffold::render::{Tree, render};
use eyas::scaffold::state::digest;
use serde_json::{Value, json};

use crate::project::{Project, command, link, modules, succeed, workshop};

/// What prettier knows, as projects have it.
const LAID_OUT: [&str; 5] = [".ts", ".json", ".md", ".yaml", ".yml"];

fn trees() -> Vec<Tree> {
    let template = Catalog::embedded().template("service").unwrap();
    combinations(&template).iter().map(|answers| render(&template, answers).unwrap().tree).collect()
}

/// The packages of all projects, and the native compiler beside the one they build with.
fn packages(trees: &[Tree]) -> Value {
    let mut all = json!({"private": true, "dependencies": {}, "devDependencies": {}});
    for tree in trees {
        let package: Value = serde_json::from_slice(&tree["package.json"].bytes).unwrap();
        for key in ["dependencies", "devDependencies", "allowScripts", "overrides"] {
            for (name, version) in package[key].as_object().into_iter().flatten() {
                all[key][name] = version.clone();
            }
        }
    }
    all["devDependencies"]["typescript-native"] = "npm:typescript@^7.0.2".into();
    all
}

fn write(tree: &Tree, folder: &Path) {
    for (path, file) in tree {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.bytes).unwrap();
    }
}

/// The files that prettier is to see, each content once.
fn differing(trees: &[Tree]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut paths = Vec::new();
    for (number, tree) in trees.iter().enumerate() {
        for (path, file) in tree {
            let is_laid_out = LAID_OUT.iter().any(|end| path.ends_with(end));
            if is_laid_out && seen.insert((path, digest(&file.bytes))) {
                paths.push(format!("{number}/{path}"));
            }
        }
    }
    paths
}

/// Template rendered with every two options together, and the folder that holds the packages of all.
struct Matrix {
    trees: Vec<Tree>,
    modules: PathBuf,
}

fn matrix() -> &'static Matrix {
    static MATRIX: LazyLock<Matrix> = LazyLock::new(|| {
        let trees = trees();
        let modules = modules(packages(&trees)).join("node_modules");
        Matrix { trees, modules }
    });
    &MATRIX
}

/// Gives a project that is not run the packages of all, for to install each one's own takes long.
pub fn lend_packages(project: &Project) {
    link(&matrix().modules, &project.folder.join("node_modules"));
}

/// The same for a project that is left soon: in the folder around it, where Node finds them as well.
pub fn show_packages(project: &Project) {
    symlink(&matrix().modules, project.folder.with_file_name("node_modules")).unwrap();
}

#[test]
fn every_two_options_typecheck_together() {
    let Matrix { trees, modules } = matrix();
    let workshop = workshop("matrix");
    symlink(modules, workshop.join("node_modules")).unwrap();
    let compiler = modules.join("typescript-native/bin/tsc");
    let mut ignored = BTreeSet::new();
    for (number, tree) in trees.iter().enumerate() {
        let folder = workshop.join(number.to_string());
        write(tree, &folder);
        succeed(command("node", &folder).arg(&compiler).arg("--noEmit"));
        let text = String::from_utf8_lossy(&tree[".prettierignore"].bytes).into_owned();
        ignored.extend(text.lines().map(|line| format!("*/{line}\n")));
    }
    fs::write(workshop.join(".prettierignore"), ignored.into_iter().collect::<String>()).unwrap();
    let paths = differing(trees);
    assert!(paths.len() > trees.len(), "{paths:?}");
    succeed(command(modules.join(".bin/prettier"), &workshop).arg("--check").args(paths));
}
