//! eyas makes NestJS microservices, and speaks to running ones in Nest's own wire format.
//!
//! # Where things are
//! Top down, in the order of the `mod` lines below:
//!
//! - [`cli`]: what can be typed; [`commands`]: a file per command, each `Args` and `run`.
//! - [`exit`]: how a run ends. [`settings`] and [`project`]: what holds for it, and where each value came from.
//! - [`ui`]: the only one that writes to stdout and stderr while a command runs.
//! - [`scaffold`]: projects from templates: a pure core and one writer.
//! - [`transport`]: one surface over every transport; [`wire`]: Nest's bytes.
//! - [`payload`]: what is typed → what is sent; [`record`]: messages as lines of JSON; [`tape`]: recordings of them;
//!   [`responder`]: rules of a mock; [`traffic`]: what can be told of messages seen; [`load`]: many calls, measured.
//! - [`message`]: the words all share.
//! - [`fault`]: bad input, in words; [`secret`]: what must never be shown; [`token`]: what proves who speaks.
//!
//! # What always holds
//! - Arrows point down: nothing below [`commands`] knows [`exit`], [`cli`] or its neighbours (`tests/cli/tidy.rs`).
//! - Payloads stay the text they came as; JSON is decoded only where a filter, a format or a person needs it.
//! - No code outside [`transport`] and [`wire`] knows which transport it speaks to.
//! - stdout is data, stderr is talk; only [`exit`] ends the process.
//! - The world (environment, current folder) is read once, in [`run`].

pub mod cli;
pub mod commands;
pub mod exit;

pub mod project;
pub mod settings;
pub mod ui;

pub mod scaffold;

pub mod transport;
pub mod wire;

pub mod load;
pub mod payload;
pub mod record;
pub mod responder;
pub mod tape;
pub mod traffic;

pub mod message;

pub mod fault;
pub mod secret;
pub mod token;

/// Runs what was typed.
///
/// # Errors
/// Whatever stopped it; [`exit::finish`] tells it.
pub fn run(cli: cli::Cli) -> anyhow::Result<exit::Code> {
    let world = settings::World::read();
    let typed = cli.global.typed();
    let look = settings::Look::resolve(&typed, &world)?;
    // Before any file is read: its errors are told in these colours, too.
    ui::choose_colors(look.color.value);
    let settings = if commands::uses_settings(&cli.command) {
        settings::Settings::resolve(look, typed.profile, world)?
    } else {
        settings::Settings::bare(look, world)
    };
    let mut ui = ui::Ui::new(&settings);
    let result = commands::run(cli.command, &settings, &mut ui);
    let flushed = ui.flush();
    let code = result?;
    flushed?;
    Ok(code)
}
