//! Where `tail` sees traffic: at a broker, or in between.

use std::sync::Arc;

use crate::transport::{Bind, Feed, Transport, Watch};

/// Where traffic is seen.
pub struct Source {
    /// Whose traffic.
    pub transport: Arc<dyn Transport>,
    /// What of it.
    pub watch: Watch,
    /// Where to stand in between, instead of watching a broker.
    pub listen: Option<String>,
}

impl Source {
    /// Opens it; says where.
    ///
    /// # Errors
    /// Nobody can be reached, or the address cannot be had.
    pub async fn open(&self) -> anyhow::Result<(Feed, String)> {
        let Some(address) = &self.listen else {
            let feed = self.transport.watch(self.watch.clone()).await?;
            return Ok((feed, format!("watching {}", self.transport.shown())));
        };
        let proxy = self.transport.proxy(Bind { address: address.clone() }).await?;
        let note = format!("listening on {}, passing on to {}", proxy.listening, self.transport.shown());
        Ok((proxy.events, note))
    }
}
