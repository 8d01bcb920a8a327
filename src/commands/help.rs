//! `eyas help`.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::Code;
use crate::fault::{Fault, did_you_mean};
use crate::settings::Settings;
use crate::ui::Ui;

/// The topic that is not a command.
const EXIT_CODES: &str = "exit-codes";

/// Tell more about a command, or about the exit codes
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas help doctor
  eyas help exit-codes")]
pub struct Args {
    /// A command, or `exit-codes`
    topic: Vec<String>,
}

/// Tells it.
///
/// # Errors
/// A topic that there is not.
pub fn run(args: &Args, _: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    if args.topic == [EXIT_CODES] {
        for (code, meaning) in Code::ALL {
            ui.out_line(&format!("{:>3}  {meaning}", code.number()))?;
        }
        return Ok(Code::Done);
    }
    let mut command = find(&args.topic, &[EXIT_CODES])?;
    ui.styled(&command.render_long_help().ansi().to_string())?;
    Ok(Code::Done)
}

/// The command that `words` name, built so that it knows its whole name and the global flags.
///
/// # Errors
/// A word that names none, with the nearest; `also` are names that could have been meant beside commands.
pub fn find(words: &[String], also: &[&str]) -> Result<clap::Command, Fault> {
    let mut command = Cli::command();
    command.build();
    for word in words {
        let Some(next) = command.find_subcommand(word) else {
            let known = command.get_subcommands().map(clap::Command::get_name);
            let topics: Vec<_> = known.chain(also.iter().copied()).collect();
            return Err(Fault::new(format!("there is no help on `{word}`")).hint(did_you_mean(
                word,
                topics,
                "the topics",
            )));
        };
        command = next.clone();
    }
    Ok(command)
}
