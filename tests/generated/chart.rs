//! The chart: what Helm and the schemas of Kubernetes say of it, and whether it tells of every setting.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::project::{Project, cache, succeed};

/// The Kubernetes whose schemas hold; Helm by itself takes one for its own that is years older.
const KUBERNETES: &str = "1.34";

fn helm(project: &Project, words: &[&str]) -> Command {
    let mut helm = Command::new(cache().join("helm/helm"));
    helm.args(words).current_dir(&project.folder);
    helm
}

fn rendered(project: &Project, words: &[&str]) -> Output {
    let template = ["template", "orders", "deploy/chart", "--kube-version", KUBERNETES];
    helm(project, &[&template, words].concat()).output().unwrap()
}

/// The manifests with each of the chart's own sets of values, once linter and schemas are content with them.
fn approved(project: &Project) -> Vec<String> {
    let folder = project.folder.join("deploy/chart/ci");
    let mut sets: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    sets.sort();
    assert!(sets.len() >= 3, "{sets:?}");
    sets.iter().map(|values| approved_with(project, values)).collect()
}

fn approved_with(project: &Project, values: &Path) -> String {
    let shown = values.to_str().unwrap();
    succeed(&mut helm(project, &["lint", "--strict", "deploy/chart", "--values", shown]));
    let output = rendered(project, &["--values", shown]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{shown}: {said}");
    let manifests = values.with_extension("rendered");
    fs::write(&manifests, &output.stdout).unwrap();
    let validate = cache().join("linters/bin/kubernetes-validate");
    succeed(Command::new(validate).args(["--strict", "-k", KUBERNETES]).arg(&manifests));
    fs::remove_file(&manifests).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn kinds(manifests: &str) -> Vec<&str> {
    let mut kinds: Vec<_> = manifests.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn helm_and_linters_take_the_least_chart() {
    let project = Project::make("chart", "orders", "--preset minimal --with docker,helm");
    let [default, everything, one_pod] = approved(&project).try_into().unwrap();
    let always = ["ConfigMap", "Deployment", "NetworkPolicy", "Pod", "PodDisruptionBudget"];
    assert_eq!(kinds(&default), [&always[..], &["Service", "ServiceAccount"]].concat());
    assert_eq!(kinds(&one_pod), ["ConfigMap", "Deployment", "Pod", "Service"]);
    assert!(everything.contains("SHUTDOWN_GRACE_MS: \"1500000\""), "{everything}");
    for (kept, manifests) in [("replicas: 2\n", &default), ("replicas: 1\n", &one_pod)] {
        assert!(manifests.contains(kept), "{manifests}");
    }
    // The pod that asks whether all is ready is none of those that answer.
    let test = default.split("---\n").find(|one| one.contains("kind: Pod\n")).unwrap();
    assert!(test.contains("app.kubernetes.io/name: orders-test\n"), "{test}");
}

#[test]
fn helm_and_linters_take_a_chart_of_all_that_can_be_chosen() {
    let project =
        Project::make("chart_of_all", "orders", "--preset standard --http --with helm --set autoscale=hpa");
    let [default, everything, one_pod] = approved(&project).try_into().unwrap();
    assert!(kinds(&default).contains(&"HorizontalPodAutoscaler"), "{default}");
    assert!(!default.contains("replicas: 2\n"), "who scales decides how many:\n{default}");
    for kind in ["HTTPRoute", "Ingress", "ServiceMonitor"] {
        assert!(kinds(&everything).contains(&kind) && !kinds(&default).contains(&kind), "{kind}");
    }
    assert!(!kinds(&one_pod).contains(&"HorizontalPodAutoscaler"), "{one_pod}");
    let label = "    grafana_dashboard: \"1\"\n";
    assert!(everything.contains(label) && !default.contains(label), "{everything}");
}

/// It looks at the queue of the service, and logs in with what the service logs in with.
#[test]
fn helm_and_linters_take_a_chart_that_scales_by_what_waits() {
    let project = Project::make("chart_keda", "orders", "--transport rmq --with helm --set autoscale=keda");
    let [default, _, one_pod] = approved(&project).try_into().unwrap();
    for kind in ["ScaledObject", "TriggerAuthentication"] {
        assert!(kinds(&default).contains(&kind) && !kinds(&one_pod).contains(&kind), "{kind}");
    }
    for line in ["    - type: rabbitmq\n", "        queueName: orders\n", "      key: RABBITMQ_URL\n"] {
        assert!(default.contains(line), "no {line} in\n{default}");
    }
    assert!(default.contains("- port: 5672\n"), "the policy lets nothing out to the broker:\n{default}");
}

/// The group of Kafka and the consumer of NATS have the names that the service gives them.
#[test]
fn helm_and_linters_take_charts_that_scale_by_lag() {
    let kafka = [
        "    - type: kafka\n",
        "        consumerGroup: orders-server\n",
        "        topic: orders.created\n",
        "        bootstrapServers: \"kafka:19092\"\n",
    ];
    let nats = [
        "    - type: nats-jetstream\n",
        "        consumer: orders-orders_created\n",
        "        stream: orders\n",
        "        natsServerMonitoringEndpoint: nats:8222\n",
    ];
    for (test, transport, wanted) in
        [("chart_kafka_lag", "kafka", kafka), ("chart_nats_lag", "nats --set jetstream=true", nats)]
    {
        let words = format!("--with helm --set autoscale=keda --transport {transport}");
        let project = Project::make(test, "orders", &words);
        let [default, ..] = &approved(&project)[..] else { panic!("no sets of values") };
        for line in wanted {
            assert!(default.contains(line), "no {line} in\n{default}");
        }
    }
}

/// Who calls balances by himself, and must know of every pod.
#[test]
fn helm_and_linters_take_a_chart_for_grpc() {
    let project = Project::make("chart_grpc", "orders", "--transport grpc --with helm");
    for manifests in approved(&project) {
        let services = manifests.split("---\n").filter(|one| one.contains("kind: Service\n"));
        assert_eq!(services.filter(|one| one.contains("  clusterIP: None\n")).count(), 1, "{manifests}");
    }
}

/// The tables are changed before the pods are, by a Job which has the same secrets.
#[test]
fn helm_and_linters_take_a_chart_that_migrates_a_database() {
    let project = Project::make("chart_database", "orders", "--with helm,database");
    let [default, _, one_pod] = approved(&project).try_into().unwrap();
    assert!(!kinds(&one_pod).contains(&"Job"), "{one_pod}");
    let job = default.split("---\n").find(|one| one.contains("kind: Job\n")).unwrap();
    for line in [
        "    helm.sh/hook: pre-install,pre-upgrade\n",
        "          command: [/nodejs/bin/node, --enable-source-maps, dist/migrate.js]\n",
        "                name: orders\n",
    ] {
        assert!(job.contains(line), "no {line} in\n{job}");
    }
    assert!(default.contains("- port: 5432\n"), "the policy lets nothing out to the database:\n{default}");
}

/// Where each replica would handle every message.
#[test]
fn helm_and_linters_take_a_chart_of_one_pod_for_redis() {
    let project = Project::make("chart_redis", "orders", "--transport redis --with helm");
    let [default, ..] = &approved(&project)[..] else { panic!("no sets of values") };
    assert!(default.contains("replicas: 1\n"), "{default}");
    assert!(!kinds(default).contains(&"PodDisruptionBudget"), "it would forbid every drain:\n{default}");
}

/// The policy lets connections out to what it calls.
#[test]
fn helm_and_linters_take_a_chart_of_a_service_that_calls_others() {
    let words = "--transport rmq --with helm,discovery --client stock=tcp://stock:4000";
    let project = Project::make("chart_calls", "orders", words);
    let [default, ..] = &approved(&project)[..] else { panic!("no sets of values") };
    assert!(default.contains("  STOCK_HEALTH_URL: \"http://stock:3000/health/ready\"\n"), "{default}");
    for port in [3000, 4000, 5672] {
        assert!(default.contains(&format!("- port: {port}\n")), "{port} in\n{default}");
    }
}

/// Each of its routes can be reached from outside, and no more.
#[test]
fn helm_and_linters_take_a_chart_of_a_gateway() {
    let words =
        "--transport none --http --with helm --client stock=tcp://stock:4000 --client price=http://price";
    let project = Project::make("chart_gateway", "orders", words);
    let [_, everything, _] = approved(&project).try_into().unwrap();
    for path in ["/stock", "/price"] {
        assert_eq!(everything.matches(&format!("path: {path}\n")).count(), 1, "{everything}");
        assert_eq!(everything.matches(&format!("value: {path}\n")).count(), 1, "{everything}");
    }
}

/// Settings that the service would refuse, and what no schema can tell.
#[test]
fn helm_and_linters_refuse_what_is_wrong() {
    let project = Project::make("chart_refuses", "orders", "--with helm --set autoscale=hpa");
    for (value, told) in [
        ("config.LOG_LEVEL=loud", "/config/LOG_LEVEL"),
        ("config.NOTHING=1", "'NOTHING'"),
        ("ports.http=0", "/ports/http"),
        ("replicas=3", "'replicas'"),
        ("image.tag=latest", "/image/tag"),
        ("terminationGracePeriodSeconds=15", "terminationGracePeriodSeconds must be more than 15"),
        ("autoscaling.minReplicas=11", "autoscaling.minReplicas must not be more"),
    ] {
        let output = rendered(&project, &["--set", value]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(told), "{value}: {said}");
    }
    let set = project.folder.join("deploy/chart/ci/default-values.yaml");
    let template = project.folder.join("deploy/chart/templates/service.yaml");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("targetPort:", "targetPorts:")).unwrap();
    assert!(
        std::panic::catch_unwind(|| approved_with(&project, &set)).is_err(),
        "the schemas of Kubernetes let an unknown key pass"
    );
}

/// One row for a setting is told everywhere: in the environment's example, and as a value, a port or a key of the Secret.
#[test]
fn the_chart_knows_every_setting_and_tells_of_every_value() {
    for (test, words) in [
        ("chart_settings", "--preset production --http --set autoscale=hpa"),
        (
            "chart_secrets",
            "--preset production --transport rmq,redis --set autoscale=keda --set cache_store=redis",
        ),
    ] {
        knows_its_settings(&Project::make(test, "orders", words));
    }
}

fn knows_its_settings(project: &Project) {
    let schema: Value = serde_json::from_str(&project.read("deploy/chart/values.schema.json")).unwrap();
    let readme = project.read("deploy/chart/README.md");
    let names = |key: &str| schema["properties"][key]["properties"].as_object().unwrap().keys().cloned();
    let ports = names("ports").map(|port| format!("{}_PORT", port.to_uppercase().replace('-', "_")));
    let known: BTreeSet<_> = names("config").chain(ports).collect();
    let example = project.read(".env.example");
    let keys = example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let settings: BTreeSet<_> = keys.map(|(key, _)| key.to_owned()).collect();
    let in_the_secret = |key: &str| readme.contains(&format!("| `{key}` "));
    let missing: Vec<_> =
        settings.iter().filter(|key| !known.contains(*key) && !in_the_secret(key)).collect();
    assert!(missing.is_empty(), "the chart lacks {missing:?}");
    assert!(known.is_subset(&settings), "{known:?} {settings:?}");

    let mut untold = Vec::new();
    untold_values(&schema, "", &readme, &mut untold);
    assert!(untold.is_empty(), "the chart's README lacks {untold:?}");
}

/// Values of a closed schema, or the objects they stand in, that are not in the README.
fn untold_values(schema: &Value, path: &str, readme: &str, untold: &mut Vec<String>) {
    let inner = schema["properties"].as_object().into_iter().flatten();
    for (key, schema) in
        inner.filter(|(key, _)| !["global", "enabled"].contains(&key.as_str()) || !path.is_empty())
    {
        let path = format!("{path}{key}");
        if readme.contains(&format!("`{path}`")) {
            continue;
        }
        if schema["properties"].is_object() {
            untold_values(schema, &format!("{path}."), readme, untold);
        } else {
            untold.push(path);
        }
    }
}
