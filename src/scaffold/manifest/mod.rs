//! The manifests of templates and fragments, format 1.
//!
//! ```text
//! templates/<template>/template.toml            the manifest
//! templates/<template>/files/…                  the tree as it will lie on disk
//! templates/<template>/parts/*.tera             pieces for `include`; never written
//! templates/fragments/transport/<name>/         fragment.toml, files/…
//! templates/fragments/feature/<name>/           fragment.toml, files/…
//! templates/fragments/client/<name>/            fragment.toml, files/…
//! ```
//!
//! `template.toml`: `format = 1`, `name` (the folder's), `version`, `summary`, `transports`, `clients` and `features`
//! (the fragments it allows; the order of features is their order everywhere), `always` (features nobody needs to
//! ask for), `default_transports`, `default_preset`, `reserved`, `next`, `[presets.<name>]` with `summary`, `features` and `set`, a
//! free table `[data]`, and `[[slot]]`.
//!
//! `fragment.toml`: `format = 1`, `name` (the folder's), `summary`, `title`, `aliases`, `provides`, `reserved`, `requires`,
//! `excludes`, `hint`, and a free table `[facts]`. One of a client has `schemes`: it is chosen by the URL of a client of another
//! service, and all of it is done once for each such client, which its texts see as `client`. `queries` are the keys that such
//! a URL may hold after a `?`. `transport` names the transport whose driver it uses: what that merges is merged for it, too,
//! and texts find its facts among `drivers`. `shares` are files of that transport. A file of any owner whose path holds
//! `{{ client }}`, and a setting whose key holds `{{ client_upper }}`, is made once for each client. The condition `clients`
//! holds where there is one.
//!
//! Both: `[[variable]]`, `[[setting]]`, `[[fill]]`, `[[file]]`, `[[merge]]`, `[[note]]`: see the types here, whose
//! fields are the keys. `when` is a [`Condition`] everywhere. Unknown keys are problems, and all problems are
//! told at once, with place and nearest name.

mod read;
mod verify;

use regex::Regex;
use serde_json::{Map, Value};

use super::condition::Condition;
use super::problem::{Located, Place};

pub use read::{read_fragment, read_name, read_template};
pub(super) use verify::verify;

/// The version of the format that is read here.
pub const FORMAT: i64 = 1;

/// The end of the names of files that are rendered; it is dropped.
pub const RENDERED: &str = ".tera";

/// Keys of answers that no variable may take.
pub const RESERVED: [&str; 16] = [
    "name",
    "template",
    "preset",
    "transports",
    "client",
    "clients",
    "drivers",
    "features",
    "has",
    "fragments",
    "settings",
    "slots",
    "filled",
    "facts",
    "data",
    "eyas",
];

/// `template.toml`.
#[derive(Debug)]
pub struct TemplateManifest {
    /// Its name, which is the folder's.
    pub name: Located<String>,
    /// Its own version.
    pub version: String,
    /// What it makes, in a few words.
    pub summary: String,
    /// The transports it allows, in the order they are offered.
    pub transports: Vec<Located<String>>,
    /// The kinds of clients it allows.
    pub clients: Vec<Located<String>>,
    /// The features it allows; this order is the order of everything.
    pub features: Vec<Located<String>>,
    /// The features that are always there.
    pub always: Vec<Located<String>>,
    /// The transports that are taken when none are named.
    pub default_transports: Vec<Located<String>>,
    /// The preset that is taken when neither preset nor features are named.
    pub default_preset: Option<Located<String>>,
    /// Names that a service of it cannot have.
    pub reserved: Vec<Located<String>>,
    /// Commands to go on with once it is made; one that renders to nothing is left out.
    pub next: Vec<Located<String>>,
    /// The presets, in the order they are offered.
    pub presets: Vec<Preset>,
    /// A free table for the files.
    pub data: Map<String, Value>,
    /// The places that fragments may fill.
    pub slots: Vec<Slot>,
    /// What a fragment could hold as well.
    pub part: Part,
}

/// `fragment.toml`.
#[derive(Debug)]
pub struct FragmentManifest {
    /// Its name, which is the folder's.
    pub name: Located<String>,
    /// What choosing it gives, in a few words.
    pub summary: String,
    /// Its name as people write it.
    pub title: String,
    /// Other names it is accepted by.
    pub aliases: Vec<Located<String>>,
    /// What it brings, beside itself, that conditions may ask for: `events`. Several fragments may bring the same.
    pub provides: Vec<Located<String>>,
    /// Names that a service with it cannot have.
    pub reserved: Vec<Located<String>>,
    /// The schemes of the URLs that choose it; only one of a client has them, and what follows.
    pub schemes: Vec<Located<String>>,
    /// Keys that such a URL may hold in its query.
    pub queries: Vec<Located<String>>,
    /// The transport whose driver it uses: its merges are made though it may not be chosen.
    pub transport: Option<Located<String>>,
    /// Files under that transport's `files/` which it uses, too: each is made though the transport may not be chosen,
    /// and once; but one whose path holds a case of `{{ name }}` is made for each client, with the client's name.
    pub shares: Vec<Located<String>>,
    /// What must hold for it to be chosen.
    pub requires: Condition,
    /// What must not hold: each text by itself.
    pub excludes: Condition,
    /// More words for the fault when `requires` does not hold.
    pub hint: Option<String>,
    /// What other fragments may read of it.
    pub facts: Located<Map<String, Value>>,
    /// What a template could hold as well.
    pub part: Part,
}

