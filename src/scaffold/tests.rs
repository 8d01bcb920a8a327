//! The engine as a whole, over the small template and the hostile ones of `tests/scaffold`.

mod check;
mod clients;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::answers::{Answers, Question, QuestionKind, Request, Resolution, resolve};
use super::catalog::{Catalog, Kind, Template};
use super::problem::Problems;
use super::render::{render, render_until};
use super::state;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scaffold").join(path)
}

fn small() -> Arc<Template> {
    Catalog::folder(&fixture("small")).expect("a catalog").template("service").expect("a template")
}

/// A hostile template, or what is wrong with it.
fn hostile(name: &str) -> Result<Arc<Template>, Problems> {
    Catalog::folder(&fixture(&format!("hostile/{name}")))?.template(name)
}

/// A request in the words of the command line, all questions at their defaults.
fn request(words: &str) -> Request {
    let mut request = Request { name: Some("shop-orders".to_owned()), defaults: true, ..Request::default() };
    for word in words.split_whitespace() {
        match word.split_once(':') {
            Some(("t", name)) => request.transports.push(name.to_owned()),
            Some(("f", name)) => request.features.push(name.to_owned()),
            Some(("preset", name)) => request.preset = Some(name.to_owned()),
            _ => request.set.push(word.to_owned()),
        }
    }
    request
}

fn ready(template: &Arc<Template>, request: &Request) -> Answers {
    match resolve(template, request).expect("answers") {
        Resolution::Ready(answers) => answers,
        Resolution::Open(questions) => panic!("open: {questions:?}"),
    }
}

/// What is wrong, one line each, without the way to the fixtures.
fn told(problems: &Problems) -> Vec<String> {
    let root = format!("{}/tests/scaffold/", env!("CARGO_MANIFEST_DIR"));
    let lines = problems.0.iter().map(|problem| match &problem.hint {
        Some(hint) => format!("{problem}; {hint}"),
        None => problem.to_string(),
    });
    lines.map(|line| line.replace(&root, "")).collect()
}

fn refused(words: &str, expected: &[&str]) {
    let problems = resolve(&small(), &request(words)).expect_err(words);
    assert_eq!(told(&problems), expected, "{words}");
}

#[test]
fn the_small_template_renders_as_recorded() {
    let template = small();
    let answers = ready(&template, &request("t:rabbitmq t:tcp preset:standard"));
    let rendered = render(&template, &answers).expect("a tree");
    snapbox::assert_data_eq!(
        state::bundle(&rendered.tree),
        snapbox::Data::read_from(&fixture("small.base"), None).raw()
    );
    assert_eq!(rendered.notes, ["keep one replica of shop-orders"]);
    assert_eq!(rendered.next, ["npm install", "eyas send shop-orders.create name=first"]);
    assert!(rendered.tree["run.sh"].executable);
    assert_eq!(rendered.tree["logo.bin"].bytes, b"\x00\xff\xfe binary \r\n");
}

#[test]
fn a_second_render_gives_the_same_bytes() {
    let template = small();
    for words in
        ["t:tcp preset:minimal", "t:tcp", "t:rmq", "t:rmq t:tcp f:dlq", "t:tcp t:rmq f:docker autoscale=keda"]
    {
        let answers = ready(&template, &request(words));
        let again = ready(&small(), &request(words));
        let both =
            [render(&template, &answers), render(&small(), &again)].map(|rendered| rendered.expect("a tree"));
        assert_eq!(both[0], both[1], "{words}");
        let whole = state::with_state(&template, &answers, &both[0].tree);
        let base = String::from_utf8(whole[state::BASE].bytes.clone()).expect("a text");
        assert_eq!(state::unbundle(state::BASE, &base).expect("a base"), both[0].tree, "{words}");
    }
}

#[test]
fn the_example_of_a_secret_stands_in_one_file_only() {
    let template = small();
    let rendered = render(&template, &ready(&template, &request("t:rmq"))).expect("a tree");
    let holding = rendered
        .tree
        .iter()
        .filter(|(_, file)| String::from_utf8_lossy(&file.bytes).contains("amqp://localhost"));
    assert_eq!(holding.map(|(path, _)| path.as_str()).collect::<Vec<_>>(), [".env.example"]);
}

