//! What is behind the errors of services that say too little.

use crate::wire::packet::NO_HANDLER;

/// How services say that they do not know who speaks, over messages and over gRPC.
const UNKNOWN_CALLER: [&str; 2] = ["\"UNAUTHORIZED\"", "UNAUTHENTICATED"];

/// The next step after a service answered `error` to what `sender` of `--as` has signed, or nobody.
pub fn advice(error: &str, sender: Option<&str>) -> Option<String> {
    if error.trim_matches('"') == NO_HANDLER {
        return Some(
            "patterns match exactly, an object with all its keys: compare it with @MessagePattern".into(),
        );
    }
    if UNKNOWN_CALLER.iter().any(|word| error.contains(word)) {
        return Some(match sender {
            None => "`--as SERVICE` signs it, with the `secret` of that service in eyas.toml".to_owned(),
            Some(sender) => {
                format!("the `secret` of `{sender}` in eyas.toml must be that of the service called")
            }
        });
    }
    let is_hidden = error.contains("\"Internal server error\"");
    is_hidden.then(|| {
        "Nest hides every exception but RpcException (over HTTP: HttpException) from the caller: the service's log has it"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &str, sender: Option<&str>, expected: Option<&str>) {
        let advice = advice(error, sender);
        assert_eq!(advice.as_deref().map(|advice| advice.split(' ').next().unwrap_or_default()), expected);
    }

    #[test]
    fn only_errors_that_say_too_little_are_explained() {
        check(NO_HANDLER, None, Some("patterns"));
        let refused = r#"{"status":"error","code":"UNAUTHORIZED","message":"the token has expired"}"#;
        check(refused, None, Some("`--as"));
        check(refused, Some("orders"), Some("the"));
        check(r#"{"status":"error","message":"Internal server error"}"#, None, Some("Nest"));
        check(r#"{"status":"error","code":"NOT_FOUND"}"#, None, None);
    }
}
