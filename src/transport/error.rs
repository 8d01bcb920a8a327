//! What can go wrong on a link: for people a chain of causes, for code a [`Kind`].

use std::fmt;
use std::sync::Arc;

/// A transport's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The only thing about an error that anyone branches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No connection: refused, no such host, TLS, no answer in time.
    Unreachable,
    /// The broker said no to who we are.
    Denied,
    /// The broker said that nobody listens.
    NobodyThere,
    /// The peer refused this message.
    Refused,
    /// The peer does not speak the protocol.
    Protocol,
    /// The service's own deadline passed.
    TimedOut,
    /// The link ended while it was in use.
    Closed,
    /// This transport cannot do that, or not with these settings.
    Unsupported,
}

/// An error on a link.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Arc<anyhow::Error>>,
}

impl Error {
    /// An error of `kind`, told by `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// A thing that this transport cannot do, and why.
    pub fn unsupported(why: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, why)
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.source = Some(Arc::new(cause.into()));
        self
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The next step, where there is one.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &***source as _)
    }
}
