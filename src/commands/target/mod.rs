//! Who is meant: the TARGET of a command, as a word, a service or a setting, and the endpoint it comes down to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::flags::LinkFlags;
use crate::fault::{Fault, did_you_mean};
use crate::secret::{self, Secret};
use crate::settings::{Origin, Service, Settings, Sourced};
use crate::transport::{self, Endpoint, Spec, Support, Tls};
use crate::ui::Ui;

/// Who is meant.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to connect, and how.
    pub endpoint: Endpoint,
    /// The service of `eyas.toml`, where it is one.
    pub service: Option<String>,
    /// Where this came from, for people.
    pub origin: String,
}

/// Whether `word` is a target: it starts with `@` or has `scheme://`.
pub fn is_target(word: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    word.starts_with('@') || word.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Refuses a FILE that is a target: who left out the file must not get one of that name.
///
/// # Errors
/// It is one, or `-`.
pub fn refuse_as_file(file: &Path, command: &str) -> Result<(), Fault> {
    let name = file.to_string_lossy();
    if name == "-" {
        return Err(Fault::new("a recording is a file: `-` has no meaning here").hint(
            "`eyas tail -o json` writes records to standard output, `eyas emit --ndjson -` sends them",
        ));
    }
    if !is_target(&name) {
        return Ok(());
    }
    let shown = secret::mask_text(&name);
    Err(Fault::new(format!("`{shown}` is a target, and FILE comes first"))
        .hint(format!("write `eyas {command} FILE {shown}`")))
}

/// The target, where the first of `words` is one, and the words that are left. Those `after` a `--` are never
/// targets.
///
/// # Errors
/// Words on both sides of the `--`: nobody could say what they mean together.
pub fn split<'a>(words: &'a [String], after: &'a [String]) -> Result<(Option<&'a str>, &'a [String]), Fault> {
    let (target, words) = match words.split_first() {
        Some((first, rest)) if is_target(first) => (Some(first.as_str()), rest),
        _ => (None, words),
    };
    match (words.first(), after.is_empty()) {
        (_, true) => Ok((target, words)),
        (None, false) => Ok((target, after)),
        (Some(word), false) => {
            Err(Fault::new(format!("`{word}` stands before `--`, and more words after it"))
                .hint("only a TARGET may stand before `--`"))
        }
    }
}

/// Whether a transport can do what is asked: what it can only in part is said with `-v`.
///
/// # Errors
/// It cannot, and why.
pub fn require(support: &Support, transport: &str, ui: &mut Ui) -> Result<(), Fault> {
    match support {
        Support::Yes => Ok(()),
        Support::Caveat(but) => {
            ui.detail(&format!("{transport}: {but}"));
            Ok(())
        }
        Support::No(why) => Err(Fault::new(format!("{transport} cannot do that: {why}"))),
    }
}

/// What `word` means; without one: `EYAS_URL`, else the service whose folder this is, else the only service.
///
/// # Errors
/// Nobody or nothing known is meant, or a variable is missing: always a [`Fault`].
pub fn resolve(word: Option<&str>, settings: &Settings, link: &LinkFlags) -> anyhow::Result<Target> {
    Ok(resolve_among(word, settings, link, &transport::find)?)
}

/// Who could be reached by `word`: what [`resolve`] says, without flags.
///
/// # Errors
/// As [`resolve`].
pub fn check(word: &str, settings: &Settings) -> Result<Target, Fault> {
    resolve_among(Some(word), settings, &LinkFlags::default(), &transport::find)
}

/// Finds a transport by its scheme: [`transport::find`].
type Find<'a> = &'a dyn Fn(&str) -> Result<&'static Spec, Fault>;

fn resolve_among(
    word: Option<&str>,
    settings: &Settings,
    link: &LinkFlags,
    find: Find<'_>,
) -> Result<Target, Fault> {
    let by_url = |url: Sourced<String>| {
        let origin = url.origin.to_string();
        let endpoint = endpoint(&url, None, settings, link, find)?;
        Ok(Target { endpoint, service: None, origin })
    };
    let (name, transport) = match word.map(|word| word.strip_prefix('@').ok_or(word)) {
        Some(Err(url)) => return by_url(Sourced::new(url.to_owned(), Origin::Flag)),
        Some(Ok(named)) => match named.split_once(':') {
            Some((name, transport)) => (name, Some(transport)),
            None => (named, None),
        },
        None => match &settings.url {
            Some(url) if url.value.starts_with('@') => {
                return resolve_among(Some(&url.value), settings, link, find);
            }
            Some(url) => return by_url(url.clone()),
            None => (implied(settings)?, None),
        },
    };
    let service = service(name, settings)?;
    let url = address(name, service, transport, find)?;
    Ok(Target {
        endpoint: endpoint(url, Some(service), settings, link, find)?,
        service: Some(name.to_owned()),
        origin: format!("service {name}, {}", url.origin),
    })
}