#[test]
fn a_choice_is_settled_before_anything_is_rendered() {
    let answers = ready(&small(), &request("t:rabbitmq f:docker,dlq autoscale=keda description=x=y"));
    assert_eq!(answers.transports, ["rmq"], "an alias is not kept");
    assert_eq!(
        answers.features,
        ["health", "dlq", "docker"],
        "what is always there, in the template's order"
    );
    assert_eq!(answers.values["autoscale"], "keda");
    assert_eq!(answers.values["description"], "x=y");
    let answers = ready(&small(), &request("t:tcp"));
    assert_eq!(answers.preset.as_deref(), Some("standard"));
    assert_eq!(answers.features, ["health", "docker"]);
    assert_eq!(answers.left_out, ["dlq needs rmq"]);
    assert_eq!(answers.values["autoscale"], "hpa", "the preset's answer");
    assert_eq!(answers.values["description"], "The shop-orders service");
    let answers = ready(&small(), &request("t:tcp f:health"));
    assert_eq!(
        (answers.preset, answers.features),
        (Some("standard".to_owned()), vec!["health".to_owned(), "docker".to_owned()]),
        "features come on top of the preset"
    );
}

#[test]
fn what_does_not_go_together_is_told_or_left_to_the_user() {
    let answers = ready(&small(), &request("t:rmq preset:full"));
    assert_eq!(answers.features, ["health", "dlq", "docker"]);
    assert_eq!(answers.left_out, ["parking does not go with dlq"]);
    let answers = ready(&small(), &request("t:rmq preset:full f:parking"));
    assert_eq!(answers.features, ["health", "docker", "parking"], "what was asked for stays");
    assert_eq!(answers.left_out, ["parking does not go with dlq"]);
    let answers = ready(&small(), &request("t:tcp preset:full"));
    assert_eq!(answers.features, ["health", "docker", "parking"]);
    assert_eq!(answers.left_out, ["dlq needs rmq", "autoscale=keda needs rmq"]);
    assert_eq!(answers.values["autoscale"], "none", "the preset's value gives way to the default");
    refused("t:rmq f:dlq f:parking", &["parking does not go with dlq; leave one of them out"]);
}

#[test]
fn what_is_missing_is_named_with_its_flag_and_never_added() {
    refused("t:tcp f:dlq", &["dlq needs rmq; add --transport rmq"]);
    refused("t:tcp f:docker autoscale=keda", &["autoscale=keda needs rmq; add --transport rmq"]);
    refused(
        "t:tcp preset:minimal f:dlq autoscale=hpa",
        &["dlq needs rmq; add --transport rmq", "`autoscale` needs docker; add --with docker"],
    );
    refused(
        "t:rqm f:dokcer f:x preset:standrd autoscale=kedaa scale=1 x",
        &[
            "`--set x` has no `=`; write --set x=VALUE",
            "`autoscale` must be one of none, hpa, keda, not \"kedaa\"",
            "unknown key `scale`; there are: autoscale, description",
            "unknown transport `rqm`; did you mean `rmq`?",
            "unknown feature `dokcer`; did you mean `docker`?",
            "unknown feature `x`; there are: dlq, docker, health, parking",
            "unknown preset `standrd`; did you mean `standard`?",
        ],
    );
    let mut nameless = request("t:tcp");
    nameless.name = None;
    let problems = resolve(&small(), &nameless).expect_err("no name");
    assert_eq!(told(&problems), ["no name for the service; eyas new NAME"]);
    let mut reserved = request("t:tcp f:docker");
    reserved.name = Some("app".to_owned());
    let problems = resolve(&small(), &reserved).expect_err("reserved");
    let expected =
        ["`app` cannot name a service: the template service has the name for itself; `app-service` would do"];
    assert_eq!(told(&problems), expected);
    reserved.name = Some("image".to_owned());
    assert!(told(&resolve(&small(), &reserved).expect_err("reserved"))[0].contains("the feature docker"));
    (reserved.features, reserved.preset) = (vec!["health".to_owned()], Some("minimal".to_owned()));
    resolve(&small(), &reserved).expect("docker is not chosen");
    let mut http = request("t:tcp");
    http.http = true;
    assert_eq!(resolve(&small(), &http).expect_err("no http").0.len(), 1);
}

