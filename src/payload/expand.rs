//! `--expand`: Tera in the payload, compiled once and rendered per message.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tera::{Context, Kwargs, State, Tera, TeraResult};

use crate::fault::{self, Fault};
use crate::message::Data;

/// What a template may use.
#[derive(Clone, Copy, Debug)]
pub struct Expand {
    /// Makes `uuid()` and `random()` repeatable.
    pub seed: Option<u64>,
    /// `env(name="X")` works: only in what the user typed, never in a file that came from elsewhere.
    pub allow_env: bool,
    /// What `now()` says.
    pub clock: fn() -> Timestamp,
}

impl Default for Expand {
    fn default() -> Self {
        Self { seed: None, allow_env: false, clock: Timestamp::now }
    }
}

/// A compiled payload.
pub struct Expansion {
    tera: Tera,
    context: Context,
}

const NAME: &str = "payload";

impl Expansion {
    /// Compiles `template`.
    ///
    /// # Errors
    /// A template that does not parse, with the place.
    pub fn compile(template: &str, expand: &Expand) -> Result<Self, Fault> {
        let mut tera = Tera::new();
        tera.autoescape_on(Vec::<String>::new());
        let rng = Arc::new(Mutex::new(expand.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)));
        let random = Arc::clone(&rng);
        tera.register_function("uuid", move |_: Kwargs, _: &State<'_>| uuid(&rng));
        tera.register_function("random", move |kwargs: Kwargs, _: &State<'_>| number(&random, &kwargs));
        let clock = expand.clock;
        tera.register_function("now", move |_: Kwargs, _: &State<'_>| format!("{:.6}", clock()));
        let allow_env = expand.allow_env;
        tera.register_function("env", move |kwargs: Kwargs, _: &State<'_>| environment(allow_env, &kwargs));
        tera.add_raw_template(NAME, template)
            .map_err(|error| fault("`--expand` cannot read the payload", &error))?;
        Ok(Self { tera, context: Context::new() })
    }

    /// Renders message number `seq`: JSON for an envelope, with `raw` whatever it is.
    ///
    /// # Errors
    /// A template that fails, or whose result is not JSON.
    pub fn render(&mut self, seq: u64, raw: bool) -> Result<Data, Fault> {
        self.context.insert("seq", &seq);
        let text =
            self.tera.render(NAME, &self.context).map_err(|error| fault("`--expand` failed", &error))?;
        if raw {
            return Ok(Data::classify(text.as_bytes()));
        }
        let shown: String = text.chars().take(80).collect();
        Data::json(text).map_err(|error| {
            Fault::new(format!(
                "message {seq} is not JSON after `--expand`: {error}: `{}`",
                fault::quoted(&shown)
            ))
            .hint("a text needs quotes around it: {\"id\":\"{{ uuid() }}\"}; `--raw` sends it as it is")
        })
    }
}

/// A version 4 UUID of the generator's numbers (RFC 9562 §5.4).
fn uuid(rng: &Mutex<fastrand::Rng>) -> String {
    let random = rng.lock().unwrap_or_else(PoisonError::into_inner).u128(..);
    let hex = format!("{:032x}", random & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A whole number from `min` (default 0) to `max`, both included.
fn number(rng: &Mutex<fastrand::Rng>, kwargs: &Kwargs) -> TeraResult<i64> {
    let min = kwargs.get::<i64>("min")?.unwrap_or(0);
    let max = kwargs.must_get::<i64>("max")?;
    if min > max {
        return Err(tera::Error::message(format!("random(): min {min} is greater than max {max}")));
    }
    Ok(rng.lock().unwrap_or_else(PoisonError::into_inner).i64(min..=max))
}

fn environment(is_allowed: bool, kwargs: &Kwargs) -> TeraResult<String> {
    let name = kwargs.must_get::<&str>("name")?;
    if !is_allowed {
        return Err(tera::Error::message("env() works in DATA words only, not in files or standard input"));
    }
    match (std::env::var(name), kwargs.get::<&str>("default")?) {
        (Ok(value), _) => Ok(value),
        (Err(_), Some(default)) => Ok(default.to_owned()),
        (Err(error), None) => Err(tera::Error::message(format!("env(): `{name}`: {error}"))),
    }
}

/// Tera's report without its frame of empty lines.
fn fault(what: &str, error: &tera::Error) -> Fault {
    let report: Vec<_> =
        error.to_string().lines().map(str::to_owned).filter(|l| !l.trim().is_empty()).collect();
    Fault::new(format!("{what}: {}", report.join("\n")))
        .hint("it knows {{ uuid() }}, {{ now() }}, {{ seq }}, {{ random(min=1,max=9) }} and, in DATA words, {{ env(name=\"X\") }}")
}
