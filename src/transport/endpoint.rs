//! Where a transport connects to, and how.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Error, Result};
use crate::secret::Secret;
use crate::wire::NestVersion;

/// Where a transport connects to, and how: everything it may know.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The URL's scheme.
    pub scheme: String,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name, where the URL has one.
    pub user: Option<String>,
    /// Password, where the URL has one.
    pub password: Option<Secret>,
    /// The URL's path without its leading slash: a database, a virtual host.
    pub path: String,
    /// The URL's query and `-O`, which wins.
    pub options: BTreeMap<String, String>,
    /// TLS settings; used where the scheme is one of TLS.
    pub tls: Tls,
    /// How long connecting may take, TLS and login included.
    pub connect_timeout: Duration,
    /// How long a reply may take: the deadline, where a transport tells the service one.
    pub reply_timeout: Duration,
    /// Whose rules patterns and replies follow.
    pub nest: NestVersion,
    /// The folder where what was changed on a broker is remembered until it is put back; none = nowhere.
    pub state: Option<PathBuf>,
}

impl Endpoint {
    /// The address as it may be shown: never the password.
    pub fn shown(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}://{host}:{}", self.scheme, self.port)
    }

    /// Whether the option `name` is on.
    ///
    /// # Errors
    /// It is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.options.get(name).map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Error::unsupported(format!("`{name}={other}` is neither true nor false"))),
        }
    }
}

/// TLS settings of an endpoint.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// PEM file of the client's certificate chain.
    pub cert: Option<PathBuf>,
    /// PEM file of the client's key.
    pub key: Option<PathBuf>,
    /// The name to expect in the server's certificate instead of the host.
    pub server_name: Option<String>,
    /// Trust any certificate.
    pub insecure: bool,
}
