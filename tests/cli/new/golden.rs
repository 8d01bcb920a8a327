//! What the presets make, as committed in `tests/cli/golden`, in the format of `.eyas/base`. The first bundle is
//! whole; each further one holds what it has beside, or other than, the one before. `UPDATE=1` rewrites them.

use std::fs;

use eyas::scaffold::render::{File, Tree};
use eyas::scaffold::state::{self, BASE, STATE, State};

use super::{Place, disk};
use crate::repository;

/// The name of each bundle, how its tree is asked for, and what it lacks that the one before has.
const BUNDLES: [(&str, &str, &[&str]); 4] = [
    ("minimal", "--preset minimal", &[]),
    ("standard", "--preset standard", &[]),
    ("standard-http", "--preset standard --http", &[]),
    // The rules for alerts and the dashboard lie in the chart there.
    (
        "production-http",
        "--preset production --http",
        &["deploy/alerts.yaml", "deploy/observability/dashboard.json"],
    ),
];

#[test]
fn presets_make_the_committed_trees() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut before = Tree::new();
    for (name, words, lacks) in BUNDLES {
        let tree = made(words);
        let gone: Vec<_> = before.keys().filter(|path| !tree.contains_key(*path)).collect();
        assert_eq!(gone, lacks, "{name} lacks what the bundle before it has");
        let differs = |(path, file): &(&String, &File)| before.get(*path) != Some(*file);
        let more = tree.iter().filter(differs).map(|(path, file)| (path.clone(), file.clone()));
        let bundle = state::bundle(&more.collect());
        let golden = repository("tests/cli/golden").join(format!("{name}.base"));
        if update {
            fs::write(&golden, bundle).unwrap();
        } else {
            snapbox::assert_data_eq!(bundle, snapbox::Data::read_from(&golden, None).raw());
        }
        before = tree;
    }
}

/// The tree on disk, once its `.eyas` is found to tell the truth about it; of `project.toml` without the digests.
fn made(words: &str) -> Tree {
    let place = Place::new();
    place.run(&format!("new orders --defaults --no-git {words}")).exits(0);
    let files = disk(&place.path("orders")).into_iter();
    let mut tree: Tree = files.filter_map(|(path, bytes)| Some((path, File::new(bytes?)))).collect();
    let [base, state] =
        [BASE, STATE].map(|path| String::from_utf8(tree.remove(path).unwrap().bytes).unwrap());
    assert_eq!(base, state::bundle(&tree));
    let digests = tree.iter().map(|(path, file)| (path.clone(), state::digest(&file.bytes)));
    assert_eq!(State::read(STATE, &state).unwrap().files, digests.collect());
    let (head, _) = state.split_once("\n[files]\n").unwrap();
    tree.insert(STATE.to_owned(), File::new(format!("{head}\n")));
    tree
}

#[test]
fn a_second_run_makes_the_same_bytes() {
    let [one, other] = [Place::new(), Place::new()];
    for place in [&one, &other] {
        place.run("new shop-orders --defaults --no-git --http").exits(0);
    }
    assert_eq!(one.disk(), other.disk());
}
