//! Where templates come from: those in the binary, or a folder. Both are read whole into memory first, so that
//! nothing after this point touches the disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::manifest::{self, FragmentManifest, TemplateManifest};
use super::problem::{Located, Place, Problem, Problems};

static EMBEDDED: Dir = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The largest file of a template or of its result, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// The largest sum of all files, in bytes.
pub const MAX_TOTAL: usize = 16 << 20;
/// The greatest number of files.
pub const MAX_FILES: usize = 2_000;
/// How deep folders may nest.
const MAX_DEPTH: usize = 32;

/// Files by path, with `/` between the parts.
pub type Files = BTreeMap<String, Cow<'static, [u8]>>;

/// A set of templates and the fragments they share.
#[derive(Debug)]
pub struct Catalog {
    /// What a path in a problem starts with.
    origin: String,
    files: Files,
}

/// What a fragment is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `fragments/transport`
    Transport,
    /// `fragments/client`
    Client,
    /// `fragments/feature`
    Feature,
}

impl Kind {
    /// Its folder, and its name in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Client => "client",
            Self::Feature => "feature",
        }
    }

    /// The flag that chooses one.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Transport => "--transport",
            Self::Client => "--client",
            Self::Feature => "--with",
        }
    }
}

/// A template with all its fragments, read and found sound.
#[derive(Debug)]
pub struct Template {
    /// `template.toml`.
    pub manifest: TemplateManifest,
    /// The fragments it allows: transports in their order, then clients and features in theirs.
    pub fragments: Vec<Fragment>,
    /// What lies in its folder, with paths from there.
    pub files: Files,
    /// What a path in a problem starts with.
    pub origin: String,
}

/// A transport, client or feature, read and found sound.
#[derive(Debug)]
pub struct Fragment {
    /// Which of the two.
    pub kind: Kind,
    /// `fragment.toml`.
    pub manifest: FragmentManifest,
    /// What lies in its folder, with paths from there.
    pub files: Files,
    /// What a path in a problem starts with.
    pub origin: String,
}

impl Fragment {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Whether choosing it makes the bare `name` in a condition hold.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name() == name || self.manifest.provides.iter().any(|one| one.value == name)
    }
}

impl Template {
    /// The fragment that goes by `name` or has it as an alias.
    pub fn fragment(&self, kind: Kind, name: &str) -> Option<&Fragment> {
        self.of(kind).find(|fragment| {
            fragment.name() == name || fragment.manifest.aliases.iter().any(|alias| alias.value == name)
        })
    }

    /// The fragment for clients whose URL has this scheme.
    pub fn client(&self, scheme: &str) -> Option<&Fragment> {
        self.of(Kind::Client).find(|fragment| fragment.manifest.schemes.iter().any(|one| one.value == scheme))
    }

    /// The fragments of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Fragment> {
        self.fragments.iter().filter(move |fragment| fragment.kind == kind)
    }
}

impl Catalog {
    /// The templates in the binary.
    pub fn embedded() -> Self {
        let mut files = Files::new();
        embed(&EMBEDDED, &mut files);
        Self { origin: "templates".to_owned(), files }
    }

    /// The templates among `files`, which are called `origin` in problems.
    pub fn of(origin: &str, files: Files) -> Self {
        Self { origin: origin.to_owned(), files }
    }

    /// All files, with paths from the catalog's own folder.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The templates of a folder, or the one template it is. Symlinks, special files and what is too large are
    /// refused, all at once.
    pub fn folder(path: &Path) -> Result<Self, Problems> {
        let mut walk = Walk { files: Files::new(), total: 0, problems: Problems::default() };
        if path.is_dir() {
            walk.folder(path, "", 0);
        } else {
            walk.problems.push(Problem::new(format!("no template folder at {}", path.display())));
        }
        let origin = path.display().to_string();
        walk.problems.or(Self { origin: origin.trim_end_matches('/').to_owned(), files: walk.files })
    }

