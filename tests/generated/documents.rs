//! The documents that a service writes of itself: judged by the parsers of AsyncAPI and OpenAPI, for every transport;
//! and the test that says when they are stale.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::imports;
use crate::matrix;
use crate::project::{Project, command, modules, succeed};

/// Reads documents as their own parsers do, prints each as JSON, and fails with all that these say against them.
const READS: &str = "
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { compileErrors, validate } from '@readme/openapi-parser';
import { parse } from 'yaml';

const [path] = process.argv.slice(1);
const text = readFileSync(path, 'utf8');
const wrong = [];
if (path.endsWith('asyncapi.yaml')) {
  const { diagnostics } = await new Parser().parse(text);
  // Hints, such as that there is a newer version, are none of errors or warnings.
  const told = diagnostics.filter(({ severity }) => severity < 2);
  wrong.push(...told.map((one) => `${one.path.join('.')}: ${one.message}`));
} else {
  const result = await validate(parse(text));
  if (!result.valid) wrong.push(compileErrors(result));
}
for (const one of wrong) console.error(one);
if (wrong.length > 0) process.exit(1);
console.log(JSON.stringify(parse(text)));
";

/// The folder which holds the parsers.
fn parsers() -> PathBuf {
    modules(json!({
        "private": true,
        "dependencies": {"@asyncapi/parser": "^3.6.3", "@readme/openapi-parser": "^9.0.0", "yaml": "^2.9.1"},
        "devDependencies": {},
        "allowScripts": {"@scarf/scarf": false},
    }))
}

/// A document, which its parser has nothing against.
#[track_caller]
fn read(project: &Project, path: &str) -> Value {
    let path = project.folder.join(path);
    let mut node = command("node", &parsers());
    let output = succeed(node.args(["--input-type=module", "--eval", READS]).arg(path));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The test of the documents, as `npm test` runs it where nobody would commit what it writes.
fn tested(project: &Project) -> Output {
    let mut npm = command("npm", &project.folder);
    npm.args(["test", "--", "scripts/docs"]).env("CI", "true").output().unwrap()
}

/// A new project, and the documents that it has from its first test on.
fn documented(test: &str, name: &str, words: &str) -> Project {
    let project = Project::make(test, name, words);
    imports::are_declared(&project);
    matrix::show_packages(&project);
    assert!(!project.folder.join("docs").exists(), "nobody could have written them");
    let first = tested(&project);
    assert!(first.status.success(), "{first:?}");
    project
}

/// What is written is laid out, and so is what writes it.
#[track_caller]
fn is_sound(project: &Project) {
    for script in ["format:check", "lint", "typecheck"] {
        project.script(script);
    }
}

/// A transport, its protocol, and where replies to `orders.create` go where that is always the same.
const TRANSPORTS: [(&str, &str, Option<&str>); 6] = [
    ("tcp", "tcp", None),
    ("redis", "redis", Some("orders.create.reply")),
    ("nats", "nats", None),
    ("rmq", "amqp", None),
    ("mqtt", "mqtt", Some("orders.create/reply")),
    ("kafka", "kafka", Some("orders.create.reply")),
];

#[test]
fn a_service_describes_itself_over_each_transport() {
    for (transport, protocol, replies) in TRANSPORTS {
        let words = format!("--preset minimal --transport {transport} --with asyncapi");
        let project = documented(&format!("documents_{transport}"), "orders", &words);
        let document = read(&project, "docs/asyncapi.yaml");
        assert_eq!(document["servers"][transport]["protocol"], protocol);
        let channels = document["channels"].as_object().unwrap();
        assert_eq!(channels["orders.create"]["address"], "orders.create", "{transport}");
        assert_eq!(channels["orders.create.reply"]["address"], json!(replies), "{transport}");
        assert!(!project.folder.join("docs/openapi.yaml").exists(), "{transport} without HTTP");

        let operations = document["operations"].as_object().unwrap();
        let mut names: Vec<_> = operations.keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut expected =
            vec!["orders.create", "orders.created", "orders.get", "orders.list", "orders.update"];
        if transport != "tcp" {
            expected.insert(2, "orders.created.emit");
        }
        assert_eq!(names, expected, "{transport}");
        let fields = &document["components"]["schemas"]["Item"]["properties"];
        assert_eq!(fields["createdAt"]["format"], "date-time", "{transport}: {fields}");
        if transport == "tcp" {
            is_sound(&project);
        }
        project.has_left(" M README.md\n?? docs/\n");
    }
}

/// All that can be together: an outbox and NATS cannot.
const ALL: &str = "--transport rmq,tcp,redis,nats,mqtt,kafka,grpc --preset production --http \
                   --with asyncapi,discovery,database,idempotency,event-store,saga,service-auth,auth,throttle \
                   --client stock=tcp://stock:4000 --client price-list=amqp://rabbitmq";

#[test]
fn documents_of_all_together_hold_and_go_stale_with_the_code() {
    let project = &documented("documents_of_all", "shop-orders", ALL);
    let document = read(project, "docs/asyncapi.yaml");
    for (transport, ..) in TRANSPORTS {
        let channel = &document["channels"][format!("{transport}.shop-orders.create")];
        assert_eq!(channel["servers"], json!([{"$ref": format!("#/servers/{transport}")}]), "{channel}");
    }
    let headers = document["components"]["schemas"]["Headers"]["properties"].as_object().unwrap();
    for header in ["x-correlation-id", "idempotency-key", "authorization", "traceparent"] {
        assert!(headers.contains_key(header), "no {header} in {headers:?}");
    }
    let http = read(project, "docs/openapi.yaml");
    let item = &http["paths"]["/shop-orders/{id}"];
    assert_eq!(item["get"]["parameters"][0]["name"], "id", "{item}");
    assert_eq!(item["patch"]["security"], json!([{"accessToken": ["editor"]}]), "{item}");
    assert!(http["paths"]["/health/live"]["get"]["security"].is_null(), "anybody may ask");
    let readme = project.read("README.md");
    for line in ["`shop-orders.saga`", "a stream of `{ id, name, createdAt }`", "service -- amqp --> c1"] {
        assert!(readme.contains(line), "no {line} in\n{readme}");
    }
    is_sound(project);

    let schema = "src/shop-orders/item.schema.ts";
    let code = project.read(schema);
    let changed = code.replace("object({ id, name, createdAt", "object({ id, name, note: text, createdAt");
    fs::write(project.folder.join(schema), changed).unwrap();
    let stale = tested(project);
    let said = String::from_utf8_lossy(&stale.stderr).into_owned() + &String::from_utf8_lossy(&stale.stdout);
    assert!(!stale.status.success(), "{said}");
    for path in ["docs/asyncapi.yaml", "docs/openapi.yaml", "README.md"] {
        assert!(said.contains(&format!("{path} is stale: `npm run docs` mends it")), "{path}: {said}");
    }
    project.script("docs");
    assert!(tested(project).status.success());
    assert!(project.read("docs/asyncapi.yaml").contains("note:"));
    fs::remove_file(project.folder.join("docs/openapi.yaml")).unwrap();
    assert!(!tested(project).status.success(), "one that is lost is stale");
}
