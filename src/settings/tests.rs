use super::*;

const PROJECT: &str = r#"
version = 1
profile = "ours"
timeout = "2s"
[services.orders]
url = "tcp://project"
http = "http://project"
[profiles.ours]
connect_timeout = "3s"
[profiles.staging.services.orders]
url = "tcp://staging"
"#;

const USER: &str = r#"
timeout = "9s"
connect_timeout = "8s"
[services.orders]
url = "tcp://user"
proto = "user.proto"
[profiles.staging]
timeout = "7s"
[profiles.staging.services.orders]
url = "tcp://user-staging"
transports.nats = "nats://user-staging"
"#;

/// A folder with both files, and the world that finds them.
fn world(env: &[(&str, &str)]) -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let user = folder.path().join("config/eyas/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::create_dir_all(folder.path().join("project/src")).unwrap();
    std::fs::write(user, USER).unwrap();
    std::fs::write(folder.path().join("project/eyas.toml"), PROJECT).unwrap();
    let config = folder.path().join("config").display().to_string();
    let env = env.iter().copied().chain([("XDG_CONFIG_HOME", config.as_str())]);
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let cwd = folder.path().join("project/src");
    (folder, World { env, cwd })
}

fn resolve(typed: Typed, world: World) -> Result<Settings, Fault> {
    let look = Look::resolve(&typed, &world)?;
    Settings::resolve(look, typed.profile, world)
}

/// Every value that can come from more than one place, as `value (origin)`, files without their folder.
fn check(typed: Typed, env: &[(&str, &str)], expected: &[&str]) {
    let (folder, world) = world(env);
    let settings = resolve(typed, world).unwrap();
    let orders = &settings.services["orders"];
    let url = |url: Option<&Sourced<String>>| url.map(|url| format!("{} ({})", url.value, url.origin));
    let seconds = |time: &Sourced<Duration>| Some(format!("{:?} ({})", time.value, time.origin));
    let told = [
        settings.profile.value.as_ref().map(|name| format!("{name} ({})", settings.profile.origin)),
        seconds(&settings.timeout),
        seconds(&settings.connect_timeout),
        url(orders.url.as_ref()),
        url(orders.transports.get("http")),
        url(orders.transports.get("nats")),
        url(orders.proto.as_ref()),
    ];
    let root = format!("{}/", folder.path().display());
    let told: Vec<_> = told.into_iter().flatten().map(|line| line.replace(&root, "")).collect();
    assert_eq!(told, expected);
}

#[test]
fn the_project_wins_over_the_user_and_a_profile_over_both() {
    check(
        Typed::default(),
        &[],
        &[
            "ours (project, project/eyas.toml:3:11)",
            "2s (project, project/eyas.toml:4:11)",
            "3s (profile ours, project/eyas.toml:9:19)",
            "tcp://project (project, project/eyas.toml:6:7)",
            "http://project (project, project/eyas.toml:7:8)",
            "user.proto (user file, config/eyas/config.toml:6:9)",
        ],
    );
    check(
        Typed { profile: Some("staging".to_owned()), ..Typed::default() },
        &[("EYAS_PROFILE", "ours"), ("EYAS_CONNECT_TIMEOUT", "1m30s")],
        &[
            "staging (command line)",
            "7s (profile staging, config/eyas/config.toml:8:11)",
            "90s (environment, EYAS_CONNECT_TIMEOUT)",
            "tcp://staging (profile staging, project/eyas.toml:11:7)",
            "http://project (project, project/eyas.toml:7:8)",
            "nats://user-staging (profile staging, config/eyas/config.toml:11:19)",
            "user.proto (user file, config/eyas/config.toml:6:9)",
        ],
    );
}

#[test]
fn what_cannot_be_used_is_told_with_its_place() {
    let fails = |env: &[(&str, &str)]| {
        let (_folder, world) = world(env);
        resolve(Typed::default(), world).unwrap_err().to_string()
    };
    assert_eq!(fails(&[("EYAS_TIMEOUT", "5")]), "environment, EYAS_TIMEOUT: `5` is no duration");
    assert_eq!(fails(&[("EYAS_OUTPUT", "xml")]), "environment, EYAS_OUTPUT: `xml` is no output");
    assert_eq!(
        fails(&[("EYAS_PROFILE", "prod")]),
        "there is no profile `prod` (from: environment, EYAS_PROFILE)"
    );
}

#[test]
fn durations_have_units() {
    let parsed = |text| parse_duration(text).ok();
    assert_eq!(parsed("200ms"), Some(Duration::from_millis(200)));
    assert_eq!(parsed("1m30s"), Some(Duration::from_secs(90)));
    assert_eq!(parsed("10m"), Some(Duration::from_secs(600)));
    for none in ["", "5", "-5s", "five", "1x"] {
        assert_eq!(parsed(none), None, "{none}");
    }
}

#[test]
fn names_and_formats_agree() {
    for name in Format::NAMES {
        assert_eq!(name.parse::<Format>().unwrap().to_string(), name);
    }
    for name in Color::NAMES {
        assert_eq!(name.parse::<Color>().unwrap().to_string(), name);
    }
}