/// The service of this name.
///
/// # Errors
/// There is none.
pub fn service<'a>(name: &str, settings: &'a Settings) -> Result<&'a Service, Fault> {
    settings.services.get(name).ok_or_else(|| unknown_service(name, settings))
}

fn unknown_service(name: &str, settings: &Settings) -> Fault {
    let fault = Fault::new(match &settings.project_file {
        Some(file) => format!("there is no service `{name}` in {}", file.display()),
        None => format!("there is no service `{name}`, and no eyas.toml here or above"),
    });
    fault.hint(did_you_mean(name, settings.services.keys(), "the services"))
}

/// The service that is meant where none is named.
fn implied(settings: &Settings) -> Result<&str, Fault> {
    let cwd = canonical(&settings.world.cwd);
    let depth = |(name, service): (&'_ String, &Service)| {
        let folder = canonical(&folder(service, settings)?);
        cwd.starts_with(&folder).then(|| (folder.components().count(), name.clone()))
    };
    let holding: Vec<_> = settings.services.iter().filter_map(depth).collect();
    let deepest = holding.iter().map(|(depth, _)| *depth).max();
    let mut nearest = holding.iter().filter(|(depth, _)| Some(*depth) == deepest).map(|(_, name)| name);
    if let (Some(name), None) = (nearest.next(), nearest.next()) {
        return settings
            .services
            .get_key_value(name)
            .map(|(name, _)| name.as_str())
            .ok_or_else(|| nobody(settings));
    }
    match settings.services.len() {
        1 => settings.services.keys().next().map(String::as_str).ok_or_else(|| nobody(settings)),
        _ => Err(nobody(settings)),
    }
}

fn nobody(settings: &Settings) -> Fault {
    let services: Vec<_> = settings.services.keys().map(|name| format!("@{name}")).collect();
    if services.is_empty() {
        return Fault::new("no target is named, and there is no eyas.toml with a service here or above")
            .hint("name one, such as `tcp://localhost:3000`, or set EYAS_URL");
    }
    Fault::new("no target is named, and several services could be meant")
        .hint(format!("name one of {}", services.join(", ")))
}

/// The folder of `service`.
fn folder(service: &Service, settings: &Settings) -> Option<PathBuf> {
    from_file(service.path.as_ref()?, settings).ok()
}

/// A path in a file, from that file's own folder.
fn from_file(path: &Sourced<String>, settings: &Settings) -> Result<PathBuf, Fault> {
    let expanded = settings.expand(path)?;
    let base = path.origin.place().and_then(|place| place.file.parent());
    Ok(base.map_or_else(|| PathBuf::from(&expanded), |base| base.join(&expanded)))
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The address of `service` for `transport`, which is a transport's name or a scheme; its main one without.
fn address<'a>(
    name: &str,
    service: &'a Service,
    transport: Option<&str>,
    find: Find<'_>,
) -> Result<&'a Sourced<String>, Fault> {
    let named = |wanted: &&str| {
        let scheme =
            service.url.as_ref().and_then(|url| url.value.split_once("://")).map(|(scheme, _)| scheme);
        let spec = scheme.and_then(|scheme| find(scheme).ok());
        scheme == Some(wanted) || spec.is_some_and(|spec| spec.name == *wanted)
    };
    let mut known: Vec<_> = service.transports.keys().map(String::as_str).collect();
    let found = match transport {
        Some(wanted) => {
            service.transports.get(wanted).or_else(|| service.url.as_ref().filter(|_| named(&wanted)))
        }
        None => match (&service.url, service.transports.len()) {
            (None, 1) => service.transports.values().next(),
            (url, _) => url.as_ref(),
        },
    };
    found.ok_or_else(|| match transport {
        Some(wanted) => Fault::new(format!("service `{name}` has no address for `{wanted}`"))
            .hint(did_you_mean(wanted, known, "its further transports")),
        None if known.is_empty() => {
            Fault::new(format!("service `{name}` has no address")).hint("give it a `url` in eyas.toml")
        }
        None => {
            known.sort_unstable();
            Fault::new(format!("service `{name}` has no main address"))
                .hint(format!("name one of its transports: @{name}:{}", known.join(&format!(", @{name}:"))))
        }
    })
}

