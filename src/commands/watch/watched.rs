//! One endpoint that is watched, and what is known of its traffic.

use tokio::sync::watch;

use super::WatchFlags;
use super::link::Link;
use super::plan::{Plan, Planned};
use crate::commands::show::Show;
use crate::commands::source::Source;
use crate::traffic::{Criteria, Findings, Pairing, Trace};
use crate::transport;
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

/// Everything that can be wrong with what was typed is found here, before anybody is connected to.
pub(super) fn prepared(
    plan: Plan,
    flags: &WatchFlags,
    is_ended: &watch::Receiver<bool>,
    prepare: impl Fn(Show) -> Show,
) -> anyhow::Result<(Vec<Watched>, Vec<Link>)> {
    let Plan { sources, watch, shown } = plan;
    let is_alone = matches!(&sources[..], [Planned { services, .. }] if services.len() < 2);
    let (mut watched, mut links) = (Vec::new(), Vec::new());
    for (at, planned) in sources.into_iter().enumerate() {
        let criteria = Criteria {
            only: flags.only.clone(),
            slow: flags.slow,
            patterns: shown.clone(),
            ..Criteria::default()
        };
        let Planned { spec, endpoint, services, label } = planned;
        let nest = endpoint.nest;
        let show = Show::of(&flags.show, criteria, spec.name, services)?.called(&label);
        watched.push(Watched {
            show: prepare(show),
            pairing: Pairing::default(),
            findings: Findings::default(),
            trace: flags.trace.clone().map(Trace::new),
            nest,
            has_caught_up: false,
            label: (!is_alone).then_some(label),
        });
        let source = Source {
            transport: transport::open(endpoint)?,
            watch: watch.clone(),
            listen: flags.listen.clone(),
        };
        links.push(Link::new(at, source, is_ended.clone()));
    }
    Ok((watched, links))
}
