//! Services that ask for a token: eyas speaks to them by `--as`, with the secret that `eyas.toml` names.

use std::sync::LazyLock;

use crate::eyas::Run;
use crate::project::Project;
use crate::server::Server;
use crate::service::{Service, node};

const SECRET: &str = "a-secret-of-this-test-and-of-nobody-else";

/// Made and built once; each test starts it for itself.
fn orders() -> &'static Project {
    static PROJECT: LazyLock<Project> = LazyLock::new(|| {
        let project = Project::make("service_auth", "orders", "--preset minimal --with service-auth");
        project.install();
        project.script("build");
        project
    });
    &PROJECT
}

fn started() -> Service {
    Service::start_with(orders(), &[("SERVICE_AUTH_SECRET", SECRET.to_owned())])
}

#[track_caller]
fn tells_no_secret(run: &Run) {
    assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
}

#[test]
fn a_guarded_service_answers_only_who_it_knows() {
    let service = started();
    let create = ["send", "orders.create", "name=first"];
    let refused = service.eyas(&create).exits(1);
    refused.says(r#""code":"UNAUTHORIZED""#).says("a token is missing").says("hint: `--as SERVICE` signs it");

    let answered = service.eyas(&[&create[..], &["--as", "orders"]].concat()).exits(0);
    assert!(answered.stdout[0].contains(r#""name":"first""#), "{answered:?}");
    tells_no_secret(&answered);
    // A URL tells no service: the pattern does.
    service.eyas(&["send", &service.url(), "orders.list", "--as", "orders"]).exits(0);

    let typed = service.eyas(&["send", "orders.create", "name=first", "token=x.y.z"]).exits(1);
    typed.says("the token belongs in the header authorization");
    assert_eq!(service.terminate().code(), Some(0));
}

#[test]
fn events_and_many_calls_are_signed_too() {
    let service = started();
    service.eyas(&["emit", "orders.created", "id=1", "name=unsigned"]).exits(0);
    service.logs("the refusal", |line| line["message"] == "message refused");
    service.eyas(&["emit", "orders.created", "id=2", "name=signed", "--as", "orders"]).exits(0);
    let handled = service.logs("the event", |line| line["message"] == "created");
    assert_eq!((&handled["item"]["name"], &handled["caller"]), (&"signed".into(), &"orders".into()));
    let calls = ["bench", "send", "orders.list", "-n", "50", "--as", "orders"];
    service.eyas(&calls).exits(0);
    let refused = service.eyas(&calls[..5]).exits(1);
    assert!(refused.stdout.contains(&"50 answered with an error".to_owned()), "{refused:?}");
    let lines = "{\"name\":\"a\"}\n{\"name\":\"b\"}\n";
    service.eyas_reads(&["send", "orders.create", "--ndjson", "-", "--as", "orders"], lines).exits(0);
}

#[test]
fn what_cannot_be_signed_is_told_before_anything_is_sent() {
    let service = started();
    let create = |more: &[&str]| service.eyas(&[&["send", "orders.create", "name=first"], more].concat());
    create(&["--as", "order"]).exits(2).says("there is no service `order`").says("did you mean `orders`?");
    create(&["--as", "orders", "-H", "Authorization: Bearer x"]).exits(2).says("`authorization` already");
    let shown = create(&["--as", "orders", "--dry-run"]).exits(0);
    assert!(shown.stdout.concat().contains(r#""authorization":"Bearer ***""#), "{shown:?}");
    tells_no_secret(&shown);
    service.eyas(&["send", "@orders:http", "GET", "/health", "--as", "orders"]).exits(2).says("HTTP");

    let with = |secret: &str| {
        let words = ["send", "orders.create", "name=first", "--as", "orders"];
        let mut eyas = service.eyas_command(&words, true);
        let mut server = Server::spawn("eyas", eyas.env("SERVICE_AUTH_SECRET", secret));
        server.close_stdin();
        let status = server.ended();
        let (stdout, stderr) = server.lines();
        Run { name: words.join(" "), status, stdout, stderr }
    };
    with("short").exits(2).says("has 5 characters").says("eyas.toml:");
    let stranger = with("another-secret-which-the-service-does-not-know").exits(1);
    stranger.says("the token is not signed by our secret").says("hint: the `secret` of `orders`");
}

#[test]
fn a_secret_that_is_missing_or_too_short_stops_the_start() {
    for secret in ["", "short"] {
        let mut node = node(&orders().folder, &["dist/main.js"]);
        let mut server = Server::spawn("the service", node.env("SERVICE_AUTH_SECRET", secret));
        assert_eq!(server.ended().code(), Some(1), "{}", server.output());
        let (_, said) = server.lines();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("the setting SERVICE_AUTH_SECRET is wrong: "), "{said:?}");
    }
}
