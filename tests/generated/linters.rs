//! What other people's linters say of the Dockerfile, the compose file and the workflow.

use std::process::Command;

use crate::project::{Project, cache, succeed};

fn lint(project: &Project, program: &str, words: &[&str]) {
    let program = cache().join("linters/bin").join(program);
    succeed(Command::new(program).args(words).current_dir(&project.folder));
}

#[test]
fn a_dockerfile_a_compose_file_and_a_workflow_as_they_should_be() {
    for (test, words) in [
        ("linters", "--preset production --http --set cache_store=redis"),
        ("linters_minimal", "--preset minimal --with ci,docker,helm"),
    ] {
        let project = Project::make(test, "shop-orders", words);
        let schema = |name: &str, file: &str| {
            lint(&project, "check-jsonschema", &["--builtin-schema", &format!("vendor.{name}"), file]);
        };
        schema("github-workflows", ".github/workflows/ci.yaml");
        if test == "linters" {
            schema("compose-spec", "compose.yaml");
            lint(&project, "hadolint", &["--failure-threshold", "style", "Dockerfile"]);
        }
    }
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
