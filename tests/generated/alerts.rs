//! The rules by which Prometheus alerts: whether it would load them, and whether there is what they look at.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use regex::Regex;

use crate::project::{Project, cache};

/// What Prometheus says of a file of rules.
pub fn judged(project: &Project, file: &str) -> Output {
    let program = cache().join("promrules/promrules");
    Command::new(program).arg(project.folder.join(file)).output().unwrap()
}

#[test]
fn promrules_takes_the_alerts() {
    for (test, words, file) in [
        ("alerts", "--preset standard", "deploy/alerts.yaml"),
        ("alerts_alone", "--preset minimal --with metrics", "deploy/alerts.yaml"),
        ("alerts_chart", "--preset standard --with helm", "deploy/chart/alerts.yaml"),
    ] {
        let project = Project::make(test, "shop-orders", words);
        let output = judged(&project, file);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        let rules = if words.contains("minimal") { 4 } else { 5 };
        assert!(told.ends_with(&format!("shop-orders: {rules} rules\n")), "{told}");

        let text = project.read(file);
        std::fs::write(project.folder.join(file), text.replacen("absent(", "absnt(", 1)).unwrap();
        assert!(!judged(&project, file).status.success(), "it is asleep");
    }
}

/// The metrics that `queries` look at and `exposed` lacks.
pub fn missing_metrics(queries: &str, exposed: &str) -> BTreeSet<String> {
    let metric = Regex::new(r"([a-z_0-9]+)\{job=").unwrap();
    let named = metric.captures_iter(queries).map(|found| found[1].to_owned());
    // Whether a target answers, Prometheus itself knows.
    let ours: BTreeSet<_> = named.filter(|name| name != "up").collect();
    assert!(ours.len() >= 3, "the metrics are not seen: {ours:?}");
    let is_there = |name: &String| {
        // A histogram that has seen nothing yet has no lines of its own.
        let whole = ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part));
        let histogram = whole.map(|whole| format!("# TYPE {whole} histogram"));
        exposed.lines().any(|line| {
            line.starts_with(name.as_str())
                || line.starts_with(&format!("# TYPE {name} "))
                || Some(line) == histogram.as_deref()
        })
    };
    ours.into_iter().filter(|name| !is_there(name)).collect()
}
