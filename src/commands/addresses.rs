//! Every address of every service that `eyas.toml` knows: what `doctor`, `health` and `ls` go through.

use super::flags::LinkFlags;
use super::target::{self, Target};
use crate::fault::Fault;
use crate::secret;
use crate::settings::Settings;
use crate::transport;

/// One address of a service.
pub struct Address {
    /// The service.
    pub service: String,
    /// The further transport it is for; `None` for the main address.
    pub further: Option<String>,
    /// What a target is that means it: `@orders`, `@orders:http`.
    pub word: String,
    /// The transport's name; `None` where its URL cannot be used.
    pub transport: Option<&'static str>,
    /// As it may be shown; or why it cannot be used.
    pub url: Result<String, Fault>,
    /// Where it stands.
    pub origin: String,
}

impl Address {
    /// Where to connect, and how.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn target(&self, settings: &Settings, link: &LinkFlags) -> anyhow::Result<Target> {
        target::resolve(Some(&self.word), settings, link)
    }

    /// Why it cannot be used, with the next step.
    pub fn problem(&self) -> Option<String> {
        let fault = self.url.as_ref().err()?;
        Some(fault.advice().map_or_else(|| fault.to_string(), |hint| format!("{fault}; {hint}")))
    }
}

/// All of them: by service, the main address first.
pub fn all(settings: &Settings) -> Vec<Address> {
    let mut addresses = Vec::new();
    for (name, service) in &settings.services {
        let main = service.url.iter().map(|url| (None, url));
        let further = service.transports.iter().map(|(transport, url)| (Some(transport.clone()), url));
        for (further, url) in main.chain(further) {
            let word = match &further {
                Some(transport) => format!("@{name}:{transport}"),
                None => format!("@{name}"),
            };
            let target = target::check(&word, settings);
            let scheme = target.as_ref().ok().map(|target| target.endpoint.scheme.as_str());
            addresses.push(Address {
                service: name.clone(),
                transport: scheme.and_then(|scheme| transport::find(scheme).ok()).map(|spec| spec.name),
                url: target.and_then(|_| settings.expand(url)).map(|url| secret::mask_text(&url)),
                further,
                word,
                origin: url.origin.to_string(),
            });
        }
    }
    addresses
}
