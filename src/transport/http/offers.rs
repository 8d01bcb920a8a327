//! What a service offers, where it serves an OpenAPI document: its routes.

use serde_json::Value;

use super::Http;
use crate::message::{Data, Reply};
use crate::transport::{Error, Offer, Offers, Result, Transport as _};

/// Where documents lie: `SwaggerModule.setup('api', …)` has its JSON at `/api-json`, others at the rest.
const PLACES: [&str; 6] =
    ["/api-json", "/openapi.json", "/docs-json", "/swagger-json", "/swagger.json", "/api/openapi.json"];

/// The methods among the keys of a path (OpenAPI 3.1, "Path Item Object").
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Asks for the document at each place, and lists what it tells.
pub(super) async fn ask(http: &Http) -> Result<Offers> {
    let named = http.endpoint.options.get("openapi").map(String::as_str);
    let places: Vec<_> = named.map_or_else(|| PLACES.to_vec(), |path| vec![path]);
    for place in &places {
        if let Some(document) = document(&http.get(place).await?) {
            return Ok(Offers { found: routes(&document), unseen: None });
        }
    }
    let what = format!("{} has no OpenAPI document at {}", http.shown(), places.join(", "));
    Err(Error::unsupported(what)
        .hint("without one its routes are known to its source alone; -O openapi=PATH names another place"))
}

/// The document that `reply` is, if it is one.
fn document(reply: &Reply) -> Option<Value> {
    let Some(Data::Json(json)) = &reply.data else { return None };
    let document: Value = serde_json::from_str(json.get()).ok()?;
    let is_one = document.get("openapi").or(document.get("swagger")).is_some_and(Value::is_string);
    (is_one && document.get("paths").is_some_and(Value::is_object)).then_some(document)
}

fn routes(document: &Value) -> Vec<Offer> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let text = |name: &str| operation.get(name).filter(|value| value.is_string()).cloned();
            let body = operation
                .pointer("/requestBody/content/application~1json/schema/$ref")
                .and_then(Value::as_str)
                .and_then(|reference| reference.rsplit('/').next())
                .map(Value::from);
            let details = [("takes", body), ("operation", text("operationId")), ("summary", text("summary"))];
            let details = details.into_iter().filter_map(|(name, value)| {
                let value = value.filter(|value| value.as_str() != Some(""))?;
                Some((name, value))
            });
            let name = format!("{} {path}", method.to_uppercase());
            found.push(Offer { details: details.collect(), ..Offer::new("route", name) });
        }
    }
    found
}
