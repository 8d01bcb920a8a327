//! Templates in a tar: read into memory and never unpacked, so that nothing in one can reach the disk.

use std::borrow::Cow;
use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

use super::catalog::{Catalog, Files, MAX_FILE, MAX_FILES, MAX_TOTAL};
use super::path;
use super::problem::{Problem, Problems};

/// How long the whole may be, in bytes: what is refused must be read past, too.
const MAX_LENGTH: u64 = 4 * MAX_TOTAL as u64;

/// The templates in `tar`, which is called `origin` in problems. A folder that holds all is left away.
pub fn read(origin: &str, tar: impl Read) -> Result<Catalog, Problems> {
    let mut archive = Archive::new(Capped { inner: tar, left: MAX_LENGTH });
    let mut files = Files::new();
    let mut problems = Problems::default();
    let mut total = 0;
    let broken = |error: &io::Error| Problem::new(format!("{origin} cannot be read: {error}"));
    let entries = archive.entries().map_err(|error| broken(&error))?;
    for entry in entries {
        let file = entry.and_then(|mut entry| one(&mut entry));
        match file {
            Ok(Found::Nothing) => {}
            Ok(Found::Refused(name, why)) => {
                problems.push(Problem::new(format!("{origin}: `{name}`: {why}")));
            }
            Ok(Found::File(name, bytes)) => {
                total += bytes.len();
                if files.insert(name.clone(), Cow::Owned(bytes)).is_some() {
                    problems.push(Problem::new(format!("{origin}: `{name}` is there twice")));
                }
            }
            Err(error) => {
                problems.push(broken(&error));
                break;
            }
        }
        if total > MAX_TOTAL || files.len() > MAX_FILES {
            let limits = format!("the most is {MAX_FILES} files of {MAX_TOTAL} bytes together");
            problems.push(Problem::new(format!("{origin} holds too much; {limits}")));
            break;
        }
    }
    problems.or(Catalog::of(origin, without_folder(files)))
}

/// What an entry is.
enum Found {
    File(String, Vec<u8>),
    Refused(String, String),
    Nothing,
}

fn one<R: Read>(entry: &mut Entry<R>) -> io::Result<Found> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
    let shown = name.escape_debug().to_string();
    match entry.header().entry_type() {
        EntryType::Regular => {}
        EntryType::Directory | EntryType::XGlobalHeader => return Ok(Found::Nothing),
        EntryType::Symlink | EntryType::Link => {
            return Ok(Found::Refused(shown, "a template holds no links".to_owned()));
        }
        _ => return Ok(Found::Refused(shown, "neither a file nor a folder".to_owned())),
    }
    if let Err(why) = path::check_shape(&name) {
        return Ok(Found::Refused(shown, why));
    }
    if entry.size() > MAX_FILE as u64 {
        return Ok(Found::Refused(shown, format!("{} bytes; the most is {MAX_FILE}", entry.size())));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(Found::File(name, bytes))
}

/// `files` without the one folder in which all of them lie, if so.
fn without_folder(files: Files) -> Files {
    let folder =
        files.keys().next().and_then(|path| path.split_once('/')).map(|(folder, _)| format!("{folder}/"));
    match folder.filter(|folder| files.keys().all(|path| path.starts_with(folder.as_str()))) {
        Some(folder) => {
            files.into_iter().map(|(path, bytes)| (path[folder.len()..].to_owned(), bytes)).collect()
        }
        None => files,
    }
}

/// A reader that fails once it has given so much: what a few bytes may unpack to has no end.
struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(format!("it unpacks to more than {MAX_LENGTH} bytes")))?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    const MANIFEST: &str = "format = 1\nname = 'mine'\nversion = '1.0.0'\nsummary = 'mine'\n";

    /// A tar of entries; a name is written as it is, whatever it leads to.
    fn tarred(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (kind, name, bytes) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append(&header, *bytes).expect("written");
        }
        builder.into_inner().expect("written")
    }

    fn told(bytes: &[u8]) -> String {
        read("x.tar.gz", bytes).expect_err("refused").to_string()
    }

    #[test]
    fn a_folder_around_all_is_left_away() {
        for folder in ["", "mine-1.0/", "./"] {
            let names = ["template.toml", "files/a.txt"].map(|name| format!("{folder}{name}"));
            let entries = [
                (EntryType::Regular, &*names[0], MANIFEST.as_bytes()),
                (EntryType::Regular, &*names[1], b"x"),
            ];
            let catalog = read("x.tar.gz", &*tarred(&entries)).expect("a catalog");
            assert_eq!(catalog.names(), ["mine"]);
            assert!(catalog.template("mine").expect("a template").files.contains_key("files/a.txt"));
        }
    }

    #[test]
    fn what_leads_outside_is_refused_with_a_sentence() {
        let entries: [(EntryType, &str, &[u8]); 5] = [
            (EntryType::Regular, "../x", b""),
            (EntryType::Regular, "/etc/passwd", b""),
            (EntryType::Symlink, "files/link", b""),
            (EntryType::Link, "files/hard", b""),
            (EntryType::Fifo, "files/pipe", b""),
        ];
        let told = told(&tarred(&entries));
        let expected = [
            "`../x`: it climbs out of the project",
            "`/etc/passwd`: it is absolute or has an empty part",
            "`files/link`: a template holds no links",
            "`files/hard`: a template holds no links",
            "`files/pipe`: neither a file nor a folder",
        ];
        for line in expected {
            assert!(told.contains(line), "{line}: {told}");
        }
    }

    #[test]
    fn bombs_are_refused_before_they_fill_the_memory() {
        let large = vec![0; MAX_FILE + 1];
        assert!(told(&tarred(&[(EntryType::Regular, "a", &large)])).contains("the most is"));
        let twice = tarred(&[(EntryType::Regular, "a/b", b""), (EntryType::Regular, "a/b", b"")]);
        assert!(told(&twice).contains("is there twice"));
        let mut header = Header::new_gnu();
        header.set_size(1 << 40);
        header.set_cksum();
        let endless = header.as_bytes().as_slice().chain(io::repeat(0));
        let problems = read("x.tar.gz", endless).expect_err("a bomb");
        assert!(problems.to_string().contains("unpacks to more than"), "{problems}");
        assert!(told(b"not a tar at all").contains("cannot be read"));
    }
}
