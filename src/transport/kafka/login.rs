//! Who we are: SASL PLAIN, and SCRAM with SHA-256 or SHA-512 (RFC 5802), as Kafka carries them.

use std::num::NonZeroU32;

use bytes::Bytes;
use data_encoding::BASE64;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use ring::{digest, hmac, pbkdf2, rand};

use super::link::{Frames, Link};
use crate::transport::{Endpoint, Error, Kind, Result};

/// Logs in, where the address has a user or `sasl` says how.
pub(super) async fn login(link: &Link, reader: &mut Frames, endpoint: &Endpoint) -> Result<()> {
    let chosen = endpoint.options.get("sasl").map(String::as_str);
    if endpoint.user.is_none() && chosen.is_none() {
        return Ok(());
    }
    let Some(user) = &endpoint.user else {
        return Err(Error::unsupported("`sasl` says how to log in, and nobody says who")
            .hint("write kafka://USER:PASSWORD@host:9092"));
    };
    let password = endpoint.password.as_ref().map_or("", |password| password.reveal());
    let mut talk = Talk { link, reader, shown: endpoint.shown() };
    match chosen.unwrap_or("plain") {
        "plain" => {
            talk.begin("PLAIN").await?;
            talk.step(format!("\0{user}\0{password}").into_bytes()).await.map(drop)
        }
        "scram-sha-256" => {
            talk.begin("SCRAM-SHA-256").await?;
            talk.scram(user, password, &SHA256).await
        }
        "scram-sha-512" => {
            talk.begin("SCRAM-SHA-512").await?;
            talk.scram(user, password, &SHA512).await
        }
        other => Err(Error::unsupported(format!("`sasl={other}` is no login that eyas knows"))
            .hint("it is plain, scram-sha-256 or scram-sha-512")),
    }
}

struct Talk<'a> {
    link: &'a Link,
    reader: &'a mut Frames,
    shown: String,
}

impl Talk<'_> {
    fn denied(&self, why: impl std::fmt::Display) -> Error {
        Error::new(Kind::Denied, format!("{} refuses the login: {why}", self.shown))
    }

    async fn begin(&mut self, mechanism: &'static str) -> Result<()> {
        let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
        let response = self.link.converse(&request, 1, self.reader).await?;
        if response.error_code == 0 {
            return Ok(());
        }
        if response.error_code == ResponseError::IllegalSaslState.code() {
            let what = format!("{} wants no login on this port", self.shown);
            return Err(
                Error::new(Kind::Denied, what).hint("leave user and password out, or name the port for SASL")
            );
        }
        let known: Vec<_> = response.mechanisms.iter().map(|name| name.to_lowercase()).collect();
        Err(self
            .denied(format!("it does not know {mechanism}"))
            .hint(format!("it knows {}: choose with -O sasl=…", known.join(", "))))
    }

    async fn step(&mut self, bytes: Vec<u8>) -> Result<Bytes> {
        let version = self.link.version::<SaslAuthenticateRequest>(1)?;
        let request = SaslAuthenticateRequest::default().with_auth_bytes(bytes.into());
        let response = self.link.converse(&request, version, self.reader).await?;
        if response.error_code == 0 {
            return Ok(response.auth_bytes);
        }
        let why = response.error_message.as_deref().unwrap_or("it does not say why").to_owned();
        Err(self.denied(why).hint("check user, password, and -O sasl=plain|scram-sha-256|scram-sha-512"))
    }

    async fn scram(&mut self, user: &str, password: &str, algorithm: &Algorithm) -> Result<()> {
        let nonce: [u8; 18] = rand::generate(&rand::SystemRandom::new())
            .map_err(|_| Error::unsupported("this system gives no random numbers"))?
            .expose();
        let first = First::new(user, &BASE64.encode(&nonce));
        let challenge = self.step(first.message().into_bytes()).await?;
        let challenge = String::from_utf8_lossy(&challenge).into_owned();
        let (answer, signature) =
            first.answer(&challenge, password, algorithm).map_err(|why| self.denied(why))?;
        let verdict = self.step(answer.into_bytes()).await?;
        // Whoever does not know the password's hash cannot sign: it is not the broker that it says it is.
        if String::from_utf8_lossy(&verdict).strip_prefix("v=") != Some(&signature) {
            return Err(self.denied("it does not know the password itself, so it is not who it should be"));
        }
        Ok(())
    }
}

struct Algorithm {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

static SHA256: Algorithm =
    Algorithm { digest: &digest::SHA256, hmac: hmac::HMAC_SHA256, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256 };
static SHA512: Algorithm =
    Algorithm { digest: &digest::SHA512, hmac: hmac::HMAC_SHA512, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA512 };

/// The client's first message, without its header: no channel binding.
struct First {
    bare: String,
    nonce: String,
}

impl First {
    fn new(user: &str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { bare: format!("n={user},r={nonce}"), nonce: nonce.to_owned() }
    }

    fn message(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The answer to `challenge`, and the signature that the broker must then show.
    fn answer(
        &self,
        challenge: &str,
        password: &str,
        algorithm: &Algorithm,
    ) -> Result<(String, String), &'static str> {
        let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let nonce =
            part("r=").filter(|nonce| nonce.starts_with(&self.nonce)).ok_or("it answered another login")?;
        let salt =
            part("s=").and_then(|salt| BASE64.decode(salt.as_bytes()).ok()).ok_or("it sent no salt")?;
        let rounds =
            part("i=").and_then(|rounds| rounds.parse::<NonZeroU32>().ok()).ok_or("it sent no rounds")?;
        let mut salted = vec![0; algorithm.digest.output_len()];
        pbkdf2::derive(algorithm.pbkdf2, rounds, &salt, password.as_bytes(), &mut salted);
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(algorithm.hmac, key), text);
        let client = sign(&salted, b"Client Key");
        let stored = digest::digest(algorithm.digest, client.as_ref());
        let unproven = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{unproven}", self.bare);
        let signature = sign(stored.as_ref(), signed.as_bytes());
        let proof: Vec<_> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server = sign(&salted, b"Server Key");
        let expected = sign(server.as_ref(), signed.as_bytes());
        Ok((format!("{unproven},p={}", BASE64.encode(&proof)), BASE64.encode(expected.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3.
    #[test]
    fn the_example_of_the_standard() {
        let first = First::new("user", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(first.message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (answer, signature) = first.answer(challenge, "pencil", &SHA256).expect("an answer");
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        first
            .answer("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "pencil", &SHA256)
            .expect_err("another login");
    }
}
