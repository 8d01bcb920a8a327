//! Values that must never be shown.

use std::fmt;

/// What stands in place of such a value.
pub const MASK: &str = "***";

/// A password or token. `Debug` and `Display` mask it; [`Secret::reveal`] is the one way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must never be shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// `url` as it may be shown: its password, and every part of its query that is called one, is `***`.
pub fn mask_url(url: &url::Url) -> String {
    let mut shown = url.clone();
    if shown.password().is_some() {
        // Fails only for URLs that cannot hold a password, and this one does.
        let _ = shown.set_password(Some(MASK));
    }
    if shown.query_pairs().any(|(key, _)| is_secret(&key)) {
        let pairs: Vec<_> = url.query_pairs().collect();
        let mut query = shown.query_pairs_mut();
        query.clear();
        for (key, value) in &pairs {
            query.append_pair(key, if is_secret(key) { "***" } else { value });
        }
    }
    shown.to_string()
}

/// The same for a text that may not be a URL after all: whatever stands between `://` and the last `@`, and a
/// query that holds a secret, is `***`.
pub fn mask_text(text: &str) -> String {
    if let Ok(url) = url::Url::parse(text) {
        return mask_url(&url);
    }
    let (address, query) = text.split_once('?').map_or((text, ""), |(address, _)| (address, "?***"));
    match address.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}{query}"),
        None => format!("{address}{query}"),
    }
}

/// Whether an option of this name holds something that must not be shown.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "secret", "token"].iter().any(|word| name.contains(word))
}
