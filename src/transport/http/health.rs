//! What a service says of its own health: the shape of `@nestjs/terminus`, else the status alone.

use serde_json::{Map, Value};

use crate::message::{Data, Reply};
use crate::transport::{Check, Health};

/// Where it is asked, unless `-O health=…` says otherwise.
pub(super) const PATH: &str = "/health";

/// What `reply`, the answer to a request for `path`, says.
pub(super) fn read(reply: &Reply, path: &str) -> Health {
    let status = reply.status().unwrap_or_default();
    let answer: Option<Map<String, Value>> = match &reply.data {
        Some(Data::Json(json)) => serde_json::from_str(json.get()).ok(),
        _ => None,
    };
    let told = answer.as_ref().and_then(|answer| answer.get("status")).and_then(Value::as_str);
    if status == "404" && told.is_none() {
        let note = format!("it answers, and has no {path}: -O health=PATH names another place");
        return Health { note: Some(note), ..Health::reachable() };
    }
    let is_told_well = told.is_none_or(|told| {
        // The last two are well enough to be asked, and say with what they are not content.
        ["ok", "up", "pass", "healthy", "degraded", "warn"].iter().any(|well| told.eq_ignore_ascii_case(well))
    });
    let is_success = status.starts_with('2');
    let shown = || if is_success { "ok".to_owned() } else { status.to_owned() };
    Health {
        is_well: is_success && is_told_well,
        status: told.map_or_else(shown, str::to_owned),
        checks: answer.as_ref().map(checks).unwrap_or_default(),
        note: None,
    }
}

fn checks(answer: &Map<String, Value>) -> Vec<Check> {
    let Some(Value::Object(details)) = answer.get("details") else { return Vec::new() };
    let check = |(name, said): (&String, &Value)| Check {
        name: name.clone(),
        status: said.get("status").and_then(Value::as_str).unwrap_or("down").to_owned(),
        details: said.as_object().map(others).unwrap_or_default(),
    };
    details.iter().map(check).collect()
}

/// Everything but the status, as words.
fn others(said: &Map<String, Value>) -> String {
    let others = said.iter().filter(|(name, _)| *name != "status");
    let words: Vec<_> = others
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http as wire;

    fn check(status: u16, body: &str, is_well: bool, told: &str, down: &[&str]) {
        let status = http::StatusCode::from_u16(status).expect("a status");
        let health = read(&wire::reply(status, &http::HeaderMap::new(), body.as_bytes()), PATH);
        let found: Vec<_> =
            health.checks.iter().filter(|check| !check.is_up()).map(|check| check.name.as_str()).collect();
        assert_eq!((health.is_well, health.status.as_str(), &found[..]), (is_well, told, down), "{body:?}");
    }

    #[test]
    fn what_terminus_says_is_read() {
        let well =
            r#"{"status":"ok","info":{"db":{"status":"up"}},"error":{},"details":{"db":{"status":"up"}}}"#;
        check(200, well, true, "ok", &[]);
        let sick =
            r#"{"status":"error","details":{"db":{"status":"down","state":"closed"},"b":{"status":"up"}}}"#;
        check(503, sick, false, "error", &["db"]);
        check(503, r#"{"status":"shutting_down"}"#, false, "shutting_down", &[]);
        let degraded = r#"{"status":"degraded","details":{"orders":{"status":"degraded"}}}"#;
        check(200, degraded, true, "degraded", &["orders"]);
    }

    #[test]
    fn others_say_it_by_their_status() {
        check(200, "OK", true, "ok", &[]);
        check(204, "", true, "ok", &[]);
        check(200, r#"{"status":"UP"}"#, true, "UP", &[]);
        check(200, r#"{"status":"DOWN"}"#, false, "DOWN", &[]);
        check(500, r#"{"statusCode":500,"message":"Internal server error"}"#, false, "500", &[]);
        check(302, "", false, "302", &[]);
        check(404, r#"{"message":"Cannot GET /health","statusCode":404}"#, true, "reachable", &[]);
    }
}
