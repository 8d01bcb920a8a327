//! Services that join `eyas.toml` while all of them are watched.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::link::Link;
use super::plan::{self, Planned};
use super::watched::{Common, Watched};
use crate::commands::show::Show;
use crate::settings::Settings;
use crate::ui::Ui;

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// When a file was written, and how long it is: enough to see that it is another.
type Stamp = Option<(SystemTime, u64)>;

/// What is known of the services so far.
pub(super) struct Joining {
    settings: Settings,
    stamps: [Stamp; 2],
    looked: Instant,
    /// The addresses that were seen, with the words that mean them.
    words: BTreeSet<(String, String)>,
    known: Vec<Planned>,
}

impl Joining {
    /// Beside those of `settings`, which are watched at `known`.
    pub(super) fn new(settings: &Settings, known: &[Planned]) -> Self {
        Self {
            stamps: stamps(settings),
            looked: Instant::now(),
            words: plan::words(settings).into_iter().collect(),
            known: known.to_vec(),
            settings: settings.clone(),
        }
    }

    /// Looks once in a while; gives the links to what is new, of which `watched` is told.
    ///
    /// # Errors
    /// None of its own: what cannot be watched is left out, and that is said.
    pub(super) fn look<P: Fn(Show) -> Show>(
        &mut self,
        common: &Common<'_, P>,
        watched: &mut Vec<Watched>,
        ui: &mut Ui,
    ) -> Vec<Link> {
        if self.looked.elapsed() < PAUSE {
            return Vec::new();
        }
        self.looked = Instant::now();
        let stamps = stamps(&self.settings);
        if std::mem::replace(&mut self.stamps, stamps) == stamps {
            return Vec::new();
        }
        let Settings { look, profile, world, .. } = &self.settings;
        match Settings::resolve(look.clone(), profile.value.clone(), world.clone()) {
            Ok(settings) => self.join(settings, common, watched, ui),
            // It is being written, most likely; once that is done it is looked at again.
            Err(fault) => {
                ui.warn(&format!("{fault}; what was known before is watched on"));
                Vec::new()
            }
        }
    }

    fn join<P: Fn(Show) -> Show>(
        &mut self,
        settings: Settings,
        common: &Common<'_, P>,
        watched: &mut Vec<Watched>,
        ui: &mut Ui,
    ) -> Vec<Link> {
        let all: BTreeSet<_> = plan::words(&settings).into_iter().collect();
        let unknown: Vec<_> = all.difference(&self.words).map(|(word, _)| word.clone()).collect();
        let mut fresh = Vec::new();
        let words = unknown.iter().map(String::as_str);
        plan::gather(&mut fresh, words, common.flags, &settings, &common.watch, ui);
        (self.words, self.settings) = (all, settings);
        let (new, shared) = plan::split(fresh, &mut self.known, common.flags);
        for (watched, planned) in watched.iter_mut().zip(&self.known) {
            watched.label = Some(planned.label.clone());
        }
        for (at, planned) in shared {
            ui.note(&format!("{} is watched, too, where others are already", planned.label));
            if let Ok(show) = common.show(&planned) {
                watched[at].show = show;
            }
        }
        let mut links = Vec::new();
        for planned in new {
            let label = planned.label.clone();
            match common.make(watched.len(), planned, false) {
                Ok((it, link)) => {
                    watched.push(it);
                    links.push(link.joining());
                }
                Err(error) => {
                    ui.warn(&format!("{label} is left out: {error:#}"));
                    // Its place is taken all the same, and nobody is there.
                    self.known.retain(|known| known.label != label);
                }
            }
        }
        links
    }
}

fn stamps(settings: &Settings) -> [Stamp; 2] {
    let stamp = |file: &Path| {
        let metadata = fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [&settings.project_file, &settings.user_file].map(|file| file.as_deref().and_then(stamp))
}
