//! A small template to begin one's own from: it passes `check`, and shows a variable, a feature and a slot.

use super::render::{File, Tree};

/// Its files, with `NAME` where its name stands.
const FILES: [(&str, &str); 5] = [
    ("template.toml", include_str!("starter/template.toml")),
    ("files/README.md.tera", include_str!("starter/README.md.tera")),
    ("files/src/{{ name }}.ts.tera", include_str!("starter/service.ts.tera")),
    ("fragments/feature/docker/fragment.toml", include_str!("starter/fragment.toml")),
    ("fragments/feature/docker/files/Dockerfile", include_str!("starter/Dockerfile")),
];

/// The files of a template called `name`.
pub fn files(name: &str) -> Tree {
    FILES.iter().map(|(path, text)| ((*path).to_owned(), File::new(text.replace("NAME", name)))).collect()
}
