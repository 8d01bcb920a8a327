//! `eyas man`.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::Cli;
use crate::commands::help;
use crate::exit::Code;
use crate::settings::Settings;
use crate::ui::Ui;

/// Print a manual page, or write them all
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:
  eyas man | man -l -
  eyas man doctor
  eyas man --out ~/.local/share/man/man1")]
pub struct Args {
    /// The command whose page it is; none = that of eyas itself
    command: Vec<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Prints or writes them.
///
/// # Errors
/// An unknown command, or a place that cannot be written.
pub fn run(args: &Args, _: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    if let Some(folder) = &args.out {
        let fails = || format!("cannot write {}", folder.display());
        std::fs::create_dir_all(folder).with_context(fails)?;
        clap_mangen::generate_to(Cli::command(), folder).with_context(fails)?;
        ui.note(&format!("manual pages are in {}", folder.display()));
        return Ok(Code::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(help::find(&args.command, &[])?).render(&mut page)?;
    ui.bytes(&page)?;
    Ok(Code::Done)
}