#[test]
fn an_answers_file_gives_what_flags_do_not() {
    let with = |name: &str, text: &str| Request {
        answers: Some((name.to_owned(), text.to_owned())),
        name: None,
        ..request("description=flag")
    };
    let toml = "name = 'from-file'\ntransports = ['rabbitmq']\nfeatures = ['docker']\nautoscale = 'keda'\ndescription = 'f'\n";
    let json = r#"{"name":"from-file","transports":["rmq"],"features":["docker"],"autoscale":"keda","description":"f"}"#;
    for (name, text) in [("a.toml", toml), ("a.json", json)] {
        let answers = ready(&small(), &with(name, text));
        assert_eq!(
            (answers.name.as_str(), answers.transports.as_slice()),
            ("from-file", &["rmq".to_owned()][..])
        );
        assert_eq!(answers.values["description"], "flag", "flags win");
        assert_eq!(answers.values["autoscale"], "keda");
    }
    let check = |name: &str, text: &str, expected: &[&str]| {
        let problems = resolve(&small(), &with(name, text)).expect_err(text);
        assert_eq!(told(&problems), expected);
    };
    check(
        "a.toml",
        "name = 'x'\nfeatures = ['dokcer']\ntransport = ['tcp']\nautoscale = true\n",
        &[
            "a.toml:2:1: unknown feature `dokcer`; did you mean `docker`?",
            "a.toml:3:1: unknown key `transport`; did you mean `transports`?",
            "a.toml:4:1: `autoscale` must be one of none, hpa, keda, not true",
        ],
    );
    check(
        "a.json",
        "{\"name\": \"x\",\n \"presett\": 1}",
        &["a.json:2:2: unknown key `presett`; did you mean `preset`?"],
    );
    check(
        "a.json",
        "{\"name\": \"x\",\n 1}",
        &["no name for the service; eyas new NAME", "a.json:2:2: not a JSON object of answers"],
    );
}

#[test]
fn questions_are_data_and_asked_until_all_is_known() {
    let template = small();
    let open = |request: &Request| match resolve(&template, request).expect("no problems") {
        Resolution::Open(questions) => questions,
        Resolution::Ready(answers) => panic!("nothing to ask: {answers:?}"),
    };
    let mut request = Request::default();
    let questions = open(&request);
    let keys = |questions: &[Question]| questions.iter().map(|one| one.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&questions), ["name", "transports", "preset"]);
    assert_eq!(questions[1].kind, QuestionKind::Many);
    assert_eq!(questions[1].choices[1], ("rmq".to_owned(), "RabbitMQ, at least once".to_owned()));
    assert_eq!(questions[2].default.as_deref(), Some("standard"));
    request.answer(&questions[0], "orders");
    request.answer(&questions[1], "rmq,tcp");
    request.answer(&questions[2], "minimal");
    let questions = open(&request);
    assert_eq!(keys(&questions), ["description"]);
    assert_eq!(questions[0].default.as_deref(), Some("The orders service"));
    request.answer(&questions[0], "mine");
    let answers = ready(&template, &request);
    assert_eq!((answers.transports.len(), answers.values["description"].as_str()), (2, Some("mine")));
}

#[test]
fn all_faults_of_a_manifest_are_told_at_once_with_their_places() {
    snapbox::assert_data_eq!(
        told(&hostile("faults").expect_err("faults")).join("\n") + "\n",
        snapbox::Data::read_from(&fixture("hostile/faults.txt"), None).raw()
    );
}

#[test]
fn all_faults_between_manifests_are_told_at_once_with_their_places() {
    snapbox::assert_data_eq!(
        told(&hostile("unknown").expect_err("faults")).join("\n") + "\n",
        snapbox::Data::read_from(&fixture("hostile/unknown.txt"), None).raw()
    );
}

