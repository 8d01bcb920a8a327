//! A client of another service, which `--client` makes: it calls a mock of that service.

use serde_json::{Value, json};

use crate::eyas as program;
use crate::project::{Project, succeed};
use crate::service::node;

/// Calls by way of what `src/clients` holds, and prints what comes of each.
const CALLS: &str = r"
import { NestFactory } from '@nestjs/core';
import { AppModule } from './dist/app.module.js';
import { StockClient } from './dist/clients/stock.client.js';
import { readEnv } from './dist/config/env.js';

const module = AppModule.for(readEnv(process.env));
const app = await NestFactory.createApplicationContext(module, { logger: false });
const stock = app.get(StockClient);
const calls = [() => stock.create({ name: 'first' }), () => stock.get({ id: '7' })];
for (const call of calls)
  await call().then(
    (reply) => console.log(JSON.stringify({ reply })),
    (error) => console.log(JSON.stringify({ error: error.constructor.name, ...error.answer })),
  );
await app.close();
";

fn called(project: &Project, url: &str) -> Vec<Value> {
    let output =
        succeed(node(&project.folder, &["calls.mjs"]).env("STOCK_URL", url).env("CALL_RETRIES", "1"));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_client_of_another_service_calls_it() {
    let long = "other-service-whose-name-is-so-long-that-lines-break=tcps://localhost:4002";
    let words =
        format!("--preset minimal --with resilience --client stock=tcp://localhost:4001 --client {long}");
    let project = Project::make("clients", "shop", &words);
    project.install();
    for script in ["format:check", "lint", "typecheck", "build", "test"] {
        project.script(script);
    }
    std::fs::write(project.folder.join("calls.mjs"), CALLS).unwrap();

    let mock = program::start(&["mock", "tcp://127.0.0.1:0", "--on", r#"stock.create={"id":"7"}"#]);
    let url = format!("tcp://{}", mock.listening());
    let answers = called(&project, &url);
    assert_eq!(answers[0], json!({"reply": {"id": "7"}}));
    assert_eq!(answers[1]["error"], "RemoteFailure", "nobody handles it there: {answers:?}");
    drop(mock);
    for answer in called(&project, &url) {
        assert_eq!(answer["error"], "ServiceUnavailableException", "{answer}");
    }
}
