//! `--client NAME=URL`, over the small template.

use super::*;

fn with(words: &str, clients: &[&str]) -> Request {
    Request { clients: clients.iter().map(|&word| word.to_owned()).collect(), ..request(words) }
}

fn refuses(words: &str, clients: &[&str], expected: &[&str]) {
    let problems = resolve(&small(), &with(words, clients)).expect_err("a fault");
    assert_eq!(told(&problems), expected, "{clients:?}");
}

#[test]
fn each_client_has_a_file_a_setting_and_its_own_facts() {
    let template = small();
    let request = with("t:tcp f:docker", &["stock=tcp://localhost:4001", "price-list=tcps://prices:1"]);
    let answers = ready(&template, &request);
    let rendered = render(&template, &answers).expect("a tree");
    let text = |path: &str| String::from_utf8_lossy(&rendered.tree[path].bytes).into_owned();
    assert_eq!(text("src/clients/stock.ts"), "export const stock = tcp(env.STOCK_URL); // one of 2\n");
    let expected = "export const priceList = tcp(env.PRICE_LIST_URL); // one of 2\n";
    assert_eq!(text("src/clients/price-list.ts"), expected);
    assert_eq!(text("src/tcp.ts"), "export const tcp = (url: string) => url;\n", "one for both");
    assert!(text(".env.example").contains("PRICE_LIST_URL=tcps://prices:1\n"));
    assert_eq!(rendered.notes.iter().filter(|note| note.contains("over TCP")).count(), 1);
    let state = state::State::of(&template, &answers, &rendered.tree);
    let expected =
        "\nclients = { \"stock\" = \"tcp://localhost:4001\", \"price-list\" = \"tcps://prices:1\" }\n";
    assert!(state.write().contains(expected), "{}", state.write());
    assert_eq!(state::State::read(state::STATE, &state.write()).expect("a state"), state);
}

#[test]
fn without_a_client_nothing_of_one_is_made() {
    let template = small();
    let rendered = render(&template, &ready(&template, &request("t:tcp"))).expect("a tree");
    assert!(!rendered.tree.keys().any(|path| path.contains("clients") || path == "src/tcp.ts"));
}

#[test]
fn all_that_is_wrong_with_clients_is_told_at_once() {
    let clients = [
        "stock",
        "Stock=tcp://h:1",
        "a=tpc://h:1",
        "b=h",
        "c=tcp://me:secret@h:1",
        "d=tcp:h",
        "e=tcp://h/$(x)",
        "f=tcp://h:1",
        "f=tcp://h:2",
        "shop-orders=tcp://h:1",
        "g=tcp://h:1?timeuot=1",
        "frame=tcp://h:1?timeout=1",
    ];
    let expected = [
        "`--client stock` has no `=`; write --client stock=URL",
        "`Stock` cannot name a service: 'S' is not a lower-case letter, digit or dash (DNS-1123, npm, Docker); `stock` would do",
        "the URL of the client `a` has the scheme `tpc`, for which there is no client; did you mean `tcp`?",
        "the URL of the client `b` is none; write b=tcp://HOST:PORT",
        "the URL of the client `c` holds a password, which would be written into the project; leave it out, and set C_URL where the service runs",
        "the URL of the client `d` names no host",
        "the URL of the client `e` holds '$', which cannot stand in it; write it as %24",
        "the URL of the client `g` has `timeuot` in its query, which a client over TCP does not know; did you mean `timeout`?",
        "`frame` cannot name a client: the client tcp-client has the name for itself; `frame-service` would do",
        "there are two clients `f`",
        "`shop-orders` is the service itself and needs no client here",
    ];
    refuses("t:tcp f:docker", &clients, &expected);
}

#[test]
fn what_a_client_needs_is_told_and_not_added() {
    let clients = ["stock=tcp://h:1"];
    refuses("t:tcp preset:minimal", &clients, &["tcp-client needs docker; add --with docker"]);
    // It comes with the preset.
    let template = small();
    ready(&template, &with("t:tcp", &clients));
}

#[test]
fn an_answers_file_holds_clients_and_a_flag_wins_over_it() {
    let template = small();
    let answers = "clients = { stock = 'tcp://h:1', price = 'tcp://h:2' }";
    let file = Some(("answers.toml".to_owned(), answers.to_owned()));
    let request = Request { answers: file, ..with("t:tcp", &["price=tcp://h:3"]) };
    let clients = ready(&template, &request).clients;
    let clients: Vec<_> = clients.iter().map(|client| (client.name.as_str(), client.url.as_str())).collect();
    assert_eq!(clients, [("price", "tcp://h:3"), ("stock", "tcp://h:1")]);
    let wrong = Some(("answers.toml".to_owned(), "\nclients = { stock = 7, b = 'x' }".to_owned()));
    let problems = resolve(&template, &Request { answers: wrong, ..request }).expect_err("faults");
    let expected = [
        "answers.toml:2:1: the URL of the client `stock` must be a text",
        "answers.toml:2:1: the URL of the client `b` is none; write b=tcp://HOST:PORT",
    ];
    assert_eq!(told(&problems), expected);
}

