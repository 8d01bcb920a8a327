//! The same calls by curl: what is typed reaches the service alike, and what comes back is the same.

use std::process::Command;

use serde_json::Value;

use super::{CALLS, answer, service};
use crate::eyas::{self as program, Record};

/// What curl is answered with `arguments`: the status and the body.
fn curl(arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--compressed",
            "--max-time",
            "60",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(arguments)
        .output()
        .expect("curl runs");
    assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (body, status) = text.rsplit_once('\n').expect("what was asked for");
    (status.to_owned(), body.to_owned())
}

#[test]
fn curl_client_is_answered_alike() {
    let url = &service().url;
    for (method, path, body) in CALLS {
        let address = format!("{url}{path}");
        let mut arguments = vec!["--request", method, &address];
        let mut words = vec!["send", url, method, path, "-o", "json"];
        if !body.is_empty() {
            arguments.extend(["--header", "content-type: application/json", "--data-binary", body]);
            words.push(body);
        }
        let run = program::run(&words);
        assert_eq!(answer(&Record::read(&run.stdout[0])), curl(&arguments), "{method} {path}");
    }
}

/// The service sees the same, but for who asks.
#[test]
fn curl_client_sends_the_same_forms() {
    let url = &format!("{}/echo", service().url);
    let file = program::file("form.txt", "line 1\r\n\"żółw\"\0--");
    let same = |words: &[&str], arguments: &[&str]| -> Value {
        let ours = program::run(&[&["send", url], words].concat()).exits(0);
        let ours: Value = serde_json::from_str(&ours.stdout[0]).unwrap();
        let theirs: Value = serde_json::from_str(&curl(&[arguments, &[url]].concat()).1).unwrap();
        for name in ["method", "url", "body", "parts"] {
            assert_eq!(ours[name], theirs[name], "{name} of {words:?}");
        }
        ours
    };
    same(
        &["-O", "form=true", "a=x y&ż", "b:=[1,2]"],
        &["--data-urlencode", "a=x y&ż", "--data-urlencode", "b=1", "--data-urlencode", "b=2"],
    );
    // Nest leaves such a body to others: what it is made of is told as it came.
    let upload = format!("photo@{file};type=text/x");
    let seen = same(
        &["-O", "form=multipart", "a=x y", &upload],
        &["--form", "a=x y", "--form", &format!("photo=@{file};type=text/x")],
    );
    assert!(seen["type"].as_str().unwrap().starts_with("multipart/form-data; boundary="), "{seen}");
    assert!(seen["parts"].as_array().is_some_and(|parts| parts.len() == 2), "{seen}");
}
