//! What other people's linters say of the Dockerfile, the compose file and the workflow.

use std::process::Command;

use crate::project::{Project, cache, succeed};

fn lint(project: &Project, program: &str, words: &[&str]) {
    let program = cache().join("linters/bin").join(program);
    succeed(Command::new(program).args(words).current_dir(&project.folder));
}

#[test]
fn linters_take_a_dockerfile_a_compose_file_and_a_workflow() {
    let transports = ["tcp", "redis", "nats", "rmq", "mqtt", "kafka", "grpc"];
    let over_each = transports.map(|name| format!("--transport {name} --preset production"));
    let all = [
        "--preset production --http --set cache_store=redis --with database".to_owned(),
        format!("--preset production --transport {}", transports.join(",")),
    ];
    for words in over_each.iter().chain(&all) {
        let project = Project::make("linters", "shop-orders", words);
        judged(&project);
        let compose = ["compose.yaml", "compose.observability.yaml"];
        lint(
            &project,
            "check-jsonschema",
            &[&["--builtin-schema", "vendor.compose-spec"], &compose[..]].concat(),
        );
        lint(&project, "hadolint", &["--failure-threshold", "style", "Dockerfile"]);
    }
    judged(&Project::make("linters_minimal", "shop-orders", "--preset minimal --with ci,docker,helm"));
}

fn judged(project: &Project) {
    let workflow = ".github/workflows/ci.yaml";
    lint(project, "check-jsonschema", &["--builtin-schema", "vendor.github-workflows", workflow]);
}

/// They would say so if it were not.
#[test]
fn linters_that_are_awake() {
    let project = Project::make("linters_awake", "orders", "--preset standard");
    let broken = |program: &str, words: &[&str], file: &str, from: &str, to: &str| {
        let text = project.read(file);
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(project.folder.join(file), text.replacen(from, to, 1)).unwrap();
        let program = cache().join("linters/bin").join(program);
        let status =
            Command::new(program).args(words).arg(file).current_dir(&project.folder).output().unwrap().status;
        assert!(!status.success(), "{file} with `{to}`");
    };
    broken("hadolint", &[], "Dockerfile", "USER 65532:65532", "USER root");
    let compose = ["--builtin-schema", "vendor.compose-spec"];
    broken("check-jsonschema", &compose, "compose.yaml", "read_only: true", "read_only: 7.5");
    let workflow = ["--builtin-schema", "vendor.github-workflows"];
    broken("check-jsonschema", &workflow, ".github/workflows/ci.yaml", "runs-on:", "run-on:");
}
