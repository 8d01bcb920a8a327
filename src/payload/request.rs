//! METHOD, PATH and query words: how a request is written where that is its pattern.

use super::words;
use crate::fault::{self, Fault};
use crate::message::Pattern;

/// What is left out of METHOD and PATH.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    /// The method where there are no data.
    pub method: &'static str,
    /// Whether data stand elsewhere than among the words.
    pub has_data: bool,
}

/// Reads METHOD and PATH off the front of `words`, and `name==value`, which goes into the query, from the rest; gives
/// what is DATA. METHOD may be left out (POST where there are data), and so may PATH (`/`).
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
            None => data.push(word.clone()),
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
    fn a_path_begins_with_a_slash() {
        for line in ["orders/1", "orders.get", "GET|orders/1"] {
            let words: Vec<_> = line.split('|').map(str::to_owned).collect();
            request_line(&words, Missing { method: "GET", has_data: false }).expect_err(line);
        }
    }
}
