//! Which endpoints are watched for the words that were typed: one watch for each, however many services share it.

use super::WatchFlags;
use crate::commands::target::{self, Target};
use crate::fault::Fault;
use crate::settings::{Service, Settings};
use crate::transport::{self, Endpoint, From, Spec, Support, Watch};
use crate::ui::Ui;

/// Options that say what a service takes or how a message is sent, not what a watch sees.
const OF_THE_SERVICE: &[&str] =
    &["queue", "reply_queue", "persistent", "declare", "key", "compression", "create"];

/// What is watched.
pub struct Plan {
    /// The endpoints.
    pub sources: Vec<Planned>,
    /// What of each.
    pub watch: Watch,
    /// Patterns that were typed and that nobody but us can look for: a proxy passes on all.
    pub shown: Vec<String>,
}

/// An endpoint that is watched.
#[derive(Clone)]
pub struct Planned {
    /// Its transport.
    pub spec: &'static Spec,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The services of `eyas.toml` that are reached there.
    pub services: Vec<String>,
    /// What it is called beside the others.
    pub label: String,
}

impl Plan {
    /// Reads `words`: each with `@` or `scheme://` is a target, the rest are patterns for all of them.
    ///
    /// # Errors
    /// Nobody is meant, or somebody who cannot be watched.
    pub fn read(
        words: &[String],
        flags: &WatchFlags,
        settings: &Settings,
        ui: &mut Ui,
    ) -> anyhow::Result<Self> {
        let (named, patterns): (Vec<_>, Vec<_>) =
            words.iter().cloned().partition(|word| target::is_target(word));
        let watch = flags.watch(patterns.clone())?;
        let mut sources = Vec::new();
        if flags.all {
            if let Some(word) = named.first() {
                return Err(Fault::new(format!("`{word}` is named beside --all"))
                    .hint("--all is every service of eyas.toml; leave one of the two out")
                    .into());
            }
            everything(&mut sources, flags, settings, &watch, ui)?;
        } else {
            for target in targets(&named, flags, settings)? {
                let spec = transport::find(&target.endpoint.scheme)?;
                can_watch(spec, flags.listen.as_deref(), &watch, ui)?;
                add(&mut sources, spec, target);
            }
        }
        if flags.listen.is_some() && sources.len() > 1 {
            return Err(Fault::new(
                "--listen stands in between one target and its clients, and there are several",
            )
            .hint("name one target with --listen; run one such tail for each")
            .into());
        }
        share_options(&mut sources, flags);
        label(&mut sources);
        // A proxy passes on all; a broker is asked for just these, in its own wildcards.
        let (asked, shown) =
            if flags.listen.is_some() { (Vec::new(), patterns) } else { (patterns, Vec::new()) };
        Ok(Self { sources, watch: Watch { patterns: asked, ..watch }, shown })
    }
}

fn targets(named: &[String], flags: &WatchFlags, settings: &Settings) -> anyhow::Result<Vec<Target>> {
    if named.is_empty() {
        return Ok(vec![target::resolve(None, settings, &flags.link)?]);
    }
    named.iter().map(|word| target::resolve(Some(word), settings, &flags.link)).collect()
}

/// Every address of every service that can be watched; the others are told.
fn everything(
    sources: &mut Vec<Planned>,
    flags: &WatchFlags,
    settings: &Settings,
    watch: &Watch,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let words = words(settings);
    gather(sources, words.iter().map(|(word, _)| word.as_str()), flags, settings, watch, ui);
    if !sources.is_empty() {
        return Ok(());
    }
    Err(match words.first() {
        None => Fault::new("there is no eyas.toml with a service here or above")
            .hint("name targets, such as `redis://localhost:6379`"),
        Some((word, _)) => Fault::new("none of the services can be watched from aside")
            .hint(format!("stand in between one of them: eyas tail {word} --listen 127.0.0.1:4001")),
    }
    .into())
}

