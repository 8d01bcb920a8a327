//! `eyas.toml`: how to reach the services that live here; and the user's own file, which has the same keys.

mod expand;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::fault::{Fault, did_you_mean};
pub use expand::expand;

/// The file's name; it is found by walking up.
pub const FILE: &str = "eyas.toml";

/// A line and column in a file, both from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One file, read.
#[derive(Debug)]
pub struct Layer {
    /// Where it lies.
    pub file: PathBuf,
    /// The profile to use where nothing else chooses one.
    pub profile: Option<Spanned<String>>,
    /// What it says whatever the profile.
    pub own: Keys,
    /// What it says under each profile.
    pub profiles: BTreeMap<String, Keys>,
    source: String,
}

/// What a file says, and what a profile in it may say instead.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// To the first reply, then between replies.
    pub timeout: Option<Spanned<String>>,
    /// To a connection, TLS and login included.
    pub connect_timeout: Option<Spanned<String>>,
    /// How to reach each service.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceKeys>,
}

/// How to reach one service.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKeys {
    /// Its folder, from the file's own.
    pub path: Option<Spanned<String>>,
    /// Its main address.
    pub url: Option<Spanned<String>>,
    /// Its HTTP address.
    pub http: Option<Spanned<String>>,
    /// Its `.proto` file, from the file's own folder.
    pub proto: Option<Spanned<String>>,
    /// What it signs tokens with.
    pub secret: Option<Spanned<String>>,
    /// Its further addresses, by transport.
    #[serde(default)]
    pub transports: BTreeMap<String, Spanned<String>>,
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Option<Spanned<i64>>,
    profile: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    connect_timeout: Option<Spanned<String>>,
    #[serde(default)]
    services: BTreeMap<String, ServiceKeys>,
    #[serde(default)]
    profiles: BTreeMap<String, Keys>,
}

/// The nearest `eyas.toml`: in `folder` or above it.
pub fn find(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

impl Layer {
    /// Reads `file`.
    ///
    /// # Errors
    /// A file that cannot be read, or what [`Layer::parse`] finds.
    pub fn read(file: PathBuf) -> Result<Self, Fault> {
        match std::fs::read_to_string(&file) {
            Ok(source) => Self::parse(file, source),
            Err(error) => Err(Fault::new(format!("{}: {error}", file.display()))),
        }
    }

    /// Reads `source`, which stands in `file`.
    ///
    /// # Errors
    /// Bad TOML, an unknown key or a wrong type, with file, line and column.
    pub fn parse(file: PathBuf, source: String) -> Result<Self, Fault> {
        let document: Document = match toml::from_str(&source) {
            Ok(document) => document,
            Err(error) => return Err(explain(&file, &source, &error)),
        };
        let version = document.version.as_ref().map(|version| (*version.get_ref(), version.span().start));
        if let Some((version, at)) = version.filter(|(version, _)| *version != 1) {
            return Err(Fault::new(format!(
                "{}: version {version} is newer than this eyas",
                place(&file, &source, at)
            ))
            .hint("this eyas reads `version = 1`"));
        }
        if version.is_none() && file.ends_with(FILE) {
            return Err(Fault::new(format!("{}: it has no `version`", file.display()))
                .hint("begin it with `version = 1`"));
        }
        let Document { profile, timeout, connect_timeout, services, profiles, .. } = document;
        let own = Keys { timeout, connect_timeout, services };
        Ok(Self { file, profile, own, profiles, source })
    }

    /// Where the byte at `offset` stands.
    pub fn place(&self, offset: usize) -> Place {
        place(&self.file, &self.source, offset)
    }
}

fn place(file: &Path, source: &str, offset: usize) -> Place {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// The parser's error as a fault: with its place, and for an unknown key the nearest there is.
fn explain(file: &Path, source: &str, error: &toml::de::Error) -> Fault {
    let place = place(file, source, error.span().map_or(0, |span| span.start));
    let message = error.message().trim();
    if let Some((key, known)) = unknown_key(message) {
        let fault = Fault::new(format!("{place}: unknown key `{key}`"));
        return fault.hint(did_you_mean(key, known, "the keys here"));
    }
    let message = message.lines().collect::<Vec<_>>().join(", ");
    Fault::new(format!("{place}: {message}"))
}

/// serde's words for an unknown key, taken apart: the key, and those that it could be.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let quoted: Vec<_> = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2).collect();
    quoted.split_first().map(|(key, known)| (*key, known.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str, hint: Option<&str>) {
        let fault = Layer::parse("/p/eyas.toml".into(), source.to_owned()).unwrap_err();
        assert_eq!((fault.to_string().as_str(), fault.advice()), (expected, hint));
    }

    #[test]
    fn a_bad_file_is_told_with_its_place() {
        check(
            "version = 1\n[services.a]\nulr = \"x\"\n",
            "/p/eyas.toml:3:1: unknown key `ulr`",
            Some("did you mean `url`? the keys here: http, path, proto, secret, transports, url"),
        );
        check(
            "version = 1\n[services.a]\nurl = 7\n",
            "/p/eyas.toml:3:7: invalid type: integer `7`, expected a string",
            None,
        );
        check(
            "version = 2\n",
            "/p/eyas.toml:1:11: version 2 is newer than this eyas",
            Some("this eyas reads `version = 1`"),
        );
        check("", "/p/eyas.toml: it has no `version`", Some("begin it with `version = 1`"));
        let fault = Layer::parse("/p/eyas.toml".into(), "version = 1\nservices = [".to_owned()).unwrap_err();
        assert!(fault.to_string().starts_with("/p/eyas.toml:2:1"), "{fault}");
    }

    #[test]
    fn columns_count_characters() {
        let layer = Layer::parse("eyas.toml".into(), "version = 1\n[services]\n\"ö\".url = \"x\"".to_owned())
            .unwrap();
        let url = layer.own.services["ö"].url.as_ref().unwrap();
        assert_eq!(layer.place(url.span().start).to_string(), "eyas.toml:3:11");
    }

    #[test]
    fn the_users_file_needs_no_version() {
        assert!(Layer::parse("/u/config.toml".into(), "timeout = \"1s\"".to_owned()).is_ok());
    }
}