#[test]
fn a_client_whose_setting_is_taken_is_told() {
    let template = small();
    let answers = ready(&template, &with("t:rmq f:docker", &["rabbitmq=tcp://h:1"]));
    let problems = render(&template, &answers).expect_err("one setting of two");
    assert!(problems.to_string().starts_with("setting `RABBITMQ_URL` of client rabbitmq has"), "{problems}");
}

/// What the templates in the binary make.
fn made(words: &str, clients: &[&str]) -> impl Fn(&str) -> String {
    let template = Catalog::embedded().template("service").expect("a template");
    let tree = render(&template, &ready(&template, &with(words, clients))).expect("a tree").tree;
    move |path: &str| {
        tree.get(path).map_or_else(String::new, |file| String::from_utf8_lossy(&file.bytes).into_owned())
    }
}

#[test]
fn a_client_brings_the_driver_of_its_transport_and_nothing_of_a_server() {
    let clients = ["stock=nats://h", "price=grpc://h:1", "far=nats://other"];
    let file = made("t:tcp preset:standard", &clients);
    let package = file("package.json");
    for name in ["@nats-io/transport-node", "@grpc/grpc-js"] {
        assert_eq!(package.matches(&format!("\"{name}\"")).count(), 1, "{package}");
    }
    assert!(!package.contains("@grpc/reflection"), "that is for those who listen: {package}");
    assert!(
        file("src/messaging/nats.options.ts").contains("name: 'shop-orders'"),
        "it is the service who calls"
    );
    assert!(file("proto/price.proto").contains("package price.v1;"), "and the other who is called");
    for path in ["src/messaging/nats.link.ts", "src/messaging/grpc.link.ts", "proto/shop-orders.proto"] {
        assert_eq!(file(path), "", "{path}");
    }
    let compose = file("compose.yaml");
    assert_eq!(compose.matches("image: nats:").count(), 1, "{compose}");
    for line in ["STOCK_URL: nats://nats:4222\n", "FAR_URL: nats://nats:4222\n"] {
        assert!(compose.contains(line), "{compose}");
    }
}

#[test]
fn a_client_over_the_transport_of_the_service_has_a_setting_of_its_own() {
    let file = made("t:redis preset:production", &["stock=rediss://h:6380"]);
    let example = file(".env.example");
    for line in ["\nREDIS_URL=redis://localhost:6379\n", "\nSTOCK_URL=rediss://h:6380\n"] {
        assert!(example.contains(line), "{example}");
    }
    assert_eq!(file("compose.yaml").matches("image: redis:").count(), 1);
    assert_eq!(file("package.json").matches("\"ioredis\"").count(), 1);
    assert!(!file("deploy/chart/values.yaml").contains("STOCK_URL"), "what may hold a login is no value");
    let egress = file("deploy/chart/values.yaml");
    for port in ["port: 6379\n", "port: 6380\n"] {
        assert_eq!(egress.matches(port).count(), 1, "{egress}");
    }
}

#[test]
fn a_name_that_a_broker_has_in_compose_is_refused() {
    let template = Catalog::embedded().template("service").expect("a template");
    let clients = ["rabbitmq=tcp://h:1", "grpc=grpc://h:1", "stock=tcp://h:1?timeout=1", "a=rqm://h"];
    let problems = resolve(&template, &with("t:rmq", &clients)).expect_err("faults");
    let said = told(&problems);
    let expected = [
        "the URL of the client `stock` has `timeout` in its query, which a client over TCP does not know; leave the \
         query out; what else a client needs is in the project, once it is made",
        "`rabbitmq` cannot name a client: the transport rmq has the name for itself; `rabbitmq-service` would do",
        "`grpc` cannot name a client: the client grpc-client has the name for itself; `grpc-service` would do",
    ];
    for expected in expected {
        assert!(said.iter().any(|line| line == expected), "{expected}\n{said:#?}");
    }
    assert!(
        said.iter().any(|line| line.contains("has the scheme `rqm`, for which there is no client")),
        "{said:#?}"
    );
}

#[test]
fn a_feature_has_a_setting_for_each_client() {
    let file = made("t:tcp preset:production f:discovery", &["stock=tcp://h:1", "price=https://p:8443/"]);
    for path in [".env.example", "deploy/chart/values.yaml"] {
        let text = file(path).replace(": ", "=").replace('\'', "");
        for line in [
            "STOCK_HEALTH_URL=http://stock:3000/health/ready\n",
            "PRICE_HEALTH_URL=https://p:8443/health/ready\n",
        ] {
            assert!(text.contains(line), "{line} in {path}:\n{text}");
        }
    }
    let template = Catalog::embedded().template("service").expect("a template");
    let problems = resolve(&template, &with("t:tcp f:discovery", &[])).expect_err("nobody is called");
    assert_eq!(
        told(&problems),
        [
            "discovery needs clients; add --client NAME=URL; it asks the services that this one calls how they are"
        ]
    );
    let taken = with("t:tcp f:discovery", &["stock=tcp://h:1", "stock-health=tcp://h:2"]);
    let problems = render(&template, &ready(&template, &taken)).expect_err("one setting of two");
    assert!(
        problems.to_string().starts_with("setting `STOCK_HEALTH_URL` of client stock-health has"),
        "{problems}"
    );
}