/// Renders a hostile template with every question at its default.
fn render_hostile(name: &str, words: &str, deadline: Duration) -> Vec<String> {
    let template = hostile(name).expect("a sound manifest");
    let answers = ready(&template, &request(words));
    told(&render_until(deadline, &template, &answers, &|| false).expect_err("it cannot be rendered"))
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn an_undefined_name_is_told_with_its_place() {
    let expected = [
        "hostile/undefined/files/a.ts.tera:3:10: variable `naem` is not defined; did you mean `name`?",
        "hostile/undefined/files/b.ts.tera:2:13: field `nmae` is not defined; did you mean `name`?",
        "hostile/undefined/files/c.ts.tera:3:1: unexpected end of input",
        "hostile/undefined/files/d.ts.tera:2:11: unknown filter `tabel`",
    ];
    assert_eq!(render_hostile("undefined", "", LONG), expected);
    let expected =
        ["hostile/undefined/template.toml:18:15: variable `nam` is not defined; did you mean `name`?"];
    assert_eq!(render_hostile("undefined", "in_fill=true", LONG), expected);
}

#[test]
fn a_loop_without_end_is_left_behind() {
    let expected = [
        "hostile/endless/files/loop.txt.tera did not finish rendering in 0.2s; it holds a loop that does not end in time; nothing was written",
    ];
    assert_eq!(render_hostile("endless", "", Duration::from_millis(200)), expected);
    let expected = ["hostile/flood/files/flood.txt.tera renders to more than 1048576 bytes"];
    assert_eq!(render_hostile("flood", "", LONG), expected);
}

#[test]
fn no_path_leads_outside() {
    let expected = [
        "hostile/climbs/files/{{ hook }}/hooks/pre-commit would make `.git/hooks/pre-commit`: `.git` is not a template's to write",
        "hostile/climbs/files/{{ where }}/x would make `../../outside/x`: it climbs out of the project",
    ];
    assert_eq!(render_hostile("climbs", "", LONG), expected);
    let expected =
        ["hostile/climbs/files/{{ where }}/x would make `/etc/x`: it is absolute or has an empty part"];
    assert_eq!(render_hostile("climbs", "where=/etc hook=hooks", LONG), expected);
}

#[test]
fn a_merge_needs_json_that_is_there_and_agrees() {
    let expected = [
        "`broken.json` is not a JSON object to merge into: expected value at line 1 column 8",
        "hostile/merges/template.toml:8:8: package.json: `dependencies.rxjs` is already \"^7\" and cannot become \"^8\"",
        "hostile/merges/template.toml:12:8: nothing makes `pakage.json`, into which this is merged; did you mean `package.json`?",
    ];
    assert_eq!(render_hostile("merges", "", LONG), expected);
}

#[test]
fn two_fragments_cannot_make_one_file() {
    let expected = [
        "hostile/twice/fragments/feature/two/files/src/same.ts and hostile/twice/fragments/feature/one/files/src/same.ts both make `src/same.ts`",
        "`src/Case.ts` and `src/case.ts` are one path on some systems",
    ];
    assert_eq!(render_hostile("twice", "f:two", LONG), expected);
    let expected = [
        "hostile/twice/fragments/feature/three/fragment.toml:6:7: setting `PORT` of three has `default` 2, that of template has 1",
    ];
    assert_eq!(render_hostile("twice", "f:three", LONG), expected);
    let template = hostile("twice").expect("sound");
    render(&template, &ready(&template, &request("f:one"))).expect("one alone is well");
}

#[test]
#[cfg(unix)]
fn a_template_holds_no_symlinks_and_nothing_too_large() {
    let home = tempfile::tempdir().expect("a folder");
    let manifest = std::fs::read(fixture("hostile/endless/template.toml")).expect("a manifest");
    std::fs::write(home.path().join("template.toml"), manifest).expect("written");
    std::fs::create_dir_all(home.path().join("files")).expect("made");
    std::os::unix::fs::symlink("/etc", home.path().join("files/etc")).expect("linked");
    std::os::unix::fs::symlink("template.toml", home.path().join("inside")).expect("linked");
    let sparse = std::fs::File::create(home.path().join("files/huge")).expect("made");
    sparse.set_len(1 << 40).expect("sparse");
    let problems = Catalog::folder(home.path()).expect_err("symlinks");
    let root = home.path().display();
    let expected = [
        format!("{root}/files/etc: a template holds no symlinks"),
        format!("{root}/files/huge: 1099511627776 bytes; the most is 1048576"),
        format!("{root}/inside: a template holds no symlinks"),
    ];
    assert_eq!(told(&problems), expected);
}

#[test]
fn a_catalog_knows_its_templates() {
    let catalog = Catalog::folder(&fixture("small")).expect("a catalog");
    assert_eq!(catalog.names(), ["service"]);
    assert_eq!(
        told(&catalog.template("servise").expect_err("a typo")),
        ["no template `servise` in small; did you mean `service`?"]
    );
    assert!(small().fragment(Kind::Transport, "rabbitmq").is_some());
    assert!(Catalog::folder(&fixture("nowhere")).is_err());
    let embedded = Catalog::embedded();
    for name in embedded.names() {
        embedded.template(&name).expect("what is embedded is sound");
    }
}
