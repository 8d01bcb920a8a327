//! Templates of one's own: begun, brought from an archive and from git, and judged before they are used.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::Builder;

use super::{Disk, Place, Run, disk};

/// A place where `mine` is a template.
fn begun() -> Place {
    let place = Place::new();
    place.run("template init mine").exits(0);
    place
}

/// Packs the folder `mine`, below a folder of its name, as `mine.tar.gz`.
fn pack(place: &Place) {
    let file = File::create(place.path("mine.tar.gz")).unwrap();
    let mut builder = Builder::new(GzEncoder::new(file, Compression::fast()));
    builder.follow_symlinks(false);
    builder.sparse(false);
    builder.append_dir_all("mine-1.0", place.path("mine")).unwrap();
    builder.into_inner().unwrap().finish().unwrap();
}

/// `command` with git to find.
fn with_git(mut command: Command) -> Command {
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// Runs git in the folder `mine`.
fn git(place: &Place, words: &str) {
    let mut command = with_git(place.command("git"));
    command.current_dir(place.path("mine")).args(["-c", "user.name=A", "-c", "user.email=a@b.c"]);
    Run::of(command.args(words.split_whitespace())).exits(0);
}

/// Makes the folder `mine` a repository, and says its URL.
fn commit(place: &Place) -> String {
    for words in ["init --quiet", "add --all", "commit --quiet -m x", "tag v1"] {
        git(place, words);
    }
    format!("file://{}", place.path("mine").display())
}

/// The files of a disk, without those of git.
fn files(all: Disk) -> Disk {
    all.into_iter().filter(|(path, content)| content.is_some() && !path.starts_with(".git")).collect()
}

#[test]
fn what_init_begins_passes_the_check_and_makes_a_project() {
    let place = begun();
    place.run("check mine").exits(0);
    let told = place.run("template init other -o json").exits(0).stdout();
    assert!(told.ends_with("\"path\":\"other\",\"templates\":[\"other\"],\"files\":5}\n"), "{told}");
    place.run("new orders --template mine --with docker --set team=shop --defaults --no-git").exits(0);
    let readme = fs::read_to_string(place.path("orders/README.md")).unwrap();
    assert!(readme.contains("team shop") && readme.contains("docker build --tag orders"), "{readme}");
    assert!(place.path("orders/src/orders.ts").is_file() && place.path("orders/Dockerfile").is_file());
}

#[test]
fn init_leaves_what_is_there() {
    let place = Place::new();
    place.write("mine/note", "mine");
    let before = place.disk();
    place.run("template init mine").exits(2).says("is there already");
    place.run("template init Mine_1").exits(2).says("name a template");
    assert_eq!(place.disk(), before);
}

#[test]
fn an_archive_is_a_template() {
    let place = begun();
    pack(&place);
    place.run("check mine.tar.gz").exits(0);
    assert_eq!(place.run("template ls mine.tar.gz").exits(0).stdout(), "mine 0.1.0  a service of our own\n");
    place.run("template fetch mine.tar.gz copy").exits(0);
    assert_eq!(files(disk(&place.path("copy"))), files(disk(&place.path("mine"))));
    place.run("new orders --template mine.tar.gz --defaults --no-git").exits(0);
    assert!(place.path("orders/src/orders.ts").is_file());
}

#[test]
fn a_git_repository_is_a_template_at_the_tag_that_is_named() {
    let place = begun();
    let before = files(disk(&place.path("mine")));
    let url = commit(&place);
    place.write("mine/files/later", "later");
    git(&place, "add --all");
    git(&place, "commit --quiet -m later");
    let eyas = |words: String| Run::of(&mut with_git(place.eyas(&words)));
    eyas(format!("template fetch {url}#v1 first")).exits(0);
    assert_eq!(files(disk(&place.path("first"))), before);
    eyas(format!("new orders --template {url} --defaults --no-git")).exits(0);
    assert!(place.path("orders/later").is_file());
    eyas(format!("template ls {url}#v2")).exits(1).says("git could not fetch").says("v2");
    eyas(format!("template ls {url}-nowhere"))
        .exits(1)
        .says("git could not fetch")
        .says("-nowhere' does not ");
    place.run(&format!("template ls {url}")).exits(1).says("git could not fetch");
}

#[test]
fn links_are_refused_from_wherever_they_come() {
    let place = begun();
    symlink("/etc/passwd", place.path("mine/files/link")).unwrap();
    pack(&place);
    let url = commit(&place);
    for source in ["mine.tar.gz", &*url] {
        let words = format!("template fetch {source} copy");
        Run::of(&mut with_git(place.eyas(&words))).exits(2).says("files/link`: a template holds no links");
    }
    assert!(!place.path("copy").exists());
}

#[test]
fn what_unpacks_without_an_end_is_refused() {
    let place = begun();
    let large = File::create(place.path("mine/files/large")).unwrap();
    large.set_len(200 << 20).unwrap();
    pack(&place);
    assert!(place.path("mine.tar.gz").metadata().unwrap().len() < 4 << 20);
    place.run("template ls mine.tar.gz").exits(2).says("files/large").says("the most is");
}

#[test]
fn what_is_no_archive_is_told() {
    let place = Place::new();
    place.write("x.tar.gz", "not a tar at all");
    place.run("template ls x.tar.gz").exits(2).says("x.tar.gz cannot be read");
    place.run("template ls none.tar.gz").exits(2).says("cannot read `none.tar.gz`");
    place.run("template ls http://127.0.0.1/x").exits(2).says("templates do not come over `http`");
}
