//! One endpoint that is watched, and what is known of its traffic.

use tokio::sync::watch;

use super::WatchFlags;
use super::link::Link;
use super::plan::Planned;
use crate::commands::show::Show;
use crate::commands::source::Source;
use crate::fault::Fault;
use crate::traffic::{Criteria, Findings, Pairing, Trace};
use crate::transport::{self, Watch};
use crate::wire::NestVersion;

/// One endpoint, and what is known of its traffic.
pub(super) struct Watched {
    pub(super) show: Show,
    pub(super) pairing: Pairing,
    pub(super) findings: Findings,
    pub(super) trace: Option<Trace>,
    pub(super) nest: NestVersion,
    /// Everything was told that was there at the start.
    pub(super) has_caught_up: bool,
    /// What it is called, where there are others.
    pub(super) label: Option<String>,
}

impl Watched {
    /// `what`, as said of this one.
    pub(super) fn says(&self, what: &str) -> String {
        self.label.as_ref().map_or_else(|| what.to_owned(), |label| format!("{label}: {what}"))
    }
}

/// What all that are watched have in common.
pub(super) struct Common<'a, P> {
    pub(super) flags: &'a WatchFlags,
    pub(super) watch: Watch,
    /// Patterns that were typed and that nobody but us can look for.
    pub(super) shown: Vec<String>,
    pub(super) is_ended: watch::Receiver<bool>,
    /// What else a [`Show`] needs.
    pub(super) prepare: P,
}

impl<P: Fn(Show) -> Show> Common<'_, P> {
    /// How the traffic of `planned` is shown.
    pub(super) fn show(&self, planned: &Planned) -> Result<Show, Fault> {
        let criteria = Criteria {
            only: self.flags.only.clone(),
            slow: self.flags.slow,
            patterns: self.shown.clone(),
            ..Criteria::default()
        };
        let Planned { spec, services, label, .. } = planned;
        let show = Show::of(&self.flags.show, criteria, spec.name, services.clone())?;
        Ok((self.prepare)(show.called(label)))
    }

    /// All that is watched from the start.
    pub(super) fn all(&self, sources: Vec<Planned>) -> anyhow::Result<(Vec<Watched>, Vec<Link>)> {
        let is_alone = matches!(&sources[..], [Planned { services, .. }] if services.len() < 2);
        let made = sources.into_iter().enumerate().map(|(at, planned)| self.make(at, planned, is_alone));
        Ok(made.collect::<anyhow::Result<Vec<_>>>()?.into_iter().unzip())
    }

    /// The endpoint number `at`. Everything that can be wrong with what was typed is found here, before anybody is
    /// connected to.
    pub(super) fn make(
        &self,
        at: usize,
        planned: Planned,
        is_alone: bool,
    ) -> anyhow::Result<(Watched, Link)> {
        let show = self.show(&planned)?;
        let Planned { endpoint, label, .. } = planned;
        let watched = Watched {
            show,
            pairing: Pairing::default(),
            findings: Findings::default(),
            trace: self.flags.trace.clone().map(Trace::new),
            nest: endpoint.nest,
            has_caught_up: false,
            label: (!is_alone).then_some(label),
        };
        let source = Source {
            transport: transport::open(endpoint)?,
            watch: self.watch.clone(),
            listen: self.flags.listen.clone(),
        };
        Ok((watched, Link::new(at, source, self.is_ended.clone())))
    }
}