/// What template and fragment have in common.
#[derive(Debug, Default)]
pub struct Part {
    /// `[[variable]]`.
    pub variables: Vec<Variable>,
    /// `[[setting]]`.
    pub settings: Vec<Setting>,
    /// `[[fill]]`.
    pub fills: Vec<Fill>,
    /// `[[file]]`.
    pub files: Vec<FileRule>,
    /// `[[merge]]`.
    pub merges: Vec<Merge>,
    /// `[[note]]`.
    pub notes: Vec<Note>,
}

/// A named choice of features.
#[derive(Debug)]
pub struct Preset {
    /// The name.
    pub name: Located<String>,
    /// What it is for.
    pub summary: String,
    /// The features. One whose requirement does not hold is left out and told.
    pub features: Vec<Located<String>>,
    /// Answers it gives unless the user gave them.
    pub set: Located<Map<String, Value>>,
}

/// Something that is asked, or given by `--set key=value`.
#[derive(Debug)]
pub struct Variable {
    /// The name, in snake case.
    pub key: Located<String>,
    /// What it may hold.
    pub kind: VariableKind,
    /// The question; without one it is never asked.
    pub prompt: Option<String>,
    /// One line of explanation.
    pub doc: Option<String>,
    /// The answer when none is given; a text may hold `{{ name }}`.
    pub default: Option<Located<Value>>,
    /// When it applies at all.
    pub when: Condition,
    /// Values that need something chosen.
    pub requires: Vec<Need>,
}

/// What a variable may hold.
#[derive(Debug)]
pub enum VariableKind {
    /// Any text, or one that matches as a whole.
    Text(Option<Regex>),
    /// True or false.
    Bool,
    /// A whole number between two, both included.
    Int(i64, i64),
    /// One of several texts.
    Choice(Vec<Located<String>>),
}

/// `[[variable.requires]]`: a value and what it needs.
#[derive(Debug)]
pub struct Need {
    /// The value, as it would be given after `--set key=`.
    pub value: String,
    /// What must hold for it.
    pub needs: Condition,
}

/// An environment variable of the generated service: one row for all the places that tell of it.
#[derive(Debug)]
pub struct Setting {
    /// The name, in upper case.
    pub key: Located<String>,
    /// `string`, `url`, `port`, `int`, `number`, `bool`, `list` or `enum`.
    pub kind: Located<String>,
    /// The value when it is unset; never on a secret.
    pub default: Option<Located<Value>>,
    /// The value in `.env.example`.
    pub example: Option<Located<Value>>,
    /// Whether it must never be shown.
    pub secret: bool,
    /// Whether it may be unset though it has no default.
    pub optional: bool,
    /// The values of an `enum`.
    pub one_of: Vec<Located<String>>,
    /// The smallest number, or the shortest length.
    pub min: Option<i64>,
    /// The largest number.
    pub max: Option<i64>,
    /// What it is, in one line.
    pub doc: Located<String>,
    /// The value inside compose.
    pub compose: Option<Located<Value>>,
    /// The heading it stands under.
    pub group: Option<String>,
    /// When it is there.
    pub when: Condition,
}

/// A place in the template's files that fragments may fill.
#[derive(Debug)]
pub struct Slot {
    /// The name, in snake case.
    pub name: Located<String>,
    /// How its fills are put together.
    pub kind: SlotKind,
}

/// How the fills of a slot are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// One after the other, with an empty line between them or not.
    Text {
        /// Whether an empty line stands between two.
        blank: bool,
    },
    /// As prettier lays out a list.
    List {
        /// What stands around it.
        brackets: Brackets,
        /// Whether the items are sorted.
        sort: bool,
    },
    /// TypeScript imports, merged by module.
    Imports,
}

/// What stands around a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brackets {
    /// `[a, b]`
    Square,
    /// `{ a, b }`
    Curly,
    /// `(a, b)`
    Round,
    /// `a, b`, never broken.
    Bare,
}

impl Brackets {
    /// Reads `[]`, `{}`, `()` or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "[]" => Some(Self::Square),
            "{}" => Some(Self::Curly),
            "()" => Some(Self::Round),
            "" => Some(Self::Bare),
            _ => None,
        }
    }
}

/// What a template or fragment puts into a slot.
#[derive(Debug)]
pub struct Fill {
    /// The slot.
    pub slot: Located<String>,
    /// When it is put there.
    pub when: Condition,
    /// What is put there.
    pub content: Content,
    /// Where the row stands.
    pub place: Place,
}

/// What a fill holds.
#[derive(Debug)]
pub enum Content {
    /// `items`: for lists and imports.
    Items(Vec<Located<String>>),
    /// `text`: for texts.
    Text(Located<String>),
    /// `file`: the same, in a file beside the manifest.
    File(Located<String>),
}

/// When a file is made.
#[derive(Debug)]
pub struct FileRule {
    /// The file as under `files/`, or a folder with a closing slash.
    pub path: Located<String>,
    /// When.
    pub when: Condition,
}

impl FileRule {
    /// Whether it is about the file `inner`, with a path as under `files/`.
    pub fn applies(&self, inner: &str) -> bool {
        self.path.value == inner || (self.path.ends_with('/') && inner.starts_with(self.path.as_str()))
    }
}

/// JSON that is merged into a file of the result.
#[derive(Debug)]
pub struct Merge {
    /// The path in the result.
    pub file: Located<String>,
    /// When.
    pub when: Condition,
    /// What is merged.
    pub json: Located<Map<String, Value>>,
}

/// What the user should be told after making.
#[derive(Debug)]
pub struct Note {
    /// One paragraph.
    pub text: Located<String>,
    /// When.
    pub when: Condition,
}
