//! Each preset and each feature alone: installed, judged by its own tools, and where its code is its own, tested.

use crate::brokers::Brokers;
use crate::imports;
use crate::matrix;
use crate::project::{Project, command, succeed};
use crate::transports::{speaks, speaks_grpc};

/// Installing by hand, after the first commit, leaves a lock file for the second.
const LOCK: &str = "?? package-lock.json\n";

/// So do the documents which the first test writes.
const DOCUMENTS: &str = " M README.md\n?? docs/\n";

/// What needs no build, beside the packages of all: those that it names itself are looked at one by one.
fn judged(test: &str, name: &str, words: &str) {
    let project = Project::make(test, name, words);
    imports::are_declared(&project);
    matrix::lend_packages(&project);
    judge(&project);
    project.has_left("");
}

fn judge(project: &Project) {
    for script in ["format:check", "lint", "typecheck"] {
        project.script(script);
    }
}

/// The same with packages of its own.
fn installed(test: &str, name: &str, words: &str) -> Project {
    let project = Project::make(test, name, words);
    imports::are_declared(&project);
    project.install();
    judge(&project);
    project.has_left(LOCK);
    project
}

/// All that a developer would run.
fn worked_on(test: &str, name: &str, words: &str) {
    tested(&installed(test, name, words));
}

/// The same, and then it is run and spoken to; of two replicas one handles each message.
fn shared(test: &str, name: &str, words: &str) {
    let project = installed(test, name, words);
    speaks(&project, &tested(&project), 1);
}

/// The same where both replicas handle each message.
fn broadcast(test: &str, name: &str, words: &str) {
    let project = installed(test, name, words);
    speaks(&project, &tested(&project), 2);
}

/// The same where nobody emits, and each call is balanced by whoever makes it.
fn called(test: &str, name: &str, words: &str) {
    let project = installed(test, name, words);
    speaks_grpc(&project, &tested(&project));
}

/// All that a developer would run; its own tests kill it as often as it takes for chance to find the moment.
fn killed(test: &str, name: &str, words: &str) {
    tested_with(&installed(test, name, words), &[("E2E_KILLS", "50".to_owned())]);
}

/// Builds it, and runs its own tests; gives the brokers that these had.
fn tested(project: &Project) -> Brokers {
    tested_with(project, &[])
}

