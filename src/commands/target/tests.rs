use std::collections::BTreeMap;

use super::*;
use crate::settings::{Look, Typed, World};
use crate::transport::{Capabilities, Error, OptionDoc, Written};
use crate::wire::NestVersion;

const CAN: Capabilities = Capabilities {
    emit: Support::Yes,
    request: Support::Yes,
    watch: Support::Yes,
    proxy: Support::Yes,
    serve: Support::Yes,
    confirm: Support::Yes,
    history: Support::Yes,
    list: Support::Yes,
};

static SPECS: [Spec; 2] = [
    Spec {
        name: "one",
        schemes: &["one", "ones"],
        tls_schemes: &["ones"],
        default_port: 1111,
        default_tls_port: 1112,
        options: &[],
        written: Written::Pattern,
        can: CAN,
        open: |_| Err(Error::unsupported("never opened")),
    },
    Spec {
        name: "two",
        schemes: &["two"],
        tls_schemes: &[],
        default_port: 2222,
        default_tls_port: 2222,
        options: &[OptionDoc { name: "proto", help: "a file" }],
        written: Written::Pattern,
        can: CAN,
        open: |_| Err(Error::unsupported("never opened")),
    },
];

fn find(scheme: &str) -> Result<&'static Spec, Fault> {
    SPECS
        .iter()
        .find(|spec| spec.schemes.contains(&scheme))
        .ok_or_else(|| Fault::new(format!("no transport has the scheme `{scheme}://`")))
}

/// Settings in `cwd` of a folder with this `eyas.toml`.
fn settings(toml: &str, cwd: &str, env: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let cwd = folder.path().join(cwd);
    std::fs::create_dir_all(&cwd).unwrap();
    if !toml.is_empty() {
        std::fs::write(folder.path().join("eyas.toml"), format!("version = 1\n{toml}")).unwrap();
    }
    let env: BTreeMap<_, _> = env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let world = World { env, cwd };
    let look = Look::resolve(&Typed::default(), &world).unwrap();
    let settings = Settings::resolve(look, None, world).unwrap();
    (folder, settings)
}

/// Who is meant by `word` in `cwd`: the service and the address, or the fault and its hint.
fn check_in(toml: &str, cwd: &str, env: &[(&str, &str)], word: Option<&str>, expected: &str) {
    let (folder, settings) = settings(toml, cwd, env);
    let told = match resolve_among(word, &settings, &LinkFlags::default(), &find) {
        Ok(target) => format!("{} {}", target.service.as_deref().unwrap_or("-"), target.endpoint.shown()),
        Err(fault) => format!("{fault} | {}", fault.advice().unwrap_or_default()),
    };
    assert_eq!(told.replace(&format!("{}/", folder.path().display()), ""), expected);
}

fn check(toml: &str, word: Option<&str>, expected: &str) {
    check_in(toml, "", &[], word, expected);
}

#[test]
fn the_first_word_is_a_target_by_its_looks() {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let check = |before: &[&str], after: &[&str], target: Option<&str>, rest: &[&str]| {
        let (before, after) = (words(before), words(after));
        let (found, left) = split(&before, &after).unwrap();
        assert_eq!((found, left), (target, &*words(rest)));
    };
    check(&["@orders", "sum", "a=1"], &[], Some("@orders"), &["sum", "a=1"]);
    check(&["one://h", "sum"], &[], Some("one://h"), &["sum"]);
    check(&["nope://h"], &[], Some("nope://h"), &[]);
    check(&["sum", "@x"], &[], None, &["sum", "@x"]);
    check(&["{\"a\":\"b://c\"}"], &[], None, &["{\"a\":\"b://c\"}"]);
    check(&[], &["@sum", "x"], None, &["@sum", "x"]);
    check(&["@orders"], &["@sum"], Some("@orders"), &["@sum"]);
    assert!(split(&words(&["sum"]), &words(&["x"])).is_err());
}

#[test]
fn a_url_is_taken_apart() {
    let (_folder, settings) = settings("", ".", &[("PASS", "p%40ss"), ("TOKEN", "t")]);
    let url = "ones://me%3A:${PASS}@[::1]/a/b%2Fc?queue=q%20q&nest=11&x=1";
    let link = LinkFlags {
        options: vec![("x".to_owned(), "${TOKEN}".to_owned())],
        insecure: true,
        connect_timeout: Some(std::time::Duration::from_secs(1)),
        ..LinkFlags::default()
    };
    let endpoint = resolve_among(Some(url), &settings, &link, &find).unwrap().endpoint;
    assert_eq!((&*endpoint.scheme, &*endpoint.host, endpoint.port), ("ones", "::1", 1112));
    assert_eq!(endpoint.user.as_deref(), Some("me:"));
    assert_eq!(endpoint.password.as_ref().map(Secret::reveal), Some("p@ss"));
    assert_eq!(endpoint.path, "a/b%2Fc");
    let options: Vec<_> = endpoint.options.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(options, [("queue", "q q"), ("x", "t")]);
    assert_eq!(endpoint.nest, NestVersion::V11);
    assert!(endpoint.tls.insecure);
    assert_eq!(endpoint.connect_timeout.as_secs(), 1);
    assert!(!format!("{endpoint:?}").contains("p@ss"));
}

