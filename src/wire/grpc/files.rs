//! Descriptors as a service tells them, until they are whole.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto};

use super::schema::Schema;
use crate::fault::Fault;

/// Files by name.
#[derive(Debug, Default)]
pub struct Files {
    by_name: HashMap<String, FileDescriptorProto>,
    /// What was asked for; what did not come then will not come.
    pub asked: HashSet<Missing>,
}

/// What has to be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// An import.
    File(String),
    /// A type that is used and not imported.
    Type(String),
}

impl Files {
    /// Adds what was found.
    ///
    /// # Errors
    /// Bytes that are no file.
    pub fn add(&mut self, found: Vec<Bytes>) -> Result<(), Fault> {
        for bytes in found {
            let file = FileDescriptorProto::decode(bytes)
                .map_err(|error| Fault::new(format!("a file of it cannot be read: {error}")))?;
            self.by_name.entry(file.name().to_owned()).or_insert(file);
        }
        Ok(())
    }

    /// Adds Google's own file that is `missing`, where it is one of those.
    pub fn add_own(&mut self, missing: &Missing) {
        let own = DescriptorPool::global();
        let home = match missing {
            Missing::File(name) => own.get_file_by_name(name),
            Missing::Type(name) => own.get_message_by_name(name).map(|message| message.parent_file()),
        };
        if let Some(home) = home {
            self.by_name.insert(home.name().to_owned(), home.file_descriptor_proto().clone());
        }
    }

    /// The next file or type that is needed, and has not been asked for.
    ///
    /// What Nest reflects has a file for each package and no imports between them: `@grpc/proto-loader` writes them
    /// so. Where a type is at hand, its import is added here.
    pub fn missing(&mut self) -> Option<Missing> {
        let imports = self.by_name.values().flat_map(|file| &file.dependency);
        let absent = imports.filter(|name| !self.by_name.contains_key(*name));
        let absent = absent.map(|name| Missing::File(name.clone()));
        if let Some(missing) = absent.into_iter().find(|missing| !self.asked.contains(missing)) {
            return Some(missing);
        }
        let homes = self.homes();
        for file in self.by_name.values_mut() {
            for (scope, name) in types_used(file) {
                match home_of(&name, &scope, &homes) {
                    Some(home) if home == file.name() || file.dependency.contains(home) => {}
                    Some(home) => file.dependency.push(home.clone()),
                    None => {
                        let missing = Missing::Type(name.trim_start_matches('.').to_owned());
                        if !self.asked.contains(&missing) {
                            return Some(missing);
                        }
                    }
                }
            }
        }
        None
    }

    /// Every type, and the file it is in.
    fn homes(&self) -> HashMap<String, String> {
        let mut homes = HashMap::new();
        for file in self.by_name.values() {
            let mut names = Vec::new();
            for values in &file.enum_type {
                names.push(joined(file.package(), values.name()));
            }
            for message in &file.message_type {
                name_all(message, file.package(), &mut names);
            }
            homes.extend(names.into_iter().map(|name| (name, file.name().to_owned())));
        }
        homes
    }

    /// The schema of all files, once nothing is missing.
    ///
    /// # Errors
    /// Files that do not fit together.
    pub fn into_schema(self) -> Result<Schema, Fault> {
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(self.by_name.into_values())
            .map_err(|error| Fault::new(format!("{error:?}")))?;
        Ok(Schema::new(pool))
    }
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

fn name_all(message: &DescriptorProto, scope: &str, names: &mut Vec<String>) {
    let name = joined(scope, message.name());
    names.extend(message.enum_type.iter().map(|values| joined(&name, values.name())));
    for inner in &message.nested_type {
        name_all(inner, &name, names);
    }
    names.push(name);
}

/// The file of the type that `name` means in `scope`: the whole name after a dot, else in the innermost scope that
/// has it.
fn home_of<'a>(name: &str, scope: &str, homes: &'a HashMap<String, String>) -> Option<&'a String> {
    if let Some(whole) = name.strip_prefix('.') {
        return homes.get(whole);
    }
    let mut scope = scope;
    loop {
        if let Some(home) = homes.get(&joined(scope, name)) {
            return Some(home);
        }
        if scope.is_empty() {
            return None;
        }
        scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
    }
}

/// The types of all fields and methods in `file`, each with the scope that names it.
fn types_used(file: &FileDescriptorProto) -> Vec<(String, String)> {
    let mut used = Vec::new();
    for message in &file.message_type {
        types_in(message, file.package(), &mut used);
    }
    for method in file.service.iter().flat_map(|service| &service.method) {
        let types = [&method.input_type, &method.output_type];
        used.extend(types.into_iter().flatten().map(|name| (file.package().to_owned(), name.clone())));
    }
    used
}

/// The types of the fields of `message` and of those within it.
fn types_in(message: &DescriptorProto, scope: &str, used: &mut Vec<(String, String)>) {
    let scope = joined(scope, message.name());
    let names = message.field.iter().filter_map(|field| field.type_name.clone());
    used.extend(names.map(|name| (scope.clone(), name)));
    for inner in &message.nested_type {
        types_in(inner, &scope, used);
    }
}
