use std::sync::{Arc, Mutex, PoisonError};

use super::*;
use crate::message::{Direction, HeaderValue};

/// A stream that can be read again.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<u8>>>);

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `speak` says on stdout and stderr.
fn said(look: Look, format: Option<Format>, speak: impl FnOnce(&mut Ui)) -> (String, String) {
    let (out, err) = (Tape::default(), Tape::default());
    let mut ui = Ui::on(Box::new(out.clone()), Box::new(err.clone()), look, format);
    ui.zone = TimeZone::UTC.into();
    speak(&mut ui);
    ui.flush().unwrap();
    let text = |tape: Tape| {
        let bytes = tape.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).unwrap()
    };
    (text(out), text(err))
}

const PIPE: Look = Look {
    out_terminal: false,
    out_color: false,
    width: None,
    height: None,
    err_terminal: false,
    err_color: false,
    in_terminal: false,
    quiet: false,
    verbose: false,
    no_input: false,
};
const TERMINAL: Look = Look { out_terminal: true, err_terminal: true, in_terminal: true, ..PIPE };

fn check_data(look: Look, format: Format, data: &Data, expected: &str) {
    let (out, _) = said(look, Some(format), |ui| ui.data(data).unwrap());
    assert_eq!(out, expected);
}

#[test]
fn a_payload_is_shown_as_the_format_says() {
    let json = Data::json("{\"a\":\n \"\u{9b}\"}").unwrap();
    check_data(PIPE, Format::Raw, &json, "{\"a\":\"\u{9b}\"}\n");
    check_data(TERMINAL, Format::Raw, &json, "{\"a\":\"\\u009b\"}\n");
    check_data(PIPE, Format::Pretty, &json, "{\"a\": \"\u{9b}\"}\n");
    let narrow = Look { width: Some(8), ..TERMINAL };
    check_data(narrow, Format::Pretty, &json, "{\n  \"a\": \"\\u009b\"\n}\n");
    check_data(PIPE, Format::Quiet, &json, "");
    let text = Data::Text("a\x1bb".to_owned());
    check_data(PIPE, Format::Raw, &text, "a\x1bb\n");
    check_data(TERMINAL, Format::Raw, &text, "a\\x1bb\n");
    let binary = Data::Binary(bytes::Bytes::from_static(b"\xff\x00"));
    check_data(TERMINAL, Format::Pretty, &binary, "\\xff\\x00\n");
}

#[test]
fn the_default_format_depends_on_the_reader() {
    let format = |look, asked| {
        let mut ui = Ui::on(Box::new(io::sink()), Box::new(io::sink()), look, asked);
        ui.defaulting(Format::Pretty, Format::Raw);
        ui.format()
    };
    assert_eq!(format(PIPE, None), Format::Raw);
    assert_eq!(format(TERMINAL, None), Format::Pretty);
    assert_eq!(format(PIPE, Some(Format::Line)), Format::Line);
}

#[test]
fn talk_goes_to_stderr_after_what_was_written() {
    let talk = |ui: &mut Ui| {
        ui.out_line("data").unwrap();
        ui.note("note\x1b");
        ui.detail("detail");
        ui.warn("careful");
    };
    assert_eq!(said(PIPE, None, talk), ("data\n".to_owned(), "note\x1b\nwarning: careful\n".to_owned()));
    let (_, err) = said(Look { verbose: true, ..TERMINAL }, None, talk);
    assert_eq!(err, "note\\x1b\ndetail\nwarning: careful\n");
    let (_, err) = said(Look { quiet: true, ..PIPE }, None, talk);
    assert_eq!(err, "warning: careful\n");
}

#[test]
fn a_watched_message_is_a_paragraph_or_a_line() {
    let headers = vec![("trace\n".to_owned(), HeaderValue::Text("a\x1b".to_owned()))];
    let data = Data::json("{\"id\": [7]}").unwrap();
    let shown = Shown {
        at: jiff::Timestamp::from_millisecond(1_500).unwrap(),
        service: Some("orders"),
        transport: "nats",
        direction: Direction::Request,
        pattern: Some("orders.get"),
        dest: Some("orders.get"),
        id: Some("\"3b81c2f0aa\""),
        headers: &headers,
        data: Some(&data),
        error: None,
        size: 12,
        pair_ms: None,
        is_final: false,
        is_unanswered: false,
        of_pattern: None,
    };
    let (out, _) = said(PIPE, Some(Format::Pretty), |ui| ui.delivery(&shown).unwrap());
    assert_eq!(
        out,
        "00:00:01.500 orders → orders.get #3b81c2f0            {\"id\": [7]}\n  trace\\n: a\\x1b\n"
    );
    let narrow = Look { width: Some(60), ..TERMINAL };
    let (out, _) = said(narrow, Some(Format::Pretty), |ui| ui.delivery(&shown).unwrap());
    assert_eq!(
        out,
        "00:00:01.500 orders → orders.get #3b81c2f0           12 B\n  trace\\n: a\\x1b\n  {\"id\": [7]}\n"
    );
    let error = Data::Text("no\nway".to_owned());
    let reply = Shown {
        service: None,
        direction: Direction::Reply,
        pattern: None,
        of_pattern: Some("orders.get"),
        dest: Some("_INBOX.x"),
        error: Some(&error),
        pair_ms: Some(1.26),
        is_final: true,
        ..shown
    };
    let (out, _) = said(PIPE, Some(Format::Line), |ui| ui.delivery(&reply).unwrap());
    assert_eq!(out, "00:00:01.500 nats ← orders.get #3b81c2f0    1.3 ms on _INBOX.x error  no\\nway\n");
}

