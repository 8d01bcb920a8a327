//! The files' share of the settings: profile > project > user file.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;

use super::{Origin, Service, Sourced, World, parse_duration};
use crate::fault::{Fault, did_you_mean};
use crate::project::{Keys, Layer};

/// The files, the stronger first.
pub(super) struct Layers<'a> {
    pub(super) project: Option<&'a Layer>,
    pub(super) user: Option<&'a Layer>,
}

/// One table of keys in a file, and how its values are told.
struct Table<'a> {
    layer: &'a Layer,
    keys: &'a Keys,
    /// The profile it is.
    profile: Option<&'a str>,
    is_project: bool,
}

impl Table<'_> {
    fn value(&self, text: &Spanned<String>) -> Sourced<String> {
        let place = self.layer.place(text.span().start);
        let origin = match (self.profile, self.is_project) {
            (Some(profile), _) => Origin::Profile(profile.to_owned(), place),
            (None, true) => Origin::Project(place),
            (None, false) => Origin::User(place),
        };
        Sourced::new(text.as_ref().clone(), origin)
    }
}

impl<'a> Layers<'a> {
    /// Both files, each with whether it is the project's.
    fn files(&self) -> impl Iterator<Item = (&'a Layer, bool)> + use<'a> {
        let project = self.project.map(|layer| (layer, true));
        project.into_iter().chain(self.user.map(|layer| (layer, false)))
    }

    /// Every table that may say something, the strongest first: the profile in the project's file, the
    /// profile in the user's, the project, the user.
    fn tables(&self, profile: Option<&'a str>) -> Vec<Table<'a>> {
        let of_profile = self.files().filter_map(|(layer, is_project)| {
            Some(Table { layer, keys: layer.profiles.get(profile?)?, profile, is_project })
        });
        let own = self.files().map(|(layer, is_project)| Table {
            layer,
            keys: &layer.own,
            profile: None,
            is_project,
        });
        of_profile.chain(own).collect()
    }

    /// The profile: flag > environment > project > user file.
    ///
    /// # Errors
    /// One that no file has.
    pub(super) fn profile(
        &self,
        typed: Option<String>,
        world: &World,
    ) -> Result<Sourced<Option<String>>, Fault> {
        let in_files = || {
            let mut own = self.tables(None).into_iter();
            own.find_map(|table| table.layer.profile.as_ref().map(|text| table.value(text)))
        };
        let chosen = typed
            .map(|name| Sourced::new(name, Origin::Flag))
            .or_else(|| world.sourced("EYAS_PROFILE"))
            .or_else(in_files);
        let Some(Sourced { value: name, origin }) = chosen else {
            return Ok(Sourced::new(None, Origin::Default));
        };
        if !self.files().any(|(layer, _)| layer.profiles.contains_key(&name)) {
            let known = self.files().flat_map(|(layer, _)| layer.profiles.keys());
            return Err(Fault::new(format!("there is no profile `{name}` (from: {origin})"))
                .hint(did_you_mean(&name, known, "the profiles")));
        }
        Ok(Sourced::new(Some(name), origin))
    }

    /// A duration: environment > profile > project > user file > five seconds.
    ///
    /// # Errors
    /// A text that is none, with its place.
    pub(super) fn duration(
        &self,
        variable: &'static str,
        world: &World,
        profile: Option<&'a str>,
        key: impl Fn(&'a Keys) -> Option<&'a Spanned<String>>,
    ) -> Result<Sourced<Duration>, Fault> {
        let in_files = || {
            let mut tables = self.tables(profile).into_iter();
            tables.find_map(|table| key(table.keys).map(|text| table.value(text)))
        };
        let Some(text) = world.sourced(variable).or_else(in_files) else {
            return Ok(Sourced::new(Duration::from_secs(5), Origin::Default));
        };
        let duration = parse_duration(&text.value).map_err(|fault| fault.at(&text.origin))?;
        Ok(Sourced::new(duration, text.origin))
    }

    /// The services, merged key by key.
    pub(super) fn services(&self, profile: Option<&'a str>) -> BTreeMap<String, Service> {
        let mut services: BTreeMap<String, Service> = BTreeMap::new();
        for table in self.tables(profile) {
            for (name, keys) in &table.keys.services {
                let service = services.entry(name.clone()).or_default();
                let set = |slot: &mut Option<Sourced<String>>, text: &Option<Spanned<String>>| {
                    if let (None, Some(text)) = (&slot, text) {
                        *slot = Some(table.value(text));
                    }
                };
                set(&mut service.path, &keys.path);
                set(&mut service.url, &keys.url);
                set(&mut service.proto, &keys.proto);
                set(&mut service.secret, &keys.secret);
                let further = keys.http.iter().map(|url| (HTTP, url));
                let named = keys.transports.iter().map(|(name, url)| (name.as_str(), url));
                for (name, url) in further.chain(named) {
                    let slot = service.transports.entry(name.to_owned());
                    slot.or_insert_with(|| table.value(url));
                }
            }
        }
        services
    }
}

/// The key `http` of a service says the same as `transports.http`.
const HTTP: &str = "http";