#[test]
fn a_url_that_cannot_be_used_hides_its_password() {
    check("", Some("nope://h"), "no transport has the scheme `nope://` | ");
    check("", Some("one://u:secret@h:port"), "`one://***@h:port` is no URL: invalid port number | ");
    check(
        "",
        Some("one://${HOST}"),
        "command line: the variable `HOST` is not set | set it in the environment, or give it a default: `${HOST:-…}`",
    );
    check("", Some("one://h?nest=9"), "`nest=9` is no version eyas knows | the versions are 10, 11 and 12");
    let (_folder, settings) = settings("", ".", &[]);
    let link = LinkFlags { insecure: true, ..LinkFlags::default() };
    let fault = resolve_among(Some("one://h"), &settings, &link, &find).unwrap_err();
    assert_eq!(fault.to_string(), "`--insecure` is given, but `one://` does not speak TLS");
    assert_eq!(fault.advice(), Some("write `ones://`"));
}

const HYBRID: &str =
    "[services.orders]\nurl = \"one://main\"\nhttp = \"two://http\"\ntransports.two = \"two://further\"\n";

#[test]
fn a_service_is_named_and_one_of_its_transports() {
    check(HYBRID, Some("@orders"), "orders one://main:1111");
    check(HYBRID, Some("@orders:one"), "orders one://main:1111");
    check(
        HYBRID,
        Some("@orders:ones"),
        "service `orders` has no address for `ones` | its further transports: http, two",
    );
    check(HYBRID, Some("@orders:two"), "orders two://further:2222");
    check(HYBRID, Some("@orders:http"), "orders two://http:2222");
    check(
        HYBRID,
        Some("@ordres"),
        "there is no service `ordres` in eyas.toml | did you mean `orders`? the services: orders",
    );
    check(
        "",
        Some("@orders"),
        "there is no service `orders`, and no eyas.toml here or above | the services: none",
    );
    check("[services.a]\n", Some("@a"), "service `a` has no address | give it a `url` in eyas.toml");
    check("[services.a]\nhttp = \"two://x\"\n", Some("@a"), "a two://x:2222");
    check(
        "[services.a]\ntransports = { one = \"one://x\", two = \"two://x\" }\n",
        Some("@a"),
        "service `a` has no main address | name one of its transports: @a:one, @a:two",
    );
}

#[test]
fn an_address_in_a_file_is_told_with_its_place() {
    check(
        "[services.a]\nurl = \"one://${P}\"\n",
        Some("@a"),
        "project, eyas.toml:3:7: the variable `P` is not set | set it in the environment or in .env, or give it a default: `${P:-…}`",
    );
    check(
        "[services.a]\nurl = \"nope://x\"\n",
        Some("@a"),
        "project, eyas.toml:3:7: no transport has the scheme `nope://` | ",
    );
    check(
        "[services.a]\nurl = \"x:1\"\n",
        Some("@a"),
        "project, eyas.toml:3:7: `x:1` is no URL | write `scheme://host:port`",
    );
}

#[test]
fn the_proto_goes_where_it_is_understood() {
    let (folder, settings) = settings(
        "[services.a]\nurl = \"two://x\"\nproto = \"p/a.proto\"\ntransports.one = \"one://x\"\n",
        ".",
        &[],
    );
    let options =
        |word| resolve_among(Some(word), &settings, &LinkFlags::default(), &find).unwrap().endpoint.options;
    assert_eq!(options("@a")["proto"], folder.path().join("p/a.proto").display().to_string());
    assert!(options("@a:one").is_empty());
}

const SEVERAL: &str = "
[services.all]
path = \".\"
url = \"one://all\"
[services.a]
path = \"apps/a\"
url = \"one://a\"
[services.b]
path = \"apps/b\"
url = \"one://b\"
";

#[test]
fn without_a_word_the_nearest_is_meant() {
    check_in(SEVERAL, "apps/a/src", &[], None, "a one://a:1111");
    check_in(SEVERAL, "apps", &[], None, "all one://all:1111");
    check_in(SEVERAL, "apps/b", &[("EYAS_URL", "two://${H:-env}")], None, "- two://env:2222");
    check_in(SEVERAL, ".", &[("EYAS_URL", "@b")], None, "b one://b:1111");
    let apart = SEVERAL.replace("path = \".\"", "path = \"apps/c\"");
    check_in(
        &apart,
        ".",
        &[],
        None,
        "no target is named, and several services could be meant | name one of @a, @all, @b",
    );
    check("[services.only]\nurl = \"one://x\"\n", None, "only one://x:1111");
    check(
        "",
        None,
        "no target is named, and there is no eyas.toml with a service here or above | name one, such as `tcp://localhost:3000`, or set EYAS_URL",
    );
}

#[test]
fn several_addresses_are_one_and_further_ones() {
    let check = |text: &str, first: &str, further: Option<&str>| {
        let (found, others) = split_hosts(text);
        assert_eq!((&*found, others), (first, further));
    };
    check("k://a:1,b:2,[::1]:3/p?q=1,2#f,g", "k://a:1/p?q=1,2#f,g", Some("b:2,[::1]:3"));
    check("k://u:p,w@a,b", "k://u:p,w@a", Some("b"));
    check("k://u:p,w@a/x,y", "k://u:p,w@a/x,y", None);
    check("k://a?q=b,c", "k://a?q=b,c", None);
    check("a,b", "a,b", None);
}
