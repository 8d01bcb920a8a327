//! What the connections of one proxy know together.

use std::collections::HashMap;

use crate::transport::recent::Recent;

/// How many messages of all connections are remembered.
const REMEMBERED: usize = 10_000;

/// What all connections know together, for who asks and who answers may both pass here: each message is told once.
pub(super) struct Shared {
    /// How often a message was told as it was published, and not delivered since.
    published: Recent<u64, u64>,
    /// Requests whose asker passes here: by the address and the id that their answerers see.
    pub(super) asked: Recent<(String, String), ()>,
    /// The queues that are consumed through here, and how often.
    pub(super) consumed: HashMap<String, usize>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { published: Recent::new(REMEMBERED), asked: Recent::new(REMEMBERED), consumed: HashMap::new() }
    }
}

impl Shared {
    /// Takes note of a message that is told as it is published, and may be delivered through here, too.
    pub(super) fn will_come(&mut self, print: u64) {
        let count = self.published.get(&print).copied().unwrap_or_default();
        self.published.insert(print, count + 1);
    }

    /// Whether the message was told when it was published; once for each time that it was.
    pub(super) fn was_told(&mut self, print: u64) -> bool {
        match self.published.remove(&print) {
            None => false,
            Some(count) => {
                if count > 1 {
                    self.published.insert(print, count - 1);
                }
                true
            }
        }
    }
}
