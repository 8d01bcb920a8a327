//! METHOD, PATH and query words: how a request is written where that is its pattern.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::words;
use crate::fault::{self, Fault};
use crate::message::{ATTACHED, Pattern};

/// What is left out of METHOD and PATH.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    /// The method where there are no data.
    pub method: &'static str,
    /// Whether data stand elsewhere than among the words.
    pub has_data: bool,
}

/// The data word for `name@path`: what the file is called and what is in it.
fn attached(name: &str, path: &str, kind: Option<&str>) -> Result<String, Fault> {
    let content = std::fs::read(path).map_err(|error| {
        Fault::new(format!("cannot read `{}`, which `{name}@` names: {error}", fault::quoted(path)))
            .hint(format!("what is no file is written {name}=…"))
    })?;
    let called =
        std::path::Path::new(path).file_name().map_or_else(Default::default, |name| name.to_string_lossy());
    let mut file = serde_json::json!({ ATTACHED: called, "base64": STANDARD.encode(content) });
    if let Some(kind) = kind {
        file["type"] = kind.into();
    }
    Ok(format!("{name}:={file}"))
}

/// Reads METHOD and PATH off the front of `words`, and `name==value`, which goes into the query, from the rest; gives
/// what is DATA, with the files that `name@file` names. METHOD may be left out (POST where there are data), and so may PATH (`/`).
///
/// # Errors
/// A path that does not begin with `/`.
pub fn request_line(words: &[String], missing: Missing) -> Result<(Pattern, Vec<String>), Fault> {
    let is_method =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let (method, rest) = match words.split_first() {
        Some((word, rest)) if is_method(word) => (Some(word.to_ascii_uppercase()), rest),
        _ => (None, words),
    };
    // A record has both in one word.
    let joined = rest.first().filter(|_| method.is_none()).and_then(|word| word.split_once(' '));
    let (method, mut path, rest) = match (joined, rest.split_first()) {
        (Some((word, path)), Some((_, rest))) if is_method(word) && path.starts_with('/') => {
            (Some(word.to_ascii_uppercase()), path.to_owned(), rest)
        }
        (_, Some((word, rest))) if word.starts_with('/') => (method, word.clone(), rest),
        (_, Some((word, _))) if !word.contains('=') && !word.starts_with(['{', '[', '"']) => {
            return Err(Fault::new(format!("the path `{}` does not begin with `/`", fault::quoted(word)))
                .hint(format!("write METHOD and PATH: GET /{word}")));
        }
        _ => (method, "/".to_owned(), rest),
    };
    let mut data = Vec::new();
    for word in rest {
        match words::query(word) {
            Some((name, value)) => {
                path.push(if path.contains('?') { '&' } else { '?' });
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                path.push_str(&query.append_pair(name, value).finish());
            }
            None => data.push(match words::file(word) {
                Some((name, path, kind)) => attached(name, path, kind)?,
                None => word.clone(),
            }),
        }
    }
    let has_data = missing.has_data || !data.is_empty();
    let method = method.unwrap_or_else(|| (if has_data { "POST" } else { missing.method }).to_owned());
    Ok((Pattern::Text(format!("{method} {path}")), data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str, data: &str) {
        let words: Vec<_> = line.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let missing = Missing { method: "GET", has_data: false };
        let (pattern, rest) = request_line(&words, missing).expect(line);
        assert_eq!((pattern.as_str(), rest.join("|").as_str()), (expected, data), "{line}");
    }

    #[test]
    fn method_and_path_have_defaults() {
        check("GET|/orders/1", "GET /orders/1", "");
        check("delete|/orders/1", "DELETE /orders/1", "");
        check("/orders", "GET /orders", "");
        check("/orders|name=first", "POST /orders", "name=first");
        check("GET|/orders|q==a b|n==&|x=1", "GET /orders?q=a+b&n=%26", "x=1");
        check("/orders?a=1|b==2", "GET /orders?a=1&b=2", "");
        check("", "GET /", "");
        check("name=first", "POST /", "name=first");
        check("PUT|{\"a\":1}", "PUT /", "{\"a\":1}");
        check("GET /orders/1", "GET /orders/1", "");
        check("PUT|/a|x:==1|y\\==2", "PUT /a", "x:==1|y\\==2");
    }

    #[test]
    fn files_go_along() {
        let word = |text: &str| words::file(text).map(|(name, path, kind)| format!("{name}|{path}|{kind:?}"));
        assert_eq!(word("photo@cat.png").as_deref(), Some("photo|cat.png|None"));
        assert_eq!(word("a@b;type=text/x").as_deref(), Some("a|b|Some(\"text/x\")"));
        for none in ["a=b@c", "a:=\"b@c\"", "@a", "a@", "{\"a\":\"b@c\"}"] {
            assert_eq!(word(none), None, "{none}");
        }
        let words = ["/a".to_owned(), "x@/nonexistent/file".to_owned()];
        request_line(&words, Missing { method: "GET", has_data: false }).expect_err("there is no such file");
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        for line in ["orders/1", "orders.get", "GET|orders/1"] {
            let words: Vec<_> = line.split('|').map(str::to_owned).collect();
            request_line(&words, Missing { method: "GET", has_data: false }).expect_err(line);
        }
    }
}
