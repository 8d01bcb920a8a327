//! Whether an address is well, as far as it tells.

use std::time::Duration;

use super::Publisher;

/// How an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether nothing is wrong that could be seen.
    pub is_well: bool,
    /// In its own word: `ok`, `error`, `shutting_down`; `reachable` where it has none.
    pub status: String,
    /// What it looked at itself, in its order.
    pub checks: Vec<Check>,
    /// What else is to be known, in words.
    pub note: Option<String>,
}

/// One thing that a service looks at: a database, a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What is told of it in a word: `up`, `down`, `degraded`.
    pub status: String,
    /// What is told of it beside that.
    pub details: String,
}

impl Check {
    /// Whether nothing is wrong with it.
    pub fn is_up(&self) -> bool {
        self.status == "up"
    }
}

impl Health {
    /// It was reached, and can say no more.
    pub fn reachable() -> Self {
        Self { is_well: true, status: "reachable".to_owned(), checks: Vec::new(), note: None }
    }
}

/// `publisher` is connected: that is all there is to be known, and it ends.
pub(super) async fn reached(publisher: Box<dyn Publisher>) -> Health {
    // Nothing was pushed: a peer that does not take its leave is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), publisher.finish()).await;
    Health::reachable()
}
