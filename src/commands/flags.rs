//! Flags that mean the same in every command that talks: each flattens only the groups it honours.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::fault::Fault;
use crate::message::Patience;
use crate::settings::{Settings, parse_duration};
use crate::transport::Tls;

/// How to reach a service.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct LinkFlags {
    /// An option of the transport, as in the URL's query, or `nest=11` for a service of Nest 11; repeatable
    #[arg(short = 'O', long = "option", value_name = "KEY=VALUE", value_parser = parse_option)]
    pub options: Vec<(String, String)>,
    /// How long to wait for the first reply, then between replies [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// How long connecting may take, TLS and login included [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub connect_timeout: Option<Duration>,
    /// PEM file of the authorities to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// PEM file of the client's certificate
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the client's key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[arg(long, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Trust any certificate
    #[arg(long)]
    pub insecure: bool,
}

impl LinkFlags {
    /// The TLS settings.
    pub fn tls(&self) -> Tls {
        Tls {
            ca: self.tls_ca.clone(),
            cert: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            server_name: self.tls_server_name.clone(),
            insecure: self.insecure,
        }
    }

    /// How long to wait for what: these flags, else the settings.
    pub fn patience(&self, settings: &Settings) -> Patience {
        Patience {
            reply: settings.timeout.or_flag(self.timeout).value,
            connect: settings.connect_timeout.or_flag(self.connect_timeout).value,
        }
    }
}

/// What to show, and how.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct ShowFlags {
    /// Each message by a template over its record: '{ts} {pattern} {data.id}'
    #[arg(short = 'F', long, value_name = "TEMPLATE")]
    pub format: Option<String>,
    /// Only messages for which this jq expression over the record holds
    #[arg(long, value_name = "JQ")]
    pub filter: Option<String>,
    /// Only messages whose payload matches
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,
}

/// How many, and how fast.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Pace")]
pub struct PaceFlags {
    /// How many messages
    #[arg(short = 'n', long, value_name = "N")]
    pub count: Option<u64>,
    /// How many in a time, whatever the replies do: 200/s, 10/m
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
}

/// What happens before anything does.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Safety")]
pub struct SafetyFlags {
    /// Show the exact bytes and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How many.
    pub count: f64,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// How many in a second.
    pub fn per_second(self) -> f64 {
        self.count / self.per.as_secs_f64()
    }
}

impl std::str::FromStr for Rate {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = || {
            Fault::new(format!("`{text}` is no rate")).hint("write a number per unit: `200/s`, `10/m`, `200`")
        };
        let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
        let per = match unit.trim() {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(fault()),
        };
        let count: f64 = count.trim().parse().map_err(|_| fault())?;
        if !(count.is_finite() && count > 0.0) {
            return Err(fault());
        }
        Ok(Self { count, per })
    }
}

fn parse_option(text: &str) -> Result<(String, String), Fault> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Fault::new(format!("`{text}` is not KEY=VALUE"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::{Cli, Global};

    /// Does everything
    #[derive(Debug, Parser)]
    struct All {
        #[command(flatten)]
        global: Global,
        #[command(flatten)]
        link: LinkFlags,
        #[command(flatten)]
        show: ShowFlags,
        #[command(flatten)]
        pace: PaceFlags,
        #[command(flatten)]
        safety: SafetyFlags,
    }

    #[test]
    fn the_groups_go_together() {
        All::command().debug_assert();
        Cli::command().debug_assert();
        let about = All::command().get_about().map(ToString::to_string);
        assert_eq!(about.as_deref(), Some("Does everything"));
    }

    #[test]
    fn flags_are_read() {
        let words =
            "all -O nest=11 -O a=b=c --timeout 1m30s -n 3 --rate 10/m -F {ts} -y --tls-cert c --tls-key k";
        let all = All::parse_from(words.split(' '));
        let option = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(all.link.options, [option("nest", "11"), option("a", "b=c")]);
        assert_eq!(all.link.timeout, Some(Duration::from_secs(90)));
        assert_eq!(all.link.tls().cert, Some("c".into()));
        assert_eq!((all.pace.count, all.safety.yes, all.safety.dry_run), (Some(3), true, false));
        assert_eq!(all.show.format.as_deref(), Some("{ts}"));
        for wrong in
            ["all -O nest", "all -O =x", "all --timeout 5", "all --tls-cert c", "all --rate 0", "all -n -1"]
        {
            assert!(All::try_parse_from(wrong.split(' ')).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_so_many_in_a_time() {
        let per_second = |text: &str| text.parse().map(Rate::per_second).ok();
        assert_eq!(per_second("200/s"), Some(200.0));
        assert_eq!(per_second("200"), Some(200.0));
        assert_eq!(per_second("30/m"), Some(0.5));
        assert_eq!(per_second("2/ms"), Some(2000.0));
        for none in ["", "/s", "5/", "5/d", "-1/s", "inf/s", "NaN"] {
            assert_eq!(per_second(none), None, "{none}");
        }
    }
}
