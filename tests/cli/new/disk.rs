//! What `eyas new` writes, and that whatever stops it leaves the disk as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Place, Run, is_root};
use crate::{EYAS, repository};

#[test]
fn a_second_run_is_refused_and_changes_nothing() {
    let place = Place::new();
    let made = place.run("new orders --defaults --no-git").exits(0);
    assert_eq!(made.stdout(), "made orders: 81 files; tcp, with metrics, resilience, docker, compose, ci\n");
    place.write("orders/README.md", "mine");
    let before = place.disk();
    place.run("new orders --defaults --no-git").exits(2).says("is there already");
    assert_eq!(place.disk(), before);
}

#[test]
fn looking_writes_nothing() {
    let place = Place::new();
    for flag in ["--dry-run", "--diff", "--dry-run --into deep/below", "--dry-run --install"] {
        let run = place.run(&format!("new orders --defaults {flag}")).exits(0);
        assert!(run.stdout().contains("orders.controller.ts"), "{run:?}");
        assert!(place.disk().is_empty(), "{flag}: {:?}", place.disk().keys());
    }
}

#[test]
fn refusals_write_nothing() {
    let place = Place::new();
    for words in [
        "",
        "Orders",
        "orders --transport tpc",
        "orders --with nothing",
        "orders --answers none.toml",
        "orders --with outbox",
        "orders --with saga",
    ] {
        place.run(&format!("new --defaults {words}")).exits(2);
        assert!(place.disk().is_empty(), "{words}: {:?}", place.disk().keys());
    }
}

#[test]
fn answers_from_a_file_make_what_flags_make() {
    let trees = ["toml", "json", ""].map(|kind| {
        let place = Place::new();
        place
            .write("../answers.toml", "name = 'orders'\npreset = 'minimal'\nfeatures = ['http', 'docker']\n");
        let json = r#"{"name": "orders", "preset": "minimal", "features": ["http", "docker"]}"#;
        place.write("../answers.json", json);
        let words = match kind {
            "" => "orders --preset minimal --http --with docker".to_owned(),
            kind => format!("--answers ../answers.{kind}"),
        };
        place.run(&format!("new --defaults --no-git {words}")).exits(0);
        place.disk()
    });
    assert!(trees[0].contains_key("orders/Dockerfile") && !trees[0].contains_key("orders/compose.yaml"));
    assert!(trees[0] == trees[1] && trees[1] == trees[2]);
}

#[test]
fn flags_win_over_an_answers_file() {
    let place = Place::new();
    place.write("answers.toml", "name = 'orders'\npreset = 'standard'\n");
    place.run("new stock --answers answers.toml --preset minimal --no-git --defaults").exits(0);
    assert!(place.path("stock/src/stock").is_dir());
    assert!(!place.path("stock/Dockerfile").exists());
}

#[test]
fn an_existing_folder_is_shared_and_nothing_in_it_overwritten_unasked() {
    let place = Place::new();
    place.write("there/notes.txt", "mine");
    place.run("new orders --preset minimal --defaults --no-git --into there").exits(0);
    let mut made = place.disk();
    assert_eq!(made.remove("there/notes.txt"), Some(Some(b"mine".to_vec())));
    assert!(made.contains_key("there/src/orders/orders.controller.ts"));

    place.write("there/README.md", "mine");
    place.write("there/src/main.ts", "mine, too");
    let before = place.disk();
    let again = "new orders --defaults --no-git --into there";
    place.run(again).exits(2).says("README.md").says("src/main.ts").says("--force");
    assert_eq!(place.disk(), before);

    place.run(&format!("{again} --force")).exits(0);
    let after = place.disk();
    assert_eq!(after["there/notes.txt"], Some(b"mine".to_vec()));
    assert_ne!(after["there/README.md"], before["there/README.md"]);
    assert!(after.contains_key("there/Dockerfile"));
}

#[test]
fn nothing_is_written_through_a_symlink() {
    let place = Place::new();
    fs::create_dir(place.path("elsewhere")).unwrap();
    fs::create_dir(place.path("there")).unwrap();
    symlink(place.path("elsewhere"), place.path("there/src")).unwrap();
    let before = place.disk();
    for words in ["", "--force"] {
        place.run(&format!("new orders --defaults --no-git --into there {words}")).exits(2).says("symlink");
        assert_eq!(place.disk(), before);
    }
}

