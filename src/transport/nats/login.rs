//! Who we are to a broker: name and password, a token, a key, or a key and what was signed for it.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Serialize;

use crate::secret::Secret;
use crate::transport::Endpoint;

/// What is told in `CONNECT` to be let in. Its fields are those of the protocol.
#[derive(Default, Serialize)]
pub(super) struct Credentials {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nkey: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

/// How to log in at `endpoint`; `nonce` is what the broker wants signed.
///
/// # Errors
/// A file of keys that cannot be read or is none.
pub(super) fn credentials(endpoint: &Endpoint, nonce: &str) -> Result<Credentials> {
    let option = |name: &str| endpoint.options.get(name);
    if let Some(path) = option("creds") {
        let text = read(Path::new(path))?;
        let jwt = section(&text, "NATS USER JWT").with_context(|| format!("`{path}` holds no user JWT"))?;
        let seed = section(&text, "USER NKEY SEED").with_context(|| format!("`{path}` holds no seed"))?;
        let key = Key::from_seed(seed).with_context(|| format!("`{path}` cannot be used"))?;
        return Ok(Credentials {
            jwt: Some(jwt.to_owned()),
            sig: Some(key.sign(nonce)),
            ..Credentials::default()
        });
    }
    if let Some(path) = option("nkey") {
        let text = read(Path::new(path))?;
        let seed = text.split_ascii_whitespace().find(|word| word.starts_with('S')).unwrap_or_default();
        let key = Key::from_seed(seed).with_context(|| format!("`{path}` cannot be used"))?;
        return Ok(Credentials {
            nkey: Some(key.public()),
            sig: Some(key.sign(nonce)),
            ..Credentials::default()
        });
    }
    // A URL with a user and no password is a token, as every NATS client has it.
    let token = option("token").cloned();
    let token = token.or_else(|| endpoint.user.clone().filter(|_| endpoint.password.is_none()));
    if token.is_some() {
        return Ok(Credentials { auth_token: token, ..Credentials::default() });
    }
    let pass = endpoint.password.as_ref().map(Secret::reveal).map(str::to_owned);
    Ok(Credentials { user: endpoint.user.clone(), pass, ..Credentials::default() })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("`{}` could not be read", path.display()))
}

/// What stands between `-----BEGIN name-----` and the line of dashes after it.
fn section<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = text.split_once(&format!("BEGIN {name}"))?.1;
    let body = start.trim_start_matches('-');
    Some(body.split("-----").next()?.trim()).filter(|body| !body.is_empty())
}

/// A user's key pair.
struct Key(Ed25519KeyPair);

/// The first five bits of a seed, and the kind of key in the next eight: a user's.
const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

impl Key {
    /// Reads `SU…`: base32 of two bytes of prefix, 32 of seed and a checksum.
    fn from_seed(text: &str) -> Result<Self> {
        let wrong = || anyhow!("a user's seed begins with `SU` and has 58 letters and digits");
        let bytes = BASE32_NOPAD.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == 36);
        let bytes = bytes.ok_or_else(wrong)?;
        let (content, checksum) = bytes.split_at(34);
        if checksum != crc16(content).to_le_bytes() {
            return Err(anyhow!("the seed's checksum is wrong: a letter is missing or mistaken"));
        }
        let kind = (content[0] & 0b111) << 5 | content[1] >> 3;
        if content[0] & 0b1111_1000 != SEED || kind != USER {
            return Err(wrong());
        }
        Ed25519KeyPair::from_seed_unchecked(&content[2..]).map(Self).map_err(|_| wrong())
    }

    /// `U…`: the public half, which the broker knows the user by.
    fn public(&self) -> String {
        let mut bytes = vec![USER];
        bytes.extend_from_slice(self.0.public_key().as_ref());
        bytes.extend_from_slice(&crc16(&bytes).to_le_bytes());
        BASE32_NOPAD.encode(&bytes)
    }

    fn sign(&self, nonce: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(nonce.as_bytes()))
    }
}

/// CRC-16/XMODEM, the checksum of NATS keys.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair made by the NATS project's own `nk`.
    const PAIR: (&str, &str) = (
        "SUABHUKOM3SVUKIZHKGD5T6DSBIIC34X5PZFRHTZXNC7K3EGFZD7YZJSFA",
        "UCSFEXVENQZINPCQX7TESVWWZXRIKHI3W6MF7RO6DCORX77KGHDAZR66",
    );

    #[test]
    fn a_seed_gives_its_public_key() {
        let key = Key::from_seed(PAIR.0).expect("a seed");
        assert_eq!(key.public(), PAIR.1);
        assert_eq!(key.sign("nonce").len(), 86);
    }

    #[test]
    fn what_is_no_seed_is_said_to_be_none() {
        let told = |text: &str| Key::from_seed(text).err().expect("no seed").to_string();
        assert!(told(PAIR.1).contains("SU"), "{}", told(PAIR.1));
        assert!(told("").contains("SU"));
        assert!(told(&PAIR.0.replace("VUKI", "VUKJ")).contains("checksum"));
    }

    #[test]
    fn a_file_of_credentials_has_two_sections() {
        let file = "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n\nwords\n\
                    -----BEGIN USER NKEY SEED-----\r\nSUA\r\n------END USER NKEY SEED------\n";
        assert_eq!(section(file, "NATS USER JWT"), Some("eyJ0"));
        assert_eq!(section(file, "USER NKEY SEED"), Some("SUA"));
        assert_eq!(section("-----BEGIN NATS USER JWT-----\n------END", "NATS USER JWT"), None);
    }
}
