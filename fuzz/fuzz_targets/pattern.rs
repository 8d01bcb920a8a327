//! Every pattern has a route or a reason why not; on Nest 11 and 12 a server that reads the route of an object
//! comes to the same route.

#![no_main]

use eyas::wire::NestVersion;
use eyas::wire::pattern::{from_json, is_reachable, lookup, route};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    let Ok(json) = RawValue::from_string(text.to_owned()) else { return };
    let pattern = from_json(&json);
    for version in [NestVersion::V10, NestVersion::V11, NestVersion::V12] {
        let route = route(&pattern, version);
        let key = lookup(&pattern, version);
        if json.get().starts_with(['{', '[']) {
            assert_eq!(route.as_ref().ok(), key.as_ref());
            assert!(version == NestVersion::V10 || is_reachable(&pattern, version), "{route:?}");
        }
    }
});
