//! `eyas completions`.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::Code;
use crate::settings::Settings;
use crate::ui::Ui;

/// Print the completion script of a shell
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas completions bash > ~/.local/share/bash-completion/completions/eyas
  eyas completions zsh > ~/.zfunc/_eyas
  eyas completions fish > ~/.config/fish/completions/eyas.fish")]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints it.
///
/// # Errors
/// stdout cannot be written.
pub fn run(args: &Args, _: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "eyas", &mut script);
    ui.bytes(&script)?;
    Ok(Code::Done)
}