/// `url` taken apart.
fn endpoint(
    url: &Sourced<String>,
    service: Option<&Service>,
    settings: &Settings,
    link: &LinkFlags,
    find: Find<'_>,
) -> Result<Endpoint, Fault> {
    let text = settings.expand(url)?;
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    let shown = secret::mask_text(&text);
    let place = |fault: Fault| if url.origin == Origin::Flag { fault } else { fault.at(&url.origin) };
    if scheme.is_empty() {
        return Err(place(Fault::new(format!("`{shown}` is no URL")).hint("write `scheme://host:port`")));
    }
    let spec = find(&scheme).map_err(place)?;
    let (text, further) = split_hosts(&text);
    let parsed =
        Url::parse(&text).map_err(|error| place(Fault::new(format!("`{shown}` is no URL: {error}"))))?;
    let takes_several = spec.options.iter().any(|option| option.name == BOOTSTRAP);
    if let Some(further) = further.filter(|_| !takes_several) {
        let fault = Fault::new(format!("`{shown}` names several addresses, and {} takes one", spec.name));
        return Err(place(fault.hint(format!("leave `,{further}` out"))));
    }
    let host = parsed.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(place(Fault::new(format!("`{shown}` names no host"))));
    }
    let tls = link.tls();
    let is_secure = spec.tls_schemes.contains(&&*scheme);
    let default_port = if is_secure { spec.default_tls_port } else { spec.default_port };
    if !is_secure {
        refuse_tls(&scheme, spec, &tls)?;
    }
    let mut options = options(&parsed, link, settings)?;
    if let Some(further) = further {
        options.entry(BOOTSTRAP.to_owned()).or_insert_with(|| further.to_owned());
    }
    if let Some(proto) = service.and_then(|service| service.proto.as_ref())
        && spec.options.iter().any(|option| option.name == PROTO)
        && !options.contains_key(PROTO)
    {
        options.insert(PROTO.to_owned(), from_file(proto, settings)?.display().to_string());
    }
    Ok(Endpoint {
        host: decoded(host),
        port: parsed.port_or_known_default().unwrap_or(default_port),
        user: Some(parsed.username()).filter(|user| !user.is_empty()).map(decoded),
        password: parsed.password().map(|password| Secret::new(decoded(password))),
        path: parsed.path().trim_start_matches('/').to_owned(),
        nest: options.remove("nest").map_or(Ok(crate::wire::NestVersion::default()), |text| text.parse())?,
        options,
        tls,
        connect_timeout: link.patience(settings).connect,
        reply_timeout: link.patience(settings).reply,
        state: settings.world.state_folder(),
        scheme,
    })
}

/// The option that takes further addresses of the same cluster, where a transport has it.
const BOOTSTRAP: &str = "bootstrap";

/// `scheme://user@a:1,b:2/…` with its first address alone, and the others.
fn split_hosts(text: &str) -> (Cow<'_, str>, Option<&str>) {
    let whole = (Cow::Borrowed(text), None);
    let Some(start) = text.find("://").map(|at| at + 3) else { return whole };
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    // A password may hold a comma, too.
    let hosts = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let Some(comma) = text[hosts..end].find(',').map(|at| hosts + at) else { return whole };
    (Cow::Owned(format!("{}{}", &text[..comma], &text[end..])), Some(&text[comma + 1..end]))
}

/// The option that takes a service's `proto`, where a transport has it.
const PROTO: &str = "proto";

/// TLS flags beside a scheme without TLS: they would be silently unused.
fn refuse_tls(scheme: &str, spec: &Spec, tls: &Tls) -> Result<(), Fault> {
    let given = [
        (tls.ca.is_some(), "--tls-ca"),
        (tls.cert.is_some(), "--tls-cert"),
        (tls.key.is_some(), "--tls-key"),
        (tls.server_name.is_some(), "--tls-server-name"),
        (tls.insecure, "--insecure"),
    ];
    let Some((_, flag)) = given.iter().find(|(given, _)| *given) else { return Ok(()) };
    let fault = Fault::new(format!("`{flag}` is given, but `{scheme}://` does not speak TLS"));
    Err(match spec.tls_schemes.first() {
        Some(secure) => fault.hint(format!("write `{secure}://`")),
        None => fault,
    })
}

/// The query's options, and `-O`, which wins. The same `-O` twice is a list, with a comma between.
fn options(url: &Url, link: &LinkFlags, settings: &Settings) -> Result<BTreeMap<String, String>, Fault> {
    let mut options: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let mut given = BTreeMap::<_, String>::new();
    for (key, value) in &link.options {
        let value = settings.expand(&Sourced::new(value.clone(), Origin::Flag))?;
        match given.get_mut(key) {
            Some(list) => list.extend([",", &value]),
            None => drop(given.insert(key.clone(), value)),
        }
    }
    options.extend(given);
    Ok(options)
}

/// Without percent signs; bytes that are not UTF-8 then are replaced.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
