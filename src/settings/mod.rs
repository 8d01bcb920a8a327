//! What holds for this run, each value with where it came from.
//!
//! Flag > environment > profile > project > user file > default. The world is read once, into [`World`], and
//! what was typed comes as plain [`Typed`]: so nothing here knows clap, and tests need no process.
//! How things look ([`Look`]) is settled by flags and environment alone, so that it holds even for the error
//! that a broken file is reported with.

mod layers;
mod look;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fault::Fault;
use crate::project::{self, Layer, Place};

use layers::Layers;
pub use look::{Color, Format, Look};

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Environment variables; those that are not UTF-8 are left out.
    pub env: BTreeMap<String, String>,
    /// The current folder; empty when it no longer exists.
    pub cwd: PathBuf,
}

impl World {
    /// Reads the process's own.
    pub fn read() -> Self {
        let text = |pair: (std::ffi::OsString, std::ffi::OsString)| {
            Some((pair.0.into_string().ok()?, pair.1.into_string().ok()?))
        };
        Self {
            env: std::env::vars_os().filter_map(text).collect(),
            cwd: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same, with its origin.
    fn sourced(&self, name: &'static str) -> Option<Sourced<String>> {
        self.var(name).map(|value| Sourced::new(value.to_owned(), Origin::Environment(name)))
    }

    /// What eyas remembers between runs: `$XDG_STATE_HOME/eyas`, else `~/.local/state/eyas`.
    pub fn state_folder(&self) -> Option<PathBuf> {
        let base = match self.var("XDG_STATE_HOME").map(Path::new).filter(|path| path.is_absolute()) {
            Some(base) => base.to_owned(),
            None => Path::new(self.var("HOME").or_else(|| self.var("USERPROFILE"))?).join(".local/state"),
        };
        Some(base.join("eyas"))
    }

    /// The user's own file: `$XDG_CONFIG_HOME/eyas/config.toml`, else `~/.config/eyas/config.toml`.
    pub fn user_file(&self) -> Option<PathBuf> {
        let base = match self.var("XDG_CONFIG_HOME").map(Path::new).filter(|path| path.is_absolute()) {
            Some(base) => base.to_owned(),
            None => Path::new(self.var("HOME").or_else(|| self.var("USERPROFILE"))?).join(".config"),
        };
        Some(base.join("eyas").join("config.toml"))
    }
}

/// What was typed, before it means anything.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// `-o`
    pub output: Option<Format>,
    /// `--color`
    pub color: Option<Color>,
    /// `-q`
    pub quiet: bool,
    /// `-v`
    pub verbose: bool,
    /// `--no-input`
    pub no_input: bool,
    /// `--profile`
    pub profile: Option<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag or a word of this command.
    Flag,
    /// The environment variable of this name.
    Environment(&'static str),
    /// A profile, by name, in a file.
    Profile(String, Place),
    /// The project's `eyas.toml`.
    Project(Place),
    /// The user's own file.
    User(Place),
    /// Nobody said anything else.
    Default,
}

impl Origin {
    /// The file and line that a value stands in.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Profile(_, place) | Self::Project(place) | Self::User(place) => Some(place),
            Self::Flag | Self::Environment(_) | Self::Default => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment(name) => write!(f, "environment, {name}"),
            Self::Profile(name, place) => write!(f, "profile {name}, {place}"),
            Self::Project(place) => write!(f, "project, {place}"),
            Self::User(place) => write!(f, "user file, {place}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T: Clone> Sourced<T> {
    /// A value from `origin`.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// The value of a flag where one was typed, else this.
    #[must_use]
    pub fn or_flag(&self, flag: Option<T>) -> Self {
        flag.map_or_else(|| self.clone(), |value| Self::new(value, Origin::Flag))
    }
}

/// A service that `eyas.toml` or the user's file knows: each key as it is written there, unexpanded.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The service's folder, from the file's own.
    pub path: Option<Sourced<String>>,
    /// Its main address.
    pub url: Option<Sourced<String>>,
    /// Its further addresses by transport; `http` is one of them.
    pub transports: BTreeMap<String, Sourced<String>>,
    /// Its `.proto` file, from the file's own folder.
    pub proto: Option<Sourced<String>>,
    /// What it signs tokens with, as the other services do that it speaks to.
    pub secret: Option<Sourced<String>>,
}

/// Everything that holds for this run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the process was started with.
    pub world: World,
    /// How this run speaks.
    pub look: Look,
    /// The profile, where one was chosen.
    pub profile: Sourced<Option<String>>,
    /// To the first reply, then between replies.
    pub timeout: Sourced<Duration>,
    /// To a connection, TLS and login included.
    pub connect_timeout: Sourced<Duration>,
    /// `EYAS_URL`: the target where none is named.
    pub url: Option<Sourced<String>>,
    /// The services there are, by name.
    pub services: BTreeMap<String, Service>,
    /// The project's `eyas.toml`, where there is one.
    pub project_file: Option<PathBuf>,
    /// The user's own file, where there is one.
    pub user_file: Option<PathBuf>,
}

impl Settings {
    /// For commands that work the same everywhere: no file is read, and nothing but `look` can be wrong.
    pub fn bare(look: Look, world: World) -> Self {
        let five_seconds = Sourced::new(Duration::from_secs(5), Origin::Default);
        Self {
            world,
            look,
            profile: Sourced::new(None, Origin::Default),
            timeout: five_seconds.clone(),
            connect_timeout: five_seconds,
            url: None,
            services: BTreeMap::new(),
            project_file: None,
            user_file: None,
        }
    }

