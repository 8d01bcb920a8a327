//! `${VAR}` and `${VAR:-default}`, from the environment and from a `.env` file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::fault::Fault;

/// Fills in every `${VAR}` and `${VAR:-default}` of `text`, which stands at `place`: from `env`, then from the
/// file `dotenv`. `$${` is a plain `${`. The default holds for a variable that is empty, too, as in a shell.
///
/// # Errors
/// A variable that is not set and has no default, or a `${` that is not closed.
pub fn expand(
    text: &str,
    place: &str,
    env: &BTreeMap<String, String>,
    dotenv: Option<&Path>,
) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut file: Option<BTreeMap<String, String>> = None;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let Some((inner, after)) = rest[start + 2..].split_once('}') else {
            return Err(Fault::new(format!("{place}: a `${{` is not closed"))
                .hint("close it with `}`, or write `$${` for a plain `${`"));
        };
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let value = match env.get(name) {
            Some(value) => Some(value),
            None => file.get_or_insert_with(|| dotenv.map(read_dotenv).unwrap_or_default()).get(name),
        };
        match (value.filter(|value| default.is_none() || !value.is_empty()), default) {
            (Some(value), _) => out.push_str(value),
            (None, Some(default)) => out.push_str(default),
            (None, None) => return Err(missing(name, place, dotenv)),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn missing(name: &str, place: &str, dotenv: Option<&Path>) -> Fault {
    let file = dotenv.map(|file| format!(" or in {}", file.display())).unwrap_or_default();
    Fault::new(format!("{place}: the variable `{name}` is not set"))
        .hint(format!("set it in the environment{file}, or give it a default: `${{{name}:-…}}`"))
}

/// The variables of a `.env` file; one that cannot be read has none, as for the services that read it.
fn read_dotenv(file: &Path) -> BTreeMap<String, String> {
    std::fs::read_to_string(file).map(|source| parse_dotenv(&source)).unwrap_or_default()
}

/// The lines of npm's `dotenv` (its own expression, from `lib/main.js` of version 16): so eyas reads the file
/// as the service beside it does. Quotes may span lines, `export` is allowed, `#` begins a comment.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$"#,
    )
    .ok()
});

fn parse_dotenv(source: &str) -> BTreeMap<String, String> {
    let source = source.replace("\r\n", "\n");
    let lines = LINE.iter().flat_map(|line| line.captures_iter(&source));
    lines
        .map(|line| {
            let value = line.get(2).map_or("", |value| value.as_str()).trim();
            (line[1].to_owned(), unquote(value))
        })
        .collect()
}

/// Without its quotes; only in double ones are `\n` and `\r` line breaks.
fn unquote(value: &str) -> String {
    let inside = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(text) = inside('"') {
        return text.replace("\\n", "\n").replace("\\r", "\r");
    }
    inside('\'').or_else(|| inside('`')).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let dotenv = folder.path().join(".env");
        std::fs::write(&dotenv, "BOTH=file\nFILE=file\n").unwrap();
        let env = [("BOTH", "env"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expanded = expand(text, "here", &env.into(), Some(&dotenv)).map_err(|fault| fault.to_string());
        assert_eq!(expanded.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn variables_come_from_the_environment_then_the_file() {
        check("a ${BOTH} b ${FILE} c", Ok("a env b file c"));
        check("${NONE:-x:-y}${EMPTY:-z}${EMPTY}", Ok("x:-yz"));
        check("$${BOTH} $BOTH ${BOTH}$", Ok("${BOTH} $BOTH env$"));
        check("${NONE}", Err("here: the variable `NONE` is not set"));
        check("${NONE", Err("here: a `${` is not closed"));
    }

    #[test]
    fn a_dotenv_file_reads_as_npm_reads_it() {
        let source = r#"
# a comment
PLAIN=a b   # not this
export EXPORTED=1
SINGLE='a # "b" \n'
DOUBLE="a\nb"
LINES="one
two"
EMPTY=
COLON: yes
TRAIL="x" # c
  INDENTED = spaced
not a line
DUP=1
DUP=2
"#;
        let expected = [
            ("COLON", "yes"),
            ("DOUBLE", "a\nb"),
            ("DUP", "2"),
            ("EMPTY", ""),
            ("EXPORTED", "1"),
            ("INDENTED", "spaced"),
            ("LINES", "one\ntwo"),
            ("PLAIN", "a b"),
            ("SINGLE", "a # \"b\" \\n"),
            ("TRAIL", "x"),
        ];
        let read = parse_dotenv(source);
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, expected);
    }
}
