//! A service with PostgreSQL as it runs: what it says of a database that is not as it should be, and what it keeps.

use std::process::Output;

use serde_json::{Value, json};

use crate::brokers::postgres;
use crate::project::Project;
use crate::service::{Service, node};

/// A migration that fails when it has done the half.
const FAILS: &str = "
import { CreateItems1763700000000 } from './migrations/1763700000000-create-items.js';

class Fails1763700000001 {
  async up(runner) {
    await runner.query('ALTER TABLE items ADD COLUMN half text');
    await runner.query('SELECT * FROM nothing');
  }
}

export const migrations = [CreateItems1763700000000, Fails1763700000001];
";

fn run(project: &Project, program: &str, url: &str) -> Output {
    node(&project.folder, &[program]).env("DATABASE_URL", url).output().unwrap()
}

/// It has failed, and the last that it said is a sentence with this.
#[track_caller]
fn fails(output: &Output, sentence: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = said.lines().last().unwrap_or_default();
    assert!(line.contains(sentence) && !line.starts_with('{'), "no `{sentence}` in the last line of {said}");
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_service_starts_on_a_postgres_that_is_up_to_date_alone_and_keeps_its_items_there() {
    let project = Project::make("database", "orders", "--preset minimal --with database");
    project.install();
    project.script("build");
    let (mut server, url) = postgres();
    let away = "postgres://postgres@127.0.0.1:1/orders";
    for program in ["dist/main.js", "dist/migrate.js"] {
        fails(
            &run(&project, program, away),
            "the database at DATABASE_URL cannot be used: connect ECONNREFUSED",
        );
        fails(&run(&project, program, "nonsense"), "the setting DATABASE_URL is wrong");
    }
    fails(
        &run(&project, "dist/main.js", &url),
        "lacks CreateItems1763700000000: run `npm run migrate` first",
    );

    let list = project.folder.join("dist/database/migrations.js");
    let good = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, FAILS).unwrap();
    let failed = run(&project, "dist/migrate.js", &url);
    fails(&failed, "the migration Fails1763700000001 failed, and nothing was changed");
    std::fs::write(&list, good).unwrap();
    fails(&run(&project, "dist/main.js", &url), "lacks CreateItems1763700000000");

    let settings = [("DATABASE_URL", url.clone())];
    project.script_with("migrate", &settings);
    let service = Service::start_with(&project, &settings);
    let run = service.eyas(&["send", "orders.create", "name=kept"]).exits(0);
    let item = json(&run.stdout[0]);

    server.stop();
    assert_eq!(service.get("/health/ready").status, 503);
    assert_eq!(service.get("/health/live").status, 200);
    let id = format!("id={}", item["id"].as_str().unwrap());
    service.eyas(&["send", "orders.get", &id]).exits(1).says(r#""code":"INTERNAL""#);
    server.restart();
    assert_eq!(service.get("/health/ready").status, 200, "it connects again");
    let service = {
        assert_eq!(service.terminate_noisily().code(), Some(0));
        Service::start_with(&project, &settings)
    };
    let run = service.eyas(&["send", "orders.get", &id]).exits(0);
    assert_eq!(json(&run.stdout[0]), item);
    service
        .eyas(&["send", "orders.get", &json!({"id": "\0"}).to_string()])
        .exits(1)
        .says(r#""code":"INVALID""#);
    assert_eq!(service.terminate().code(), Some(0));
}

/// Does away with the items, but not with what happened to them.
const DAMAGE: &str = "
import { Client } from 'pg';
const client = new Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query('DELETE FROM items');
await client.end();
";

#[test]
fn a_replay_makes_the_items_in_postgres_again() {
    let project = Project::make("replay", "orders", "--preset minimal --with database,event-store");
    project.install();
    let (_server, url) = postgres();
    let settings = [("DATABASE_URL", url.clone())];
    project.script_with("migrate", &settings);
    let service = Service::start_with(&project, &settings);
    let run = service.eyas(&["send", "orders.create", "name=first"]).exits(0);
    let id = format!("id={}", json(&run.stdout[0])["id"].as_str().unwrap());
    let run = service.eyas(&["send", "orders.update", &id, "name=second"]).exits(0);
    let item = json(&run.stdout[0]);

    let damage = ["--input-type=module", "--eval", DAMAGE];
    assert!(node(&project.folder, &damage).env("DATABASE_URL", &url).status().unwrap().success());
    service.eyas(&["send", "orders.get", &id]).exits(1).says(r#""code":"NOT_FOUND""#);
    let said = project.script_with("replay", &settings);
    assert_eq!(json(said.trim()), json!({"message": "replayed", "from": 0, "taken": {"items": 2}}));
    assert_eq!(json(&service.eyas(&["send", "orders.get", &id]).exits(0).stdout[0]), item);

    let refused = node(&project.folder, &["dist/replay.js", "--from", "x"]).output().unwrap();
    fails(&refused, "--from x is no position");
}