fn tested_with(project: &Project, settings: &[(&'static str, String)]) -> Brokers {
    let brokers = Brokers::of(project);
    succeed(command("npm", &project.folder).args(["ls", "--all"]));
    let built = project.script("build");
    assert_eq!(built.trim(), "", "a warning of ours?");
    project.script("test");
    let settings = [&brokers.settings[..], settings].concat();
    let tested = project.script_with("test:e2e", &settings);
    assert!(tested.contains("test/shutdown.e2e-spec.ts"), "the drain at SIGTERM is tested:\n{tested}");
    project.has_left(&if writes_documents(project) { DOCUMENTS.to_owned() + LOCK } else { LOCK.to_owned() });
    brokers
}

/// Whether the first of its own tests writes documents.
fn writes_documents(project: &Project) -> bool {
    !project.package()["scripts"]["docs"].is_null()
}

macro_rules! variants {
    ($($how:ident $test:ident = $name:literal $words:literal;)*) => {
        $(#[test]
        fn $test() {
            $how(stringify!($test), $name, $words);
        })*
    };
}

// Docker, compose, ci and helm add nothing that Node runs.
variants! {
    worked_on minimal = "orders" "--preset minimal";
    judged standard = "orders" "--preset standard";
    worked_on standard_http = "orders" "--preset standard --http";
    worked_on name_of_two_words = "shop-orders" "--preset standard --http";
    worked_on http_alone = "orders" "--preset minimal --http";
    worked_on metrics_alone = "orders" "--preset minimal --with metrics";
    worked_on resilience_alone = "orders" "--preset minimal --with resilience";
    worked_on cache_alone = "orders" "--preset minimal --with cache";
    worked_on cache_in_redis_server =
        "shop-orders" "--preset minimal --with docker,compose,ci,helm,cache --set cache_store=redis";
    worked_on database_in_postgres = "shop-orders" "--preset minimal --with database";
    killed all_in_postgres_over_rabbitmq =
        "shop-orders" "--transport rmq --preset production --http --with database,service-auth,idempotency,outbox,event-store,saga,asyncapi";
    worked_on idempotency_in_postgres = "orders" "--preset minimal --with database,idempotency";
    worked_on event_store_in_postgres = "shop-orders" "--preset minimal --with database,event-store";
    worked_on saga_in_postgres = "orders" "--preset minimal --with database,saga";
    worked_on outbox_in_postgres_over_redis_server =
        "shop-orders" "--transport redis --preset minimal --with database,outbox";
    judged database_in_postgres_over_redis = "orders" "--transport redis,kafka,grpc --with database";
    worked_on tracing_alone = "shop-orders" "--preset minimal --with tracing";
    worked_on production = "orders" "--preset production --http";
    broadcast production_over_redis_server =
        "orders" "--transport redis --preset production --set cache_store=redis";
    shared production_over_nats_server = "orders" "--transport nats --preset production --http";
    shared production_over_rabbitmq = "orders" "--transport rmq --preset production --set autoscale=keda";
    shared production_over_mosquitto = "orders" "--transport mqtt --preset production";
    shared production_over_kafka = "orders" "--transport kafka --preset production --http";
    called production_over_grpc = "orders" "--transport grpc --preset production --http";
    worked_on service_auth_alone = "orders" "--preset minimal --with service-auth";
    worked_on service_auth_over_rabbitmq =
        "shop-orders" "--transport rmq --preset standard --with service-auth,dlq,tracing";
    worked_on service_auth_over_redis_server_nats_server_mosquitto_and_grpc =
        "orders" "--preset minimal --transport redis,nats,mqtt,grpc --with service-auth,resilience";
    worked_on service_auth_over_kafka = "orders" "--preset minimal --transport kafka --with service-auth,dlq";
    worked_on auth_alone = "orders" "--preset minimal --http --with auth";
    worked_on auth_by_the_keys_of_others_with_throttle =
        "shop-orders" "--preset standard --http --with auth,throttle,service-auth --set auth_keys=jwks";
    worked_on throttle_alone = "orders" "--preset minimal --http --with throttle";
    judged docker_alone = "orders" "--preset minimal --with docker";
    judged compose_alone = "orders" "--preset minimal --with docker,compose";
    judged ci_alone = "orders" "--preset minimal --with ci";
    judged chart_alone = "orders" "--preset minimal --with docker,helm";
    judged chart_standard = "shop-orders" "--preset standard --http --with helm --set autoscale=hpa";
    judged redis_minimal = "orders" "--preset minimal --transport redis";
    judged redis_standard = "orders" "--preset standard --http --transport redis";
    judged nats_minimal = "orders" "--preset minimal --transport nats";
    shared standard_over_nats_server = "orders" "--http --transport nats";
    judged mqtt_minimal = "orders" "--preset minimal --transport mqtt";
    judged mqtt_standard = "orders" "--http --transport mqtt";
    judged rmq_minimal = "orders" "--preset minimal --transport rmq";
    worked_on standard_over_rabbitmq = "orders" "--http --transport rmq";
    judged kafka_minimal = "orders" "--preset minimal --transport kafka";
    worked_on standard_over_kafka = "orders" "--http --transport kafka";
    judged grpc_minimal = "orders" "--preset minimal --transport grpc";
    worked_on grpc_standard = "shop-orders" "--http --transport grpc";
    judged hybrid_of_many = "shop-orders" "--http --transport rmq,tcp,redis,nats,mqtt,kafka,grpc --with dlq";
    worked_on hybrid_of_redis_server_tcp_and_grpc = "orders" "--preset minimal --transport redis,tcp,grpc";
}

#[test]
fn what_installs_itself_can_be_built() {
    let project = Project::make("installed", "orders", "--preset minimal --install");
    // The lock file is in the first commit.
    project.has_left("");
    project.script("build");
}
