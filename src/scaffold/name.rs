//! The name of a service: what npm, Kubernetes, Docker and TypeScript all accept, and its cases.

use super::problem::Problem;

/// The most a name may be long: Helm's limit for a release.
const MAX: usize = 53;

/// Names that Node's own modules have: npm refuses new packages of these names.
const CORE_MODULES: [&str; 38] = [
    "assert",
    "buffer",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Words that cannot name a variable in a TypeScript module.
const TYPESCRIPT_WORDS: [&str; 46] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
];

/// Names that Windows keeps for devices, whatever follows after a dot.
pub const WINDOWS_DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// From a text in any case to one case.
pub type Case = fn(&str) -> String;

/// The name and its cases, as templates call them.
pub const CASES: [(&str, Case); 6] = [
    ("name", kebab),
    ("name_camel", camel),
    ("name_pascal", pascal),
    ("name_snake", snake),
    ("name_upper", upper_snake),
    ("name_title", title),
];

/// The case `key` of `name`, where `key` is one of [`CASES`].
pub fn case(name: &str, key: &str) -> Option<String> {
    CASES.iter().find(|(known, _)| *known == key).map(|(_, case)| case(name))
}

/// Whether a service may go by `name`, else the first rule it breaks.
pub fn check(name: &str) -> Result<(), Problem> {
    let wrong = |rule: &str| Problem::new(format!("`{name}` cannot name a service: {rule}"));
    let suggestion = kebab(name);
    if name.is_empty() {
        return Err(Problem::new("the name is empty"));
    }
    if let Some(bad) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        let rule = format!("{bad:?} is not a lower-case letter, digit or dash (DNS-1123, npm, Docker)");
        let problem = wrong(&rule);
        let fits = suggestion != name && check(&suggestion).is_ok();
        return Err(if fits { problem.hint(format!("`{suggestion}` would do")) } else { problem });
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(wrong("it must start with a letter (a Kubernetes Service, DNS-1035)"));
    }
    if name.ends_with('-') || name.contains("--") {
        return Err(wrong("dashes stand alone and between words (DNS-1123, Docker)"));
    }
    if name.len() > MAX {
        return Err(wrong(&format!("{} characters; the most is {MAX} (a Helm release)", name.len())));
    }
    if CORE_MODULES.contains(&name) || name == "node-modules" {
        return Err(wrong("it is a name of Node's own (npm)").hint(format!("`{name}-service` would do")));
    }
    if TYPESCRIPT_WORDS.contains(&name) {
        return Err(wrong("it is a word of TypeScript's own").hint(format!("`{name}-service` would do")));
    }
    if WINDOWS_DEVICES.contains(&name) {
        return Err(wrong("Windows keeps it for a device").hint(format!("`{name}-service` would do")));
    }
    Ok(())
}

/// `shop-orders`
pub fn kebab(text: &str) -> String {
    words(text).join("-")
}

/// `shopOrders`
pub fn camel(text: &str) -> String {
    let pascal = pascal(text);
    let mut letters = pascal.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// `ShopOrders`
pub fn pascal(text: &str) -> String {
    words(text).iter().map(|word| capital(word)).collect()
}

/// `shop_orders`
pub fn snake(text: &str) -> String {
    words(text).join("_")
}

/// `SHOP_ORDERS`
pub fn upper_snake(text: &str) -> String {
    snake(text).to_uppercase()
}

/// `Shop Orders`
pub fn title(text: &str) -> String {
    words(text).iter().map(|word| capital(word)).collect::<Vec<_>>().join(" ")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The words of a text in any case, in lower case: `ShopOrders`, `shop_orders` and `shop orders` are the same.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    let mut before_lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() {
            inside = false;
            continue;
        }
        if !inside || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
        inside = true;
        before_lower = letter.is_lowercase() || letter.is_numeric();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(name: &str, rule: &str) {
        let problem = check(name).expect_err(name);
        assert!(problem.message.contains(rule), "{name}: {}", problem.message);
    }

    #[test]
    fn each_rule_is_named() {
        broken("", "empty");
        broken("Orders", "'O'");
        broken("shop_orders", "'_'");
        broken("commandé", "'é'");
        broken("../x", "'.'");
        broken("1orders", "DNS-1035");
        broken("-orders", "DNS-1035");
        broken("orders-", "dashes");
        broken("a--b", "dashes");
        broken(&"a".repeat(54), "53");
        broken("http", "npm");
        broken("class", "TypeScript");
        broken("aux", "Windows");
        for name in ["orders", "shop-orders", "a", "o2", &"a".repeat(53)] {
            check(name).expect(name);
        }
    }

    #[test]
    fn a_name_that_would_do_is_offered() {
        let hint = |name| check(name).expect_err(name).hint;
        assert_eq!(hint("ShopOrders").as_deref(), Some("`shop-orders` would do"));
        assert_eq!(hint("shop_orders").as_deref(), Some("`shop-orders` would do"));
        assert_eq!(hint("É").as_deref(), None);
    }

    #[test]
    fn a_name_has_six_cases() {
        let all: Vec<String> = CASES.iter().map(|(_, case)| case("shop-orders2-x")).collect();
        let expected = [
            "shop-orders2-x",
            "shopOrders2X",
            "ShopOrders2X",
            "shop_orders2_x",
            "SHOP_ORDERS2_X",
            "Shop Orders2 X",
        ];
        assert_eq!(all, expected);
    }
}