/// What means each address of each service, and that address as it is written.
pub(super) fn words(settings: &Settings) -> Vec<(String, String)> {
    let of = |(name, service): (&String, &Service)| -> Vec<_> {
        let main = service.url.iter().map(|url| (format!("@{name}"), url.value.clone()));
        let further = service.transports.iter();
        let further = further.map(|(transport, url)| (format!("@{name}:{transport}"), url.value.clone()));
        main.chain(further).collect()
    };
    settings.services.iter().flat_map(of).collect()
}

/// Adds what `words` mean and can be watched; the others are told.
pub(super) fn gather<'a>(
    sources: &mut Vec<Planned>,
    words: impl Iterator<Item = &'a str>,
    flags: &WatchFlags,
    settings: &Settings,
    watch: &Watch,
    ui: &mut Ui,
) {
    for word in words {
        let found = target::resolve(Some(word), settings, &flags.link).and_then(|target| {
            let spec = transport::find(&target.endpoint.scheme)?;
            can_watch(spec, None, watch, ui)?;
            add(sources, spec, target);
            Ok(())
        });
        if let Err(error) = found {
            ui.note(&format!("{word} is left out: {error}"));
        }
    }
}

/// Those of `fresh` that nobody watches yet, with their names beside the others; and by their place among `known` those
/// that are watched already, with the services that were not known there.
pub(super) fn split(
    fresh: Vec<Planned>,
    known: &mut Vec<Planned>,
    flags: &WatchFlags,
) -> (Vec<Planned>, Vec<(usize, Planned)>) {
    let first = known.len();
    let mut shared = Vec::new();
    for planned in fresh {
        let is_it = |known: &Planned| is_same(&known.endpoint, &planned.endpoint, known.spec, planned.spec);
        let Some(at) = known.iter().position(is_it) else {
            known.push(planned);
            continue;
        };
        let services = &mut known[at].services;
        let before = services.len();
        let unknown =
            planned.services.into_iter().filter(|name| !services.contains(name)).collect::<Vec<_>>();
        services.extend(unknown);
        if at < first && services.len() > before {
            shared.push(at);
        }
    }
    share_options(known, flags);
    label(known);
    (known[first..].to_vec(), shared.into_iter().map(|at| (at, known[at].clone())).collect())
}

/// Whether it can be watched at all, or stood in between, from where it was asked.
fn can_watch(spec: &Spec, listen: Option<&str>, watch: &Watch, ui: &mut Ui) -> Result<(), Fault> {
    match (listen, &spec.can.watch, &spec.can.proxy) {
        (Some(_), _, proxy) => target::require(proxy, spec.name, ui)?,
        (None, Support::No(why), Support::Yes | Support::Caveat(_)) => {
            return Err(
                Fault::new(*why).hint("clients then connect to that address: --listen 127.0.0.1:4001")
            );
        }
        (None, can, _) => target::require(can, spec.name, ui)?,
    }
    if watch.from != From::Now || watch.is_bounded {
        target::require(&spec.can.history, spec.name, ui)?;
    }
    Ok(())
}

/// Adds `target`, or its service to the endpoint that is watched already.
fn add(sources: &mut Vec<Planned>, spec: &'static Spec, target: Target) {
    let Target { endpoint, service, .. } = target;
    let same = sources.iter().position(|source| is_same(&source.endpoint, &endpoint, source.spec, spec));
    let at = same.unwrap_or(sources.len());
    if same.is_none() {
        sources.push(Planned { spec, endpoint, services: Vec::new(), label: String::new() });
    }
    let services = &mut sources[at].services;
    if let Some(service) = service.filter(|service| !services.contains(service)) {
        services.push(service);
    }
}

/// Whether a watch of one shows all that a watch of the other would.
fn is_same(one: &Endpoint, other: &Endpoint, spec: &Spec, other_spec: &Spec) -> bool {
    fn host(endpoint: &Endpoint) -> &str {
        match &*endpoint.host {
            "localhost" | "::1" => "127.0.0.1",
            host => host,
        }
    }
    fn options(endpoint: &Endpoint) -> impl Iterator<Item = (&String, &String)> {
        endpoint.options.iter().filter(|(key, _)| !OF_THE_SERVICE.contains(&key.as_str()))
    }
    spec.name == other_spec.name
        && one.scheme == other.scheme
        && host(one) == host(other)
        && (one.port, &one.user, &one.password) == (other.port, &other.user, &other.password)
        && (&one.path, one.nest) == (&other.path, other.nest)
        && options(one).eq(options(other))
}

