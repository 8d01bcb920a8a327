//! The Dockerfile, step by step in folders instead of layers: there is no Docker daemon where tests run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::project::{Project, command, link, succeed};
use crate::service::{Service, node};

/// A stage: its files, and what is set for what runs in it.
#[derive(Clone)]
struct Stage {
    root: PathBuf,
    workdir: String,
    health: Vec<String>,
    command: Vec<String>,
}

impl Stage {
    /// A path in it, as an instruction names it.
    fn path(&self, path: &str) -> PathBuf {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.workdir) };
        // Its components are without `.`, which no folder can be made as.
        self.root.join(path.trim_start_matches('/')).components().collect()
    }
}

/// Carries out a Dockerfile, and gives its last stage; an instruction that it does not know fails it.
struct Build {
    context: PathBuf,
    folder: PathBuf,
    stages: BTreeMap<String, Stage>,
}

impl Build {
    fn run(project: &Project) -> Stage {
        let folder = project.folder.with_extension("image");
        fs::create_dir(&folder).unwrap();
        let mut build = Self { context: folder.join("context"), folder, stages: BTreeMap::new() };
        build.take_context(project);
        let text = project.read("Dockerfile").replace("\\\n", " ");
        let mut stage = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (instruction, rest) = line.split_once(' ').unwrap();
            if instruction == "FROM" {
                stage = Some(build.from(rest));
                continue;
            }
            let current = stage.as_mut().expect("FROM comes first");
            build.step(current, instruction, rest.trim());
            let name = current.root.file_name().unwrap().to_str().unwrap().to_owned();
            build.stages.insert(name, current.clone());
        }
        stage.expect("the Dockerfile has a stage")
    }

    /// Only what `.dockerignore` lets through.
    fn take_context(&self, project: &Project) {
        fs::create_dir(&self.context).unwrap();
        let rules = project.read(".dockerignore");
        let mut rules = rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(rules.next(), Some("*"), "this test knows lists of what is let through only");
        for rule in rules {
            let path = rule.strip_prefix('!').expect("this test knows lists of what is let through only");
            link(&project.folder.join(path), &self.context.join(path));
        }
    }

    fn from(&mut self, words: &str) -> Stage {
        let (image, name) = words.split_once(" AS ").unwrap_or((words, "last"));
        let root = self.folder.join(name);
        let stage = if let Some(base) = self.stages.get(image) {
            link(&base.root, &root);
            Stage { root, ..base.clone() }
        } else {
            fs::create_dir(&root).unwrap();
            Stage { root, workdir: "/".to_owned(), health: Vec::new(), command: Vec::new() }
        };
        self.stages.insert(name.to_owned(), stage.clone());
        stage
    }

    fn step(&self, stage: &mut Stage, instruction: &str, rest: &str) {
        match instruction {
            "WORKDIR" => {
                rest.clone_into(&mut stage.workdir);
                fs::create_dir_all(stage.path(".")).unwrap();
            }
            "COPY" => self.copy(stage, rest),
            "RUN" => {
                let words = rest.split_whitespace().skip_while(|word| word.starts_with("--"));
                let words: Vec<_> = words.collect();
                succeed(command("sh", &stage.path(".")).args(["-c", &words.join(" ")]));
            }
            "HEALTHCHECK" => stage.health = words_of(rest.split_once("CMD").unwrap().1),
            "CMD" => stage.command = words_of(rest),
            "ENV" => assert_eq!(rest, "NODE_ENV=production", "what starts the service here sets this alone"),
            "USER" | "EXPOSE" => {}
            _ => panic!("this test does not know {instruction} {rest}"),
        }
    }

    fn copy(&self, stage: &Stage, rest: &str) {
        let mut words: Vec<_> = rest.split_whitespace().collect();
        let target = words.pop().unwrap();
        let from = words[0].strip_prefix("--from=").map(|name| &self.stages[name]);
        for source in &words[usize::from(from.is_some())..] {
            let path = from.map_or_else(|| self.context.join(source), |stage| stage.path(source));
            let place = stage.path(target.trim_end_matches('/'));
            let name = Path::new(source).file_name().unwrap();
            link(&path, &if target.ends_with('/') { place.join(name) } else { place });
        }
    }
}

/// The exec form: no shell is in the image.
fn words_of(json: &str) -> Vec<String> {
    serde_json::from_str(json.trim()).expect("the exec form")
}

/// Takes out of the lockfile what npm could not put into it: a registry may not have the optional packages of other
/// platforms yet, or not carry them at all, and `npm ci` then refuses the lockfile that `npm install` has written.
fn drop_missing_options(lockfile: &Path) {
    let mut lock: Value = serde_json::from_slice(&fs::read(lockfile).unwrap()).unwrap();
    let packages = lock["packages"].as_object_mut().unwrap();
    let known: BTreeSet<_> =
        packages.keys().map(|path| path.rsplit("node_modules/").next().unwrap().to_owned()).collect();
    for package in packages.values_mut() {
        if let Some(options) = package.get_mut("optionalDependencies").and_then(Value::as_object_mut) {
            options.retain(|name, _| known.contains(name));
        }
    }
    fs::write(lockfile, lock.to_string()).unwrap();
}

#[test]
fn the_steps_of_the_dockerfile_make_a_service_that_runs_with_nothing_else() {
    let project = Project::make("image", "orders", "--preset standard --http");
    project.install();
    drop_missing_options(&project.folder.join("package-lock.json"));
    let version = project.read(".node-version");
    assert!(project.read("Dockerfile").contains(&format!("FROM node:{}-", version.trim())));
    let image = Build::run(&project);

    let mut files: Vec<_> =
        fs::read_dir(image.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["dist", "node_modules", "package.json"]);
    for dropped in ["typescript", "@nestjs/cli", "vitest"] {
        assert!(!image.path("node_modules").join(dropped).exists(), "{dropped} is in the image");
    }
    let service = Service::start_in(&image.path("."), &image.command, &project);
    let run = service.eyas(&["send", "orders.create", "name=contained"]).exits(0);
    assert!(run.stdout[0].contains("contained"), "{run:?}");

    let (program, words) = image.health.split_first().unwrap();
    assert_eq!(program, "/nodejs/bin/node");
    let healthy = |port: u16| {
        let mut check = node(&image.path("."), words);
        check.env("HTTP_PORT", port.to_string()).status().unwrap().success()
    };
    let port = service.http();
    assert!(healthy(port));
    assert_eq!(service.terminate().code(), Some(0));
    assert!(!healthy(port));
}
