//! The repository that `eyas new` begins.

use std::process::Command;

use super::{Place, Run};

/// `command` with git to find, and with an author unless git is to ask for one.
fn with_git(place: &Place, mut command: Command, has_author: bool) -> Command {
    let config =
        if has_author { "[user]\nname = A\nemail = a@b.c\n" } else { "[user]\nuseConfigOnly = true\n" };
    place.write("../home/.gitconfig", config);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env("PATH", path)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CEILING_DIRECTORIES", place.path(".."));
    command
}

fn make(place: &Place, words: &str, has_author: bool) -> Run {
    Run::of(&mut with_git(place, place.eyas(words), has_author)).exits(0)
}

/// What git prints in the folder.
fn git(place: &Place, folder: &str, words: &str) -> String {
    let mut command = with_git(place, place.command("git"), true);
    command.current_dir(place.path(folder)).args(words.split_whitespace());
    Run::of(&mut command).exits(0).stdout()
}

#[test]
fn a_new_service_is_a_repository_with_one_commit_of_all_files() {
    let place = Place::new();
    make(&place, "new orders --preset minimal --defaults", true);
    assert_eq!(git(&place, "orders", "log --format=%an:%s"), "A:Make orders\n");
    assert_eq!(git(&place, "orders", "status --porcelain --ignored"), "");
    let files = git(&place, "orders", "ls-files");
    assert!(files.contains(".eyas/base\n") && files.contains(".env.example\n"), "{files}");
}

#[test]
fn inside_a_repository_there_is_none_of_its_own() {
    let place = Place::new();
    git(&place, "", "init --quiet");
    make(&place, "new orders --preset minimal --defaults", true);
    assert!(!place.path("orders/.git").exists());
    assert_eq!(git(&place, "", "status --porcelain"), "?? orders/\n");
}

#[test]
fn no_git_makes_no_repository() {
    let place = Place::new();
    make(&place, "new orders --preset minimal --defaults --no-git", true);
    assert!(!place.path("orders/.git").exists());
}

#[test]
fn what_git_lacks_is_told_and_the_service_made() {
    let place = Place::new();
    make(&place, "new orders --preset minimal --defaults", false).says("`git commit` did not work: ");
    assert!(place.path("orders/package.json").is_file());

    let place = Place::new();
    place.run("new orders --preset minimal --defaults").exits(0).says("git was not found");
    assert!(place.path("orders/package.json").is_file());
}
