//! `--as SERVICE`: what is sent bears a token of that service, made with the secret which `eyas.toml` names.

use std::time::{Duration, Instant, SystemTime};

use super::target::{self, Target};
use crate::fault::Fault;
use crate::message::{HeaderValue, Message, Pattern};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::token;
use crate::transport::Written;

/// The header that bears the token.
const HEADER: &str = "authorization";

/// How long a token is good.
const LIFETIME: Duration = Duration::from_secs(60);

/// How long the same token is used: what it goes with still has half its life before it.
pub const USED_FOR: Duration = Duration::from_secs(30);

/// For whom a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A request: for the service that is called.
    Request,
    /// An event: for whoever hears the pattern.
    Event,
}

/// Signs messages.
pub struct Signing {
    issuer: String,
    secret: Secret,
    /// The service that is called, where it is known.
    service: Option<String>,
    purpose: Purpose,
    /// Whether tokens are masked, for they are only looked at.
    is_shown: bool,
    /// The token of late, for whom it is, and since when.
    last: Option<(String, Secret, Instant)>,
}

impl Signing {
    /// By the secret of the service `issuer`, for messages to `target`.
    ///
    /// # Errors
    /// A service that is not known or has no secret, a variable that is not set, a secret that is too short.
    pub fn new(
        issuer: &str,
        (target, written, purpose): (&Target, Written, Purpose),
        settings: &Settings,
    ) -> Result<Self, Fault> {
        if written == Written::Request {
            return Err(Fault::new("`--as` signs messages, and this is an HTTP request")
                .hint("give the header itself: -H 'Authorization: Bearer …'"));
        }
        let service = target::service(issuer, settings)?;
        let Some(written) = &service.secret else {
            let fault =
                Fault::new(format!("the service `{issuer}` has no `secret`, with which `--as` signs"));
            return Err(fault.hint(
                "name it in eyas.toml, and keep its value in .env: `secret = \"${SERVICE_AUTH_SECRET}\"`",
            ));
        };
        let secret = settings.expand(written)?;
        if secret.len() < token::LEAST_BYTES {
            let what = format!(
                "{}: the secret of the service `{issuer}` has {} characters",
                written.origin,
                secret.chars().count()
            );
            return Err(Fault::new(what).hint(format!("a service takes {} and more", token::LEAST_BYTES)));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            secret: Secret::new(secret),
            service: target.service.clone(),
            purpose,
            is_shown: false,
            last: None,
        })
    }

    /// From now on in place of each token stands `***`.
    pub fn mask(&mut self) {
        self.is_shown = true;
    }

    /// Adds the token to `message`; one token goes with many messages.
    ///
    /// # Errors
    /// A message that has such a header already, or nobody knows for which service it is.
    pub fn sign(&mut self, message: &mut Message) -> Result<(), Fault> {
        if message.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(HEADER)) {
            return Err(Fault::new(format!("there is a header `{HEADER}` already, and `--as` adds one")));
        }
        let token = if self.is_shown { "***".to_owned() } else { self.token(&message.pattern)? };
        message.headers.push((HEADER.to_owned(), HeaderValue::Text(format!("Bearer {token}"))));
        Ok(())
    }

    fn token(&mut self, pattern: &Pattern) -> Result<String, Fault> {
        let audience = self.audience(pattern)?;
        if let Some((known, token, since)) = &self.last
            && *known == audience
            && since.elapsed() < USED_FOR
        {
            return Ok(token.reveal().to_owned());
        }
        let token = token::sign(&self.secret, &self.issuer, &audience, SystemTime::now(), LIFETIME);
        let text = token.reveal().to_owned();
        self.last = Some((audience, token, Instant::now()));
        Ok(text)
    }

    /// The pattern of an event; of a request the service, by its name or by the first part of the pattern.
    fn audience(&self, pattern: &Pattern) -> Result<String, Fault> {
        let text = pattern.as_str();
        match (self.purpose, &self.service, pattern) {
            (Purpose::Event, ..) => Ok(text.to_owned()),
            (_, Some(service), _) => Ok(service.clone()),
            (_, None, Pattern::Text(_)) => Ok(text.split('.').next().unwrap_or(text).to_owned()),
            (_, None, _) => Err(Fault::new(format!("`{text}` does not tell which service it is for"))
                .hint("a token is for one service: name it as `@service`, by eyas.toml")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(purpose: Purpose, service: Option<&str>, pattern: &Pattern, expected: Result<&str, &str>) {
        let signing = Signing {
            issuer: "shop".to_owned(),
            secret: Secret::new("a".repeat(32)),
            service: service.map(str::to_owned),
            purpose,
            is_shown: false,
            last: None,
        };
        let found = signing.audience(pattern).map_err(|fault| fault.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_token_is_for_the_service_or_the_event() {
        let text = &Pattern::Text("orders.created".to_owned());
        check(Purpose::Request, Some("stock"), text, Ok("stock"));
        check(Purpose::Request, None, text, Ok("orders"));
        check(Purpose::Event, Some("stock"), text, Ok("orders.created"));
        let json = crate::payload::parse_pattern(r#"{"cmd":"sum"}"#).unwrap();
        check(Purpose::Request, None, &json, Err(r#"`{"cmd":"sum"}` does not tell which service it is for"#));
    }
}
