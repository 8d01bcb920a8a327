//! The questions, on a terminal.

use std::process::Stdio;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use super::Place;

/// In milliseconds; only ends a test that hangs.
const PATIENCE: u64 = 60_000;
const UP: &str = "\u{1b}[A";
const CURSOR_OFF: &str = "\u{1b}[?25l";
const CURSOR_ON: &str = "\u{1b}[?25h";

struct Wizard {
    terminal: PtySession,
    /// All that was shown so far.
    shown: String,
}

impl Wizard {
    fn start(place: &Place, words: &str) -> Self {
        let mut command = place.eyas(&format!("new --no-git {words}"));
        command.env("TERM", "xterm").env("NO_COLOR", "1").stdin(Stdio::inherit());
        Self { terminal: spawn_command(command, Some(PATIENCE)).unwrap(), shown: String::new() }
    }

    /// Waits for a question, and types.
    #[track_caller]
    fn at(&mut self, question: &str, keys: &str) -> &mut Self {
        let before = self.terminal.exp_string(question).unwrap();
        self.shown += &(before + question);
        self.terminal.send(keys).unwrap();
        self.terminal.flush().unwrap();
        self
    }

    /// Waits for the end, and gives the exit code and all that was shown.
    fn end(mut self) -> (i32, String) {
        self.shown += &self.terminal.exp_eof().unwrap();
        let WaitStatus::Exited(_, code) = self.terminal.process().wait().unwrap() else {
            panic!("ended by a signal\n{}", self.shown);
        };
        (code, self.shown)
    }
}

#[track_caller]
fn has_given_the_cursor_back(shown: &str) {
    assert!(shown.rfind(CURSOR_ON) >= shown.rfind(CURSOR_OFF), "the cursor is gone: {shown:?}");
}

/// Any further question would be waited for in vain.
#[test]
fn four_questions_make_a_service() {
    let place = Place::new();
    let mut wizard = Wizard::start(&place, "");
    wizard.at("Name of the service", "orders\r").at("every replica gets every message", "\r");
    wizard.at("> standard", &format!("{UP}\r")).at("Make it?", "y");
    let (code, shown) = wizard.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("orders.controller.ts"), "the tree is shown before: {shown}");
    assert!(shown.contains("cd orders"), "what to do next is told: {shown}");
    has_given_the_cursor_back(&shown);
    assert!(place.path("orders/src/main.ts").is_file());
    assert!(!place.path("orders/Dockerfile").exists(), "the arrow chose `minimal`");
}

#[test]
fn only_what_was_not_given_is_asked() {
    let place = Place::new();
    let mut wizard = Wizard::start(&place, "orders --transport tcp --preset minimal");
    wizard.at("Make it?", "\r");
    let (code, shown) = wizard.end();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("Name of the service") && !shown.contains("Transports ("), "{shown}");
    assert!(place.path("orders/src/main.ts").is_file());
}

#[test]
fn nothing_is_asked_that_must_not_be() {
    for flag in ["--defaults", "--no-input"] {
        let place = Place::new();
        let (code, shown) = Wizard::start(&place, &format!("orders {flag}")).end();
        assert_eq!(code, 0, "{flag}: {shown}");
        assert!(place.path("orders/Dockerfile").is_file(), "{flag}");
    }
}

#[test]
fn no_is_an_answer() {
    let place = Place::new();
    let mut wizard = Wizard::start(&place, "orders --transport tcp --preset minimal");
    wizard.at("Make it?", "n");
    let (code, shown) = wizard.end();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("nothing was made"), "{shown}");
    assert!(place.disk().is_empty());
}

#[test]
fn a_name_that_cannot_be_is_asked_for_again() {
    let place = Place::new();
    let mut wizard = Wizard::start(&place, "--transport tcp --preset minimal");
    wizard.at("Name of the service", "Orders\r").at("cannot name a service", "\u{3}");
    let (code, shown) = wizard.end();
    assert_eq!(code, 130, "{shown}");
    assert!(place.disk().is_empty());
}

#[test]
fn ctrl_c_at_any_question_writes_nothing_and_gives_the_cursor_back() {
    let questions = [
        ("", "Name of the service"),
        ("orders", "every replica gets every message"),
        ("orders --transport tcp", "> standard"),
        ("orders --transport tcp --preset minimal", "Make it?"),
    ];
    for (words, question) in questions {
        let place = Place::new();
        let mut wizard = Wizard::start(&place, words);
        wizard.at(question, "\u{3}");
        let (code, shown) = wizard.end();
        assert_eq!(code, 130, "{question}: {shown}");
        has_given_the_cursor_back(&shown);
        assert!(place.disk().is_empty(), "{question}");
    }
}
