//! Clients of other services: `NAME=URL`, where the URL's scheme says which fragment makes them.

use serde_json::Value;
use url::Url;

use crate::scaffold::catalog::{Fragment, Kind, Template};
use crate::scaffold::name;
use crate::scaffold::problem::{Problem, Problems};

/// A client of another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The other service's name.
    pub name: String,
    /// Where it is, unless its setting says otherwise.
    pub url: String,
    /// The fragment that makes it; empty until the answers are settled.
    pub fragment: String,
}

impl Client {
    /// Reads `NAME=URL`.
    pub fn parse(template: &Template, word: &str) -> Result<Self, Problem> {
        match word.split_once('=') {
            Some((name, url)) => Self::new(template, name.trim(), url.trim()),
            None => Err(Problem::new(format!("`--client {word}` has no `=`"))
                .hint(format!("write --client {word}=URL"))),
        }
    }

    /// A client of the service `name` at `url`.
    pub fn new(template: &Template, name: &str, url: &str) -> Result<Self, Problem> {
        name::check(name)?;
        let wrong = |why: &str| Problem::new(format!("the URL of the client `{name}` {why}"));
        let schemes = template.of(Kind::Client).flat_map(|fragment| &fragment.manifest.schemes);
        let schemes: Vec<&str> = schemes.map(|scheme| scheme.as_str()).collect();
        if schemes.is_empty() {
            let message = format!("the template {} makes no clients", template.manifest.name.value);
            return Err(Problem::new(message));
        }
        let Ok(parsed) = Url::parse(url) else {
            let example = format!("write {name}={}://HOST:PORT", schemes[0]);
            return Err(wrong("is none").hint(example));
        };
        let Some(fragment) = template.client(parsed.scheme()) else {
            let problem =
                wrong(&format!("has the scheme `{}`, for which there is no client", parsed.scheme()));
            return Err(problem.nearest(parsed.scheme(), schemes));
        };
        if parsed.password().is_some() {
            let setting = setting(name);
            let hint = format!("leave it out, and set {setting} where the service runs");
            return Err(wrong("holds a password, which would be written into the project").hint(hint));
        }
        // It becomes a line of TOML, of TypeScript and of a shell's environment.
        if let Some(bad) = url.chars().find(|c| c.is_control() || " \"'`\\$".contains(*c)) {
            let hint = format!("write it as %{:02X}", u32::from(bad));
            return Err(wrong(&format!("holds {bad:?}, which cannot stand in it")).hint(hint));
        }
        if !parsed.has_host() {
            return Err(wrong("names no host"));
        }
        let known: Vec<&str> = fragment.manifest.queries.iter().map(|one| one.as_str()).collect();
        let keys = parsed.query_pairs().map(|(key, _)| key.into_owned());
        if let Some(key) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
            let problem = wrong(&format!(
                "has `{key}` in its query, which a client over {} does not know",
                fragment.manifest.title
            ));
            return Err(if known.is_empty() {
                problem
                    .hint("leave the query out; what else a client needs is in the project, once it is made")
            } else {
                problem.nearest(&key, known)
            });
        }
        Ok(Self { name: name.to_owned(), url: url.to_owned(), fragment: fragment.name().to_owned() })
    }

    /// What templates see of it; `facts` are its fragment's.
    pub fn describe(&self, fragment: &Fragment, facts: Value) -> Value {
        let mut row = serde_json::Map::new();
        for (key, case) in name::CASES {
            row.insert(key.to_owned(), case(&self.name).into());
        }
        row.insert("url".to_owned(), self.url.clone().into());
        let parsed = Url::parse(&self.url).ok();
        row.insert("port".to_owned(), parsed.as_ref().and_then(Url::port).map_or(Value::Null, Value::from));
        row.insert("query".to_owned(), parsed.as_ref().and_then(Url::query).unwrap_or_default().into());
        row.insert("setting".to_owned(), setting(&self.name).into());
        row.insert("fragment".to_owned(), fragment.name().into());
        row.insert("title".to_owned(), fragment.manifest.title.clone().into());
        row.insert("facts".to_owned(), facts);
        Value::Object(row)
    }

    /// The placeholder `key` of a path: `client`, or one of its cases.
    pub fn placeholder(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix("client")?;
        name::case(&self.name, &format!("name{rest}"))
    }
}

/// Whether `key` is a placeholder that a client fills.
pub fn is_placeholder(key: &str) -> bool {
    key.strip_prefix("client").is_some_and(|rest| name::CASES.iter().any(|(case, _)| case[4..] == *rest))
}

/// The setting that tells where the service `name` is.
pub fn setting(name: &str) -> String {
    format!("{}_URL", name::upper_snake(name))
}

/// Tells of clients that cannot stand side by side in the service `name`.
pub fn check(service: Option<&str>, clients: &[Client], problems: &mut Problems) {
    for (at, client) in clients.iter().enumerate() {
        if clients[..at].iter().any(|one| one.name == client.name) {
            problems.push(Problem::new(format!("there are two clients `{}`", client.name)));
        }
        if Some(client.name.as_str()) == service {
            let message = format!("`{}` is the service itself and needs no client here", client.name);
            problems.push(Problem::new(message));
        }
    }
}