#[test]
fn a_template_holds_no_symlink() {
    let place = Place::new();
    let manifest = "format = 1\nname = 'mine'\nversion = '1.0.0'\nsummary = 'leads outside'\n";
    place.write("template/template.toml", manifest);
    place.write("template/files/README.md", "x");
    symlink("/etc/passwd", place.path("template/files/passwd")).unwrap();
    let before = place.disk();
    place.run("new orders --defaults --no-git --template template").exits(2).says("symlink");
    assert_eq!(place.disk(), before);
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let place = Place::new();
    // What lies in the home of the one who runs the tests another user may not even see.
    let eyas = place.path("../eyas");
    // By another process: a file that this one has just written may be open yet in a child that another test is
    // about to start, and what is open for writing cannot be run.
    assert!(Command::new("cp").arg(EYAS).arg(&eyas).status().unwrap().success());
    fs::set_permissions(place.path(".."), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = place.command(&eyas);
    command.args(["new", "orders", "--defaults", "--no-git"]);
    if is_root() {
        // Nobody.
        command.uid(65_534).gid(65_534);
    }
    Run::of(&mut command).exits(1).says("error: cannot make").says("Permission denied");
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(place.disk().is_empty());
}

/// No disk of its own, so that no right to mount is needed: a file that may not grow fails as one on a full disk
/// does, in the midst of being written.
#[test]
fn a_full_disk_is_told_and_left_as_it_was() {
    let place = Place::new();
    place.write("there/notes.txt", "mine");
    let before = place.disk();
    for target in ["", "--into there", "--into there/deep/below"] {
        let script = r#"trap "" XFSZ; ulimit -f 1; exec "$@""#;
        let mut command = place.command("/bin/sh");
        command.args(["-c", script, "sh", EYAS, "new", "orders", "--defaults", "--no-git"]);
        command.args(target.split_whitespace());
        Run::of(&mut command).exits(1).says("error: cannot write ").says("too large");
        assert_eq!(place.disk(), before, "{target}");
    }
}

#[test]
fn a_signal_in_the_midst_leaves_nothing() {
    let place = Place::new();
    let manifest = "format = 1\nname = 'mine'\nversion = '1.0.0'\nsummary = 'many files'\n";
    place.write("../template/template.toml", manifest);
    for file in 0..1_900 {
        place.write(&format!("../template/files/{file}/{file}"), &"x".repeat(4_000));
    }
    place.write("there/notes.txt", "mine");
    let before = place.disk();
    for (signal, target) in [(Signal::SIGINT, ""), (Signal::SIGTERM, ""), (Signal::SIGTERM, "--into there")] {
        let stage = place.path(if target.is_empty() { "" } else { "there" });
        let mut command =
            place.eyas(&format!("new orders --defaults --no-git --template ../template {target}"));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        // It is held as soon as it has begun to write, so that the signal comes in the midst.
        let prefix = format!(".eyas-{}", child.id());
        while !fs::read_dir(&stage).unwrap().any(|entry| *entry.unwrap().file_name() == *prefix) {
            assert!(Instant::now() < deadline, "nothing is written");
            thread::yield_now();
        }
        send(Signal::SIGSTOP, child.id());
        assert!(!place.path("orders").exists() && !place.path("there/0").exists(), "it came too late");
        send(signal, child.id());
        send(Signal::SIGCONT, child.id());
        Run(child.wait_with_output().unwrap()).exits(130).says("nothing was changed");
        assert_eq!(place.disk(), before, "{signal} {target}");
    }
}

/// By its name, which Linux tells.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_a_template_that_does_not() {
    let template = repository("tests/scaffold/hostile/endless");
    let template = template.display();
    for words in [format!("new orders --defaults --template {template}"), format!("check {template}")] {
        let place = Place::new();
        let child = place.eyas(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let threads = format!("/proc/{}/task", child.id());
        let is_rendering = || {
            let mut all = fs::read_dir(&threads).unwrap().map(|thread| thread.unwrap().path().join("comm"));
            all.any(|name| fs::read_to_string(name).is_ok_and(|name| name.trim() == "render"))
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_rendering() {
            assert!(Instant::now() < deadline, "{words}: nothing is rendered");
            thread::yield_now();
        }
        send(Signal::SIGINT, child.id());
        let run = Run(child.wait_with_output().unwrap()).exits(130);
        assert!(!run.stderr().contains("did not finish"), "it was waited for: {run:?}");
        assert!(place.disk().is_empty());
    }
}

fn send(signal: Signal, process: u32) {
    kill(Pid::from_raw(process.cast_signed()), signal).unwrap();
}

#[test]
fn endless_templates_and_those_that_climb_out_are_refused() {
    let place = Place::new();
    for (name, told) in
        [("climbs", "it climbs out of the project"), ("undefined", "`naem`"), ("flood", "bytes")]
    {
        let template = repository("tests/scaffold/hostile").join(name);
        let words = format!("new orders --defaults --no-git --template {}", template.display());
        place.run(&words).exits(2).says(told);
        assert!(place.disk().is_empty(), "{name}");
    }
}