#[test]
fn rows_stand_in_columns_and_tell_what_is_missing() {
    let headers = Vec::new();
    let data = Data::json("7").unwrap();
    let request = Shown {
        at: jiff::Timestamp::UNIX_EPOCH,
        service: None,
        transport: "tcp",
        direction: Direction::Request,
        pattern: Some("orders.get"),
        dest: None,
        id: Some("1"),
        headers: &headers,
        data: Some(&data),
        error: None,
        size: 1,
        pair_ms: None,
        is_final: false,
        is_unanswered: false,
        of_pattern: None,
    };
    let event = Shown { direction: Direction::Event, pattern: Some("a"), id: None, ..request };
    let reply = Shown { direction: Direction::Reply, data: None, pair_ms: Some(1234.0), ..request };
    let unanswered = Shown { data: None, pair_ms: Some(500.0), is_unanswered: true, ..request };
    let (out, _) = said(PIPE, Some(Format::Line), |ui| {
        for shown in [request, event, reply, unanswered] {
            ui.delivery(&shown).unwrap();
        }
    });
    assert_eq!(
        out,
        "00:00:00.000 tcp → orders.get #1                   7\n\
         00:00:00.000 tcp » a                               7\n\
         00:00:00.000 tcp ← orders.get #1           1.23 s  (no value)  (more to come)\n\
         00:00:00.000 tcp ✗ orders.get #1         500.0 ms no reply so far\n"
    );
}

const MESSAGE: Shown<'static> = Shown {
    at: jiff::Timestamp::UNIX_EPOCH,
    service: None,
    transport: "tcp",
    direction: Direction::Event,
    pattern: Some("a"),
    dest: None,
    id: None,
    headers: &Vec::new(),
    data: None,
    error: None,
    size: 0,
    pair_ms: None,
    is_final: false,
    is_unanswered: false,
    of_pattern: None,
};

#[test]
fn a_terminal_gets_the_beginning_of_what_is_too_large() {
    let data = Data::json(format!("[\"{}\"]", "ż".repeat(1 << 20))).unwrap();
    let shown = Shown { data: Some(&data), size: 2 << 20, ..MESSAGE };
    for format in [Format::Pretty, Format::Line] {
        let (out, _) = said(TERMINAL, Some(format), |ui| ui.delivery(&shown).unwrap());
        assert!(out.len() < 20_000 && out.contains("… cut here, of 2.0 MiB"), "{}", out.len());
        assert!(!out.contains('\u{fffd}'));
        let (out, _) = said(PIPE, Some(format), |ui| ui.delivery(&shown).unwrap());
        assert!(out.len() > 2 << 20 && !out.contains("cut here"), "{}", out.len());
    }
}

#[test]
fn each_service_has_a_colour_of_its_own() {
    let colored = Look { out_color: true, ..TERMINAL };
    let (out, _) = said(colored, Some(Format::Line), |ui| {
        for service in ["orders", "billing", "orders"] {
            ui.delivery(&Shown { service: Some(service), ..MESSAGE }).unwrap();
        }
    });
    let styles: Vec<_> = out
        .lines()
        .map(|line| {
            line.split("orders")
                .next()
                .unwrap()
                .split("billing")
                .next()
                .unwrap()
                .rsplit_once('\x1b')
                .unwrap()
                .1
        })
        .collect();
    assert_eq!(styles[0], styles[2], "{out}");
    assert_ne!(styles[0], styles[1], "{out}");
}

#[test]
fn a_table_is_drawn_again_in_its_place() {
    let low = Look { height: Some(4), ..TERMINAL };
    let lines = |count: usize| (0..count).map(|n| format!("line {n}")).collect::<Vec<_>>();
    let (out, err) = said(low, Some(Format::Pretty), |ui| {
        ui.redraw(&lines(2)).unwrap();
        ui.redraw(&lines(5)).unwrap();
        ui.note("talk");
        ui.redraw(&[]).unwrap();
    });
    // The last line stays where there is no room for all; talk does not stand in the middle of it.
    assert_eq!(out, "line 0\nline 1\n\x1b[2A\x1b[Jline 0\nline 1\nline 4\n\x1b[3A\x1b[J");
    assert_eq!(err, "talk\n");
}
