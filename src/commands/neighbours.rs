//! What `mock --from` plays: recordings of the services around the one that is worked on.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::message::{Called, Pattern};
use crate::responder::{Recorded, Recording, Script};
use crate::tape::{Exchange, Mask, Reader, exchanges};
use crate::traffic::Glob;
use crate::ui::Ui;
use crate::wire::{NestVersion, pattern};

/// By what a handler is found; a pattern that has no route is only itself.
pub fn route(pattern: &Pattern, nest: NestVersion) -> String {
    pattern::route(pattern, nest).unwrap_or_else(|_| pattern.as_str().to_owned())
}

/// The services around the one that is worked on, played from recordings.
pub struct Neighbours {
    recorded: Recorded,
    /// What recordings mask is masked in calls, too, before they are compared.
    mask: Mask,
}

impl Neighbours {
    /// Reads the recordings in `files`: of each only what was for `service`, where it tells services apart and has
    /// that one, and only the patterns that one of `played` means; none = all.
    ///
    /// # Errors
    /// A file that is no recording, or has nothing to answer with.
    pub fn read(
        files: &[PathBuf],
        service: Option<&str>,
        played: &[String],
        nest: NestVersion,
        ui: &mut Ui,
    ) -> Result<Self, Fault> {
        let played: Vec<_> = played.iter().map(|word| Glob::compile(word)).collect::<Result<_, _>>()?;
        let is_played =
            |pattern: &Pattern| played.is_empty() || played.iter().any(|glob| glob.matches(pattern));
        let (mut recordings, mut mask) = (Vec::new(), Mask::default());
        for file in files {
            let mut reader = Reader::open(file)?;
            mask = mask.and(reader.mask());
            let before = recordings.len();
            let exchanges = exchanges(&mut reader)?;
            let of = |exchange: &Exchange| exchange.request.service.as_deref() == service;
            let service = service.filter(|_| exchanges.iter().any(of));
            for exchange in exchanges {
                let is_meant = service.is_none() || of(&exchange);
                let pattern = exchange.request.pattern.clone().filter(is_played);
                let Some(pattern) = pattern.filter(|_| is_meant && exchange.is_complete) else { continue };
                let place = format!("{}, line {}", file.display(), exchange.line);
                let recording = |(data, replies)| {
                    let (pattern, place) = (pattern.clone(), place.clone());
                    Recording { pattern, data, replies, place }
                };
                recordings.extend(exchange.calls().into_iter().map(recording));
            }
            if let Some(cut) = reader.cut() {
                ui.warn(&format!("{cut}; what stands before is used"));
            }
            tell(file, recordings.len() - before, service, ui)?;
        }
        Ok(Self { recorded: Recorded::build(recordings, |pattern| route(pattern, nest)), mask })
    }

    /// The patterns of the rules, and those that were recorded beside.
    pub fn with(&self, ruled: &[Pattern], nest: NestVersion) -> Vec<Pattern> {
        let routes: HashSet<_> = ruled.iter().map(|pattern| route(pattern, nest)).collect();
        let recorded =
            self.recorded.patterns().iter().filter(|pattern| !routes.contains(&route(pattern, nest)));
        ruled.iter().chain(recorded).cloned().collect()
    }

    /// The replies to a call that came on the route `key`; `None` where its pattern was not recorded.
    pub fn answer(&mut self, key: &str, called: &Called, ui: &mut Ui) -> Option<Script> {
        let data = called.data.as_ref().map(|data| self.mask.data(data));
        let found = self.recorded.answer(key, data.as_ref())?;
        if let Some(nearest) = found.nearest.filter(|_| called.is_request) {
            let pattern = called.pattern.as_ref().map_or("?", Pattern::as_str);
            ui.detail(&format!("`{pattern}` came with data that was not recorded; answered as {nearest}"));
        }
        Some(found.script)
    }
}

/// Says how much there is to play.
fn tell(file: &Path, count: usize, service: Option<&str>, ui: &mut Ui) -> Result<(), Fault> {
    let (name, of) = (file.display(), service.map_or_else(String::new, |service| format!(" to {service}")));
    if count == 0 {
        return Err(Fault::new(format!(
            "`{name}` has no request{of} with its reply among what is to be played"
        ))
        .hint("record requests and replies both, without --only"));
    }
    ui.note(&format!("{count} requests{of} with their replies in {name}"));
    Ok(())
}
