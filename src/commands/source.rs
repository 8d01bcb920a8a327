//! Where `tail` sees traffic: at a broker, or in between.

use std::sync::Arc;
use std::time::Duration;

use crate::transport::{Bind, Feed, Transport, Watch};
use crate::ui::Ui;

/// Where traffic is seen.
pub struct Source {
    /// Whose traffic.
    pub transport: Arc<dyn Transport>,
    /// What of it.
    pub watch: Watch,
    /// Where to stand in between, instead of watching a broker.
    pub listen: Option<String>,
}

/// Ends a feed in good order: what was set for it is put back, a proxy's clients have their replies. That takes
/// `limit` at most, and ends with `interrupted`.
pub async fn close(feed: Feed, limit: Duration, interrupted: impl Future<Output = ()>) {
    tokio::select! {
        () = feed.close() => {}
        () = tokio::time::sleep(limit) => {}
        () = interrupted => {}
    }
}

impl Source {
    /// Opens it, and says where.
    ///
    /// # Errors
    /// Nobody can be reached, or the address cannot be had.
    pub async fn open(&self, ui: &mut Ui) -> anyhow::Result<Feed> {
        let Some(address) = &self.listen else {
            let feed = self.transport.watch(self.watch.clone()).await?;
            ui.note(&format!("watching {}", self.transport.shown()));
            return Ok(feed);
        };
        let proxy = self.transport.proxy(Bind { address: address.clone() }).await?;
        ui.note(&format!("listening on {}, passing on to {}", proxy.listening, self.transport.shown()));
        Ok(proxy.events)
    }

    /// Opens it again after its link was lost, for as long as that takes.
    pub async fn reopen(&self) -> Feed {
        let mut pause = Duration::from_millis(100);
        loop {
            tokio::time::sleep(pause).await;
            match self.transport.watch(self.watch.clone()).await {
                Ok(feed) => return feed,
                Err(_) => pause = (pause * 2).min(Duration::from_secs(5)),
            }
        }
    }
}