    /// The names of its templates, sorted.
    pub fn names(&self) -> Vec<String> {
        if let Some(name) = self.only() {
            return vec![name];
        }
        let named = self.files.keys().filter_map(|path| path.strip_suffix("/template.toml"));
        named.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    /// One template with its fragments, or all that is wrong with them.
    pub fn template(&self, name: &str) -> Result<Arc<Template>, Problems> {
        let names = self.names();
        if !names.iter().any(|known| known == name) {
            let problem = Problem::new(format!("no template `{name}` in {}", self.origin));
            return Err(problem.nearest(name, names.iter().map(String::as_str)).into());
        }
        let folder = if self.only().is_some() { String::new() } else { format!("{name}/") };
        let file = format!("{}/{folder}template.toml", self.origin);
        let manifest = manifest::read_template(&file, &text(&self.files, &folder, "template.toml", &file)?)?;
        let mut problems = Problems::default();
        if self.only().is_none() && manifest.name.value != name {
            problems.push(misnamed(&manifest.name, name));
        }
        let wanted = [
            (Kind::Transport, &manifest.transports),
            (Kind::Client, &manifest.clients),
            (Kind::Feature, &manifest.features),
        ];
        let wanted = wanted.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)));
        let fragments = wanted.filter_map(|(kind, name)| problems.take(self.fragment(kind, name))).collect();
        let template = Template {
            fragments,
            files: self.under(&folder),
            origin: format!("{}/{folder}", self.origin),
            manifest,
        };
        // What fragments hold can be judged only where all of them could be read.
        if problems.0.is_empty() {
            problems.extend(manifest::verify(&template));
        }
        problems.or(Arc::new(template))
    }

    /// The fragments that no template allows.
    pub fn strays(&self) -> Problems {
        let mut allowed = std::collections::BTreeSet::new();
        for name in self.names() {
            let folder = if self.only().is_some() { String::new() } else { format!("{name}/") };
            let Ok(text) = text(&self.files, &folder, "template.toml", "") else { continue };
            // What cannot be read is told elsewhere, and says nothing of what it allows.
            let Ok(manifest) = manifest::read_template("", &text) else { return Problems::default() };
            for (kind, names) in [
                (Kind::Transport, &manifest.transports),
                (Kind::Client, &manifest.clients),
                (Kind::Feature, &manifest.features),
            ] {
                allowed.extend(names.iter().map(|name| format!("fragments/{}/{}/", kind.word(), name.value)));
            }
        }
        let mut strays = Problems::default();
        for path in self.files.keys().filter(|path| path.starts_with("fragments/")) {
            if !allowed.iter().any(|folder| path.starts_with(folder)) {
                let place = Place { file: format!("{}/{path}", self.origin).into(), line: 1, column: 1 };
                strays.push(Problem::at(&place, "no template uses it"));
            }
        }
        strays
    }

    fn fragment(&self, kind: Kind, name: &Located<String>) -> Result<Fragment, Problems> {
        let folder = format!("fragments/{}/{}/", kind.word(), name.value);
        let file = format!("{}/{folder}fragment.toml", self.origin);
        if !self.files.contains_key(&format!("{folder}fragment.toml")) {
            let parent = format!("fragments/{}/", kind.word());
            let known = self
                .files
                .keys()
                .filter_map(|path| path.strip_prefix(&parent)?.strip_suffix("/fragment.toml"));
            let problem =
                Problem::at(&name.place, format!("no fragment for {} `{}`", kind.word(), name.value));
            return Err(problem.nearest(name, known).into());
        }
        let manifest = manifest::read_fragment(&file, &text(&self.files, &folder, "fragment.toml", &file)?)?;
        if manifest.name.value != name.value {
            return Err(misnamed(&manifest.name, name).into());
        }
        Ok(Fragment {
            kind,
            manifest,
            files: self.under(&folder),
            origin: format!("{}/{folder}", self.origin),
        })
    }

    /// The name of the template, where the catalog is one template by itself.
    fn only(&self) -> Option<String> {
        let bytes = self.files.get("template.toml")?;
        Some(manifest::read_name(&String::from_utf8_lossy(bytes)))
    }

    /// The files below `folder`, which is empty or ends with a slash.
    fn under(&self, folder: &str) -> Files {
        let below = self.files.iter().filter_map(|(path, bytes)| {
            let path = path.strip_prefix(folder)?;
            // A catalog that is one template holds the fragments in the template's own folder.
            (!folder.is_empty() || !path.starts_with("fragments/")).then(|| (path.to_owned(), bytes.clone()))
        });
        below.collect()
    }
}

fn misnamed(name: &Located<String>, folder: &str) -> Problem {
    Problem::at(&name.place, format!("`name` is `{}`, but its folder is `{folder}`", name.value))
}

fn text(files: &Files, folder: &str, name: &str, shown: &str) -> Result<String, Problems> {
    let bytes = files.get(&format!("{folder}{name}")).map(Cow::as_ref).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Problem::new(format!("{shown} is not UTF-8")).into()),
    }
}

fn embed(dir: &Dir<'static>, files: &mut Files) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        files.insert(path, Cow::Borrowed(file.contents()));
    }
    for dir in dir.dirs() {
        embed(dir, files);
    }
}

/// Reading a folder that nobody vouches for.
struct Walk {
    files: Files,
    total: usize,
    problems: Problems,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(folder, &error.to_string()),
        };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                self.refuse(&path, "its name or kind cannot be read");
                continue;
            };
            let inner = format!("{prefix}{name}");
            if kind.is_symlink() {
                self.refuse(&path, "a template holds no symlinks");
            } else if kind.is_dir() && depth >= MAX_DEPTH {
                self.refuse(&path, &format!("folders nest deeper than {MAX_DEPTH}"));
            } else if kind.is_dir() {
                // A template that was cloned carries its history, which is not part of it.
                if inner != ".git" {
                    self.folder(&path, &format!("{inner}/"), depth + 1);
                }
            } else if kind.is_file() {
                self.file(&path, inner);
            } else {
                self.refuse(&path, "neither a file nor a folder");
            }
            if self.files.len() > MAX_FILES || self.total > MAX_TOTAL {
                return;
            }
        }
    }

    fn file(&mut self, path: &Path, inner: String) {
        // The size is looked at before the content is read: a sparse file must not fill the memory.
        let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if size > MAX_FILE as u64 {
            return self.refuse(path, &format!("{size} bytes; the most is {MAX_FILE}"));
        }
        match fs::read(path) {
            Ok(bytes) => {
                self.total += bytes.len();
                self.files.insert(inner, Cow::Owned(bytes));
                if self.total > MAX_TOTAL {
                    self.refuse(path, &format!("all files together are over {MAX_TOTAL} bytes"));
                } else if self.files.len() > MAX_FILES {
                    self.refuse(path, &format!("there are more than {MAX_FILES} files"));
                }
            }
            Err(error) => self.refuse(path, &error.to_string()),
        }
    }

    fn refuse(&mut self, path: &Path, why: &str) {
        self.problems.push(Problem::new(format!("{}: {why}", path.display())));
    }
}
