//! What data files cannot say.

use std::process::{Command, Stdio};

use crate::EYAS;

#[test]
fn a_reader_who_leaves_is_no_error() {
    for words in [&["completions", "zsh"][..], &["--help"], &["help", "exit-codes"], &["doctor"], &["man"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(EYAS).args(words).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "eyas {words:?}");
        assert_eq!(output.status.code(), Some(0), "eyas {words:?}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man1");
    let output = Command::new(EYAS).arg("man").arg("--out").arg(&man).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let help = Command::new(EYAS).arg("-h").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"doctor"), "{help}");
    for name in names {
        let page = std::fs::read_to_string(man.join(format!("eyas-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    assert!(man.join("eyas.1").is_file());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_io_failure() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(EYAS).arg("man").arg("--out").arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with(&format!("error: cannot write {}\n  cause: ", file.path().display())),
        "{stderr}"
    );
}
