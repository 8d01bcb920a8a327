//! Tokens by which a service proves who it is: JSON Web Tokens (RFC 7519), signed with HMAC and SHA-256 (`HS256` of
//! RFC 7518).

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;

use crate::secret::Secret;

/// The least that a secret may have, in bytes: as many as the hash has (RFC 7518, 3.2).
pub const LEAST_BYTES: usize = 32;

/// A token of `issuer` for `audience`, good for `lifetime` from `now` on.
pub fn sign(secret: &Secret, issuer: &str, audience: &str, now: SystemTime, lifetime: Duration) -> Secret {
    let begun = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = json!({"iat": begun, "exp": begun + lifetime.as_secs(), "aud": audience, "iss": issuer});
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes()));
    Secret::new(format!("{text}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_node_makes_of_the_same() {
        // jsonwebtoken 9.0.3: sign({ iat: 1700000000, exp: 1700000060, aud: 'stock', iss: 'shop' }, 'a'.repeat(32))
        let expected = concat!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
            "eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMDA2MCwiYXVkIjoic3RvY2siLCJpc3MiOiJzaG9wIn0.",
            "hMZSvA0OQsjpIVKb3_5Mjd5R4kNh1WNGRRma53lMe5o"
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let secret = Secret::new("a".repeat(LEAST_BYTES));
        let token = sign(&secret, "shop", "stock", now, Duration::from_secs(60));
        assert_eq!(token.reveal(), expected);
    }
}
