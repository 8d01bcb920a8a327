//! Which paths a template may write: below the project's folder, on any system, and nowhere near what others own.

use std::collections::BTreeMap;

use super::name::WINDOWS_DEVICES;

/// The longest part of a path, in bytes: the limit of the usual file systems.
const MAX_PART: usize = 255;

/// Whether a template may write `path` (with `/` between its parts), else why not.
pub fn check(path: &str) -> Result<(), String> {
    check_shape(path)?;
    // `git~1` is the short name that old Windows file systems give to `.git`.
    let owned =
        path.split('/').find(|part| [".git", "git~1", ".eyas"].contains(&part.to_lowercase().as_str()));
    owned.map_or(Ok(()), |part| Err(format!("`{part}` is not a template's to write")))
}

/// Whether `path` stays below its root on any system, else why not.
pub fn check_shape(path: &str) -> Result<(), String> {
    for part in path.split('/') {
        let stem = part.split('.').next().unwrap_or_default().to_lowercase();
        let why = match part {
            "" => "it is absolute or has an empty part".to_owned(),
            "." | ".." => "it climbs out of the project".to_owned(),
            _ if part.len() > MAX_PART => format!("a part is longer than {MAX_PART} bytes"),
            _ if part.chars().any(|c| c.is_control() || r#"\:<>"|?*"#.contains(c)) => {
                format!("`{}` has a character that not every system takes", part.escape_debug())
            }
            _ if part.ends_with(['.', ' ']) || part.starts_with(' ') => {
                format!("`{part}` starts or ends with what Windows drops")
            }
            _ if WINDOWS_DEVICES.contains(&stem.trim_end()) => format!("Windows keeps `{part}` for a device"),
            _ => continue,
        };
        return Err(why);
    }
    Ok(())
}

/// The pairs of paths that cannot both exist: equal but for the case of letters, or one a folder of the other.
pub fn collisions<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
    let mut files: BTreeMap<String, &str> = BTreeMap::new();
    let mut folders: BTreeMap<String, &str> = BTreeMap::new();
    let mut pairs = Vec::new();
    for path in paths {
        if let Some(other) = files.insert(path.to_lowercase(), path) {
            pairs.push((other, path));
        }
        let ends = path.match_indices('/').map(|(at, _)| at);
        for folder in ends.map(|end| &path[..end]) {
            match folders.get(&folder.to_lowercase()) {
                // Two spellings of one folder are one folder on some systems and two on others.
                Some(other) if other.get(..folder.len()) != Some(folder) => pairs.push((*other, path)),
                Some(_) => {}
                None => _ = folders.insert(folder.to_lowercase(), path),
            }
        }
    }
    pairs.extend(folders.iter().filter_map(|(folder, inside)| Some((*files.get(folder)?, *inside))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_outside_is_refused() {
        let bad = [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "./a",
            "a\\b",
            "C:/x",
            "a/con",
            "NUL.txt",
            "a/aux .ts",
            "a.",
            "a ",
            "x\u{0}y",
            ".git/hooks/pre-commit",
            "a/.GIT/config",
            ".eyas/base",
            &"a".repeat(256),
        ];
        for path in bad {
            check(path).expect_err(path);
        }
        for path in
            ["a", ".gitignore", "src/orders/orders.ts", "a b/c", "console.ts", ".github/workflows/ci.yaml"]
        {
            check(path).expect(path);
        }
    }

    #[test]
    fn paths_that_are_one_on_some_systems_collide() {
        assert_eq!(collisions(["src/a.ts", "src/A.ts"]), [("src/a.ts", "src/A.ts")]);
        assert_eq!(collisions(["a", "a/b"]), [("a", "a/b")]);
        assert_eq!(collisions(["a/b", "a"]), [("a", "a/b")]);
        assert_eq!(collisions(["Src/a", "src/b"]), [("Src/a", "src/b")]);
        assert_eq!(collisions(["src/a", "src/b", "README.md"]), []);
    }
}