    /// Settles every value: `look` as it was settled before, `profile` as it was typed.
    ///
    /// # Errors
    /// An environment variable or a file that cannot be used, by name and place.
    pub fn resolve(look: Look, profile: Option<String>, world: World) -> Result<Self, Fault> {
        let project = project::find(&world.cwd).map(Layer::read).transpose()?;
        let user = world.user_file().filter(|file| file.is_file()).map(Layer::read).transpose()?;
        let layers = Layers { project: project.as_ref(), user: user.as_ref() };
        let profile = layers.profile(profile, &world)?;
        let chosen = profile.value.as_deref();
        Ok(Self {
            timeout: layers.duration("EYAS_TIMEOUT", &world, chosen, |keys| keys.timeout.as_ref())?,
            connect_timeout: layers
                .duration("EYAS_CONNECT_TIMEOUT", &world, chosen, |keys| keys.connect_timeout.as_ref())?,
            url: world.sourced("EYAS_URL"),
            services: layers.services(chosen),
            project_file: project.map(|layer| layer.file),
            user_file: user.map(|layer| layer.file),
            world,
            look,
            profile,
        })
    }

    /// `value` with its `${VAR}`s filled in: from the environment, then from the `.env` beside the file it
    /// stands in (for words and variables: beside the project's `eyas.toml`).
    ///
    /// # Errors
    /// A variable that is not set and has no default, by name and place.
    pub fn expand(&self, value: &Sourced<String>) -> Result<String, Fault> {
        let file = value.origin.place().map(|place| &place.file).or(self.project_file.as_ref());
        let dotenv = file.map(|file| file.with_file_name(".env"));
        project::expand(&value.value, &value.origin.to_string(), &self.world.env, dotenv.as_deref())
    }
}

/// A duration as people write it: `200ms`, `5s`, `1m30s`.
///
/// # Errors
/// A text that is none, or a negative one.
pub fn parse_duration(text: &str) -> Result<Duration, Fault> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed.and_then(|duration| Duration::try_from(duration).ok()).ok_or_else(|| {
        Fault::new(format!("`{text}` is no duration"))
            .hint("write a number with its unit: `200ms`, `5s`, `1m30s`")
    })
}

#[cfg(test)]
mod tests;
