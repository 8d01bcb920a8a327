//! `check`, over the small template, the hostile ones and those in the binary.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::answers::typed;
use super::super::check::{check, combinations};
use super::*;

fn embedded() -> Vec<Arc<Template>> {
    let catalog = Catalog::embedded();
    catalog.names().iter().map(|name| catalog.template(name).expect("a template")).collect()
}

/// What `check` combines is what `new` would take: the two know the same rules.
#[test]
fn every_combination_is_one_that_can_be_asked_for() {
    for template in embedded().into_iter().chain([small()]) {
        let nothing = |preset: &&crate::scaffold::manifest::Preset| preset.features.is_empty();
        let preset = template.manifest.presets.iter().find(nothing).expect("a preset without features");
        let preset = preset.name.value.clone();
        let rows = combinations(&template);
        assert!(rows.len() > 4);
        for row in rows {
            let request = Request {
                name: Some(row.name.clone()),
                transports: row.transports.clone(),
                clients: row.clients.iter().map(|one| format!("{}={}", one.name, one.url)).collect(),
                features: row.features.clone(),
                preset: Some(preset.clone()),
                set: row.values.iter().map(|(key, value)| format!("{key}={}", typed(value))).collect(),
                defaults: true,
                ..Request::default()
            };
            let wanted = Answers { preset: Some(preset.clone()), ..row };
            assert_eq!(ready(&template, &request), wanted);
        }
    }
}

#[test]
fn what_is_in_the_binary_is_sound() {
    for template in embedded() {
        let report = check(&template, &|| false);
        assert_eq!(report.findings, []);
        assert!(report.pairs > 100 && report.files > 100, "{report:?}");
    }
}

#[test]
fn a_template_that_does_not_end_is_tried_once() {
    let report = check(&hostile("flood").expect("sound in itself"), &|| false);
    assert!(report.findings.iter().any(|one| one.problem.message.contains("renders to more than")));
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) > 3;
    let report = check(&hostile("endless").expect("sound in itself"), &stop);
    assert!(report.is_interrupted);
    assert_eq!(report.combinations, 1);
}
