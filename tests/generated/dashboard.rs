//! The dashboard of Grafana: whether Prometheus would take what it asks for. Whether that is there, whoever runs a
//! service asks with [`queries`].

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::alerts::judged;
use crate::project::Project;

/// What the dashboard in `file` asks Prometheus for, a line each, with values in place of Grafana's variables.
pub fn queries(project: &Project, file: &str) -> String {
    let dashboard: Value = serde_json::from_str(&project.read(file)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries = targets.map(|target| target["expr"].as_str().unwrap());
    let queries = queries.map(|query| {
        assert!(query.contains("{job=\""), "it would ask for other services, too: {query}");
        let query = query.replace("$instance", ".*").replace("$__rate_interval", "5m");
        assert!(!query.contains('$'), "a variable that nobody knows: {query}");
        query + "\n"
    });
    queries.collect()
}

#[test]
fn promrules_takes_what_the_dashboard_asks_for() {
    for (test, words, file, count) in [
        ("dashboard", "--preset standard", "deploy/observability/dashboard.json", 14),
        ("dashboard_alone", "--preset minimal --with metrics", "deploy/observability/dashboard.json", 13),
        ("dashboard_chart", "--preset standard --with helm", "deploy/chart/dashboard.json", 14),
    ] {
        let project = Project::make(test, "shop-orders", words);
        let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
        for (number, query) in queries(&project, file).lines().enumerate() {
            let _ = write!(rules, "      - record: panel:{number}\n        expr: '{query}'\n");
        }
        fs::write(project.folder.join("rules.yaml"), &rules).unwrap();
        let output = judged(&project, "rules.yaml");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.ends_with(&format!("dashboard: {count} rules\n")), "{told}");
    }
}