/// Each of several targets gets the options that its transport has. One that nobody has stays, and is refused.
fn share_options(sources: &mut [Planned], flags: &WatchFlags) {
    let knows = |source: &Planned, key: &str| source.spec.options.iter().any(|option| option.name == key);
    for (key, _) in &flags.link.options {
        if sources.iter().any(|source| knows(source, key)) {
            for source in sources.iter_mut().filter(|source| !knows(source, key)) {
                source.endpoint.options.remove(key);
            }
        }
    }
}

/// What each is called: its services, else its transport; its address, too, where that leaves two alike.
fn label(sources: &mut [Planned]) {
    for source in &mut *sources {
        source.label = match &source.services[..] {
            [] => source.spec.name.to_owned(),
            services => services.join("+"),
        };
    }
    let labels: Vec<_> = sources.iter().map(|source| source.label.clone()).collect();
    for source in sources {
        if labels.iter().filter(|label| **label == source.label).count() > 1 {
            let Endpoint { host, port, .. } = &source.endpoint;
            source.label = format!("{} {host}:{port}", source.label);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::secret::Secret;
    use crate::transport::Tls;
    use crate::wire::NestVersion;

    fn target(scheme: &str, host: &str, options: &[(&str, &str)], service: Option<&str>) -> Target {
        let options: BTreeMap<_, _> =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let endpoint = Endpoint {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: 7,
            user: None,
            password: Some(Secret::new("p")),
            path: String::new(),
            options,
            tls: Tls::default(),
            connect_timeout: std::time::Duration::from_secs(1),
            reply_timeout: std::time::Duration::from_secs(1),
            nest: NestVersion::default(),
            state: None,
        };
        Target { endpoint, service: service.map(str::to_owned), origin: String::new() }
    }

    fn planned(targets: Vec<Target>) -> Vec<Planned> {
        let mut sources = Vec::new();
        for target in targets {
            let spec = transport::find(&target.endpoint.scheme).expect("a transport");
            add(&mut sources, spec, target);
        }
        label(&mut sources);
        sources
    }

    #[test]
    fn services_that_share_a_broker_share_a_watch() {
        let labels = |targets| planned(targets).into_iter().map(|source| source.label).collect::<Vec<_>>();
        let shared = vec![
            target("nats", "localhost", &[("queue", "a")], Some("orders")),
            target("nats", "127.0.0.1", &[("queue", "b")], Some("billing")),
            target("nats", "127.0.0.1", &[], Some("orders")),
            target("nats", "127.0.0.1", &[], None),
        ];
        assert_eq!(labels(shared), ["orders+billing"]);
        let apart = vec![
            target("nats", "a", &[], None),
            target("nats", "b", &[], None),
            target("redis", "a", &[], None),
            target("nats", "a", &[("stream", "s")], Some("orders")),
        ];
        assert_eq!(labels(apart), ["nats a:7", "nats b:7", "redis", "orders"]);
    }

    #[test]
    fn each_gets_the_options_that_it_has() {
        #[derive(clap::Parser)]
        struct Typed {
            #[command(flatten)]
            flags: WatchFlags,
        }
        let typed = ["x", "-O", "stream=s", "-O", "nobody=x"];
        let flags = <Typed as clap::Parser>::try_parse_from(typed).expect("flags").flags;
        let given = [("stream", "s"), ("nobody", "x")];
        let mut sources =
            planned(vec![target("nats", "a", &given, None), target("redis", "a", &given, None)]);
        share_options(&mut sources, &flags);
        let keys = |source: &Planned| source.endpoint.options.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&sources[0]), ["nobody", "stream"]);
        assert_eq!(keys(&sources[1]), ["nobody"]);
    }
}
