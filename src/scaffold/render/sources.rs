//! Which files of template and fragments make which files of the result.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Job;
use super::context::{self, Owner};
use crate::scaffold::answers;
use crate::scaffold::catalog::MAX_FILES;
use crate::scaffold::manifest::RENDERED;
use crate::scaffold::name;
use crate::scaffold::path;
use crate::scaffold::placeholder;
use crate::scaffold::problem::{Problem, Problems};

/// A file of a template or fragment that makes one of the result.
pub struct Source<'a> {
    /// Whose it is.
    pub owner: &'a Owner<'a>,
    /// The client it is made for, by its place among the answers.
    pub client: Option<usize>,
    /// Whether it sees the client's name as `name`.
    pub is_of_client: bool,
    /// Its name in problems.
    pub name: String,
    /// What it holds.
    pub bytes: &'a [u8],
}

impl Job {
    /// Which file of which owner makes which path: conditions and names in paths are settled here.
    pub fn sources<'a>(
        &'a self,
        owners: &'a [Owner],
        problems: &mut Problems,
    ) -> BTreeMap<String, Source<'a>> {
        let base = context::base(self);
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for owner in owners {
            for (full, bytes) in owner.files {
                let Some(inner) = full.strip_prefix("files/") else { continue };
                if !owner.part.files.iter().all(|rule| !rule.applies(inner) || self.holds(&rule.when)) {
                    continue;
                }
                for client in self.clients_of(owner, inner) {
                    let name = format!("{}{full}", owner.origin);
                    let source = Source { owner, client, is_of_client: false, name, bytes };
                    if let Err(problem) = self.place(&base, inner, source, &mut sources) {
                        problems.push(problem);
                    }
                }
            }
        }
        self.share(&base, owners, &mut sources);
        for (one, other) in path::collisions(sources.keys().map(String::as_str)) {
            problems.push(Problem::new(format!("`{one}` and `{other}` are one path on some systems")));
        }
        if sources.len() > MAX_FILES {
            problems.push(Problem::new(format!(
                "it would make {} files; the most is {MAX_FILES}",
                sources.len()
            )));
        }
        sources
    }

    /// Adds what clients use of the files of transports, where nobody else makes it.
    fn share<'a>(
        &'a self,
        base: &Map<String, Value>,
        owners: &'a [Owner],
        sources: &mut BTreeMap<String, Source<'a>>,
    ) {
        for owner in owners {
            let client = owner.client.and_then(|client| self.answers.clients.get(client));
            let (Some(client), Some(manifest)) = (client, owner.fragment) else { continue };
            let Some(from) = self.driver(manifest) else { continue };
            for path in &manifest.shares {
                let Some(bytes) = from.files.get(&format!("files/{}", path.value)) else { continue };
                let is_of_client = placeholder::names(path).any(|name| name.starts_with("name"));
                let value = |name: &str| {
                    let of_client = name::case(&client.name, name);
                    of_client.unwrap_or_else(|| {
                        base.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
                    })
                };
                let target = placeholder::fill(path, value);
                let target = target.strip_suffix(RENDERED).unwrap_or(&target).to_owned();
                let name = format!("{}files/{}", from.origin, path.value);
                let source = Source { owner, client: owner.client, is_of_client, name, bytes };
                sources.entry(target).or_insert(source);
            }
        }
    }

    /// For whom a file or a setting is made: for the owner's client, for each client if its path or key names one, or
    /// simply once.
    pub fn clients_of(&self, owner: &Owner, name: &str) -> Vec<Option<usize>> {
        let is_each = placeholder::names(name).any(answers::is_client_placeholder);
        match owner.client {
            None if is_each => (0..self.answers.clients.len()).map(Some).collect(),
            client => vec![client],
        }
    }

    /// Puts a file where its path says.
    fn place<'a>(
        &self,
        base: &Map<String, Value>,
        inner: &str,
        source: Source<'a>,
        sources: &mut BTreeMap<String, Source<'a>>,
    ) -> Result<(), Problem> {
        let client = source.client.and_then(|client| self.answers.clients.get(client));
        let value = |name: &str| {
            let own = client.and_then(|client| client.placeholder(name));
            own.unwrap_or_else(|| base.get(name).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let name = &source.name;
        let target = placeholder::fill(inner, value);
        let target = target.strip_suffix(RENDERED).unwrap_or(&target).to_owned();
        path::check(&target)
            .map_err(|why| Problem::new(format!("{name} would make `{}`: {why}", target.escape_debug())))?;
        match sources.get(&target) {
            // One file for all clients of one kind.
            Some(other) if other.name == *name && !name.ends_with(RENDERED) => {}
            Some(other) if other.name == *name => {
                let problem = Problem::new(format!("{name} makes `{target}` for each client"));
                return Err(problem.hint("put `{{ client }}` into its path, or let it be copied"));
            }
            Some(other) => {
                return Err(Problem::new(format!("{name} and {} both make `{target}`", other.name)));
            }
            None => _ = sources.insert(target, source),
        }
        Ok(())
    }
}
